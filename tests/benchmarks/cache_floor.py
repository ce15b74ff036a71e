"""What a cache hit costs, and what keeping equal requests apart adds to a call that nobody else makes.

Run it alone from the project's folder: `python -m tests.benchmarks.cache_floor`.
"""

from __future__ import annotations

import asyncio
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, closing
from datetime import timedelta
from pathlib import Path

from pydantic import SecretStr

from imagegen.cache import Cache, look_up
from imagegen.cache.disk import DiskCache
from imagegen.cache.memory import MemoryCache
from imagegen.cache.redis import RedisCache
from imagegen.leases import Leases, NoLeases
from imagegen.leases.disk import DiskLeases
from imagegen.leases.redis import RedisLeases
from imagegen.leases.rows import RowLeases
from imagegen.redis_link import RedisLink
from imagegen.single_flight import SingleFlight
from tests.cache_world import always, entry, running_valkey

RUNS = 500
ENTRIES = 2000
DAY = timedelta(days=1)
SIZE = 500_000_000
HIT_MS = {"memory": 1.0, "disk": 3.0, "redis": 3.0}
FLIGHT_MS = 1.0


def lines() -> Iterator[str]:
    """One line a measurement."""
    with tempfile.TemporaryDirectory() as folder, running_valkey(Path(folder) / "valkey") as valkey:
        yield from asyncio.run(_measure(Path(folder), valkey.connection_url))


async def _measure(folder: Path, url: str) -> list[str]:
    async with _linked(url) as link:
        caches: dict[str, Cache] = {
            "memory": MemoryCache(ttl=DAY, max_size_bytes=SIZE),
            "disk": DiskCache(folder / "cache", ttl=DAY, max_size_bytes=SIZE, note=_fail),
            "redis": RedisCache(link, ttl=DAY),
        }
        leases: dict[str, Leases] = {
            "in one process": NoLeases(),
            "with lock files": DiskLeases(folder / "cache", note=_fail),
            "with rows on disk": RowLeases(folder / "rows", note=_fail),
            "with redis": RedisLeases(link),
        }
        found = [await _hit(name, cache) for name, cache in caches.items()]
        found += [f"{'  of which a bare SELECT on disk':<52}{_select_ms(folder / 'cache'):>9.3f} ms"]
        found += [f"{'  of which a bare GET to redis':<52}{await _get_ms(link):>9.3f} ms"]
        found += [await _flight(name, kind) for name, kind in leases.items()]
        for cache in caches.values():
            await cache.aclose()
        return found


async def _hit(name: str, cache: Cache) -> str:
    for number in range(ENTRIES):
        await cache.put(f"v1:sha256:{number:064x}", entry(str(number)))
    key = f"v1:sha256:{7:064x}"

    async def hit() -> None:
        assert await look_up(cache, key, exists=always)

    return _line(f"cache hit, {name}, {ENTRIES} entries", await _median_ms(hit), HIT_MS[name])


async def _flight(name: str, leases: Leases) -> str:
    flight = SingleFlight[str](leases)

    async def work() -> str:
        return "image"

    async def found() -> str | None:
        return None

    milliseconds = await _median_ms(lambda: flight.run("v1:sha256:one", work, found))
    await flight.aclose()
    return _line(f"single flight of a call alone, {name}", milliseconds, FLIGHT_MS)


def _select_ms(folder: Path) -> float:
    (path,) = folder.glob("cache-*.sqlite3")
    with closing(sqlite3.connect(path)) as floor:
        select = "SELECT document FROM entries WHERE key = ?"
        return statistics.median(
            _timed(lambda: floor.execute(select, (f"v1:sha256:{7:064x}",)).fetchone()) for _ in range(RUNS)
        )


async def _get_ms(link: RedisLink) -> float:
    return await _median_ms(lambda: link.run(lambda redis: redis.get("nothing")))


def _timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1000


async def _median_ms(work: Callable[[], Awaitable[object]]) -> float:
    await work()
    times = []
    for _ in range(RUNS):
        started = time.perf_counter()
        await work()
        times.append((time.perf_counter() - started) * 1000)
    return statistics.median(times)


@asynccontextmanager
async def _linked(url: str) -> AsyncIterator[RedisLink]:
    link = RedisLink(SecretStr(url), note=_fail)
    try:
        yield link
    finally:
        await link.aclose()


def _line(name: str, milliseconds: float, promised_ms: float) -> str:
    verdict = "ok" if milliseconds <= promised_ms else "MISSED"
    return f"{name:<52}{milliseconds:>9.3f} ms  (promised {promised_ms:g} ms)  {verdict}"


def _fail(note: str) -> None:
    raise AssertionError(note)


if __name__ == "__main__":
    measured = list(lines())
    print("\n".join(measured))  # noqa: T201 - a report
    sys.exit(any(line.endswith("MISSED") for line in measured))
