"""Answers on their way from a provider to the disk: a few at a time, however many are ready at once.

An answer takes several times its images' size while it is read. Those that wait for their turn stay with the
system, which holds their senders back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx2

AT_ONCE = 3
PATIENCE_SECONDS = 0.2  # who takes longer is slow, and holds nobody up
LONGEST_WAIT_SECONDS = 2.0  # memory is worth no more of the seconds in which an answer has to be here


class Arrival:
    """The answer to one call, in one or several responses."""

    def __init__(self, arrivals: Arrivals) -> None:
        self._arrivals = arrivals
        self._beginning = asyncio.Lock()
        self._has_begun = False
        self._held = ExitStack()

    async def begin(self) -> None:
        """Wait for the turn that all responses of the call share, or until that takes too long."""
        async with self._beginning:
            if self._has_begun:
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(self._arrivals.longest_wait_seconds):
                    await self._arrivals.turns.acquire()
                    self._take()
            self._has_begun = True

    def _take(self) -> None:
        self._held.callback(self._arrivals.turns.release)
        timer = asyncio.get_running_loop().call_later(self._arrivals.patience_seconds, self._held.close)
        self._held.callback(timer.cancel)

    def end(self) -> None:
        """Let the next have its turn."""
        self._held.close()


_CURRENT: ContextVar[Arrival | None] = ContextVar("current arrival", default=None)


class Arrivals:
    """The turns of all calls of one service. Usable from one event loop.

    After `patience_seconds` a call keeps its turn no longer, but goes on; after `longest_wait_seconds` one
    goes on without a turn.
    """

    def __init__(
        self,
        at_once: int = AT_ONCE,
        patience_seconds: float = PATIENCE_SECONDS,
        longest_wait_seconds: float = LONGEST_WAIT_SECONDS,
    ) -> None:
        self.turns = asyncio.Semaphore(at_once)
        self.patience_seconds = patience_seconds
        self.longest_wait_seconds = longest_wait_seconds

    @contextmanager
    def one(self) -> Iterator[None]:
        """Around a call and the save of its answer."""
        arrival = Arrival(self)
        token = _CURRENT.set(arrival)
        try:
            yield
        finally:
            arrival.end()
            _CURRENT.reset(token)


async def its_turn() -> None:
    """Wait for it before reading an answer's body. Outside a service's call nobody waits."""
    arrival = _CURRENT.get()
    if arrival is not None:
        await arrival.begin()


async def read_in_turn(response: httpx2.Response) -> None:
    """Read a JSON answer when it is its turn; any other may be a stream. A response hook of httpx2."""
    if "json" in response.headers.get("content-type", "").lower():
        await its_turn()
        await response.aread()
