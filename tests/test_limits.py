"""Rates and concurrency: who passes, who waits in which order, and who is refused."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from imagegen.errors import RateLimited
from imagegen.limits import ProviderGate, RateLimit
from imagegen.redis_link import RedisLink
from tests.cache_world import PATIENCE_SECONDS, running_valkey
from tests.ledger_world import refused_note

SECOND = 1  # a window that a test can wait for
A_STALL = 5  # seconds for which a busy machine may stand still


def a_second(per_window: int, link: RedisLink | None = None) -> RateLimit:
    return RateLimit(per_window, kind="client", setting="SERVER__RATE_LIMIT_RPM", link=link, seconds=SECOND)


async def passes(waiting: Coroutine[Any, Any, None]) -> bool:
    try:
        await waiting
    except RateLimited:
        return False
    return True


def test_so_many_pass_in_a_minute_and_the_next_is_told_how_long_to_wait() -> None:
    async def main() -> None:
        limit = RateLimit(3, kind="client", setting="SERVER__RATE_LIMIT_RPM")
        for _ in range(3):
            await limit.acquire("claude")
        with pytest.raises(RateLimited) as refused:
            await limit.acquire("claude", patience_seconds=30)
        error = refused.value
        assert error.message == "Too many requests: 3 in 60 seconds are allowed for client claude."
        assert error.hint == "Try again in 60 s, or raise SERVER__RATE_LIMIT_RPM."
        assert 59 < error.details["retry_after_seconds"] <= 60

    asyncio.run(main())


def test_one_client_does_not_use_up_what_another_may() -> None:
    async def main() -> None:
        limit = RateLimit(1, kind="client", setting="SERVER__RATE_LIMIT_RPM")
        await limit.acquire("claude")
        await limit.acquire("cursor")
        assert not await passes(limit.acquire("claude"))

    asyncio.run(main())


def test_a_patient_caller_passes_as_soon_as_there_is_room_and_not_before() -> None:
    async def main() -> None:
        limit = a_second(2)
        started = time.monotonic()
        for _ in range(2):
            await limit.acquire("claude")
        await limit.acquire("claude", patience_seconds=5)
        assert SECOND <= time.monotonic() - started < SECOND + A_STALL

    asyncio.run(main())


def test_those_who_wait_pass_in_the_order_in_which_they_came() -> None:
    async def main() -> None:
        limit = a_second(2)
        order: list[int] = []

        async def wait(number: int) -> None:
            await limit.acquire("claude", patience_seconds=10)
            order.append(number)

        await asyncio.gather(*(wait(number) for number in range(4)))
        assert order == [0, 1, 2, 3]

    asyncio.run(main())


def test_nobody_overtakes_a_queue_and_the_impatient_leave_it_without_harm() -> None:
    async def main() -> None:
        limit = a_second(1)
        await limit.acquire("claude")
        first = asyncio.create_task(passes(limit.acquire("claude", patience_seconds=10)))
        second = asyncio.create_task(passes(limit.acquire("claude", patience_seconds=1.3)))
        third = asyncio.create_task(passes(limit.acquire("claude", patience_seconds=10)))
        started = time.monotonic()
        assert not await passes(limit.acquire("claude", patience_seconds=0))
        assert list(await asyncio.gather(first, second, third)) == [True, False, True]
        assert 2 * SECOND <= time.monotonic() - started < 2 * SECOND + A_STALL

    asyncio.run(main())


def test_a_cancelled_caller_leaves_its_place_to_the_next() -> None:
    async def main() -> None:
        limit = a_second(1)
        await limit.acquire("claude")
        first = asyncio.create_task(limit.acquire("claude", patience_seconds=10))
        second = asyncio.create_task(passes(limit.acquire("claude", patience_seconds=10)))
        await asyncio.sleep(0)
        first.cancel()
        assert await second

    asyncio.run(main())


def test_a_window_on_redis_is_shared_and_one_in_memory_takes_over_while_it_is_away(tmp_path: Path) -> None:
    async def main() -> None:
        notes: list[str] = []
        with running_valkey(tmp_path) as server:
            address = SecretStr(server.connection_url)
            links = [
                RedisLink(address, note=note, answer_within_seconds=PATIENCE_SECONDS)
                for note in (notes.append, refused_note)
            ]
            here, there = (
                RateLimit(2, kind="client", setting="SERVER__RATE_LIMIT_RPM", link=link) for link in links
            )
            await here.acquire("claude")
            await there.acquire("claude")
            with pytest.raises(RateLimited) as refused:
                await here.acquire("claude", patience_seconds=5)
            assert 55 < refused.value.details["retry_after_seconds"] <= 60
            await links[1].aclose()
        for _ in range(2):
            await here.acquire("claude")
        assert not await passes(here.acquire("claude"))
        assert len(notes) == 1
        await links[0].aclose()

    asyncio.run(main())


def test_a_patient_caller_waits_for_room_on_redis_too(tmp_path: Path) -> None:
    async def main() -> None:
        with running_valkey(tmp_path) as server:
            address = SecretStr(server.connection_url)
            link = RedisLink(address, note=refused_note, answer_within_seconds=PATIENCE_SECONDS)
            limit = a_second(1, link)
            started = time.monotonic()
            await limit.acquire("claude")
            await limit.acquire("claude", patience_seconds=5)
            assert SECOND <= time.monotonic() - started < SECOND + A_STALL
            await link.aclose()

    asyncio.run(main())


def test_a_provider_gets_no_more_calls_at_once_than_it_may_and_all_are_made() -> None:
    async def main() -> None:
        gate = ProviderGate("openai", max_concurrent=3)
        running, most, order = 0, 0, []

        async def call(number: int) -> None:
            nonlocal running, most
            async with gate.slot(patience_seconds=10):
                order.append(number)
                running += 1
                most = max(most, running)
                await asyncio.sleep(0)
                running -= 1

        await asyncio.gather(*(call(number) for number in range(20)))
        assert most == 3
        assert order == list(range(20))

    asyncio.run(main())


def test_without_patience_a_full_gate_refuses_at_once_and_a_failed_call_frees_its_place() -> None:
    async def main() -> None:
        gate = ProviderGate("openai", max_concurrent=1)
        with pytest.raises(ZeroDivisionError):
            async with gate.slot():
                with pytest.raises(RateLimited, match=r"raise PROVIDERS__OPENAI__MAX_CONCURRENT"):
                    async with gate.slot():
                        raise AssertionError("it passed")
                raise ZeroDivisionError
        async with gate.slot():
            pass

    asyncio.run(main())


def test_a_providers_rate_is_kept_and_a_refused_call_frees_its_place() -> None:
    async def main() -> None:
        gate = ProviderGate("gemini", rpm=2, max_concurrent=1)
        for _ in range(2):
            async with gate.slot():
                pass
        for _ in range(2):
            with pytest.raises(RateLimited, match=r"for provider gemini.*raise PROVIDERS__GEMINI__RPM"):
                async with gate.slot(patience_seconds=1):
                    raise AssertionError("it passed")

    asyncio.run(main())


def test_an_open_gate_lets_everything_pass() -> None:
    async def main() -> None:
        gate = ProviderGate("local")
        async with gate.slot(), gate.slot():
            pass

    asyncio.run(main())
