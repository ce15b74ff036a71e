"""The cache on a Redis or Valkey server, shared by machines.

One key an entry, which the server lets expire. How much it may hold, and what goes first, is the server's own
setting (`maxmemory`, `maxmemory-policy`); `allkeys-lru` is the least recently used, as in the other backends.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from imagegen.cache.base import CacheEntry, CacheStats, micro_usd, read_entry, size_of, usd, write_entry
from imagegen.errors import StorageError
from imagegen.redis_link import RedisLink

if TYPE_CHECKING:
    from redis.asyncio import Redis

VERSION = 1
BATCH = 500
DELETE_IF_EQUAL = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""


class RedisCache:
    """A Cache behind a link, which its owner closes. A hit costs two round trips: `get` and `note_hit`."""

    def __init__(self, link: RedisLink, *, ttl: timedelta, namespace: str = "imagegen") -> None:
        self._link = link
        self._ttl_ms = max(1, int(ttl.total_seconds() * 1000))
        self._prefix = f"{namespace}:cache:{VERSION}:entry:"
        self._totals = f"{namespace}:cache:{VERSION}:totals"

    async def get(self, key: str) -> CacheEntry | None:
        with suppress(StorageError):
            text = await self._link.run(lambda redis: redis.get(self._prefix + key))
            return read_entry(key, text) if text else None
        return None

    async def note_hit(self, key: str, entry: CacheEntry) -> None:  # noqa: ARG002 - reading it was its use
        async def note_hit(redis: Redis) -> None:
            pipeline = redis.pipeline(transaction=False)
            pipeline.hincrby(self._totals, "hits", 1)
            pipeline.hincrby(self._totals, "saved_micro_usd", micro_usd(entry.cost_usd))
            await pipeline.execute()

        with suppress(StorageError):
            await self._link.run(note_hit)

    async def put(self, key: str, entry: CacheEntry) -> None:
        text = write_entry(key, entry)
        with suppress(StorageError):
            await self._link.run(lambda redis: redis.set(self._prefix + key, text, px=self._ttl_ms))

    async def delete(self, key: str, *, only: CacheEntry | None = None) -> None:
        name = self._prefix + key
        with suppress(StorageError):
            if only is None:
                await self._link.run(lambda redis: redis.delete(name))
            else:
                text = write_entry(key, only)
                await self._link.run(lambda redis: redis.eval(DELETE_IF_EQUAL, 1, name, text))

    async def clear(self) -> int:
        count = 0
        async for names in self._names():
            count += await self._link.run(partial(_unlink, names))
        return count

    async def stats(self) -> CacheStats:
        entries = size_bytes = 0
        async for names in self._names():
            sizes = await self._sizes(names)
            entries += len(sizes)
            size_bytes += sum(sizes)
        hits, saved = await self._link.run(
            lambda redis: redis.hmget(self._totals, ["hits", "saved_micro_usd"])
        )
        return CacheStats(
            backend="redis",
            location=self._link.location,
            entries=entries,
            size_bytes=size_bytes,
            hits=int(hits or 0),
            saved_usd=usd(int(saved or 0)),
        )

    async def aclose(self) -> None:
        """Nothing of its own is open."""

    async def _names(self) -> AsyncIterator[set[bytes]]:
        """Our entries' names, a batch at a time: each answer comes soon, however many there are."""
        pattern = re.sub(r"([\[\]*?\\])", r"\\\1", self._prefix) + "*"
        seen: set[bytes] = set()
        cursor = 0
        while True:
            cursor, names = await self._link.run(partial(_scan, cursor, pattern))
            fresh = set(names) - seen
            seen |= fresh
            if fresh:
                yield fresh
            if not cursor:
                return

    async def _sizes(self, names: set[bytes]) -> list[int]:
        lengths = await self._link.run(partial(_lengths, names))
        prefix = len(self._prefix)
        found = zip(names, lengths, strict=True)
        return [size_of(name.decode()[prefix:], "") + length for name, length in found if length]


async def _scan(cursor: int, pattern: str, redis: Redis) -> tuple[int, list[bytes]]:
    cursor, names = await redis.scan(cursor, match=pattern, count=BATCH)
    return cursor, [name for name in names if isinstance(name, bytes)]


async def _unlink(names: set[bytes], redis: Redis) -> int:
    return int(await redis.unlink(*names))


async def _lengths(names: set[bytes], redis: Redis) -> list[int]:
    pipeline = redis.pipeline(transaction=False)
    for name in names:
        pipeline.strlen(name)
    answers: list[int] = await pipeline.execute()
    return answers
