"""The MCP server over a service: `build_server()`."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

from mcp.server import CacheHint, MCPServer
from mcp.server.lowlevel.helper_types import ReadResourceContents
from mcp.server.mcpserver import Context
from mcp.shared.exceptions import MCPError
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

from imagegen import __version__, paths
from imagegen.errors import ImagegenError
from imagegen.mcp import prompts, resources
from imagegen.mcp.access import InputAccess, http_access, stdio_access
from imagegen.mcp.arguments import check_arguments
from imagegen.mcp.clients import load_profiles
from imagegen.mcp.completions import complete
from imagegen.mcp.errors import error_result, protocol_error, text_result, unexpected_result
from imagegen.mcp.links import Links
from imagegen.mcp.notices import Notices
from imagegen.mcp.parts import Call, Parts, RequestContext
from imagegen.mcp.pictures import Pictures
from imagegen.mcp.tasks_extension import TasksExtension
from imagegen.mcp.tools import build_tools
from imagegen.mcp.watch import Eyes, Watch
from imagegen.service import ImageService, base_folder
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
log = logging.getLogger(__name__)


class ImageServer(MCPServer[dict[str, Any]]):
    """Tools, resources and prompts; every error of ours is translated here, once."""

    def __init__(self, parts: Parts, notices: Notices, watch: Watch) -> None:
        self.parts = parts
        self.notices = notices
        self.watch = watch
        tools = build_tools()
        self._specs = {tool.name: tool for tool in tools}
        super().__init__(
            parts.settings.name,
            title="Image generation",
            instructions=INSTRUCTIONS,
            version=__version__,
            extensions=[TasksExtension(parts, tools)],
            cache_hints={"tools/list": CacheHint(60_000, "private")},
            subscriptions=notices.bus,
            middleware=[watch.answer],
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

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context[Any, Any] | None = None
    ) -> CallToolResult:
        """Check the arguments and run the tool; whatever goes wrong becomes a tool error."""
        spec = self._specs.get(name)
        if spec is None:
            return text_result(f"There is no tool {name[:80]}. There are {', '.join(self._specs)}.")
        if context is None:
            raise ValueError("a tool answers a request of a client")
        try:
            checked = check_arguments(spec.arguments, arguments)
            return await spec.run(Call(self.parts, context.request_context), checked)
        except ImagegenError as error:
            log.info("%s: %s", name, error.message)
            return error_result(error)
        except MCPError:
            raise
        except Exception:  # noqa: BLE001 - the one wrapper: a bug is logged, and the client learns nothing of it
            return unexpected_result(name)

    async def read_resource(
        self,
        uri: AnyUrl | str,
        context: Context[Any, Any] | None = None,  # noqa: ARG002 - the base class's signature
    ) -> Iterable[ReadResourceContents]:
        """The content behind a URI, with its true MIME type."""
        try:
            return [await resources.read(self.parts.service, str(uri))]
        except ImagegenError as error:
            raise protocol_error(error, str(uri)) from error

    async def list_resource_templates(self) -> list[ResourceTemplate]:
        """The resources with a name to fill in."""
        return list(resources.TEMPLATES)

    async def _on_list_tools(self, context: RequestContext, _: PaginatedRequestParams) -> ListToolsResult:
        listed = [tool.describe() for tool in self._specs.values()]
        if not self.parts.is_structured(context):
            listed = [tool.model_copy(update={"output_schema": None}) for tool in listed]
        return ListToolsResult(tools=listed)

    async def _on_list_resources(
        self, context: RequestContext, params: PaginatedRequestParams
    ) -> ListResourcesResult:
        try:
            return await resources.list_page(self.parts, context, params)
        except ImagegenError as error:
            raise protocol_error(error) from error

    async def _on_list_prompts(self, _: RequestContext, __: PaginatedRequestParams) -> ListPromptsResult:
        return ListPromptsResult(prompts=prompts.list_prompts(self.parts.library()))

    async def _on_get_prompt(self, _: RequestContext, params: GetPromptRequestParams) -> GetPromptResult:
        try:
            return prompts.get_prompt(self.parts.library(), params.name, params.arguments or {})
        except ImagegenError as error:
            raise protocol_error(error) from error

    async def _on_complete(self, _: RequestContext, params: CompleteRequestParams) -> CompleteResult:
        return CompleteResult(completion=await complete(self.parts, params.ref, params.argument))


@asynccontextmanager
async def build_server(
    service: ImageService, tasks: Tasks, *, is_http: bool, watch_seconds: float = 2
) -> AsyncIterator[ImageServer]:
    """The server over a service and its tasks, which outlive it.

    Over HTTP no local path is read and images get addresses of the server. What other processes do to the
    images and the user to the templates is noticed within `watch_seconds`. Configure logging before: the
    SDK does it otherwise.
    """
    if not logging.getLogger().handlers:
        logging.getLogger().addHandler(logging.NullHandler())
    library = prompts.LivingLibrary(service.settings.prompt_templates)
    parts = Parts(
        service=service,
        tasks=tasks,
        access=_access(service, is_http=is_http),
        links=Links(is_http, service.settings.images.base_host),
        profiles=load_profiles(paths.config_folder()),
        pictures=Pictures(service),
        library=library,
    )
    notices = Notices()
    watch = Watch(notices, Eyes(service, library), seconds=watch_seconds)
    tasks.on_saved(lambda _: watch.images_changed())
    watching = asyncio.create_task(watch.run())
    try:
        yield ImageServer(parts, notices, watch)
    finally:
        watching.cancel()
        parts.pictures.close()


def _access(service: ImageService, *, is_http: bool) -> InputAccess:
    return http_access(service) if is_http else stdio_access(service, base_folder(service.settings))
