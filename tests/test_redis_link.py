"""A Redis server that is away, silent, locked or no server at all: no request fails or waits for it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from pydantic import SecretStr

from imagegen.cache import look_up
from imagegen.cache.redis import RedisCache
from imagegen.errors import ConfigurationError, StorageError
from imagegen.leases.redis import RedisLeases
from imagegen.redis_link import ANSWER_WITHIN_SECONDS, LONGEST_PAUSE_SECONDS, RedisLink
from imagegen.single_flight import SingleFlight
from tests.cache_world import Clock, always, black_hole, entry, running_valkey
from tests.redis_world import DAY, client_of, linked, opened

REPOSITORY = Path(__file__).parents[1]
PASSWORD = "s3cret&word"


def test_a_server_that_is_stopped_and_started_fails_no_request_and_is_told_of_once(tmp_path: Path) -> None:
    notes: list[str] = []
    clock = Clock()
    calls: list[int] = []

    async def body() -> None:
        with running_valkey(tmp_path / "first") as server:
            url, port = server.connection_url, server.port
            async with linked(url, notes=notes, clock=clock) as link:
                cache = RedisCache(link, ttl=DAY)
                flight = SingleFlight[str](RedisLeases(link))

                async def found() -> str | None:
                    hit = await look_up(cache, "k", exists=always)
                    return hit.task_id if hit else None

                async def work() -> str:
                    calls.append(len(calls))
                    await cache.put("k", entry(str(len(calls))))
                    return f"task_{len(calls)}"

                async def work_while_it_stops() -> str:
                    server.stop()
                    return await work()

                assert await flight.run("k", work, found) == "task_1"
                assert await flight.run("k", work, found) == "task_1"
                await cache.delete("k")
                assert await flight.run("k", work_while_it_stops, found) == "task_2"
                for expected in ("task_3", "task_4"):
                    assert await flight.run("k", work, found) == expected
                clock.now += LONGEST_PAUSE_SECONDS
                assert await flight.run("k", work, found) == "task_5"
                with running_valkey(tmp_path / "second", port=port):
                    clock.now += LONGEST_PAUSE_SECONDS
                    assert await flight.run("k", work, found) == "task_6"
                    assert await flight.run("k", work, found) == "task_6"

    asyncio.run(body())
    assert len(notes) == 1
    assert "Going on without it" in notes[0]


def test_a_server_that_restarted_between_two_requests_is_not_noticed(tmp_path: Path) -> None:
    async def body() -> None:
        with running_valkey(tmp_path / "first") as first:
            url, port = first.connection_url, first.port
            async with opened(url) as cache:
                await cache.put("k", entry())
                first.stop()
                with running_valkey(tmp_path / "second", port=port):
                    assert await cache.get("k") is None
                    await cache.put("k", entry())
                    assert await cache.get("k") == entry()

    asyncio.run(body())


def test_a_second_outage_is_told_of_again(tmp_path: Path) -> None:
    notes: list[str] = []
    clock = Clock()

    async def body() -> None:
        with running_valkey(tmp_path / "first") as first:
            url, port = first.connection_url, first.port
            async with opened(url, notes=notes, clock=clock) as cache:
                first.stop()
                await cache.get("k")
                with running_valkey(tmp_path / "second", port=port):
                    clock.now += LONGEST_PAUSE_SECONDS
                    await cache.put("k", entry())
                    assert await cache.get("k") == entry()
                await cache.get("k")

    asyncio.run(body())
    assert len(notes) == 2


def test_after_a_server_that_never_answers_nobody_asks_for_a_while_and_then_one_does() -> None:
    notes: list[str] = []
    clock = Clock()

    async def body() -> None:
        with black_hole() as hole:
            async with silent(f"redis://127.0.0.1:{hole.port}", notes, clock) as cache:
                await look_up_25_times(cache)
                assert hole.fallen_in() > 1
                await look_up_25_times(cache)
                assert hole.fallen_in() == 0
                clock.now += LONGEST_PAUSE_SECONDS
                await look_up_25_times(cache)
                assert hole.fallen_in() == 1
                await look_up_25_times(cache)
                assert hole.fallen_in() == 0

    asyncio.run(body())
    assert len(notes) == 1
    assert "no answer within" in notes[0]


def silent(url: str, notes: list[str], clock: Clock) -> AbstractAsyncContextManager[RedisCache]:
    """The cache of a server that never answers: as long as the product waits is waited."""
    return opened(url, notes=notes, clock=clock, answer_within_seconds=ANSWER_WITHIN_SECONDS)


async def look_up_25_times(cache: RedisCache) -> None:
    """At once; each within the time that the link gives a server, which is bounded here for all of them."""
    async with asyncio.timeout(10):
        found = await asyncio.gather(*(look_up(cache, "k", exists=always) for _ in range(25)))
    assert found == [None] * 25


def test_the_pause_between_attempts_grows_to_its_longest_and_is_short_again_after_a_success(
    tmp_path: Path,
) -> None:
    clock = Clock()
    notes: list[str] = []

    async def attempts_within(cache: RedisCache, seconds: int) -> list[int]:
        """In which seconds after a failure one caller a second reached for the server."""
        with pytest.raises(StorageError, match="cannot be used"):
            await cache.stats()
        attempts = []
        for second in range(1, seconds + 1):
            clock.now += 1
            with pytest.raises(StorageError) as caught:
                await cache.stats()
            if "is away" not in caught.value.message:
                attempts.append(second)
        return attempts

    async def body() -> None:
        with running_valkey(tmp_path / "first") as server:
            url, port = server.connection_url, server.port
        async with opened(url, notes=notes, clock=clock) as cache:
            assert await attempts_within(cache, 121) == [1, 3, 7, 15, 31, 61, 91, 121]
            with running_valkey(tmp_path / "second", port=port):
                clock.now += LONGEST_PAUSE_SECONDS
                await cache.stats()
            assert await attempts_within(cache, 3) == [1, 3]

    asyncio.run(body())


def test_asking_an_absent_server_for_its_state_is_an_error_that_names_it() -> None:
    async def body() -> None:
        with black_hole() as hole:
            url = f"redis://someone:{PASSWORD}@127.0.0.1:{hole.port}/3"
            async with silent(url, [], Clock()) as cache:
                with pytest.raises(StorageError, match=f"127.0.0.1:{hole.port}/3") as caught:
                    await cache.stats()
                assert PASSWORD not in str(caught.value)
                with pytest.raises(StorageError, match="away"):
                    await cache.clear()

    asyncio.run(body())


def test_a_password_opens_the_server_and_a_wrong_one_is_told_of_without_showing_it(tmp_path: Path) -> None:
    notes: list[str] = []

    async def body() -> None:
        with running_valkey(tmp_path) as server:
            async with client_of(server) as redis:
                await redis.config_set("requirepass", PASSWORD)
            right = f"redis://:{PASSWORD.replace('&', '%26')}@127.0.0.1:{server.port}"
            async with opened(right) as cache:
                await cache.put("k", entry())
                assert await cache.get("k") == entry()
            async with opened(right.replace("s3cret", "wrong"), notes=notes) as cache:
                assert await cache.get("k") is None
            async with opened(f"redis://127.0.0.1:{server.port}", notes=notes) as cache:
                assert await cache.get("k") is None

    asyncio.run(body())
    assert len(notes) == 2
    assert not any("word" in note.replace("password", "") for note in notes)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "127.0.0.1:6379",
        f"http://:{PASSWORD}@host:6379",
        f"redis://:{PASSWORD}/x@host:6379",
        f"redis://:{PASSWORD}@host:port",
        f"redis://:{PASSWORD}@host:6379/zero",
        f"redis://:{PASSWORD}@host:99999",
        f"redis://:{PASSWORD}@[host",
        f"redis://:{PASSWORD}@host?db=x",
        f"redis://:{PASSWORD}@host?nonsense=1",
        f"rediss://:{PASSWORD}@host?ssl_nonsense=1",
        f"redis://:{PASSWORD}@host?decode_responses=True",
        f"redis://:{PASSWORD}@",
        "unix://",
    ],
)
def test_an_address_that_is_none_is_refused_without_showing_it(url: str) -> None:
    notes: list[str] = []
    with pytest.raises(ConfigurationError, match="CACHE__REDIS_URL") as caught:
        RedisLink(SecretStr(url), note=notes.append)
    assert PASSWORD not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_without_the_package_the_line_that_installs_it_is_given() -> None:
    script = """
import sys
sys.modules["redis"] = None
from pydantic import SecretStr
from imagegen.errors import ConfigurationError
from imagegen.redis_link import RedisLink
try:
    RedisLink(SecretStr("redis://localhost"), note=print)
except ConfigurationError as exc:
    sys.exit(str(exc))
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, text=True)
    assert 'pip install "imagegen[redis]"' in done.stderr
    assert "Traceback" not in done.stderr
