"""The MCP server: what it says of itself, and the way from a client's message to the desk that answers.

Nothing here imports the service, so that the greeting waits for the SDK alone.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from mcp.server import CacheHint, MCPServer
from mcp.server.context import CallNext, HandlerResult
from mcp.server.lowlevel.helper_types import ReadResourceContents
from mcp.server.mcpserver import Context
from mcp_types import (
    CallToolResult,
    CompleteRequestParams,
    CompleteResult,
    GetPromptRequestParams,
    GetPromptResult,
    ListPromptsResult,
    ListResourcesResult,
    ListToolsResult,
    PaginatedRequestParams,
    ResourceTemplate,
    SubscribeRequestParams,
    UnsubscribeRequestParams,
)
from pydantic import AnyUrl

from imagegen import __version__
from imagegen.errors import ImagegenError
from imagegen.mcp.notices import Notices
from imagegen.mcp.opening import Opening
from imagegen.mcp.requests import RequestContext
from imagegen.mcp.tasks_extension import TasksExtension

if TYPE_CHECKING:
    from imagegen.mcp.desk import Desk
    from imagegen.service import ImageService
    from imagegen.tasks import Tasks

INSTRUCTIONS = """\
Makes and edits images, keeps every one with its prompt and cost, and finds them again.

- generate_image makes images; only prompt is needed, and leaving the rest out is usually best. edit_image
  changes one: name it by path, URL, image_id, or last for the newest. Attachments of the chat do not reach
  this server.
- A call can take a minute or more and may cost money. If the answer has state "running", call get_task with
  its task_id until it is done. Do not start again: a task goes on when nobody waits, and its image is kept.
- An answer has a small preview, the absolute path or URL of the full image, its cost, and notes on what was
  changed or left out. Tell the user the path or URL and the cost. The full bytes are in the resource
  generated-images://{image_id}.
- A value that a model cannot honour is refused with those that it can: change that argument and call again.
  Only style, moderation and output_compression are left out instead, with a note.
- list_available_models says which models can be used now. The model local/composer needs no key and costs
  nothing; it draws simple vector pictures and is no AI model, so say so when you use it.
- list_images searches what was made before. Look there when a call was cut off, before you pay again.
- The prompts are templates for common pictures; generate_image takes them too, with template and
  template_arguments.
"""
GREETINGS = frozenset({"initialize", "server/discover", "ping"})


class ImageServer(MCPServer[dict[str, Any]]):
    """Takes every message to the desk; the first one beyond a greeting has it opened."""

    def __init__(self, name: str, desk: Opening[Desk], notices: Notices) -> None:
        # The SDK sets up logging of its own where nobody has.
        if not logging.getLogger().handlers:
            logging.getLogger().addHandler(logging.NullHandler())
        self.desk = desk
        self.notices = notices
        super().__init__(
            name,
            title="Image generation",
            instructions=INSTRUCTIONS,
            version=__version__,
            extensions=[TasksExtension(desk)],
            cache_hints={"tools/list": CacheHint(60_000, "private")},
            subscriptions=notices.bus,
            middleware=[self._receive],
        )
        self._register()

    def _register(self) -> None:
        """What the SDK has no decorator for: answers that depend on the client, pages, subscriptions."""
        add: Callable[..., None] = self._lowlevel_server.add_request_handler
        add("tools/list", PaginatedRequestParams, self._on_list_tools)
        add("resources/list", PaginatedRequestParams, self._on_list_resources)
        add("prompts/list", PaginatedRequestParams, self._on_list_prompts)
        add("prompts/get", GetPromptRequestParams, self._on_get_prompt)
        add("completion/complete", CompleteRequestParams, self._on_complete)
        add("resources/subscribe", SubscribeRequestParams, self.notices.subscribe)
        add("resources/unsubscribe", UnsubscribeRequestParams, self.notices.unsubscribe)

    async def _open_desk(self) -> Desk:
        try:
            return await self.desk()
        except ImagegenError as error:
            from imagegen.mcp.errors import protocol_error

            raise protocol_error(error) from error

    async def _receive(self, ctx: RequestContext, call_next: CallNext) -> HandlerResult:
        """Middleware: what comes after the greeting needs the desk, some of it a look at what there is."""
        if ctx.method not in GREETINGS:
            self.desk.begin()
        if self.notices.are_wanted_from_here(ctx.method):
            await (await self._open_desk()).watch.begin()
        return await self.notices.welcome(ctx, call_next)

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context[Any, Any] | None = None
    ) -> CallToolResult:
        """The tool's answer; whatever goes wrong is a tool error."""
        if context is None:
            raise ValueError("a tool answers a request of a client")
        return await (await self._open_desk()).call_tool(name, arguments, context.request_context)

    async def read_resource(
        self,
        uri: AnyUrl | str,
        context: Context[Any, Any] | None = None,  # noqa: ARG002 - the base class's signature
    ) -> Iterable[ReadResourceContents]:
        """The content behind a URI, with its true MIME type."""
        return await (await self._open_desk()).read_resource(str(uri))

    async def list_resource_templates(self) -> list[ResourceTemplate]:
        """The resources with a name to fill in."""
        return (await self._open_desk()).list_resource_templates()

    async def _on_list_tools(self, context: RequestContext, _: PaginatedRequestParams) -> ListToolsResult:
        return await (await self._open_desk()).list_tools(context)

    async def _on_list_resources(
        self, context: RequestContext, params: PaginatedRequestParams
    ) -> ListResourcesResult:
        return await (await self._open_desk()).list_resources(context, params)

    async def _on_list_prompts(self, _: RequestContext, __: PaginatedRequestParams) -> ListPromptsResult:
        return await (await self._open_desk()).list_prompts()

    async def _on_get_prompt(self, _: RequestContext, params: GetPromptRequestParams) -> GetPromptResult:
        return await (await self._open_desk()).get_prompt(params)

    async def _on_complete(self, _: RequestContext, params: CompleteRequestParams) -> CompleteResult:
        return await (await self._open_desk()).complete(params)


@asynccontextmanager
async def build_server(
    service: ImageService, tasks: Tasks, *, is_http: bool, watch_seconds: float = 2
) -> AsyncIterator[ImageServer]:
    """The server over a service that is open already, and its tasks; both outlive it. See `open_desk`."""
    from imagegen.mcp.desk import open_desk

    notices = Notices()
    desk = Opening(lambda: open_desk(service, tasks, notices, is_http=is_http, watch_seconds=watch_seconds))
    try:
        await desk()
        yield ImageServer(service.settings.server.name, desk, notices)
    finally:
        await desk.aclose()
