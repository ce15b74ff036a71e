"""What stands behind the methods of the tasks extension: our own tasks in the protocol's fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mcp_types import INTERNAL_ERROR, CallToolRequestParams, CallToolResult

from imagegen.errors import ImagegenError
from imagegen.ledger import TaskState
from imagegen.mcp.arguments import check_arguments
from imagegen.mcp.documents import rfc3339
from imagegen.mcp.errors import error_result, protocol_error
from imagegen.mcp.parts import Call, Parts
from imagegen.mcp.requests import RequestContext
from imagegen.mcp.results import report_result, why_no_image
from imagegen.mcp.tools import ToolSpec
from imagegen.tasks_report import TaskReport
from imagegen.types import JSONObject

POLL_MS = 2_000


class ProtocolTasks:
    """Begins calls as tasks, and tells of them."""

    def __init__(self, parts: Parts, tools: Mapping[str, ToolSpec]) -> None:
        self._parts = parts
        self._tools = tools

    async def begin(self, ctx: RequestContext, params: CallToolRequestParams) -> Any:
        """Begin the call: its task, or None where the tool's answer is there at once."""
        tool = self._tools.get(params.name)
        if tool is None or tool.begin is None:
            return None
        try:
            wish = check_arguments(tool.arguments, params.arguments or {})
            begun = await tool.begin(Call(self._parts, ctx), wish)
        except ImagegenError as error:
            return error_result(error)
        report = await self._parts.tasks.report(begun.task.task_id)
        return {"resultType": "task", **_task(report), "status": "working"}

    async def get(self, ctx: RequestContext, task_id: str) -> JSONObject:
        """The task, with its result where it has one."""
        report = await self.known(task_id)
        document = {"resultType": "complete", **_task(report)}
        if document["status"] == "completed":
            result = await report_result(Call(self._parts, ctx), report, "preview")
            document["result"] = _dumped(result)
        if document["status"] == "failed":
            document["error"] = {"code": INTERNAL_ERROR, "message": why_no_image(report)}
        return document

    async def known(self, task_id: str) -> TaskReport:
        """What is known of a task. Raises a protocol error for one that nobody knows."""
        try:
            return await self._parts.tasks.report(task_id)
        except ImagegenError as error:
            raise protocol_error(error) from error


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
