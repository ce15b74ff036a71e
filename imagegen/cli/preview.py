"""Small pictures in the terminal, where it can show them; a call never fails for one."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from imagegen.cli.output import Talk
from imagegen.cli.terminal import Screen, ask_terminal

if TYPE_CHECKING:
    from rich.console import Console

COLUMNS = 40
SHEET_COLUMNS = 80  # for several images
ROWS = 20
SPARE_ROWS = 2  # of the terminal: a preview that does not fit is torn when it scrolls
SMALLEST_ROWS = 3
SIDE = 800
SHEET_SIDE = 400
MAX_DRAWING_BYTES = 10_000_000
INSTALL = 'pip install "imagegen[preview]"'


class _NoPreview(Exception):
    """Why there is none, for somebody who asked for it."""


def show_preview(images: Sequence[tuple[Path, str]], wish: bool | None, talk: Talk) -> None:
    """Print image files, each with its format, small on the terminal that stdout is.

    `wish` False: never; None: where it shows real images; True: with coloured cells elsewhere, and a note
    where even that cannot be.
    """
    if wish is False or talk.silent:
        return
    try:
        screen = _chosen_screen(is_wished=wish is True)
        with _none_where_it_fails():
            _draw(images, screen)
    except _NoPreview as exc:
        if wish:
            talk.note(f"no preview: {exc}")


def _chosen_screen(*, is_wished: bool) -> Screen:
    if not sys.stdout.isatty():
        raise _NoPreview("stdout is not a terminal")
    if find_spec("textual_image") is None:
        raise _NoPreview(f"it needs the textual-image package. Run: {INSTALL}")
    screen = ask_terminal()
    if is_wished:
        return screen or Screen("cells")
    # What a terminal inside another one says of itself need not hold for what is seen.
    if screen is None or screen.means == "cells" or screen.is_inner:
        raise _NoPreview("the terminal is not known to show images")
    return screen


def _draw(images: Sequence[tuple[Path, str]], screen: Screen) -> None:
    from imagegen.previews import make_sheet

    console = _console_for(screen)
    is_one = len(images) == 1
    columns = min(COLUMNS if is_one else SHEET_COLUMNS, console.width - 1)
    rows = min(ROWS, console.height - SPARE_ROWS)
    if rows < SMALLEST_ROWS:
        raise _NoPreview(f"a terminal of {console.height} rows has no room for it")
    side = SIDE if is_one else SHEET_SIDE
    sheet = make_sheet(_readable(images, side), side=side)
    with _already_asked(screen.cell):
        from textual_image import renderable

        kinds = {
            "sixel": renderable.SixelImage,
            "kitty": renderable.TGPImage,
            "cells": renderable.HalfcellImage,
        }
        picture = kinds[screen.means](io.BytesIO(sheet), width="auto", height="auto")
        console.print(picture, width=columns, height=rows, end="")


def _readable(images: Sequence[tuple[Path, str]], side: int) -> list[tuple[bytes, str]]:
    """The bytes and their formats; drawings as pixels, from a process that ends when one takes too long."""
    from imagegen.preview_process import PreviewProcess, Wanted

    process = PreviewProcess()
    try:
        return [
            (process.make(Wanted(str(path), "svg", side, MAX_DRAWING_BYTES)), "webp")
            if image_format == "svg"
            else (path.read_bytes(), image_format)
            for path, image_format in images
        ]
    finally:
        process.end()


def _console_for(screen: Screen) -> Console:
    from rich.console import Console

    if screen.means == "kitty":
        # The colours of its characters are the number of the image: not one bit may be lost.
        return Console(force_terminal=True, color_system="truecolor", no_color=False)
    console = Console(force_terminal=True)
    if screen.means == "cells" and (console.no_color or console.color_system is None):
        raise _NoPreview("the terminal is not known to show images, and cells are no picture without colours")
    return console


@contextmanager
def _none_where_it_fails() -> Iterator[None]:
    try:
        yield
    except _NoPreview:
        raise
    except Exception as exc:  # foreign drawing, and the result is paid for and not yet told
        raise _NoPreview(str(exc) or type(exc).__name__) from exc


@contextmanager
def _already_asked(cell: tuple[int, int] | None) -> Iterator[None]:
    """Keep textual-image from asking the terminal, on import and for the size of a cell.

    It waits a tenth of a second for each answer; one that comes later would be typed into the shell. Of a
    stream that is no terminal it asks nothing and reads the variables.
    """
    terminal = sys.__stdout__
    known = dict(zip(("TEXTUAL_CELL_WIDTH", "TEXTUAL_CELL_HEIGHT"), map(str, cell or ()), strict=False))
    vars(sys)["__stdout__"] = _Unasked(sys.stdout)
    os.environ.update(known)
    try:
        yield
    finally:
        vars(sys)["__stdout__"] = terminal
        for name in known:
            del os.environ[name]


class _Unasked:
    """A stream that writes to another one and is no terminal."""

    def __init__(self, stream: TextIO) -> None:
        self.write = stream.write
        self.flush = stream.flush

    def isatty(self) -> bool:
        return False
