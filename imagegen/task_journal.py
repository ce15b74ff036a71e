"""The rows of tasks on their way into the ledger: those that come while some are written go together after.

An image is worth more than the row of its task: trouble with a row is logged, not raised.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from imagegen.errors import ImagegenError
from imagegen.ledger import Ledger, TaskEnd, TaskStart

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Batch:
    """Rows that are written in one transaction; `written` is done when they are there, or cannot be."""

    starts: list[TaskStart] = field(default_factory=list)
    ends: list[TaskEnd] = field(default_factory=list)
    written: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class TaskJournal:
    """Writes the beginnings and ends of tasks down in their order. Usable from one event loop."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._next: _Batch | None = None
        self._writing: asyncio.Task[None] | None = None

    def start(self, start: TaskStart) -> asyncio.Future[None]:
        """Have it written; what this gives is done when it is there, or cannot be."""
        batch = self._open()
        batch.starts.append(start)
        return batch.written

    def end(self, end: TaskEnd) -> None:
        """Have it written, after the beginning."""
        self._open().ends.append(end)

    def under_way(self) -> list[asyncio.Task[None]]:
        """What is to be awaited before the ledger may be closed."""
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
                self._next = None
                try:
                    await logged(partial(self._ledger.tasks.write, batch.starts, batch.ends))
                finally:
                    batch.written.set_result(None)
        finally:
            # What came meanwhile is written even where this fails in a way that nobody thought of.
            self._writing = asyncio.create_task(self._write()) if self._next is not None else None


async def logged(write: Callable[[], None]) -> None:
    """Do something with the ledger in a thread; where it cannot be done, the log says so."""
    try:
        await asyncio.to_thread(write)
    except ImagegenError as error:
        log.warning("the ledger cannot be used for a task: %s", error)
