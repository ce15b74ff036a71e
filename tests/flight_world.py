"""What tests of single flight and leases share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from imagegen.leases import Leases, NoLeases
from imagegen.leases.disk import DiskLeases
from imagegen.single_flight import SingleFlight


class Call:
    """A call that is made when a test lets it, and counts how often it was begun."""

    def __init__(self, *, fails: Exception | None = None) -> None:
        self.count = 0
        self.cancelled = 0
        self.begun = asyncio.Event()
        self.may_end = asyncio.Event()
        self._fails = fails

    async def __call__(self) -> str:
        self.count += 1
        number = self.count
        self.begun.set()
        try:
            await self.may_end.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self._fails:
            raise self._fails
        return f"image {number}"


async def nothing() -> str | None:
    return None


@asynccontextmanager
async def flying(leases: Leases | None = None, *, run_on: bool = True) -> AsyncIterator[SingleFlight[str]]:
    flight = SingleFlight[str](leases or NoLeases(), run_on=run_on)
    try:
        yield flight
    finally:
        await flight.aclose()


def start(flight: SingleFlight[str], call: Call, count: int = 1, key: str = "k") -> list[asyncio.Task[str]]:
    return [asyncio.create_task(flight.run(key, call, nothing)) for _ in range(count)]


def scenario(body: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run a test's coroutine in a loop of its own, with a bound for what would never end."""

    def run(tmp_path: Path) -> None:
        asyncio.run(asyncio.wait_for(body(tmp_path), 20))

    run.__name__ = body.__name__
    return run


def fail(note: str) -> None:
    raise AssertionError(note)


async def cancel(callers: list[asyncio.Task[str]]) -> None:
    await asyncio.sleep(0)
    for caller in callers:
        caller.cancel()
    outcomes = await asyncio.gather(*callers, return_exceptions=True)
    assert all(isinstance(outcome, asyncio.CancelledError) for outcome in outcomes)


@asynccontextmanager
async def held_elsewhere(folder: Path) -> AsyncIterator[None]:
    """The lease of `k`, held as another process would."""
    leases = DiskLeases(folder, note=fail)
    lease = await leases.acquire("k")
    assert lease
    try:
        yield
    finally:
        await lease.release()
        await leases.aclose()
