"""An MCP client in the same process as the server, both real, with nothing between them but memory."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError
from mcp_types import CallToolResult, ImageContent, Implementation, ResourceLink, TextContent

from imagegen.mcp.server import ImageServer, build_server
from imagegen.service import ImageService, open_service
from imagegen.settings_sources import load_settings
from imagegen.tasks import Tasks, open_tasks

T = TypeVar("T")
MODEL = "gpt-image-2.5-flare"
WISH = {"prompt": "a red fox", "model": MODEL, "size": "1024x1024", "quality": "low"}
ERAS = ("auto", "legacy")


@dataclass(frozen=True, slots=True)
class World:
    """Both ends of a connection."""

    client: Client
    server: ImageServer
    service: ImageService
    tasks: Tasks

    async def call(self, tool: str, **arguments: Any) -> Answer:
        return Answer(await self.client.call_tool(tool, arguments))


@dataclass(frozen=True, slots=True)
class Answer:
    """A tool's result, taken apart."""

    raw: CallToolResult

    @property
    def texts(self) -> list[str]:
        return [part.text for part in self.raw.content if isinstance(part, TextContent)]

    @property
    def text(self) -> str:
        return self.texts[0]

    @property
    def json(self) -> dict[str, Any]:
        """The JSON among the texts."""
        document: dict[str, Any] = json.loads(self.texts[-1])
        return document

    @property
    def pictures(self) -> list[ImageContent]:
        return [part for part in self.raw.content if isinstance(part, ImageContent)]

    @property
    def links(self) -> list[ResourceLink]:
        return [part for part in self.raw.content if isinstance(part, ResourceLink)]


@asynccontextmanager
async def serving(*, is_http: bool = False) -> AsyncIterator[tuple[ImageServer, ImageService, Tasks]]:
    """A server that clients can connect to and leave."""
    async with (
        open_service(load_settings().settings) as service,
        open_tasks(service) as tasks,
        build_server(service, tasks, is_http=is_http, watch_seconds=0.02) as server,
    ):
        yield server, service, tasks


@asynccontextmanager
async def connected(
    mode: str = ERAS[0], *, name: str = "a-test", is_http: bool = False, **more: Any
) -> AsyncIterator[World]:
    """A client called `name`, connected in an era; `more` goes to the client."""
    async with (
        serving(is_http=is_http) as (server, service, tasks),
        Client(server, mode=mode, client_info=Implementation(name=name, version="1"), **more) as client,
    ):
        yield World(client, server, service, tasks)


def with_client(work: Callable[[World], Awaitable[T]], mode: str = ERAS[0], **more: Any) -> T:
    """Do the work in a world of its own."""

    async def run() -> T:
        async with connected(mode, **more) as world:
            return await work(world)

    return asyncio.run(run())


def refusal(work: Callable[[World], Awaitable[object]], mode: str = ERAS[0]) -> MCPError:
    """The protocol error that the work ends with, caught before the connection closes."""

    async def catch(world: World) -> MCPError:
        with pytest.raises(MCPError) as caught:
            await work(world)
        return caught.value

    return with_client(catch, mode)
