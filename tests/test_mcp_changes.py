"""What other processes do to the images and templates, as clients of either era hear of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from mcp.client.stdio import stdio_client

from imagegen.mcp.notices import Notices
from imagegen.mcp.watch import Sight, Watch
from tests.command import Ran, run_process
from tests.mcp_ear import HISTORY, IMAGES, LIST, PROMPTS, STATS, WAIT_SECONDS, Ear, listening_client
from tests.mcp_world import ERAS, connected
from tests.mcp_world import serving as serving_here
from tests.serve_world import listening, parameters

TEMPLATE = 'name = "my-own"\ntitle = "Mine"\ntext = "A boat."\n'
TRANSPORTS = ("stdio", "http")


def served(transport: str, era: str, work: Callable[[Ear], Awaitable[None]]) -> None:
    """Do the work with a client of a server that is a process of its own."""

    async def run(where: Any) -> None:
        async with listening_client(where, era) as ear:
            await work(ear)

    if transport == "stdio":
        asyncio.run(run(stdio_client(parameters())))
        return
    with listening() as (_, address):
        asyncio.run(run(address))


async def shell(*arguments: str) -> Ran:
    """A command in a process beside the server."""
    ran = await asyncio.to_thread(run_process, *arguments)
    assert ran.code == 0, ran.err
    return ran


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("era", ERAS)
def test_a_client_hears_what_a_shell_does_to_images_and_templates(
    home: Path, era: str, transport: str
) -> None:
    async def work(ear: Ear) -> None:
        await shell("generate", "a red fox", "-m", "local", "-s", "512x512")
        await ear.hears(IMAGES)
        listed = await ear.client.list_resources()
        assert any(str(resource.uri).startswith("generated-images://") for resource in listed.resources)
        await shell("history", "delete", "last", "--yes")
        await ear.hears(IMAGES)
        templates = home / "config" / "templates"
        templates.mkdir(parents=True)
        (templates / "my-own.toml").write_text(TEMPLATE, "utf-8")
        await ear.hears({PROMPTS})
        assert "my-own" in [prompt.name for prompt in (await ear.client.list_prompts()).prompts]
        (templates / "my-own.toml").unlink()
        await ear.hears({PROMPTS})
        assert "my-own" not in [prompt.name for prompt in (await ear.client.list_prompts()).prompts]

    served(transport, era, work)


@pytest.mark.parametrize("era", ERAS)
def test_a_client_hears_of_the_images_of_another_server(era: str) -> None:
    async def work() -> None:
        async with (
            listening_client(stdio_client(parameters()), era) as ear,
            Client(stdio_client(parameters())) as other,
        ):
            await other.call_tool("generate_image", {"prompt": "a fox", "model": "local", "size": "512x512"})
            await ear.hears(IMAGES)

    asyncio.run(work())


@pytest.mark.parametrize("era", ERAS)
def test_a_clean_up_by_cron_is_told_also_when_it_found_nothing(era: str) -> None:
    async def work() -> list[str]:
        await shell("generate", "a red fox", "-m", "local", "-s", "512x512")
        async with serving_here() as (server, _, _), listening_client(server, era) as ear:
            await shell("cleanup", "--quiet")
            heard = await ear.hears({STATS})
            await shell("cleanup", "--older-than", "0d")
            await ear.hears(IMAGES)
            return heard

    assert asyncio.run(work()) == [STATS]


@pytest.mark.parametrize("era", ERAS)
def test_an_image_of_this_server_is_told_once(era: str) -> None:
    async def work() -> list[str]:
        await shell("generate", "the first of all, which creates the index", "-m", "local", "-s", "512x512")
        async with serving_here() as (server, _, _), listening_client(server, era) as ear:
            wish = {"prompt": "a fox", "model": "local", "size": "512x512"}
            await ear.client.call_tool("generate_image", wish)
            heard = await ear.hears(IMAGES)
            await shell("prompts", "new", "my-own")
            return heard + await ear.hears({PROMPTS})

    assert sorted(asyncio.run(work())) == sorted([LIST, HISTORY, STATS, PROMPTS])


def test_nothing_is_looked_at_while_nobody_can_hear() -> None:
    looks: list[Sight] = []
    looked = asyncio.Event()

    async def look() -> Sight:
        looks.append(Sight(None, None, None))
        looked.set()
        return looks[-1]

    async def turns(count: int) -> int:
        """Let the event loop go round, which is when a watch without pauses looks."""
        for _ in range(count):
            await asyncio.sleep(0)
        return len(looks)

    async def work() -> tuple[int, int, int, int]:
        notices = Notices()
        watching = asyncio.create_task(Watch(notices, look, seconds=0).run())
        alone = await turns(100)
        leave = notices.audience.join(object())
        with_somebody = await turns(100)
        leave()
        left = await turns(20)
        alone_again = await turns(100)
        looked.clear()
        notices.audience.join(object())
        await asyncio.wait_for(looked.wait(), WAIT_SECONDS)
        watching.cancel()
        return alone, with_somebody, left, alone_again

    alone, with_somebody, left, alone_again = asyncio.run(work())

    assert alone == 0
    assert with_somebody > 3
    assert left == alone_again


def looks_during_two_bursts(breath_seconds: float) -> tuple[int, int]:
    """How often a watch has looked after fifty images of its own process, and after as many more."""
    looks = 0

    async def look() -> Sight:
        nonlocal looks
        looks += 1
        return Sight(None, None, None)

    async def burst(watch: Watch) -> int:
        for _ in range(50):
            watch.images_changed()
        for _ in range(50):
            await asyncio.sleep(0)
        return looks

    async def work() -> tuple[int, int]:
        notices = Notices()
        notices.audience.join(object())
        watch = Watch(notices, look, seconds=3600, breath_seconds=breath_seconds)
        watching = asyncio.create_task(watch.run())
        counts = await burst(watch), await burst(watch)
        watching.cancel()
        return counts

    return asyncio.run(work())


def test_images_of_this_server_that_come_within_a_breath_are_one_news() -> None:
    assert looks_during_two_bursts(breath_seconds=3600) == (2, 2)  # the first look tells nothing


def test_after_a_breath_the_next_images_are_news_again() -> None:
    assert looks_during_two_bursts(breath_seconds=0) == (2, 3)


@pytest.mark.parametrize("era", ERAS)
def test_a_client_that_has_left_is_no_audience_any_more(era: str) -> None:
    async def work() -> None:
        async with serving_here() as (server, _, _):
            async with listening_client(server, era):
                assert server.notices.audience
            assert not server.notices.audience

    asyncio.run(work())


def test_a_stateless_client_that_does_not_listen_is_no_audience() -> None:
    async def work() -> bool:
        async with connected() as world:
            await world.client.list_resources()
            return bool(world.server.notices.audience)

    assert not asyncio.run(work())
