from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from mcp.shared.subscriptions import PromptsListChanged, ResourcesListChanged, ResourceUpdated

from tests.mcp_world import World, connected

WAIT_SECONDS = 20
handshake_only = pytest.mark.filterwarnings("ignore::mcp.shared.exceptions.MCPDeprecationWarning")
TEMPLATE = 'name = "my-own"\ntitle = "Mine"\ntext = "A boat."\n'


@handshake_only
def test_a_handshake_client_hears_of_new_images_and_templates(home: Path) -> None:
    heard: list[str] = []
    complete = asyncio.Event()
    expected = {
        "notifications/resources/list_changed",
        "notifications/resources/updated",
        "notifications/prompts/list_changed",
    }

    async def hear(message: Any) -> None:
        heard.append(str(getattr(message, "method", "")))
        if expected <= set(heard):
            complete.set()

    async def work() -> Any:
        async with connected("legacy", message_handler=hear) as world:
            await world.client.subscribe_resource("storage-stats://overview")
            await world.call("generate_image", prompt="a red fox", model="local", size="512x512")
            _write_template(home)
            await asyncio.wait_for(complete.wait(), WAIT_SECONDS)
            return world.client.server_capabilities

    capabilities = asyncio.run(work())

    assert capabilities.resources.list_changed
    assert capabilities.resources.subscribe
    assert capabilities.prompts.list_changed


@handshake_only
def test_a_resource_that_nobody_subscribed_to_is_not_told_of() -> None:
    heard: list[str] = []
    told = asyncio.Event()

    async def hear(message: Any) -> None:
        heard.append(str(getattr(message, "method", "")))
        told.set()

    async def work() -> None:
        async with connected("legacy", message_handler=hear) as world:
            await world.client.subscribe_resource("storage-stats://overview")
            await world.client.unsubscribe_resource("storage-stats://overview")
            await world.server.notices.images_changed()
            await asyncio.wait_for(told.wait(), WAIT_SECONDS)
            await world.client.send_ping()

    asyncio.run(work())

    assert heard == ["notifications/resources/list_changed"]


def test_a_stateless_client_hears_what_it_listens_to(home: Path) -> None:
    async def work() -> list[Any]:
        wanted: dict[str, Any] = {
            "resources_list_changed": True,
            "prompts_list_changed": True,
            "resource_subscriptions": ["image-history://recent"],
        }
        async with connected() as world, world.client.listen(**wanted) as events:
            await world.call("generate_image", prompt="a red fox", model="local", size="512x512")
            _write_template(home)
            return await asyncio.wait_for(_first(events, 3), WAIT_SECONDS)

    events = asyncio.run(work())

    assert {type(event) for event in events} == {ResourcesListChanged, ResourceUpdated, PromptsListChanged}


async def _first(events: Any, count: int) -> list[Any]:
    found = []
    async for event in events:
        found.append(event)
        if len(found) == count:
            break
    return found


def _write_template(home: Path) -> None:
    folder = home / "config" / "templates"
    folder.mkdir(parents=True)
    (folder / "my-own.toml").write_text(TEMPLATE, "utf-8")


def test_a_cached_answer_is_no_news() -> None:
    async def work(world: World) -> int:
        heard: list[Any] = []
        world.tasks.on_saved(heard.append)
        for _ in range(3):
            await world.call("generate_image", prompt="a red fox", model="local", size="512x512", seed=1)
        return len(heard)

    async def run() -> int:
        async with connected() as world:
            return await work(world)

    assert asyncio.run(run()) == 1
