"""What a cache keeps, and the door that every backend comes through.

The value of an entry is a few hundred bytes of JSON: ids and facts. Image bytes live in the store only.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Protocol

from imagegen.fingerprint import canonical_json

FORMAT = 1
# What keeping an entry takes beside its text: index rows on disk, objects and links in memory.
ENTRY_OVERHEAD_BYTES = 256
MICRO_DOLLARS = 1_000_000

Note = Callable[[str], None]
Exists = Callable[[tuple[str, ...]], Awaitable[bool]]


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheEntry:
    """What one paid call produced: the ids of its images and the facts of its result.

    `created_at` is aware UTC, `cost_usd` what the call cost (a hit saves it; None: nobody knows),
    `facts` are JSON values.
    """

    image_ids: tuple[str, ...]
    task_id: str
    created_at: datetime
    cost_usd: Decimal | None
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheStats:
    """How full a cache is, and what it has saved since it was made; `location` names no password."""

    backend: str
    location: str
    entries: int
    size_bytes: int
    hits: int
    saved_usd: Decimal


class Cache(Protocol):
    """Fingerprints → entries, with an age limit. Usable from one event loop.

    `get`, `note_hit`, `put` and `delete` raise nothing: a cache that cannot be used is an empty one, and says
    so once. `clear` and `stats` raise StorageError then.
    """

    async def get(self, key: str) -> CacheEntry | None:
        """The entry, unless it is too old. Neither counts as a hit nor as a use: see `note_hit`."""

    async def note_hit(self, key: str, entry: CacheEntry) -> None:
        """Count that `entry` has answered a request; it becomes the last one to be evicted."""

    async def put(self, key: str, entry: CacheEntry) -> None:
        """Keep an entry, in place of an older one, and evict the least recently used beyond the size."""

    async def delete(self, key: str, *, only: CacheEntry | None = None) -> None:
        """Forget a key; with `only`, not if another entry has come in its place."""

    async def clear(self) -> int:
        """Forget every entry of ours; how many those were. What the cache has saved is not forgotten."""

    async def stats(self) -> CacheStats:
        """Entries, their size, hits, and what these saved."""

    async def aclose(self) -> None:
        """Release connections and threads."""


async def look_up(cache: Cache, key: str, *, exists: Exists) -> CacheEntry | None:
    """The entry of `key` whose images all exist, counted as a hit; one whose images are gone is deleted."""
    entry = await cache.get(key)
    if entry is None:
        return None
    if not await exists(entry.image_ids):
        await cache.delete(key, only=entry)
        return None
    await cache.note_hit(key, entry)
    return entry


def write_entry(key: str, entry: CacheEntry) -> str:
    """The entry as canonical JSON; the key within it shows that it belongs there."""
    return canonical_json(
        {
            "format": FORMAT,
            "key": key,
            "image_ids": entry.image_ids,
            "task_id": entry.task_id,
            "created_at": entry.created_at.astimezone(UTC).isoformat(),
            "cost_usd": None if entry.cost_usd is None else str(entry.cost_usd),
            "facts": entry.facts,
        }
    )


def read_entry(key: str, text: str | bytes) -> CacheEntry | None:
    """The entry that `write_entry` wrote for this key; None for anything else."""
    try:
        document = json.loads(text)
        if (document["format"], document["key"]) != (FORMAT, key):
            return None
        cost = document["cost_usd"]
        return CacheEntry(
            image_ids=tuple(document["image_ids"]),
            task_id=document["task_id"],
            created_at=datetime.fromisoformat(document["created_at"]),
            cost_usd=None if cost is None else Decimal(cost),
            facts=document["facts"],
        )
    except (ValueError, KeyError, TypeError, ArithmeticError):
        return None


def size_of(key: str, text: str) -> int:
    """Bytes that an entry counts for."""
    return len(key) + len(text) + ENTRY_OVERHEAD_BYTES


def micro_usd(cost: Decimal | None) -> int:
    """A cost in whole micro-dollars; what nobody knows saves nothing."""
    return 0 if cost is None else round(cost * MICRO_DOLLARS)


def usd(micro: int) -> Decimal:
    """Micro-dollars in dollars, exactly."""
    return Decimal(micro).scaleb(-6)
