"""Equal requests at the same time make one call, and all get its result.

Within a process the later ones join the running task. Between processes and machines a lease decides who
calls; the others wait for it and then find what the holder has left behind.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from imagegen.errors import ProviderTimeout
from imagegen.leases import Lease, Leases

T = TypeVar("T")

FIRST_PAUSE_SECONDS = 0.01
LONGEST_PAUSE_SECONDS = 0.5
PAUSE_GROWTH = 1.5


@dataclass(eq=False, slots=True)
class _Flight(Generic[T]):
    """One call on its way: `is_working` from the moment that it may cost something."""

    task: asyncio.Task[T] = field(init=False)
    callers: int = 0
    is_working: bool = False


class SingleFlight(Generic[T]):
    """Runs work once for equal keys at equal times. Usable from one event loop.

    With `run_on`, work that has begun goes on when all its callers have been cancelled; without, the last
    one cancels it. Waiting for another process ends in either case: nothing is begun for nobody.
    """

    def __init__(self, leases: Leases, *, run_on: bool = True) -> None:
        self._leases = leases
        self._run_on = run_on
        self._flights: dict[str, _Flight[T]] = {}
        self._tasks: set[asyncio.Task[T]] = set()

    async def run(
        self,
        key: str,
        work: Callable[[], Awaitable[T]],
        found: Callable[[], Awaitable[T | None]],
        *,
        timeout_seconds: float | None = None,
    ) -> T:
        """The result of `found`, or else of `work`, or of an equal call that is running.

        `found` looks for the result of an earlier call; `work` makes one and, before it returns, leaves the
        result where `found` finds it. Callers in one process get the same object or the same exception.
        `timeout_seconds` bounds the wait for somebody else's call: then raises ProviderTimeout.
        """
        flight = self._flights.get(key)
        is_own = flight is None
        if flight is None:
            flight = self._start(key, work, found)
        flight.callers += 1
        try:
            await asyncio.wait({flight.task}, timeout=timeout_seconds)
            if not flight.task.done() and not (is_own and flight.is_working):
                raise _too_long(timeout_seconds)
            return await asyncio.shield(flight.task)
        finally:
            flight.callers -= 1
            await self._leave(key, flight)

    async def aclose(self) -> None:
        """Wait for what is still running, because it is paid for."""
        while self._tasks:
            await asyncio.wait(self._tasks)
        await self._leases.aclose()

    def _start(
        self, key: str, work: Callable[[], Awaitable[T]], found: Callable[[], Awaitable[T | None]]
    ) -> _Flight[T]:
        flight = self._flights[key] = _Flight[T]()
        flight.task = asyncio.create_task(self._fly(flight, key, work, found))
        self._tasks.add(flight.task)

        def landed(task: asyncio.Task[T]) -> None:
            self._tasks.discard(task)
            self._forget(key, flight)
            if not task.cancelled():
                task.exception()  # marks it as seen, should nobody be left to see it

        flight.task.add_done_callback(landed)
        return flight

    async def _leave(self, key: str, flight: _Flight[T]) -> None:
        if flight.callers or flight.task.done() or (flight.is_working and self._run_on):
            return
        self._forget(key, flight)  # whoever comes now must not join what is about to end
        flight.task.cancel()
        await asyncio.wait({flight.task})

    def _forget(self, key: str, flight: _Flight[T]) -> None:
        if self._flights.get(key) is flight:
            del self._flights[key]

    async def _fly(
        self,
        flight: _Flight[T],
        key: str,
        work: Callable[[], Awaitable[T]],
        found: Callable[[], Awaitable[T | None]],
    ) -> T:
        pauses = _growing_pauses()
        while (result := await self._attempt(flight, key, work, found)) is None:  # noqa: ASYNC110 - see below
            await asyncio.sleep(next(pauses))  # another process cannot set an event here
        return result

    async def _attempt(
        self,
        flight: _Flight[T],
        key: str,
        work: Callable[[], Awaitable[T]],
        found: Callable[[], Awaitable[T | None]],
    ) -> T | None:
        """The result; None while another process is at work on it."""
        lease = await self._acquire(key)
        if lease is None:
            return await found()
        async with _held(lease):
            result = await found()  # its last holder may have finished since the caller looked
            if result is not None:
                return result
            flight.is_working = True
            return await work()

    async def _acquire(self, key: str) -> Lease | None:
        """Acquire the lease; a cancellation in between does not leave it behind."""
        attempt = asyncio.ensure_future(self._leases.acquire(key))
        try:
            return await asyncio.shield(attempt)
        except asyncio.CancelledError:
            lease = await attempt
            if lease is not None:
                await lease.release()
            raise


def _growing_pauses() -> Iterator[float]:
    pause = FIRST_PAUSE_SECONDS
    while True:
        yield pause
        pause = min(pause * PAUSE_GROWTH, LONGEST_PAUSE_SECONDS)


@asynccontextmanager
async def _held(lease: Lease) -> AsyncIterator[None]:
    """Hold the lease and renew it as often as it needs."""
    renewing = (
        None if lease.renew_seconds is None else asyncio.create_task(_renew(lease, lease.renew_seconds))
    )
    try:
        yield
    finally:
        try:
            if renewing is not None:
                renewing.cancel()
                await asyncio.wait({renewing})  # a renewal after the release would bring the lease back
        finally:
            await lease.release()


async def _renew(lease: Lease, every_seconds: float) -> None:
    while True:
        await asyncio.sleep(every_seconds)
        await lease.renew()


def _too_long(timeout_seconds: float | None) -> ProviderTimeout:
    return ProviderTimeout(
        f"An equal request is still running after {timeout_seconds:g} s of waiting for it.",
        hint="Its images will be in the history: imagegen history. The same request again finds them.",
    )
