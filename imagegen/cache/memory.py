"""The cache of one process: quick, and gone with it."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from imagegen.cache.base import CacheEntry, CacheStats, micro_usd, read_entry, size_of, usd, write_entry


@dataclass(frozen=True, slots=True)
class _Kept:
    text: str
    size_bytes: int
    expires_at: float


class MemoryCache:
    """A Cache in memory. `clock` gives seconds and never goes back."""

    def __init__(
        self, *, ttl: timedelta, max_size_bytes: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._ttl_seconds = ttl.total_seconds()
        self._max_size_bytes = max_size_bytes
        self._clock = clock
        self._by_use: OrderedDict[str, _Kept] = OrderedDict()
        self._by_age: dict[str, float] = {}  # all live equally long, so the oldest expire first
        self._size_bytes = 0
        self._hits = 0
        self._saved_micro_usd = 0

    async def get(self, key: str) -> CacheEntry | None:
        self._expire()
        kept = self._by_use.get(key)
        return read_entry(key, kept.text) if kept else None

    async def note_hit(self, key: str, entry: CacheEntry) -> None:
        self._hits += 1
        self._saved_micro_usd += micro_usd(entry.cost_usd)
        if key in self._by_use:
            self._by_use.move_to_end(key)

    async def put(self, key: str, entry: CacheEntry) -> None:
        self._expire()
        self._drop(key)
        text = write_entry(key, entry)
        kept = _Kept(text, size_of(key, text), self._clock() + self._ttl_seconds)
        if kept.size_bytes > self._max_size_bytes:
            return
        while self._size_bytes + kept.size_bytes > self._max_size_bytes:
            self._drop(next(iter(self._by_use)))
        self._by_use[key] = kept
        self._by_age[key] = kept.expires_at
        self._size_bytes += kept.size_bytes

    async def delete(self, key: str, *, only: CacheEntry | None = None) -> None:
        kept = self._by_use.get(key)
        if kept and only is not None and kept.text != write_entry(key, only):
            return
        self._drop(key)

    async def clear(self) -> int:
        self._expire()
        count = len(self._by_use)
        for key in list(self._by_use):
            self._drop(key)
        return count

    async def stats(self) -> CacheStats:
        self._expire()
        return CacheStats(
            backend="memory",
            location="this process",
            entries=len(self._by_use),
            size_bytes=self._size_bytes,
            hits=self._hits,
            saved_usd=usd(self._saved_micro_usd),
        )

    async def aclose(self) -> None:
        """Nothing is open."""

    def _expire(self) -> None:
        now = self._clock()
        while self._by_age:
            key, expires_at = next(iter(self._by_age.items()))
            if expires_at > now:
                return
            self._drop(key)

    def _drop(self, key: str) -> None:
        kept = self._by_use.pop(key, None)
        if kept:
            del self._by_age[key]
            self._size_bytes -= kept.size_bytes
