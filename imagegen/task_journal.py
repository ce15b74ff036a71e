"""The rows of tasks on their way into the ledger: those that come while some are written go together after.

Ends wait a moment for others, as nobody waits for them. An image is worth more than the row of its task:
trouble with a row is logged, not raised.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

from imagegen.errors import ImagegenError
from imagegen.ledger import Ledger, TaskEnd, TaskStart

log = logging.getLogger(__name__)

GATHER_SECONDS = 0.2  # who is killed meanwhile leaves images, but tasks that count as interrupted


@dataclass(slots=True)
class _Batch:
    """Rows that are written in one transaction; `written` is done when they are there, or cannot be.

    Once somebody waits for them, they are `urgent`.
    """

    starts: list[TaskStart] = field(default_factory=list)
    ends: list[TaskEnd] = field(default_factory=list)
    urgent: asyncio.Event = field(default_factory=asyncio.Event)
    written: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class TaskJournal:
    """Writes the beginnings and ends of tasks down in their order. Usable from one event loop."""

    def __init__(self, ledger: Ledger, *, gather_seconds: float = GATHER_SECONDS) -> None:
        self._ledger = ledger
        self._gather_seconds = gather_seconds
        self._next: _Batch | None = None
        self._writing: asyncio.Task[None] | None = None

    def start(self, start: TaskStart) -> asyncio.Future[None]:
        """Have it written; what this gives is done when it is there, or cannot be."""
        batch = self._open()
        batch.starts.append(start)
        batch.urgent.set()
        return batch.written

    def end(self, end: TaskEnd) -> None:
        """Have it written soon, after the beginning."""
        self._open().ends.append(end)

    def hurry(self) -> list[asyncio.Task[None]]:
        """Write all of it now; what is to be awaited before the ledger may be closed."""
        if self._next is not None:
            self._next.urgent.set()
        return [] if self._writing is None else [self._writing]

    def _open(self) -> _Batch:
        """The batch that is to be written next."""
        if self._next is None:
            self._next = _Batch()
        if self._writing is None:
            self._writing = asyncio.create_task(self._write())
        return self._next

    async def _write(self) -> None:
        try:
            while (batch := self._next) is not None:
                await self._gather(batch)
                self._next = None
                try:
                    await logged(partial(self._ledger.tasks.write, batch.starts, batch.ends))
                finally:
                    batch.written.set_result(None)
        finally:
            # What came meanwhile is written even where this fails in a way that nobody thought of.
            self._writing = asyncio.create_task(self._write()) if self._next is not None else None

    async def _gather(self, batch: _Batch) -> None:
        """Leave time for more ends to come, until somebody waits."""
        if not batch.urgent.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(batch.urgent.wait(), self._gather_seconds)


async def logged(write: Callable[[], None]) -> None:
    """Do something with the ledger in a thread; where it cannot be done, the log says so."""
    try:
        await asyncio.to_thread(write)
    except ImagegenError as error:
        log.warning("the ledger cannot be used for a task: %s", error)
