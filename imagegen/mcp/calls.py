"""What the tools do: each builds a request, calls the service, and shapes the result."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from mcp_types import CallToolResult

from imagegen.errors import InputImageError, UnsupportedParameter
from imagegen.mcp.arguments import (
    EditArguments,
    GenerateArguments,
    ListArguments,
    NoArguments,
    TaskArguments,
    Waiting,
    Wish,
)
from imagegen.mcp.documents import history_row, models_document
from imagegen.mcp.parts import Call, Parts
from imagegen.mcp.results import image_result, json_result, report_result, running_result
from imagegen.planning import Plan
from imagegen.tasks import RunningTask
from imagegen.types import EditRequest, GenerateRequest, HistoryQuery, InputImage

# Models fill these in because they see them; nobody would rather have no picture than another style.
COSMETIC = ("style", "moderation", "output_compression")
DEPARTURE_SECONDS = 0.05  # what waits for longer, for a lease or its turn, lets the next call go first


@dataclass(frozen=True, slots=True)
class Begun:
    """A call that has begun, and what was left out of the request."""

    task: RunningTask
    notes: tuple[str, ...]


async def list_available_models(call: Call, _: NoArguments) -> CallToolResult:
    """Who can make images, and what their models take."""
    return json_result(call, models_document(call.parts.service))


async def generate_image(call: Call, wish: GenerateArguments) -> CallToolResult:
    """Make images and wait for them."""
    return await _answer(call, await begin_generation(call, wish), wish)


async def edit_image(call: Call, wish: EditArguments) -> CallToolResult:
    """Change images and wait for the result."""
    return await _answer(call, await begin_edit(call, wish), wish)


async def get_task(call: Call, asked: TaskArguments) -> CallToolResult:
    """The result of an earlier call, waiting for one that is running here."""
    task = call.parts.tasks.find(asked.task_id)
    if task is not None and not task.work.done():
        return await _answer(call, Begun(task, ()), asked)
    return await report_result(call, await call.parts.tasks.report(asked.task_id), asked.return_as)


async def list_images(call: Call, asked: ListArguments) -> CallToolResult:
    """A page of the history."""
    since = None if asked.days is None else datetime.now(UTC) - timedelta(days=asked.days)
    query = HistoryQuery(
        text=asked.query, model=asked.model, since=since, limit=asked.limit, cursor=asked.cursor
    )
    page = await call.parts.service.list_images(query)
    rows = [{**history_row(record), "image_url": call.url(record)} for record in page.images]
    return json_result(call, {"images": rows, "next_cursor": page.next_cursor})


# How images are asked for


async def begin_generation(call: Call, wish: GenerateArguments, *, durable: bool = False) -> Begun:
    """Start what `generate_image` asks for, or join an equal call."""
    return await _begin(call.parts, GenerateRequest(**_fields(call, wish)), wish, durable=durable)


async def begin_edit(call: Call, wish: EditArguments, *, durable: bool = False) -> Begun:
    """Load the inputs and start what `edit_image` asks for, or join an equal call."""
    parts = call.parts
    first = await _input(parts, "image", wish.image, wish.image_data)
    if first is None:
        raise InputImageError("Give image or image_data.", hint="image can be last: the newest one.")
    others = [await parts.access.load(name, f"images[{i}]") for i, name in enumerate(wish.images or [])]
    mask = await _input(parts, "mask", wish.mask, wish.mask_data)
    request = EditRequest(images=(first, *others), mask=mask, **_fields(call, wish))
    return await _begin(parts, request, wish, durable=durable)


async def _input(parts: Parts, role: str, source: str | None, data: str | None) -> InputImage | None:
    if source is not None and data is not None:
        raise InputImageError(f"Give either {role} or {role}_data, not both.")
    if source is not None:
        return await parts.access.load(source, role)
    return None if data is None else await parts.access.decode(data, f"{role}_data")


def _fields(call: Call, wish: Wish) -> dict[str, Any]:
    """What of the arguments is the request's, where it was said, and who asks."""
    said = wish.model_dump(exclude_none=True, exclude={"template", "images", "mask"})
    fields = GenerateRequest.__dataclass_fields__
    return {"client": call.client, **{name: value for name, value in said.items() if name in fields}}


async def _begin(parts: Parts, request: GenerateRequest, wish: Wish, *, durable: bool) -> Begun:
    if wish.template is not None:
        rendered = parts.library().render(wish.template, wish.template_arguments or {})
        prompt = "\n\n".join(part for part in (rendered.text, request.prompt.strip()) if part)
        request = replace(request, prompt=prompt, template=rendered.use)
    async with parts.intake:
        await asyncio.sleep(0)  # between two of fifty calls at once a ping has its turn
        plan, notes = _plan_without_cosmetics(parts, request)
    patience = parts.settings.wait_seconds if wish.wait_seconds is None else wish.wait_seconds
    await parts.service.client_rate.acquire(request.client, patience_seconds=patience)
    async with parts.departures:
        task = await parts.tasks.start(plan, durable=durable)
        await parts.tasks.under_way(task, seconds=DEPARTURE_SECONDS)
    return Begun(task, notes)


def _plan_without_cosmetics(parts: Parts, request: GenerateRequest) -> tuple[Plan, tuple[str, ...]]:
    """Leave out the cosmetic parameters that stand against the request, and say so."""
    notes: list[str] = []
    while True:
        try:
            return parts.service.plan(request), tuple(notes)
        except UnsupportedParameter as error:
            name = error.details.get("parameter")
            if name not in COSMETIC or getattr(request, name) is None:
                raise
            notes.append(f"left out {name}: {error.message.partition(': ')[2]}")
            left_out: dict[str, Any] = {name: None}
            request = replace(request, **left_out)


async def _answer(call: Call, begun: Begun, asked: Waiting) -> CallToolResult:
    """Wait as long as this client does; then the images, or the task id."""
    wait = call.wait_seconds if asked.wait_seconds is None else asked.wait_seconds
    told = 0.0

    async def tell(task: RunningTask) -> None:
        nonlocal told
        told = round(max(task.elapsed_seconds, told + 0.01), 2)  # the protocol wants more every time
        await call.progress(told, task.expected_seconds, _how_far(task))

    side = call.preview_size if asked.return_as == "preview" else 0
    with call.parts.pictures.expected(begun.task.task_id, side=side):
        result = await call.parts.tasks.wait(
            begun.task, seconds=wait, every_seconds=call.parts.settings.progress_seconds, on_news=tell
        )
    if result is None:
        return running_result(call, begun.task)
    return await image_result(call, result, asked.return_as, notes=begun.notes)


def _how_far(task: RunningTask) -> str:
    usually = f" of about {task.expected_seconds:.0f} s" if task.expected_seconds else ""
    partial = f", {task.partial_images} partial images have come" if task.partial_images else ""
    return f"{task.model} is at work: {task.elapsed_seconds:.0f} s{usually}{partial}"
