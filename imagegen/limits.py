"""Rates: how many requests a client may make, and how many calls a provider gets.

The windows move: in any minute there are at most so many. With Redis they are shared by all processes and
machines. Without it, or while it is away, each process counts for itself: budgets are what bounds several
processes together, and a provider's own limit is answered by a retry.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from imagegen.errors import RateLimited, StorageError
from imagegen.redis_link import RedisLink

if TYPE_CHECKING:
    from limits import RateLimitItem
    from limits.aio.strategies import MovingWindowRateLimiter
    from redis.asyncio import Redis

MINUTE_SECONDS = 60
LONGEST_PATIENCE_SECONDS = 86_400.0
KEY_PREFIX = "imagegen:rate"
A_TICK_SECONDS = 0.002  # at the very end of a window, its oldest entry still counts


class _Window(Protocol):
    async def hit(self, key: str) -> bool:
        """Count a request, if there is room for it."""

    async def free_at(self, key: str) -> float:
        """When there is room again, in seconds since 1970; the past when there is."""


class _OwnWindow:
    """A window in the memory of this process."""

    def __init__(self, item: RateLimitItem) -> None:
        from limits.aio.storage import MemoryStorage
        from limits.aio.strategies import MovingWindowRateLimiter

        self._item = item
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    async def hit(self, key: str) -> bool:
        return await self._limiter.hit(self._item, key)

    async def free_at(self, key: str) -> float:
        stats = await self._limiter.get_window_stats(self._item, key)
        return 0.0 if stats.remaining > 0 else stats.reset_time


class _SharedWindow:
    """A window on a Redis server, and one in memory for as long as the server is away."""

    def __init__(self, item: RateLimitItem, link: RedisLink) -> None:
        self._item = item
        self._link = link
        self._own = _OwnWindow(item)
        self._limiter: MovingWindowRateLimiter | None = None

    async def hit(self, key: str) -> bool:
        try:
            return await self._link.run(lambda client: self._on(client).hit(self._item, key))
        except StorageError:
            return await self._own.hit(key)

    async def free_at(self, key: str) -> float:
        try:
            stats = await self._link.run(lambda client: self._on(client).get_window_stats(self._item, key))
        except StorageError:
            return await self._own.free_at(key)
        return 0.0 if stats.remaining > 0 else stats.reset_time

    def _on(self, client: Redis) -> MovingWindowRateLimiter:
        if self._limiter is None:
            from limits.aio.storage import RedisStorage
            from limits.aio.strategies import MovingWindowRateLimiter

            options: dict[str, Any] = {"connection_pool": client.connection_pool}
            storage = RedisStorage("redis://", implementation="redispy", key_prefix=KEY_PREFIX, **options)
            self._limiter = MovingWindowRateLimiter(storage)
        return self._limiter


@dataclass(slots=True)
class _Queue:
    """Those who wait for a key, first come, first served."""

    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    length: int = 0


class RateLimit:
    """At most `per_minute` requests of each key in any minute. Usable from one event loop.

    `kind` is what messages call a key, such as `client`, and `setting` what they tell to raise.
    """

    def __init__(
        self,
        per_minute: int,
        *,
        kind: str,
        setting: str,
        link: RedisLink | None = None,
        seconds: int = MINUTE_SECONDS,
    ) -> None:
        from limits import RateLimitItemPerSecond

        item = RateLimitItemPerSecond(per_minute, seconds)
        self._window: _Window = _SharedWindow(item, link) if link else _OwnWindow(item)
        self._allowed = f"{per_minute} in {seconds} seconds are allowed for {kind}"
        self._setting = setting
        self._queues: dict[str, _Queue] = {}

    async def acquire(self, key: str, *, patience_seconds: float = 0.0) -> None:
        """Count a request of `key`, after a wait in turn if that is within the caller's patience.

        Raises RateLimited, with `retry_after_seconds`, as soon as it is plain that it is not.
        """
        if key not in self._queues and await self._window.hit(key):
            return
        deadline = time.time() + min(patience_seconds, LONGEST_PATIENCE_SECONDS)
        await self._require_hope(key, deadline)
        async with self._turn(key, deadline):
            while not await self._window.hit(key):
                free_at = await self._require_hope(key, deadline)
                await asyncio.sleep(max(free_at - time.time(), 0.0) + A_TICK_SECONDS)

    async def _require_hope(self, key: str, deadline: float) -> float:
        """When there is room again, unless that is past the deadline."""
        free_at = await self._window.free_at(key)
        if free_at >= deadline:
            self._refuse(key, free_at)
        return free_at

    @asynccontextmanager
    async def _turn(self, key: str, deadline: float) -> AsyncIterator[None]:
        queue = self._queues.setdefault(key, _Queue())
        queue.length += 1
        try:
            try:
                async with asyncio.timeout(deadline - time.time()):
                    await queue.turn.acquire()
            except TimeoutError:
                free_at = await self._window.free_at(key)
                self._refuse(key, free_at)
            try:
                yield
            finally:
                queue.turn.release()
        finally:
            queue.length -= 1
            if not queue.length:
                del self._queues[key]

    def _refuse(self, key: str, free_at: float) -> NoReturn:
        wait_seconds = max(free_at - time.time(), 0.0)
        raise RateLimited(
            f"Too many requests: {self._allowed} {key}.",
            hint=f"Try again in {math.ceil(wait_seconds) or 1} s, or raise {self._setting}.",
            retry_after_seconds=round(wait_seconds, 3),
        )


class ProviderGate:
    """The way to one provider: at most `max_concurrent` calls at a time and `rpm` in any minute.

    None: no such limit. Usable from one event loop.
    """

    def __init__(
        self,
        provider: str,
        *,
        rpm: int | None = None,
        max_concurrent: int | None = None,
        link: RedisLink | None = None,
        seconds: int = MINUTE_SECONDS,
    ) -> None:
        self._provider = provider
        self._settings = f"PROVIDERS__{provider.upper()}__"
        self._max_concurrent = max_concurrent
        self._slots = asyncio.Semaphore(max_concurrent) if max_concurrent else None
        self._rate = (
            RateLimit(rpm, kind="provider", setting=f"{self._settings}RPM", link=link, seconds=seconds)
            if rpm
            else None
        )

    @asynccontextmanager
    async def slot(self, *, patience_seconds: float = 0.0) -> AsyncIterator[None]:
        """The right to make one call, first come, first served. Raises RateLimited."""
        deadline = time.monotonic() + min(patience_seconds, LONGEST_PATIENCE_SECONDS)
        async with self._place(deadline):
            if self._rate:
                await self._rate.acquire(self._provider, patience_seconds=deadline - time.monotonic())
            yield

    @asynccontextmanager
    async def _place(self, deadline: float) -> AsyncIterator[None]:
        if self._slots is None:
            yield
            return
        try:
            async with asyncio.timeout(deadline - time.monotonic()):
                await self._slots.acquire()
        except TimeoutError:
            raise RateLimited(
                f"Too many calls to {self._provider} at the same time: {self._max_concurrent} are allowed.",
                hint=f"Try again when one is done, or raise {self._settings}MAX_CONCURRENT.",
            ) from None
        try:
            yield
        finally:
            self._slots.release()
