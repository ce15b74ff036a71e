"""What the terminal can show, asked in one round trip that leaves nothing behind in its input."""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass
from typing import Literal

PATIENCE_SECONDS = 1.0  # what comes later would be typed into the shell; a far terminal takes its time
UNASKED = ("", "dumb", "linux")  # values of TERM: these print a question, or cannot show anything anyway
KITTY_PLACEHOLDERS = (0, 28)  # Kitty's first version that shows images behind characters

# Every terminal answers the last one, so that no answer is waited for that will not come.
NAME_QUESTION = b"\x1b[>q"
CELL_QUESTION = b"\x1b[16t"
KIND_QUESTION = b"\x1b[c"
_KIND = re.compile(rb"\x1b\[\?([\d;]*)c")
_CELL = re.compile(rb"\x1b\[6;(\d{1,4});(\d{1,4})t")
_NAME = re.compile(rb"\x1bP>\|([^\x1b]*)")
_KITTY = re.compile(rb"kitty\((\d+)\.(\d+)")
_SIXEL = b"4"

Means = Literal["sixel", "kitty", "cells"]


@dataclass(frozen=True, slots=True)
class Screen:
    """The best `means` of showing an image; the size of a character `cell`, in pixels, where it is known.

    `is_inner`: it runs inside another terminal, which may be able to show less.
    """

    means: Means
    cell: tuple[int, int] | None = None
    is_inner: bool = False


def ask_terminal() -> Screen | None:
    """What the terminal of stdin and stdout says; None where it is silent or is better not asked."""
    if sys.platform == "win32" or not _may_be_asked():
        return None
    import termios

    try:
        cell = _cell_known_to_the_system()
        said = _said(NAME_QUESTION + (b"" if cell else CELL_QUESTION) + KIND_QUESTION)
    except (OSError, termios.error):
        return None
    kind = _KIND.search(said)
    return _screen(said, kind[1].split(b";"), cell) if kind else None


def _may_be_asked() -> bool:
    if not (sys.stdin.isatty() and sys.stdout.isatty()) or os.environ.get("TERM", "") in UNASKED:
        return False
    try:
        return os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()  # who asks from the background is stopped
    except OSError:  # a terminal that does not control this process cannot stop it
        return True


def _cell_known_to_the_system() -> tuple[int, int] | None:
    import fcntl
    import struct
    import termios

    answer = fcntl.ioctl(sys.stdout.fileno(), termios.TIOCGWINSZ, bytes(8))
    rows, columns, width, height = struct.unpack("HHHH", answer)
    return (width // columns, height // rows) if rows and columns and width and height else None


def _said(question: bytes) -> bytes:
    """The answers; nothing where keys wait to be read, which are for the shell."""
    import termios
    import tty
    from select import select

    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)
    tty.setcbreak(terminal, termios.TCSANOW)
    try:
        if select([terminal], [], [], 0)[0]:
            return b""
        sys.stdout.flush()
        os.write(sys.stdout.fileno(), question)
        return _heard(terminal)
    finally:
        termios.tcsetattr(terminal, termios.TCSANOW, before)


def _heard(terminal: int) -> bytes:
    from select import select
    from time import monotonic

    heard = b""
    end = monotonic() + PATIENCE_SECONDS
    while not _KIND.search(heard):
        if not select([terminal], [], [], max(0, end - monotonic()))[0]:
            break
        piece = os.read(terminal, 1024)
        if not piece:
            break
        heard += piece
    return heard


def _screen(said: bytes, attributes: list[bytes], cell: tuple[int, int] | None) -> Screen:
    named = _NAME.search(said)
    name = named[1] if named else b""
    measured = _CELL.search(said)
    if cell is None and measured and int(measured[1]) and int(measured[2]):
        cell = (int(measured[2]), int(measured[1]))
    if _has_placeholders(name):
        return Screen("kitty", cell)
    means: Means = "sixel" if _SIXEL in attributes[1:] else "cells"  # the first one is the terminal's class
    return Screen(means, cell, is_inner=name.startswith(b"tmux"))


def _has_placeholders(name: bytes) -> bool:
    """Others speak Kitty's protocol too, but do not show images behind characters: so it goes by name."""
    kitty = _KITTY.match(name)
    if kitty:
        return (int(kitty[1]), int(kitty[2])) >= KITTY_PLACEHOLDERS
    return name.startswith(b"ghostty")
