"""Where a client's requests are answered, once the service is open; `server` stands before it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from mcp.server.lowlevel.helper_types import ReadResourceContents
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
)

from imagegen import paths
from imagegen.errors import ImagegenError
from imagegen.folders import base_folder
from imagegen.mcp import prompts, resources
from imagegen.mcp.access import InputAccess, http_access, stdio_access
from imagegen.mcp.arguments import check_arguments
from imagegen.mcp.clients import load_profiles
from imagegen.mcp.completions import complete
from imagegen.mcp.errors import error_result, protocol_error, text_result, unexpected_result
from imagegen.mcp.links import Links
from imagegen.mcp.notices import Notices
from imagegen.mcp.parts import Call, Parts
from imagegen.mcp.pictures import Pictures
from imagegen.mcp.protocol_tasks import ProtocolTasks
from imagegen.mcp.requests import RequestContext
from imagegen.mcp.tools import build_tools
from imagegen.mcp.watch import Eyes, Watch
from imagegen.service import ImageService
from imagegen.tasks import Tasks

WATCH_SECONDS = 2.0
log = logging.getLogger(__name__)


class Desk:
    """Answers with tools, resources and prompts; every error of ours is translated here, once."""

    def __init__(self, parts: Parts, watch: Watch) -> None:
        self.parts = parts
        self.watch = watch
        self._tools = {tool.name: tool for tool in build_tools()}
        self.protocol_tasks = ProtocolTasks(parts, self._tools)

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: RequestContext
    ) -> CallToolResult:
        """Check the arguments and run the tool; whatever goes wrong becomes a tool error."""
        tool = self._tools.get(name)
        if tool is None:
            return text_result(f"There is no tool {name[:80]}. There are {', '.join(self._tools)}.")
        try:
            checked = check_arguments(tool.arguments, arguments)
            return await tool.run(Call(self.parts, context), checked)
        except ImagegenError as error:
            log.info("%s: %s", name, error.message)
            return error_result(error)
        except MCPError:
            raise
        except Exception:  # noqa: BLE001 - the one wrapper: a bug is logged, and the client learns nothing of it
            return unexpected_result(name)

    async def read_resource(self, uri: str) -> list[ReadResourceContents]:
        """The content behind a URI, with its true MIME type."""
        try:
            return [await resources.read(self.parts.service, uri)]
        except ImagegenError as error:
            raise protocol_error(error, uri) from error

    def list_resource_templates(self) -> list[ResourceTemplate]:
        """The resources with a name to fill in."""
        return list(resources.TEMPLATES)

    async def list_tools(self, context: RequestContext) -> ListToolsResult:
        """The tools, with their output schemas for clients that can make use of them."""
        listed = [tool.describe() for tool in self._tools.values()]
        if not self.parts.is_structured(context):
            listed = [tool.model_copy(update={"output_schema": None}) for tool in listed]
        return ListToolsResult(tools=listed)

    async def list_resources(
        self, context: RequestContext, params: PaginatedRequestParams
    ) -> ListResourcesResult:
        """A page of resources."""
        try:
            return await resources.list_page(self.parts, context, params)
        except ImagegenError as error:
            raise protocol_error(error) from error

    async def list_prompts(self) -> ListPromptsResult:
        """The templates."""
        return ListPromptsResult(prompts=prompts.list_prompts(self.parts.library()))

    async def get_prompt(self, params: GetPromptRequestParams) -> GetPromptResult:
        """A template's text."""
        try:
            return prompts.get_prompt(self.parts.library(), params.name, params.arguments or {})
        except ImagegenError as error:
            raise protocol_error(error) from error

    async def complete(self, params: CompleteRequestParams) -> CompleteResult:
        """What a value may become."""
        return CompleteResult(completion=await complete(self.parts, params.ref, params.argument))


@asynccontextmanager
async def open_desk(
    service: ImageService,
    tasks: Tasks,
    notices: Notices,
    *,
    is_http: bool,
    watch_seconds: float = WATCH_SECONDS,
) -> AsyncIterator[Desk]:
    """The desk over a service and its tasks, which outlive it; `notices` hears of what changes.

    Over HTTP no local path is read and images get addresses of the server. What other processes do to the
    images and the user to the templates is noticed within `watch_seconds`.
    """
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
    watch = Watch(notices, Eyes(service, library), seconds=watch_seconds)
    tasks.on_saved(lambda _: watch.images_changed())
    service.on_saved(parts.pictures.saved)
    watching = asyncio.create_task(watch.run())
    try:
        yield Desk(parts, watch)
    finally:
        watching.cancel()
        parts.pictures.close()


def _access(service: ImageService, *, is_http: bool) -> InputAccess:
    return http_access(service) if is_http else stdio_access(service, base_folder(service.settings))
