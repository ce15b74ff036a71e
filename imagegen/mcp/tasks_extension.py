"""The tasks extension (SEP-2663): a client that declares it gets a task at once and polls for its result.

Cancelling is cooperative there. A call that may be paid for is not stopped: its image reaches the history.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.extension import Extension, MethodBinding
from mcp.server.mcpserver.server import require_client_extension
from mcp.shared.exceptions import MCPError
from mcp.shared.inbound import MCP_NAME_HEADER, decode_header_value
from mcp_types import HEADER_MISMATCH, CallToolRequestParams, RequestParams
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import Field
from starlette.requests import Request

from imagegen.mcp.opening import Opening
from imagegen.mcp.requests import RequestContext

if TYPE_CHECKING:
    from imagegen.mcp.desk import Desk

IDENTIFIER = "io.modelcontextprotocol/tasks"


class TaskParams(RequestParams):
    """Of `tasks/get` and `tasks/cancel`."""

    task_id: str


class UpdateParams(TaskParams):
    """Of `tasks/update`; no task here asks for input, so whatever is answered is ignored."""

    input_responses: dict[str, Any] = Field(default_factory=dict)


class TasksExtension(Extension):
    """Serves protocol tasks for the tools whose calls may take long."""

    identifier = IDENTIFIER

    def __init__(self, desk: Opening[Desk]) -> None:
        self._desk = desk

    def methods(self) -> Sequence[MethodBinding]:
        """The three methods, for clients of the stateless era."""
        modern = frozenset(MODERN_PROTOCOL_VERSIONS)
        return (
            MethodBinding("tasks/get", TaskParams, self._get, modern),
            MethodBinding("tasks/cancel", TaskParams, self._acknowledge, modern),
            MethodBinding("tasks/update", UpdateParams, self._acknowledge, modern),
        )

    async def intercept_tool_call(
        self, params: CallToolRequestParams, ctx: ServerRequestContext[Any, Any], call_next: CallNext
    ) -> HandlerResult:
        """Begin the call and answer with its task, where the client can handle one."""
        if not _declared(ctx):
            return await call_next(ctx)
        answer: HandlerResult = await (await self._desk()).protocol_tasks.begin(ctx, params)
        return await call_next(ctx) if answer is None else answer

    async def _get(self, ctx: RequestContext, params: TaskParams) -> HandlerResult:
        _check_request(ctx, params)
        return await (await self._desk()).protocol_tasks.get(ctx, params.task_id)

    async def _acknowledge(self, ctx: RequestContext, params: TaskParams) -> HandlerResult:
        _check_request(ctx, params)
        await (await self._desk()).protocol_tasks.known(params.task_id)
        return {"resultType": "complete"}


def _check_request(ctx: RequestContext, params: TaskParams) -> None:
    """The client has declared the extension; over HTTP the header has the task's id too.

    The SDK compares that header for its own methods only.
    """
    require_client_extension(ctx, IDENTIFIER)
    if not isinstance(ctx.request, Request):
        return
    if decode_header_value(ctx.request.headers.get(MCP_NAME_HEADER)) != params.task_id:
        raise MCPError(
            HEADER_MISMATCH, f"{MCP_NAME_HEADER} header does not match the request body's 'taskId'"
        )


def _declared(ctx: RequestContext) -> bool:
    capabilities = ctx.session.client_capabilities
    declared = capabilities.extensions if capabilities else None
    return ctx.protocol_version in MODERN_PROTOCOL_VERSIONS and IDENTIFIER in (declared or {})
