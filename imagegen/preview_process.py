"""Previews made in a process of their own, so that the one that serves keeps its interpreter to itself.

    python -m imagegen.preview_process

says `ready` on standard output, reads requests from standard input, a JSON object a line, and answers each
with a line of JSON, `{"size": N}` and then N bytes of WebP, or `{"error": "…"}`. It ends when its input does
and, where the system has alarms, when nothing was asked for a minute or an image takes it too long: a few
hundred bytes of SVG can take minutes to draw.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

from imagegen.imaging import UnreadableImage
from imagegen.previews import load_codecs, make_preview

IDLE_SECONDS = 60
LONGEST_SECONDS = 10  # for one preview, beside much other work; a photograph takes a fraction of one
NICENESS = 10  # whoever waits for a picture waits for the one who serves it first
ATTEMPTS = 2  # one process may have ended because nothing was asked of it
# Settings, keys among them, are nothing to somebody who looks into pictures.
PASSED_ON = frozenset(
    {"PATH", "PYTHONHOME", "PYTHONUTF8", "LD_LIBRARY_PATH", "SYSTEMROOT", "TMP", "TEMP", "TMPDIR"}
    | {"LANG", "LC_ALL", "LC_CTYPE"}  # how the names of files are encoded
)
READY = b"ready\n"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A preview: of which file, of what format, how long in pixels at most, and how large.

    A process that makes it takes `longest_seconds`, whole ones, at most.
    """

    path: str
    image_format: str
    side: int
    max_bytes: int
    longest_seconds: int = LONGEST_SECONDS

    def make(self) -> bytes:
        """The WebP, made here. Raises UnreadableImage."""
        try:
            data = Path(self.path).read_bytes()
        except OSError as exc:
            raise UnreadableImage(f"its file cannot be read ({exc.strerror})") from exc
        return make_preview(data, self.image_format, side=self.side, max_bytes=self.max_bytes).data


class PreviewProcess:
    """Has previews made, one at a time, by a process that it starts when there is a first.

    For one thread, but for `end`. Where none can be started, or it never gets ready, they are made here.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._is_ready = False
        self._lock = threading.Lock()  # between a start and the end
        self._is_ended = False

    @property
    def pid(self) -> int | None:
        """The process, while there is one."""
        process = self._process
        return None if process is None else process.pid

    def start(self) -> None:
        """Start the process, where it does not run. Raises OSError."""
        with self._lock:
            if self._is_ended or (self._process is not None and self._process.poll() is None):
                return
            self._clear()
            self._process, self._is_ready = _started(), False

    def make(self, wanted: Wanted) -> bytes:
        """The WebP. Blocking. Raises UnreadableImage."""
        for _ in range(ATTEMPTS):
            try:
                self.start()
            except OSError:
                return wanted.make()
            began = time.monotonic()
            try:
                return self._ask(wanted)
            except UnreadableImage:
                raise
            except (OSError, EOFError, ValueError) as exc:  # it has ended, or was ended
                with self._lock:
                    self._clear()
                if self._is_ready and time.monotonic() - began >= wanted.longest_seconds:
                    raise UnreadableImage(
                        f"showing it small takes longer than {wanted.longest_seconds} seconds"
                    ) from exc
                if not (self._is_ready or self._is_ended):
                    return wanted.make()
        raise UnreadableImage("the process that was to show it small has ended over it")

    def _ask(self, wanted: Wanted) -> bytes:
        """Raises EOFError, OSError or ValueError when the process ends before it has answered."""
        if self._process is None or self._process.stdin is None or self._process.stdout is None:
            raise EOFError
        self._is_ready = self._is_ready or self._process.stdout.readline() == READY
        if not self._is_ready:
            raise EOFError
        self._process.stdin.write(json.dumps(asdict(wanted)).encode() + b"\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        if "error" in answer:
            raise UnreadableImage(answer["error"])
        data = self._process.stdout.read(answer["size"])
        if len(data) < answer["size"]:
            raise EOFError
        return data

    def end(self) -> None:
        """End the process, whatever it is at; it is not started again. From any thread."""
        with self._lock:
            self._is_ended = True
            self._clear()

    def _clear(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in filter(None, (process.stdin, process.stdout)):
                with suppress(OSError):  # what was not sent cannot be sent any more
                    pipe.close()


def _started() -> subprocess.Popen[bytes]:
    # -P: the working folder may be anybody's, and must not be where modules come from.
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "imagegen.preview_process"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=_environment(),
        creationflags=getattr(subprocess, "BELOW_NORMAL_PRIORITY_CLASS", 0),
    )


def _environment() -> dict[str, str]:
    """What the process needs to find the same modules as this one."""
    kept = {name: value for name, value in os.environ.items() if name.upper() in PASSED_ON}
    return {**kept, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}


def answer_requests(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer every line of `requests`, until there are no more."""
    _end_in(IDLE_SECONDS)
    for line in requests:
        request = json.loads(line)
        _end_in(request["longest_seconds"])
        head, data = _answer(request)
        answers.write(json.dumps(head).encode() + b"\n" + data)
        answers.flush()
        _end_in(IDLE_SECONDS)


def _answer(request: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    try:
        data = Wanted(**request).make()
    except UnreadableImage as exc:
        return {"error": str(exc)}, b""
    return {"size": len(data)}, data


def _end_in(seconds: int) -> None:
    """Have the system end this process after that time, unless it is told another by then."""
    if hasattr(signal, "alarm"):
        signal.alarm(seconds)


def serve() -> None:
    """Be such a process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which then closes the input
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    load_codecs()  # while nobody waits
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no answer
    answers.write(READY)
    answers.flush()
    answer_requests(sys.stdin.buffer, answers)


if __name__ == "__main__":
    serve()
