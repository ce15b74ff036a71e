"""What a person sees on a terminal of 80 columns, and what the same command writes into a pipe."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from tests.command import run, run_process

fcntl = pytest.importorskip("fcntl", reason="Windows has no such terminals")
pty = pytest.importorskip("pty", reason="Windows has no such terminals")
termios = pytest.importorskip("termios", reason="Windows has no such terminals")

COLUMNS = 80
STYLES = re.compile(r"\x1b\[[0-9;]*m")
PROMPT = "a lighthouse on a rock in a storm at night, with a boat far out and a full moon behind the clouds"


def on_terminal(*arguments: str, columns: int = COLUMNS) -> list[str]:
    """The lines that a command writes on a terminal that is `columns` wide."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(
        theirs,
        termios.TIOCSWINSZ,
        (50).to_bytes(2, sys.byteorder) + columns.to_bytes(2, sys.byteorder) + bytes(4),
    )
    environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
    process = subprocess.Popen(
        [sys.executable, "-m", "imagegen", *arguments],
        stdin=theirs,
        stdout=theirs,
        stderr=subprocess.DEVNULL,
        env={**environment, "TERM": "xterm"},
    )
    os.close(theirs)
    written = bytearray()
    try:
        while piece := os.read(ours, 65_536):
            written += piece
    except OSError:  # how Linux says that the last writer is gone
        pass
    finally:
        os.close(ours)
    assert process.wait(timeout=60) == 0
    return [line.rstrip() for line in STYLES.sub("", written.decode()).splitlines()]


def test_a_long_value_goes_on_under_itself_and_words_stay_whole() -> None:
    run("generate", PROMPT, "-m", "local", "-s", "64x64")

    lines = on_terminal("history", "show", "last")

    start = next(at for at, line in enumerate(lines) if line.startswith("prompt "))
    shown = [lines[start], *[line for line in lines[start + 1 : start + 3] if line.startswith(" " * 15)]]
    assert " ".join(line[15:] for line in shown) == PROMPT
    assert all(len(line) <= COLUMNS for line in shown)


def test_a_hash_and_a_command_are_never_broken() -> None:
    run("generate", PROMPT, "-m", "local", "-s", "64x64")
    record = run("history", "show", "last", "--json").json

    assert f"sha256            {record['file_info']['sha256']}" in on_terminal("inspect", "last")
    again = [line for line in on_terminal("inspect", "last") if line.startswith("make it again")]
    assert again[0].endswith("--size 64x64")


def test_the_command_in_an_advice_stands_on_one_line() -> None:
    lines = on_terminal("doctor")

    assert f"{'':26}imagegen config set providers.openai.api_key" in lines


def test_a_pipe_gets_a_value_on_one_line() -> None:
    run("generate", PROMPT, "-m", "local", "-s", "64x64")

    assert f"prompt         {PROMPT}" in run_process("history", "show", "last").lines


def test_characters_that_a_terminal_would_act_on_are_written_out() -> None:
    run("generate", "a fox\rin a box\nand a hen", "-m", "local", "-s", "64x64")

    out = run_process("history", "show", "last").out

    assert "prompt         a fox\\rin a box\n               and a hen\n" in out


@pytest.mark.parametrize(
    ("columns", "headers"),
    [
        (160, "image created (UTC) model pixels cost prompt"),
        (80, "image model cost prompt"),
        (60, "image prompt"),
    ],
)
def test_the_history_leaves_out_columns_before_the_prompt(columns: int, headers: str) -> None:
    run("generate", PROMPT, "-m", "local", "-s", "64x64")

    lines = on_terminal("history", "list", columns=columns)

    assert " ".join(next(line for line in lines if line).split()) == headers


def test_the_templates_keep_what_they_need() -> None:
    header = next(line for line in on_terminal("prompts", "list") if line)

    assert " ".join(header.split()) == "template meant for needs [and can take]"


def test_what_an_image_was_made_from_is_told_in_a_line() -> None:
    run("generate", PROMPT, "-m", "local", "-s", "64x64")
    run("edit", "last", "grayscale", "-m", "local")

    (line,) = [line for line in run("history", "show", "last").lines if line.startswith("made from")]
    assert line.endswith("with a boat far…")
