"""The tools: what clients are told of them. Every one costs each client's context, so there are few."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from mcp_types import CallToolResult, Tool, ToolAnnotations
from pydantic import BaseModel

from imagegen.mcp.arguments import (
    EditArguments,
    GenerateArguments,
    ListArguments,
    NoArguments,
    TaskArguments,
    input_schema,
)
from imagegen.mcp.calls import (
    Begun,
    begin_edit,
    begin_generation,
    edit_image,
    generate_image,
    get_task,
    list_available_models,
    list_images,
)
from imagegen.mcp.parts import Call
from imagegen.types import JSONObject

_TEXT: JSONObject = {"type": "string"}
_OBJECT: JSONObject = {"type": "object"}
_LIST: JSONObject = {"type": "array", "items": _OBJECT}
IMAGE_OUTPUT: JSONObject = {
    "type": "object",
    "properties": {
        "task_id": _TEXT,
        "state": {"type": "string", "description": "done, running, failed, cancelled or interrupted"},
        "image_id": _TEXT,
        "image_url": _TEXT,
        "resource_uri": _TEXT,
        "metadata": _OBJECT,
        "images": _LIST,
        "message": _TEXT,
    },
    "required": ["task_id", "state"],
}
LIST_OUTPUT: JSONObject = {
    "type": "object",
    "properties": {"images": _LIST, "next_cursor": {"anyOf": [_TEXT, {"type": "null"}]}},
    "required": ["images"],
}
MODELS_OUTPUT: JSONObject = {
    "type": "object",
    "properties": {"providers": _OBJECT, "default_model": _TEXT},
    "required": ["providers", "default_model"],
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolSpec:
    """A tool: what clients are told of it, and what it does. `begin` is there where a call may take long."""

    name: str
    title: str
    description: str
    arguments: type[BaseModel]
    output: JSONObject
    annotations: ToolAnnotations
    run: Callable[[Call, Any], Awaitable[CallToolResult]]
    begin: Callable[[Call, Any], Awaitable[Begun]] | None = None

    def describe(self) -> Tool:
        """The tool as `tools/list` has it."""
        return Tool(
            name=self.name,
            title=self.title,
            description=self.description,
            input_schema=input_schema(self.arguments),
            output_schema=self.output,
            annotations=self.annotations,
        )


def build_tools() -> tuple[ToolSpec, ...]:
    """All tools, in the order in which a client lists them."""
    makes = ToolAnnotations(
        read_only_hint=False, destructive_hint=False, idempotent_hint=False, open_world_hint=True
    )
    looks = ToolAnnotations(read_only_hint=True, open_world_hint=False)
    return (
        ToolSpec(
            name="list_available_models",
            title="List image models",
            description="List the image models that can be used now, what each takes, and what it costs.",
            arguments=NoArguments,
            output=MODELS_OUTPUT,
            annotations=looks,
            run=list_available_models,
        ),
        ToolSpec(
            name="generate_image",
            title="Generate an image",
            description="Make images from a text prompt and keep them. Costs money with most models. If the "
            "answer has state running, call get_task; asking again for the same joins the running call.",
            arguments=GenerateArguments,
            output=IMAGE_OUTPUT,
            annotations=makes,
            run=generate_image,
            begin=lambda call, wish: begin_generation(call, wish, durable=True),
        ),
        ToolSpec(
            name="edit_image",
            title="Edit an image",
            description="Change an image as the prompt says, or combine several. Chat attachments do not "
            "reach this server: name a path, URL, image_id or last, or pass image_data.",
            arguments=EditArguments,
            output=IMAGE_OUTPUT,
            annotations=makes,
            run=edit_image,
            begin=lambda call, wish: begin_edit(call, wish, durable=True),
        ),
        ToolSpec(
            name="get_task",
            title="Get the result of a task",
            description="Get the image of an earlier call by its task_id, waiting for it if need be.",
            arguments=TaskArguments,
            output=IMAGE_OUTPUT,
            annotations=looks,
            run=get_task,
        ),
        ToolSpec(
            name="list_images",
            title="Search the history",
            description="Find images that were made before, newest first.",
            arguments=ListArguments,
            output=LIST_OUTPUT,
            annotations=looks,
            run=list_images,
        ),
    )
