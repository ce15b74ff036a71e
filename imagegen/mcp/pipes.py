"""Pipes as streams of lines, each with a thread of its own.

A thread that waits for a pipe cannot be interrupted, so both are daemons: neither an idle client nor one
that reads nothing keeps the server from ending. One writer for all messages costs less than a thread's turn
for each.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

CHUNK = 1 << 16
HIGH_WATER_BYTES = 4_000_000  # more than that is not kept for a client that reads slowly


class LineReader:
    """The lines of a descriptor, as an asynchronous iterator."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    async def __aiter__(self) -> AsyncIterator[str]:
        loop = asyncio.get_running_loop()
        lines: asyncio.Queue[str | None] = asyncio.Queue()

        def put(line: str | None) -> None:
            with suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(lines.put_nowait, line)

        threading.Thread(target=_read_lines, args=(self._descriptor, put), daemon=True, name="stdin").start()
        while (line := await lines.get()) is not None:
            yield line


def _read_lines(descriptor: int, put: Callable[[str | None], None]) -> None:
    rest = bytearray()
    while chunk := _chunk(descriptor):
        rest += chunk
        if b"\n" in chunk:
            *whole, last = bytes(rest).split(b"\n")
            rest = bytearray(last)
            for line in whole:
                put(line.decode("utf-8", errors="replace"))
    if rest:
        put(rest.decode("utf-8", errors="replace"))
    put(None)


def _chunk(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, CHUNK)
    except OSError:
        return b""


class PipeWriter:
    """Writes texts to a descriptor in their order; `flush` waits only for a reader that is far behind."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._loop = asyncio.get_running_loop()
        self._changed = threading.Condition()
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        self._is_broken = False
        self._progress = asyncio.Event()
        threading.Thread(target=self._run, daemon=True, name="stdout").start()

    async def write(self, text: str) -> None:
        """Queue the text. Raises BrokenPipeError when nobody can read it any more."""
        data = text.encode("utf-8")
        with self._changed:
            if self._is_broken:
                raise BrokenPipeError
            self._waiting.append(data)
            self._waiting_bytes += len(data)
            self._changed.notify()

    async def flush(self) -> None:
        """Wait until little is left to write."""
        await self._until(HIGH_WATER_BYTES)

    async def finish(self) -> None:
        """Wait until everything is written, or cannot be."""
        await self._until(0)

    async def _until(self, most_bytes: int) -> None:
        while self._waiting_bytes > most_bytes and not self._is_broken:
            self._progress.clear()
            if self._waiting_bytes > most_bytes and not self._is_broken:
                await self._progress.wait()

    def _run(self) -> None:
        while not self._is_broken:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting)
                texts, self._waiting = self._waiting, []
            data = texts[0] if len(texts) == 1 else b"".join(texts)
            try:
                _write_all(self._descriptor, data)
            except OSError:
                self._is_broken = True
            with self._changed:
                self._waiting_bytes -= len(data)
            with suppress(RuntimeError):  # the loop has ended meanwhile
                self._loop.call_soon_threadsafe(self._progress.set)


def _write_all(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
