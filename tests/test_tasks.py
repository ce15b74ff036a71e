from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TypeVar

import pytest

from imagegen.errors import ContentPolicyError, NotFound, UsageError
from imagegen.ledger import TaskState
from imagegen.service import ImageService, open_service
from imagegen.settings_sources import load_settings
from imagegen.tasks import RunningTask, Tasks, open_tasks
from imagegen.types import GenerateRequest, HistoryQuery
from tests.fakes.openai_behaviours import error, held
from tests.fakes.openai_server import FakeOpenAI

T = TypeVar("T")
WISH = GenerateRequest(prompt="a red fox", model="gpt-image-2.5-flare", size="1024x1024", quality="low")


@asynccontextmanager
async def opened() -> AsyncIterator[tuple[ImageService, Tasks]]:
    async with open_service(load_settings().settings) as service, open_tasks(service) as tasks:
        yield service, tasks


def with_tasks(work: Callable[[ImageService, Tasks], Awaitable[T]]) -> T:
    async def run() -> T:
        async with opened() as (service, tasks):
            return await work(service, tasks)

    return asyncio.run(run())


async def unheard(_: RunningTask) -> None:
    return


async def arrived(openai: FakeOpenAI) -> None:
    assert await asyncio.to_thread(openai.arrived.wait, 20)


def test_a_result_that_comes_in_time_is_returned(openai: FakeOpenAI) -> None:
    async def work(service: ImageService, tasks: Tasks) -> None:
        task = await tasks.start(service.plan(WISH))
        result = await tasks.wait(task, seconds=30, every_seconds=5, on_news=unheard)
        assert result is not None
        assert result.task_id == task.task_id == result.images[0].task_id
        assert (await tasks.report(task.task_id)).state is TaskState.DONE

    with_tasks(work)


def test_a_wait_that_is_cancelled_leaves_the_task_running_and_its_image_in_the_history(
    openai: FakeOpenAI,
) -> None:
    gate = threading.Event()
    openai.script(held(gate))

    async def work(service: ImageService, tasks: Tasks) -> None:
        task = await tasks.start(service.plan(WISH))
        waiting = asyncio.create_task(tasks.wait(task, seconds=30, every_seconds=5, on_news=unheard))
        await arrived(openai)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert (await tasks.report(task.task_id)).state is TaskState.RUNNING
        gate.set()
        await tasks.drain()
        assert [record.prompt for record in (await service.list_images(HistoryQuery())).images] == [
            "a red fox"
        ]

    with_tasks(work)


def test_twenty_equal_requests_make_one_call(openai: FakeOpenAI) -> None:
    gate = threading.Event()
    openai.script(held(gate))

    async def work(service: ImageService, tasks: Tasks) -> None:
        started = [await tasks.start(service.plan(WISH)) for _ in range(20)]
        await arrived(openai)
        gate.set()
        waits = (tasks.wait(task, seconds=30, every_seconds=5, on_news=unheard) for task in started)
        results = await asyncio.gather(*waits)
        assert len({result.images[0].image_id for result in results if result}) == 1

    with_tasks(work)
    assert len(openai.requests) == 1


def test_progress_is_told_again_and_again_while_the_provider_works(openai: FakeOpenAI) -> None:
    gate = threading.Event()
    openai.script(held(gate))
    heard: list[str] = []

    async def hear(task: RunningTask) -> None:
        heard.append(task.stage)
        if len(heard) == 5:
            gate.set()

    async def work(service: ImageService, tasks: Tasks) -> None:
        task = await tasks.start(service.plan(WISH))
        assert await tasks.wait(task, seconds=30, every_seconds=0.01, on_news=hear)

    with_tasks(work)
    assert len(heard) >= 5
    assert "sending" in heard


def test_a_second_process_of_the_same_store_knows_a_task_by_its_id(openai: FakeOpenAI) -> None:
    async def make(service: ImageService, tasks: Tasks) -> str:
        task = await tasks.start(service.plan(WISH))
        await tasks.drain()
        return task.task_id

    task_id = with_tasks(make)

    async def look(_: ImageService, tasks: Tasks) -> None:
        report = await tasks.report(task_id)
        assert report.state is TaskState.DONE
        assert report.result is not None
        assert report.result.images[0].prompt == "a red fox"
        assert report.result.cost_info.cost_usd is not None

    with_tasks(look)


def test_a_failure_is_raised_to_who_waits_and_kept_for_who_asks_later(openai: FakeOpenAI) -> None:
    openai.script(error(400, "moderation_blocked", "no", kind="image_generation_user_error"))

    async def work(service: ImageService, tasks: Tasks) -> str:
        task = await tasks.start(service.plan(WISH))
        with pytest.raises(ContentPolicyError):
            await tasks.wait(task, seconds=30, every_seconds=5, on_news=unheard)
        return task.task_id

    task_id = with_tasks(work)

    async def look(_: ImageService, tasks: Tasks) -> None:
        report = await tasks.report(task_id)
        assert report.state is TaskState.FAILED
        assert report.error is not None
        assert report.error["code"] == "content_policy"

    with_tasks(look)


def test_when_the_process_ends_an_unanswered_call_is_stopped_and_written_down(openai: FakeOpenAI) -> None:
    gate = threading.Event()
    openai.script(held(gate))

    async def work(service: ImageService, tasks: Tasks) -> str:
        task = await tasks.start(service.plan(WISH), durable=True)
        await arrived(openai)
        await tasks.aclose(grace_seconds=0)
        return task.task_id

    task_id = with_tasks(work)
    gate.set()

    async def look(_: ImageService, tasks: Tasks) -> None:
        report = await tasks.report(task_id)
        assert report.state is TaskState.CANCELLED
        assert report.error is not None
        assert report.error["may_be_billed"]
        assert report.spend is not None
        assert report.spend.uncertain_usd > 0

    with_tasks(look)


def test_when_the_process_ends_a_call_that_is_answered_in_its_grace_is_saved(openai: FakeOpenAI) -> None:
    gate = threading.Event()
    openai.script(held(gate))

    async def work(service: ImageService, tasks: Tasks) -> None:
        await tasks.start(service.plan(WISH))
        await arrived(openai)
        closing = asyncio.create_task(tasks.aclose(grace_seconds=20))
        gate.set()
        await closing
        assert (await service.stats()).images == 1

    with_tasks(work)


def test_an_unknown_task_and_a_malformed_id_are_told_apart() -> None:
    async def work(service: ImageService, tasks: Tasks) -> None:
        with pytest.raises(NotFound):
            await tasks.report("task_00000000-0000-4000-8000-000000000000")
        with pytest.raises(UsageError):
            await tasks.report("task_1")

    with_tasks(work)


def test_the_ends_of_many_tasks_are_all_written_down(openai: FakeOpenAI) -> None:
    async def work(service: ImageService, tasks: Tasks) -> None:
        wishes = [replace(WISH, prompt=f"fox {number}") for number in range(30)]
        started = [await tasks.start(service.plan(wish), durable=True) for wish in wishes]
        await tasks.drain()
        ledger = service.spending.ledger
        for task in started:
            kept = await asyncio.to_thread(ledger.tasks.get, task.task_id)
            assert (kept.state, kept.image_ids) == (TaskState.DONE, task.image_ids)

    with_tasks(work)


def test_who_waits_for_a_call_to_be_sent_is_not_kept_beyond_that(openai: FakeOpenAI) -> None:
    gate = threading.Event()
    openai.script(held(gate))

    async def work(service: ImageService, tasks: Tasks) -> None:
        task = await tasks.start(service.plan(WISH))
        await asyncio.wait_for(tasks.under_way(task, seconds=60), 30)
        assert not task.work.done()
        await asyncio.wait_for(tasks.under_way(task, seconds=60), 30)  # it is on its way already
        gate.set()
        await task.work
        await asyncio.wait_for(tasks.under_way(task, seconds=60), 30)

    with_tasks(work)


def test_a_task_whose_id_is_given_out_says_how_far_it_was(openai: FakeOpenAI) -> None:
    gate = threading.Event()
    openai.script(held(gate))

    async def work(service: ImageService, tasks: Tasks) -> None:
        task = await tasks.start(service.plan(WISH))
        await tasks.under_way(task, seconds=60)
        assert await tasks.wait(task, seconds=0, every_seconds=5, on_news=unheard) is None
        kept = await asyncio.to_thread(service.spending.ledger.tasks.get, task.task_id)
        assert kept.state is TaskState.RUNNING
        assert kept.progress == {"stage": "sending", "partial_images": 0}
        gate.set()

    with_tasks(work)
