"""The end of a command: in good order, whatever threads it leaves, and not held up by one that hangs."""

from __future__ import annotations

import subprocess
import sys

import pytest

LAST_WORDS = "the exit handlers have run"
COMMAND = f"""
import atexit, sys, threading
from imagegen.__main__ import main

atexit.register(print, {LAST_WORDS!r})
if sys.argv.pop(1) == "hanging":
    threading.Thread(target=threading.Event().wait).start()
main()
"""
DRAW = ("generate", "a red fox", "-m", "local", "-s", "512x512", "--quiet")


def ran(threads: str, *arguments: str) -> tuple[int, list[str]]:
    """The exit code and what was printed by a command in a process with such threads."""
    done = subprocess.run(
        [sys.executable, "-c", COMMAND, threads, *arguments],
        stdout=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout.splitlines()


def test_a_command_that_has_used_threads_ends_in_good_order() -> None:
    code, (path, last) = ran("none", *DRAW)

    assert code == 0
    assert path.endswith(".png")
    assert last == LAST_WORDS


@pytest.mark.parametrize(
    ("arguments", "code", "lines"), [(DRAW, 0, 1), (("history", "show", "nothing"), 2, 0)]
)
def test_a_thread_that_hangs_keeps_no_command_from_its_end(
    arguments: tuple[str, ...], code: int, lines: int
) -> None:
    ended, out = ran("hanging", *arguments)

    assert ended == code
    assert len(out) == lines
