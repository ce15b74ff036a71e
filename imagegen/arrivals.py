"""Answers on their way from a provider to the disk: a few at a time, however many are ready at once.

An answer takes several times its images' size while it is read. Those that wait for their turn stay with the
system, which holds their senders back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx2

AT_ONCE = 3
PATIENCE_SECONDS = 0.2  # who takes longer is slow, and holds nobody up


class Arrival:
    """The answer to one call, in one or several responses."""

    def __init__(self, turns: asyncio.Semaphore, patience_seconds: float) -> None:
        self._turns = turns
        self._patience_seconds = patience_seconds
        self._beginning = asyncio.Lock()
        self._has_begun = False
        self._held = ExitStack()

    async def begin(self) -> None:
        """Wait for the turn that all responses of the call share."""
        async with self._beginning:
            if self._has_begun:
                return
            await self._turns.acquire()
            self._has_begun = True
            self._held.callback(self._turns.release)
            timer = asyncio.get_running_loop().call_later(self._patience_seconds, self._held.close)
            self._held.callback(timer.cancel)

    def end(self) -> None:
        """Let the next have its turn."""
        self._held.close()


_CURRENT: ContextVar[Arrival | None] = ContextVar("current arrival", default=None)


class Arrivals:
    """The turns of all calls of one service. Usable from one event loop.

    After `patience_seconds` a call keeps its turn no longer, but goes on.
    """

    def __init__(self, at_once: int = AT_ONCE, patience_seconds: float = PATIENCE_SECONDS) -> None:
        self._turns = asyncio.Semaphore(at_once)
        self._patience_seconds = patience_seconds

    @contextmanager
    def one(self) -> Iterator[None]:
        """Around a call and the save of its answer."""
        arrival = Arrival(self._turns, self._patience_seconds)
        token = _CURRENT.set(arrival)
        try:
            yield
        finally:
            _CURRENT.reset(token)
            arrival.end()


async def its_turn() -> None:
    """Wait for it before reading an answer's body. Outside a service's call nobody waits."""
    arrival = _CURRENT.get()
    if arrival is not None:
        await arrival.begin()


async def read_in_turn(response: httpx2.Response) -> None:
    """Read a response when it is its turn; a stream of events is left alone. A response hook of httpx2."""
    if "event-stream" not in response.headers.get("content-type", ""):
        await its_turn()
        await response.aread()
