"""Answers that come together are read a few at a time, and a slow one holds up nobody."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from contextvars import Context

import pytest

from imagegen.arrivals import AT_ONCE, Arrivals, its_turn
from imagegen.errors import BadResponse
from imagegen.providers.base import Provider
from imagegen.service import open_service
from imagegen.settings_sources import load_settings
from imagegen.types import GenerateRequest, ProviderResult
from tests.cache_world import PATIENCE_SECONDS
from tests.fakes import compatible_calls, gemini_calls, openai_calls
from tests.fakes.compatible_server import running_server
from tests.fakes.gemini_server import running_gemini
from tests.fakes.openai_behaviours import Asked
from tests.fakes.openai_server import FakeOpenAI, running_openai

FOREVER = 1000.0
Call = tuple[Provider, GenerateRequest]


async def has_room(arrivals: Arrivals) -> bool:
    """Whether another call would have its turn at once."""
    with arrivals.one(), suppress(TimeoutError):
        async with asyncio.timeout(0):
            await its_turn()
        return True
    return False


def test_no_more_answers_come_in_at_once_than_may() -> None:
    inside = most = 0

    async def call(arrivals: Arrivals) -> None:
        nonlocal inside, most
        with arrivals.one():
            await its_turn()
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0)
            inside -= 1

    async def body() -> None:
        arrivals = Arrivals(at_once=3, patience_seconds=FOREVER, longest_wait_seconds=FOREVER)
        await asyncio.gather(*(call(arrivals) for _ in range(10)))

    asyncio.run(body())
    assert (inside, most) == (0, 3)


def test_a_call_that_takes_too_long_lets_the_next_in_and_gives_its_turn_back_once() -> None:
    async def body() -> None:
        arrivals, next_is_in = Arrivals(at_once=1, patience_seconds=0.01), asyncio.Event()

        async def slow() -> None:
            with arrivals.one():
                await its_turn()
                await next_is_in.wait()

        async def after() -> None:
            with arrivals.one():
                await its_turn()
                next_is_in.set()

        async with asyncio.timeout(PATIENCE_SECONDS):
            await asyncio.gather(slow(), after())
        with arrivals.one():
            await its_turn()
            assert not await has_room(arrivals)

    asyncio.run(body())


def test_who_has_waited_long_goes_on_without_a_turn_and_gives_none_back() -> None:
    async def body() -> None:
        arrivals = Arrivals(at_once=1, patience_seconds=FOREVER, longest_wait_seconds=0.01)
        with arrivals.one():
            await its_turn()
            async with asyncio.timeout(PATIENCE_SECONDS):
                with arrivals.one():
                    await its_turn()
            assert not await has_room(arrivals)

    asyncio.run(body())


def test_the_responses_of_one_call_share_its_turn() -> None:
    async def body() -> None:
        with Arrivals(at_once=1, patience_seconds=FOREVER, longest_wait_seconds=FOREVER).one():
            async with asyncio.timeout(PATIENCE_SECONDS):
                await asyncio.gather(*(its_turn() for _ in range(5)))

    asyncio.run(body())


def test_a_call_that_is_cancelled_while_it_waits_is_passed_over() -> None:
    async def body() -> None:
        arrivals = Arrivals(at_once=1, patience_seconds=FOREVER, longest_wait_seconds=FOREVER)
        with arrivals.one():
            await its_turn()
            assert not await has_room(arrivals)
        assert await has_room(arrivals)

    asyncio.run(body())


def test_outside_of_a_call_nobody_waits_and_no_turn_is_taken() -> None:
    async def body() -> None:
        arrivals = Arrivals(at_once=1, patience_seconds=FOREVER, longest_wait_seconds=FOREVER)
        with arrivals.one():
            await its_turn()
            outside = asyncio.create_task(its_turn(), context=Context())
            await asyncio.wait_for(outside, PATIENCE_SECONDS)
            assert not await has_room(arrivals)
        assert await has_room(arrivals)

    asyncio.run(body())


@contextmanager
def openai() -> Iterator[Call]:
    with running_openai() as fake:
        yield openai_calls.provider_at(fake), openai_calls.wish()


@contextmanager
def gemini() -> Iterator[Call]:
    with running_gemini() as fake:
        yield gemini_calls.provider_at(fake), gemini_calls.wish(n=2)


@contextmanager
def compatible() -> Iterator[Call]:
    with running_server() as fake:
        provider = compatible_calls.provider_at(fake)
        yield provider, compatible_calls.settled(provider, compatible_calls.wish())


@pytest.mark.parametrize("calling", [openai, gemini, compatible])
def test_an_answer_is_read_in_the_turn_that_lasts_until_it_is_saved(
    calling: Callable[[], AbstractContextManager[Call]],
) -> None:
    async def body(provider: Provider, request: GenerateRequest) -> None:
        arrivals = Arrivals(at_once=1, patience_seconds=FOREVER, longest_wait_seconds=FOREVER)
        with arrivals.one():
            assert await has_room(arrivals)
            assert (await provider.generate(request, on_progress=openai_calls.ignore)).images
            assert not await has_room(arrivals)
        assert await has_room(arrivals)
        await provider.aclose()

    with calling() as (provider, request):
        asyncio.run(body(provider, request))


def test_a_call_of_the_service_has_its_turn_while_its_images_are_saved(openai: FakeOpenAI) -> None:
    async def body() -> None:
        async with open_service(load_settings().settings) as service:
            arrivals = service.spending.caller.arrivals
            arrivals.patience_seconds = FOREVER
            for _ in range(AT_ONCE - 1):
                await arrivals.turns.acquire()
            service.on_saved(lambda _: all_taken.append(arrivals.turns.locked()))
            await service.generate(openai_calls.wish())
            assert await has_room(arrivals)

    all_taken: list[bool] = []
    asyncio.run(body())

    assert all_taken == [True]


def test_servers_that_stall_in_the_middle_of_an_answer_hold_up_nobody() -> None:
    stalling, go_on = threading.Barrier(AT_ONCE + 1, timeout=PATIENCE_SECONDS), threading.Event()

    def stall(asked: Asked) -> None:
        asked.exchange.start(200, {"content-type": "application/json", "content-length": "12"})
        asked.exchange.write(b'{"data"')
        stalling.wait()
        if asked.exchange.wait_for(go_on):
            asked.exchange.write(b": []}")

    async def body(provider: Provider) -> None:
        arrivals = Arrivals()

        async def call() -> ProviderResult:
            with arrivals.one():
                return await provider.generate(openai_calls.wish(), on_progress=openai_calls.ignore)

        slow = [asyncio.create_task(call()) for _ in range(AT_ONCE)]
        await asyncio.to_thread(stalling.wait)
        async with asyncio.timeout(PATIENCE_SECONDS):
            assert (await call()).images
        assert not any(task.done() for task in slow)
        go_on.set()
        ends = await asyncio.gather(*slow, return_exceptions=True)
        assert [type(end) for end in ends] == [BadResponse] * AT_ONCE
        await provider.aclose()

    with running_openai() as fake:
        fake.script(*[stall] * AT_ONCE)
        asyncio.run(body(openai_calls.provider_at(fake)))
