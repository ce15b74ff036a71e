from __future__ import annotations

import asyncio
import logging
import threading
from itertools import pairwise
from typing import Any

import pytest
from mcp import Client

from tests.fakes.openai_behaviours import error, held
from tests.fakes.openai_server import FakeOpenAI
from tests.mcp_world import ERAS, WISH, World, serving, with_client

UNKNOWN_TASK = "task_00000000-0000-4000-8000-000000000000"


@pytest.fixture
def gate(openai: FakeOpenAI) -> threading.Event:
    """The next call is answered when this is set."""
    event = threading.Event()
    openai.script(held(event))
    return event


async def arrived(openai: FakeOpenAI) -> None:
    assert await asyncio.to_thread(openai.arrived.wait, 20)


@pytest.mark.parametrize("era", ERAS)
def test_a_call_that_takes_too_long_gives_its_task_id_and_get_task_the_image(
    openai: FakeOpenAI, gate: threading.Event, era: str
) -> None:
    async def work(world: World) -> None:
        first = await world.call("generate_image", **WISH, wait_seconds=0)
        assert first.json["state"] == "running"
        assert "get_task" in first.text
        assert first.json["task_id"] in first.text
        still = await world.call("get_task", task_id=first.json["task_id"], wait_seconds=0)
        assert still.json["state"] == "running"
        gate.set()
        done = await world.call("get_task", task_id=first.json["task_id"])
        assert done.json["state"] == "done"
        assert done.json["task_id"] == first.json["task_id"]
        again = await world.call("get_task", task_id=first.json["task_id"])
        assert again.json["image_id"] == done.json["image_id"]

    with_client(work, era)
    assert len(openai.requests) == 1


@pytest.mark.parametrize("era", ERAS)
def test_progress_reaches_the_client_while_the_provider_works(
    openai: FakeOpenAI, gate: threading.Event, era: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SERVER__PROGRESS_SECONDS", "0.02")
    heard: list[tuple[float, str | None]] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        heard.append((progress, message))
        if len(heard) == 4:
            gate.set()

    async def work(world: World) -> Any:
        return await world.client.call_tool("generate_image", WISH, progress_callback=hear)

    assert not with_client(work, era).is_error
    assert [done for done, _ in heard] == sorted(done for done, _ in heard)
    assert "gpt-image-2.5-flare is at work" in str(heard[0][1])


@pytest.mark.parametrize("era", ERAS)
def test_every_progress_report_is_beyond_the_one_before(
    openai: FakeOpenAI, gate: threading.Event, era: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SERVER__PROGRESS_SECONDS", "0.0001")
    heard: list[float] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        heard.append(progress)
        if len(heard) == 30:
            gate.set()

    async def work(world: World) -> Any:
        return await world.client.call_tool("generate_image", WISH, progress_callback=hear)

    assert not with_client(work, era).is_error
    assert all(before < after for before, after in pairwise(heard))


@pytest.mark.parametrize("era", ERAS)
def test_a_call_that_the_client_cancels_is_found_in_the_history_afterwards(
    openai: FakeOpenAI, gate: threading.Event, era: str
) -> None:
    async def work(world: World) -> list[str]:
        calling = asyncio.create_task(world.call("generate_image", **WISH))
        await arrived(openai)
        calling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await calling
        gate.set()
        await world.tasks.drain()
        found = await world.call("list_images", query="fox")
        return [row["prompt"] for row in found.json["images"]]

    assert with_client(work, era) == ["a red fox"]


@pytest.mark.parametrize("era", ERAS)
def test_a_client_that_disconnects_loses_nothing(openai: FakeOpenAI, gate: threading.Event, era: str) -> None:
    async def work() -> int:
        async with serving() as (server, service, tasks):
            async with Client(server, mode=era) as client:
                await client.call_tool("generate_image", {**WISH, "wait_seconds": 0})
                await arrived(openai)
            gate.set()
            await tasks.drain()
            return (await service.stats()).images

    assert asyncio.run(work()) == 1


@pytest.mark.parametrize("era", ERAS)
def test_twenty_equal_calls_make_one_upstream_request(
    openai: FakeOpenAI, gate: threading.Event, era: str
) -> None:
    async def work(world: World) -> list[str]:
        calls = [asyncio.create_task(world.call("generate_image", **WISH)) for _ in range(20)]
        await arrived(openai)
        gate.set()
        return [answer.json["image_id"] for answer in await asyncio.gather(*calls)]

    ids = with_client(work, era)

    assert len(set(ids)) == 1
    assert len(ids) == 20
    assert len(openai.requests) == 1


def test_a_failure_after_the_wait_is_told_by_get_task(openai: FakeOpenAI) -> None:
    gate = threading.Event()
    openai.script(held(gate, error(400, "moderation_blocked", "no", kind="image_generation_user_error")))

    async def work(world: World) -> Any:
        first = await world.call("generate_image", **WISH, wait_seconds=0)
        gate.set()
        return await world.call("get_task", task_id=first.json["task_id"])

    answer = with_client(work)

    assert answer.raw.is_error
    assert "refused" in answer.text


def test_a_task_that_does_not_exist_is_a_tool_error() -> None:
    async def work(world: World) -> list[Any]:
        return [
            await world.call("get_task", task_id=UNKNOWN_TASK),
            await world.call("get_task", task_id="my-task"),
        ]

    unknown, malformed = with_client(work)

    assert "There is no task" in unknown.text
    assert "no task id" in malformed.text
    assert unknown.raw.is_error
    assert malformed.raw.is_error


def test_what_is_unexpected_tells_the_client_a_reference_and_the_log_everything(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def work(world: World) -> Any:
        (await world.server.desk()).parts.pictures.close()  # its threads are gone, which nobody expects
        return await world.call("generate_image", prompt="a red fox", size="512x512")

    with caplog.at_level(logging.ERROR):
        answer = with_client(work)

    assert answer.raw.is_error
    assert "RuntimeError" not in answer.text
    assert "list_images" in answer.text
    reference = answer.text.partition("reference ")[2][:12]
    (record,) = [record for record in caplog.records if reference in record.getMessage()]
    assert record.exc_info is not None
