"""The cache and the leases that the settings name, opened together because they share a place."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from imagegen.cache import Cache
from imagegen.errors import ConfigurationError
from imagegen.leases import Leases, NoLeases
from imagegen.settings import CacheSettings

if TYPE_CHECKING:
    from imagegen.redis_link import RedisLink

Note = Callable[[str], None]
BYTES_PER_MB = 1_000_000


@dataclass(frozen=True, slots=True)
class CacheBackend:
    """Where answers are remembered, and who may call for one that is not there."""

    cache: Cache
    leases: Leases
    link: RedisLink | None = None


@asynccontextmanager
async def open_cache_backend(settings: CacheSettings, base: Path, note: Note) -> AsyncIterator[CacheBackend]:
    """Open CACHE__BACKEND. Single flight closes the leases, this closes the rest."""
    async with AsyncExitStack() as stack:
        if settings.backend == "redis":
            link = _redis_link(settings, note)
            stack.push_async_callback(link.aclose)
            backend = _in_redis(settings, link)
        else:
            backend = _in_memory(settings) if settings.backend == "memory" else _on_disk(settings, base, note)
        stack.push_async_callback(backend.cache.aclose)
        yield backend


def _in_memory(settings: CacheSettings) -> CacheBackend:
    from imagegen.cache.memory import MemoryCache

    return CacheBackend(MemoryCache(ttl=_ttl(settings), max_size_bytes=_max_bytes(settings)), NoLeases())


def _on_disk(settings: CacheSettings, base: Path, note: Note) -> CacheBackend:
    from imagegen.cache.disk import DiskCache
    from imagegen.leases.disk import DiskLeases

    folder = base / "cache"
    cache = DiskCache(folder, ttl=_ttl(settings), max_size_bytes=_max_bytes(settings), note=note)
    return CacheBackend(cache, DiskLeases(folder, note=note))


def _in_redis(settings: CacheSettings, link: RedisLink) -> CacheBackend:
    from imagegen.cache.redis import RedisCache
    from imagegen.leases.redis import RedisLeases

    return CacheBackend(
        RedisCache(link, ttl=_ttl(settings), namespace=settings.namespace),
        RedisLeases(link, namespace=settings.namespace),
        link,
    )


def _redis_link(settings: CacheSettings, note: Note) -> RedisLink:
    from imagegen.redis_link import RedisLink

    if settings.redis_url is None:
        raise ConfigurationError(
            "CACHE__BACKEND is redis, but CACHE__REDIS_URL is not set.",
            hint="Set it to redis://HOST:6379/0, or use CACHE__BACKEND=disk.",
        )
    return RedisLink(settings.redis_url, note=note)


def _ttl(settings: CacheSettings) -> timedelta:
    return timedelta(hours=settings.ttl_hours)


def _max_bytes(settings: CacheSettings) -> int:
    return int(settings.max_size_mb * BYTES_PER_MB)
