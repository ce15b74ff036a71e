"""A real pseudo-terminal with a small emulator behind it, which answers what programs ask and keeps all."""

from __future__ import annotations

import base64
import contextlib
import fcntl
import io
import os
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from PIL import Image

PATIENCE_SECONDS = 30
IMAGEGEN = (sys.executable, "-m", "imagegen")
# Gives the program its terminal for good, with a group in the foreground, as a terminal window does.
TAKE_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execvp(sys.argv[1], sys.argv[1:])
"""
QUESTION = re.compile(rb"\x1b\[>q|\x1b\[16t|\x1b\[c|\x1b_G[^;]*a=q[^\x1b]*\x1b\\")
SIXEL = re.compile(rb"\x1bP[\d;]*q(.*?)\x1b\\", re.DOTALL)
KITTY = re.compile(rb"\x1b_G([^;\x1b]*)(?:;([^\x1b]*))?\x1b\\")
SIXEL_PART = re.compile(rb'"[\d;]+|#(\d+)(?:;2;(\d+);(\d+);(\d+))?|!(\d+)(.)|([?-~])|([$-])', re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Emulator:
    """A kind of terminal: the name it gives itself, its attributes, the pixels of a cell and who knows them.

    Without `attributes` it never answers anything. A far one takes `delay_seconds` for each answer.
    """

    name: str | None = "XTerm(390)"
    attributes: str | None = "62;4;22"
    cell: tuple[int, int] = (8, 16)
    system_knows_cell: bool = True
    columns: int = 100
    rows: int = 40
    delay_seconds: float = 0

    def window(self) -> bytes:
        width, height = self.cell if self.system_knows_cell else (0, 0)
        return struct.pack("HHHH", self.rows, self.columns, width * self.columns, height * self.rows)

    def answer(self, question: bytes) -> bytes:
        if self.attributes is None:
            return b""
        if question == b"\x1b[c":
            return f"\x1b[?{self.attributes}c".encode()
        if question == b"\x1b[16t":
            return f"\x1b[6;{self.cell[1]};{self.cell[0]}t".encode()
        if question == b"\x1b[>q" and self.name is not None:
            return f"\x1bP>|{self.name}\x1b\\".encode()
        return b""


XTERM_WITH_SIXEL = Emulator()
PLAIN = Emulator(name="VTE(7600)", attributes="61;1;21;22")
KITTY_TERMINAL = Emulator(name="kitty(0.42.1)", attributes="62;52")


@dataclass(frozen=True, slots=True)
class Shown:
    """What a terminal got, and how the program ended."""

    code: int
    raw: bytes
    questions: tuple[bytes, ...]

    @property
    def text(self) -> str:
        """All without pictures, questions, colours and moves."""
        bare = QUESTION.sub(b"", SIXEL.sub(b"", KITTY.sub(b"", self.raw)))
        return re.sub(r"\x1b[78]|\x1b\[[\d;?]*[A-Za-z]", "", bare.decode()).replace("\r\n", "\n")

    @property
    def sixels(self) -> list[Image.Image]:
        return [_decoded_sixel(data) for data in SIXEL.findall(self.raw)]

    def kitty_image(self) -> tuple[int, Image.Image]:
        """The one image that was sent by Kitty's protocol, with its number."""
        messages = [(dict(re.findall(rb"(\w)=(\w+)", keys)), data) for keys, data in KITTY.findall(self.raw)]
        (number,) = {int(keys[b"i"]) for keys, _ in messages}
        data = base64.b64decode(b"".join(data for keys, data in messages if b"f" in keys))
        return number, Image.open(io.BytesIO(data)).convert("RGB")


def _decoded_sixel(data: bytes) -> Image.Image:
    """The pixels of a Sixel picture, read as a terminal draws it."""
    width, height = map(int, re.findall(rb'"1;1;(\d+);(\d+)', data)[0])
    image = Image.new("RGB", (width, height))
    palette: dict[int, tuple[int, int, int]] = {}
    colour, x, top = 0, 0, 0
    for part in SIXEL_PART.finditer(data):
        if part[1]:
            colour = int(part[1])
            if part[2]:
                palette[colour] = tuple(int(part[n]) * 255 // 100 for n in (2, 3, 4))  # type: ignore[assignment] # three
        elif part[8]:
            x, top = 0, top + (6 if part[8] == b"-" else 0)
        elif part[6] or part[7]:
            count, bits = int(part[5] or 1), (part[6] or part[7])[0] - 63
            for bit in range(6):
                if bits >> bit & 1:
                    image.paste(palette[colour], (x, top + bit, x + count, top + bit + 1))
            x += count
    return image


def on_emulator(
    emulator: Emulator,
    *command: str,
    typed: bytes = b"",
    environment: Mapping[str, str] | None = None,
    stdin: int | None = None,
) -> Shown:
    """Run a command (`imagegen` with its arguments where it is no path) until it ends."""
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, emulator.window())
    hidden = ("COLUMNS", "LINES", "NO_COLOR", "TMUX", "TERM_PROGRAM")
    inherited = {name: value for name, value in os.environ.items() if name not in hidden}
    os.write(ours, typed)
    program = command if command[0].startswith("/") else (*IMAGEGEN, *command)
    process = subprocess.Popen(
        program if stdin is not None else (sys.executable, "-c", TAKE_TERMINAL, *program),
        stdin=theirs if stdin is None else stdin,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        env={**inherited, "TERM": "xterm-256color", "COLORTERM": "truecolor", **(environment or {})},
    )
    os.close(theirs)
    try:
        return _listen(process, ours, emulator)
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def _listen(process: subprocess.Popen[bytes], ours: int, emulator: Emulator) -> Shown:
    raw, questions = bytearray(), []
    answered = 0
    for piece in _pieces(process, ours):
        raw += piece
        for question in QUESTION.finditer(raw, answered):
            questions.append(question[0])
            time.sleep(emulator.delay_seconds)
            os.write(ours, emulator.answer(question[0]))
            answered = question.end()
    return Shown(process.wait(timeout=PATIENCE_SECONDS), bytes(raw), tuple(questions))


def _pieces(process: subprocess.Popen[bytes], ours: int) -> Iterator[bytes]:
    """What is written until the program has ended and all is read."""
    end = time.monotonic() + PATIENCE_SECONDS
    with contextlib.suppress(OSError):  # how Linux says that the last writer is gone
        while True:
            has_ended = process.poll() is not None
            if select.select([ours], [], [], 0.05)[0]:
                yield os.read(ours, 65_536)
            elif has_ended:
                return
            assert time.monotonic() < end, "the program does not end"
