"""Opening a result in the viewer that the system has."""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.command import run, run_process

WAIT_SECONDS = 20

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="xdg-open is the opener on Linux"
)


class Viewer:
    """A viewer of ours that says through a pipe what it was asked to open."""

    def __init__(self, pipe: Path) -> None:
        os.mkfifo(pipe)
        self._descriptor = os.open(
            pipe, os.O_RDWR | os.O_NONBLOCK
        )  # both ends, so that it never looks closed

    def opened(self) -> str:
        """typer does not wait for the viewer, so the test does."""
        ready, _, _ = select.select([self._descriptor], [], [], WAIT_SECONDS)
        assert ready, "the viewer was not started"
        return os.read(self._descriptor, 4096).decode()

    def close(self) -> None:
        os.close(self._descriptor)


@pytest.fixture
def viewer(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Viewer]:
    """The viewer that the system has."""
    pipe = home / "opened"
    script = home / "bin" / "xdg-open"
    script.parent.mkdir()
    script.write_text(f'#!/bin/sh\nprintf "%s" "$1" > "{pipe}"\n', encoding="utf-8")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{script.parent}:/usr/bin:/bin")
    found = Viewer(pipe)
    yield found
    found.close()


def test_generate_opens_its_result(viewer: Viewer) -> None:
    ran = run_process("generate", "a fox", "-m", "local", "--open")

    assert viewer.opened() == ran.lines[0]


def test_history_opens_an_image(viewer: Viewer) -> None:
    path = run("generate", "a fox", "-m", "local").lines[0]

    assert run_process("history", "open", "last").lines == [path]
    assert viewer.opened() == path


def test_without_a_viewer_that_is_said(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(home))

    ran = run("generate", "a fox", "-m", "local", "--open")

    assert ran.code == 0
    assert "no viewer" in ran.err
