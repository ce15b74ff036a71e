"""Where the server's log goes: short lines on stderr, and everything in a rotating file.

A client that never reads stderr must not stop the server, so a thread of its own writes there and lines are
dropped when it cannot keep up.
"""

from __future__ import annotations

import json
import logging
import logging.handlers
import queue
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from imagegen.errors import StorageError
from imagegen.settings_fields import SECRET_LOOK

FILE_NAME = "serve.log"
FILE_BYTES = 5_000_000
FILES = 4
WAITING_LINES = 1_000
LINE_CHARS = 500
FLUSH_SECONDS = 0.3
CHATTY = ("mcp", "httpx", "httpx2", "httpcore", "uvicorn.access", "sse_starlette", "asyncio")


@dataclass(slots=True)
class ServerLog:
    """The log of one run. `is_stuck` in the end where nobody reads stderr, so that a write there hangs."""

    is_stuck: bool = False


@contextmanager
def logging_to(folder: Path, level: str, log_format: Literal["json", "console"]) -> Iterator[ServerLog]:
    """Log to stderr and to a file in `folder` until the end. Raises StorageError."""
    path = folder / FILE_NAME
    log = ServerLog()
    lines = _Lines(queue.Queue(WAITING_LINES))
    listener = logging.handlers.QueueListener(lines.queue, _stderr(log_format))
    whole = _file(path)
    root = logging.getLogger()
    before, level_before = root.handlers[:], root.level
    root.handlers[:] = [lines, whole]
    root.setLevel(level)
    for name in CHATTY if level != "DEBUG" else ():
        logging.getLogger(name).setLevel(logging.WARNING)
    listener.start()
    try:
        yield log
    finally:
        root.handlers[:] = before
        root.setLevel(level_before)
        log.is_stuck = not _stopped(listener)
        whole.close()


class _Lines(logging.handlers.QueueHandler):
    """Puts records into a queue; what does not fit is dropped."""

    def enqueue(self, record: logging.LogRecord) -> None:
        try:
            self.queue.put_nowait(record)
        except queue.Full:
            return

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        """The record in one line: a traceback stands in the file."""
        short = logging.makeLogRecord(record.__dict__)
        short.msg, short.args = _one_line(record), None
        short.exc_info = short.exc_text = short.stack_info = None
        return short


def _one_line(record: logging.LogRecord) -> str:
    error = record.exc_info[1] if record.exc_info else None
    text = (
        f"{record.getMessage()} ({type(error).__name__}, see the log file)" if error else record.getMessage()
    )
    line = _without_secrets(" ".join(text.split()))
    return line if len(line) <= LINE_CHARS else f"{line[:LINE_CHARS]}…"


class _Whole(logging.Formatter):
    """Everything, tracebacks included."""

    def format(self, record: logging.LogRecord) -> str:
        return _without_secrets(super().format(record))


def _without_secrets(text: str) -> str:
    """Everything that is logged passes here: what looks like a key reaches no file."""
    return SECRET_LOOK.sub("…", text)


class _Json(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        when = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        document = {
            "time": when.replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        return json.dumps(document, ensure_ascii=False)


def _stderr(log_format: Literal["json", "console"]) -> logging.Handler:
    handler = logging.StreamHandler(sys.stderr)
    plain = logging.Formatter("imagegen: %(levelname)s %(message)s")
    handler.setFormatter(_Json() if log_format == "json" else plain)
    return handler


def _file(path: Path) -> logging.Handler:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handler = logging.handlers.RotatingFileHandler(
            path, maxBytes=FILE_BYTES, backupCount=FILES - 1, encoding="utf-8"
        )
    except OSError as exc:
        raise StorageError(f"The log {path} cannot be written: {exc.strerror}.") from exc
    handler.setFormatter(_Whole("%(asctime)s %(levelname)s %(name)s %(message)s"))
    return handler


def _stopped(listener: logging.handlers.QueueListener) -> bool:
    """Write what is waiting, if it can be written soon."""
    thread = listener._thread
    try:
        listener.enqueue_sentinel()
    except queue.Full:
        return False
    if thread is not None:
        thread.join(timeout=FLUSH_SECONDS)
    return thread is None or not thread.is_alive()
