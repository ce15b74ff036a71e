"""Opening a result in the viewer that the system has."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.command import run, run_process

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="xdg-open is the opener on Linux"
)


@pytest.fixture
def opened(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a viewer of ours writes down what it was asked to open."""
    log = home / "opened.txt"
    viewer = home / "bin" / "xdg-open"
    viewer.parent.mkdir()
    viewer.write_text(f'#!/bin/sh\nprintf "%s" "$1" > "{log}"\n', encoding="utf-8")
    viewer.chmod(0o755)
    monkeypatch.setenv("PATH", f"{viewer.parent}:/usr/bin:/bin")
    return log


def wait_for(path: Path) -> str:
    """typer does not wait for the viewer, so the test does."""
    import time

    deadline = time.monotonic() + 20
    while not (path.exists() and path.read_text(encoding="utf-8")):
        assert time.monotonic() < deadline, "the viewer was not started"
    return path.read_text(encoding="utf-8")


def test_generate_opens_its_result(opened: Path) -> None:
    ran = run_process("generate", "a fox", "-m", "local", "--open")

    assert wait_for(opened) == ran.lines[0]


def test_history_opens_an_image(opened: Path) -> None:
    path = run("generate", "a fox", "-m", "local").lines[0]

    assert run_process("history", "open", "last").lines == [path]
    assert wait_for(opened) == path


def test_without_a_viewer_that_is_said(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(home))

    ran = run("generate", "a fox", "-m", "local", "--open")

    assert ran.code == 0
    assert "no viewer" in ran.err
