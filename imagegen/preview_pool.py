"""A few processes that make previews, shared by many who want one."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar

from imagegen.preview_process import PreviewProcess, Wanted

T = TypeVar("T")

PROCESSES = min(2, os.cpu_count() or 1)
WARM_SECONDS = 1.0  # how long nobody looks again whether the processes run


class PreviewPool:
    """Has previews made by up to `PROCESSES` processes at once; from any thread."""

    def __init__(self) -> None:
        self._processes = tuple(PreviewProcess() for _ in range(PROCESSES))
        self._free = deque(self._processes)  # as many as threads, so each thread finds one
        self._threads = ThreadPoolExecutor(PROCESSES, thread_name_prefix="imagegen-preview")
        self._warm = 0
        self._warmed_at = 0.0

    @property
    def pids(self) -> tuple[int, ...]:
        """The processes that there are."""
        return tuple(process.pid for process in self._processes if process.pid is not None)

    def submit(self, wanted: Wanted, finish: Callable[[bytes], T]) -> Future[T]:
        """What `finish` makes of the WebP, or UnreadableImage. Raises RuntimeError when it is closed."""
        return self._threads.submit(lambda: finish(self._make(wanted)))

    def warm_up(self, wanted: int) -> None:
        """Start processes now for that many previews soon: they need a moment. From one thread."""
        wanted, now = min(wanted, PROCESSES), time.monotonic()
        if wanted <= self._warm and now - self._warmed_at < WARM_SECONDS:
            return
        self._warm, self._warmed_at = wanted, now
        for _ in range(wanted):
            self._threads.submit(self._start)

    def close(self) -> None:
        """End threads and processes, whatever they are at."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        for process in self._processes:
            process.end()

    def _make(self, wanted: Wanted) -> bytes:
        process = self._free.pop()  # the last one used: the others may end for want of work
        try:
            return process.make(wanted)
        finally:
            self._free.append(process)

    def _start(self) -> None:
        process = self._free.popleft()
        try:
            with suppress(OSError):  # whoever wants a preview makes it without a process then
                process.start()
        finally:
            self._free.append(process)
