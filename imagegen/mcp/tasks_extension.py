"""The tasks extension (SEP-2663): a client that declares it gets a task at once and polls for its result.

Cancelling is cooperative there. A call that may be paid for is not stopped: its image reaches the history.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.extension import Extension, MethodBinding
from mcp.server.mcpserver.server import require_client_extension
from mcp.shared.exceptions import MCPError
from mcp.shared.inbound import MCP_NAME_HEADER, decode_header_value
from mcp_types import (
    HEADER_MISMATCH,
    INTERNAL_ERROR,
    CallToolRequestParams,
    CallToolResult,
    RequestParams,
)
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import Field
from starlette.requests import Request

from imagegen.errors import ImagegenError
from imagegen.ledger import TaskState
from imagegen.mcp.arguments import check_arguments
from imagegen.mcp.documents import rfc3339
from imagegen.mcp.errors import error_result, protocol_error
from imagegen.mcp.parts import Call, Parts, RequestContext
from imagegen.mcp.results import report_result, why_no_image
from imagegen.mcp.tools import ToolSpec
from imagegen.tasks_report import TaskReport
from imagegen.types import JSONObject

IDENTIFIER = "io.modelcontextprotocol/tasks"
POLL_MS = 2_000


class TaskParams(RequestParams):
    """Of `tasks/get` and `tasks/cancel`."""

    task_id: str


class UpdateParams(TaskParams):
    """Of `tasks/update`; no task here asks for input, so whatever is answered is ignored."""

    input_responses: dict[str, Any] = Field(default_factory=dict)


class TasksExtension(Extension):
    """Serves protocol tasks for the tools whose calls may take long."""

    identifier = IDENTIFIER

    def __init__(self, parts: Parts, tools: Sequence[ToolSpec]) -> None:
        self._parts = parts
        self._tools = {tool.name: tool for tool in tools if tool.begin is not None}

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
        tool = self._tools.get(params.name)
        if tool is None or tool.begin is None or not _declared(ctx):
            return await call_next(ctx)
        try:
            wish = check_arguments(tool.arguments, params.arguments or {})
            begun = await tool.begin(Call(self._parts, ctx), wish)
        except ImagegenError as error:
            return error_result(error)
        report = await self._parts.tasks.report(begun.task.task_id)
        return {"resultType": "task", **_task(report), "status": "working"}

    async def _get(self, ctx: RequestContext, params: TaskParams) -> HandlerResult:
        report = await self._known(ctx, params)
        document = {"resultType": "complete", **_task(report)}
        if document["status"] == "completed":
            result = await report_result(Call(self._parts, ctx), report, "preview")
            document["result"] = _dumped(result)
        if document["status"] == "failed":
            document["error"] = {"code": INTERNAL_ERROR, "message": why_no_image(report)}
        return document

    async def _acknowledge(self, ctx: RequestContext, params: TaskParams) -> HandlerResult:
        await self._known(ctx, params)
        return {"resultType": "complete"}

    async def _known(self, ctx: RequestContext, params: TaskParams) -> TaskReport:
        require_client_extension(ctx, IDENTIFIER)
        _check_name_header(ctx, params.task_id)
        try:
            return await self._parts.tasks.report(params.task_id)
        except ImagegenError as error:
            raise protocol_error(error) from error


def _check_name_header(ctx: RequestContext, task_id: str) -> None:
    """Over HTTP the header has the task's id too; the SDK compares it for its own methods only."""
    if not isinstance(ctx.request, Request):
        return
    if decode_header_value(ctx.request.headers.get(MCP_NAME_HEADER)) != task_id:
        raise MCPError(
            HEADER_MISMATCH, f"{MCP_NAME_HEADER} header does not match the request body's 'taskId'"
        )


def _declared(ctx: RequestContext) -> bool:
    capabilities = ctx.session.client_capabilities
    declared = capabilities.extensions if capabilities else None
    return ctx.protocol_version in MODERN_PROTOCOL_VERSIONS and IDENTIFIER in (declared or {})


def _task(report: TaskReport) -> JSONObject:
    """The task's fields. An error of a tool is a completed task: its result says that there is no image."""
    states = {
        TaskState.RUNNING: "working",
        TaskState.CANCELLED: "cancelled",
        TaskState.INTERRUPTED: "failed",  # a crash is no answer of the tool
    }
    return {
        "taskId": report.task_id,
        "status": states.get(report.state, "completed"),
        "createdAt": rfc3339(report.created_at),
        "lastUpdatedAt": rfc3339(report.updated_at),
        "ttlMs": None,
        "pollIntervalMs": POLL_MS,
    }


def _dumped(result: CallToolResult) -> JSONObject:
    return result.model_dump(by_alias=True, mode="json", exclude_none=True)
