"""Tool results: a short text with the JSON, a preview, a link an image; never more than a client takes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Literal

from mcp_types import CallToolResult, ContentBlock, ImageContent, ResourceLink, TextContent

from imagegen.ledger import TaskState
from imagegen.mcp.documents import dimensions, mime_type, result_document
from imagegen.mcp.links import resource_uri
from imagegen.mcp.parts import Call
from imagegen.mcp.pictures import PICTURE_CHARS, EncodedImage, preview_chars
from imagegen.tasks import RunningTask
from imagegen.tasks_report import TaskReport
from imagegen.types import CostBasis, CostInfo, GenerationResult, ImageRecord, JSONObject

ReturnAs = Literal["preview", "full", "link", "data_url"]

SHOWN_PROMPT_CHARS = 4_000
UNSHOWN = "{} cannot be shown here; its link has it"


def json_result(call: Call, document: JSONObject, *, text: str | None = None) -> CallToolResult:
    """A result that is data alone; `text` goes before its JSON."""
    content: list[ContentBlock] = [TextContent(text=text)] if text else []
    content.append(TextContent(text=compact_json(document)))
    return CallToolResult(content=content, structured_content=document if call.is_structured else None)


def compact_json(document: JSONObject) -> str:
    """JSON without spaces."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


async def image_result(
    call: Call,
    result: GenerationResult,
    return_as: ReturnAs,
    *,
    notes: Sequence[str] = (),
) -> CallToolResult:
    """The answer that has images."""
    shown = await _shown(call, result.images, return_as)
    extra = [picture.note if picture else UNSHOWN.format(image_id) for image_id, picture in shown.items()]
    everything = list(dict.fromkeys(note for note in (*notes, *result.notes, *extra) if note))
    pictures = {image_id: picture for image_id, picture in shown.items() if picture}
    urls = {record.image_id: call.url(record) for record in result.images}
    if return_as == "data_url":
        urls |= {image_id: picture.data_url for image_id, picture in pictures.items()}
    document = result_document(result, lambda record: urls[record.image_id], notes=everything)
    document["metadata"]["prompt"] = _clipped(document["metadata"]["prompt"])
    answer = json_result(call, document, text=_summary(call, result, everything))
    if return_as == "data_url" and call.is_structured:
        del answer.content[1:]  # a picture in base64 is sent once
    if return_as in ("preview", "full"):
        answer.content += [ImageContent(data=p.base64, mime_type=p.mime_type) for p in pictures.values()]
    answer.content += [_link(record) for record in result.images]
    return answer


async def _shown(
    call: Call, images: Sequence[ImageRecord], return_as: ReturnAs
) -> dict[str, EncodedImage | None]:
    """The picture of each image, by its id and in their order; empty where none is wanted."""
    if return_as == "link" or (return_as == "preview" and not call.preview_size):
        return {}
    if return_as == "preview":
        room = preview_chars(len(images))
        side = call.preview_size
        coming = [call.parts.pictures.preview(record, side=side, max_chars=room) for record in images]
    else:
        room = PICTURE_CHARS // len(images)
        coming = [call.parts.pictures.whole(record, max_chars=room) for record in images]
    pictures = await asyncio.gather(*coming)
    return {record.image_id: picture for record, picture in zip(images, pictures, strict=True)}


def _summary(call: Call, result: GenerationResult, notes: Sequence[str]) -> str:
    """What was made, where it is, what it cost, what was noticed."""
    count = len(result.images)
    made = "Found, not paid again" if result.cached else "Made"
    lines = [
        f"{made}: {count} image{'s' if count > 1 else ''} with {result.provider}/{result.model}, "
        f"{cost_text(result.cost_info)}"
    ]
    for record in result.images:
        info = record.file_info
        size = f"{info.size_bytes / 1000:,.0f} kB"
        lines.append(f"{call.place(record)} ({dimensions(record) or 'SVG'} {info.format}, {size})")
    lines += [f"Note: {note}" for note in notes]
    return "\n".join(lines)


def cost_text(cost: CostInfo) -> str:
    """What it cost, for a sentence."""
    if cost.basis is CostBasis.FREE:
        return "free"
    return "cost unknown" if cost.cost_usd is None else f"${cost.cost_usd:.4f}"


def _clipped(prompt: str) -> str:
    return prompt if len(prompt) <= SHOWN_PROMPT_CHARS else f"{prompt[:SHOWN_PROMPT_CHARS]}…"


def _link(record: ImageRecord) -> ResourceLink:
    return ResourceLink(
        uri=resource_uri(record.image_id),
        name=record.image_id,
        mime_type=mime_type(record),
        size=record.file_info.size_bytes,
    )


def running_result(call: Call, task: RunningTask) -> CallToolResult:
    """The answer while the image is not there yet: the task id, and what to do with it."""
    return _unfinished(call, task.task_id, task.elapsed_seconds, task.expected_seconds, task.stage)


def _unfinished(
    call: Call, task_id: str, elapsed: float | None, expected: float | None, stage: str | None
) -> CallToolResult:
    usually = f" Such images usually take {expected:.0f} s." if expected else ""
    since = f" after {elapsed:.0f} s" if elapsed else ""
    message = (
        f"The image is still being made{since}.{usually} Do not ask for it again: "
        f'call get_task with task_id "{task_id}" to get it.'
    )
    document = {
        "task_id": task_id,
        "state": TaskState.RUNNING.value,
        "message": message,
        "elapsed_seconds": None if elapsed is None else round(elapsed, 1),
        "expected_seconds": None if expected is None else round(expected, 1),
        "stage": stage,
    }
    return json_result(call, document, text=message)


async def report_result(call: Call, report: TaskReport, return_as: ReturnAs) -> CallToolResult:
    """The answer to `get_task`."""
    if report.state is TaskState.RUNNING:
        return _unfinished(
            call, report.task_id, report.elapsed_seconds, report.expected_seconds, report.stage
        )
    if report.result is not None:
        return await image_result(call, report.result, return_as)
    message = why_no_image(report)
    answer = json_result(
        call, {"task_id": report.task_id, "state": report.state.value, "message": message}, text=message
    )
    answer.is_error = True
    return answer


def why_no_image(report: TaskReport) -> str:
    """What became of a task that has ended without an image."""
    if report.state is TaskState.INTERRUPTED:
        return f"The server ended while this call was under way, so there is no image. {_cost_known(report)}"
    if report.state is TaskState.DONE:
        return "The images of this task have been deleted since."
    error = report.error or {}
    words = [str(error.get("message") or "It failed."), str(error.get("hint") or "")]
    if error.get("may_be_billed"):
        words.append("The provider may charge for this call.")
    return f"There is no image: {' '.join(filter(None, words))}"


def _cost_known(report: TaskReport) -> str:
    spend = report.spend
    if spend is None or not spend.attempts:
        return "What it cost is not known. Asking again makes a new call."
    if spend.uncertain_usd:
        return f"It may have cost up to ${spend.uncertain_usd:.4f}. Asking again makes a new call."
    return f"It cost ${spend.cost_usd:.4f}. Asking again makes a new call."
