"""What the fake OpenAI can be told to do with one request, good and bad."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.fakes.http import Exchange
from tests.fakes.openai_pictures import PARTIAL_TOKENS, output_tokens, picture, usage
from tests.fakes.openai_rules import refusal

IMAGE_TOKENS_PER_INPUT = 1024
HEADERS = {
    "x-request-id": "req_fake_1",
    "openai-processing-ms": "12",
    "x-ratelimit-limit-requests": "20",
    "x-ratelimit-remaining-requests": "19",
}
EVENT_STREAM = {"content-type": "text/event-stream", "transfer-encoding": "chunked", **HEADERS}


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that the service accepts: its fields, and the exchange to answer it in."""

    exchange: Exchange
    fields: Mapping[str, Any]

    @property
    def edit(self) -> bool:
        return "image" in self.fields

    @property
    def size(self) -> tuple[int, int]:
        size = self.fields.get("size", "auto")
        width, _, height = ("1024x1024" if size == "auto" else str(size)).partition("x")
        return int(width), int(height)


Behaviour = Callable[[Asked], None]


def ok(
    images: Sequence[bytes] | None = None,
    *,
    usage_details: bool = True,
    answer: Mapping[str, Any] | None = None,
    entries: Sequence[object] | None = None,
) -> Behaviour:
    """Answer as asked, as a stream where that was asked for.

    `images` replaces the pictures, `entries` the list `data`, `answer` single fields (None: leave it out).
    """

    def behave(asked: Asked) -> None:
        if asked.fields.get("stream"):
            _stream(asked, images or _pictures(asked))
            return
        document = _document(asked, images or _pictures(asked), usage_details=usage_details)
        if entries is not None:
            document["data"] = list(entries)
        document |= answer or {}
        asked.exchange.send_json(200, {k: v for k, v in document.items() if v is not None}, HEADERS)

    return behave


def premade(image: bytes) -> Behaviour:
    """Answer at once with bytes that were made before: for measuring everything but the provider."""
    entry = {"b64_json": base64.b64encode(image).decode()}
    body = json.dumps({"created": 1_795_300_000, "data": [entry], "usage": usage(10, 0, 196)}).encode()
    return lambda asked: asked.exchange.send(200, "application/json", body, HEADERS)


def error(
    status: int,
    code: str | None,
    message: str,
    *,
    kind: str = "invalid_request_error",
    param: str | None = None,
    headers: Mapping[str, str] | None = None,
    **more: object,
) -> Behaviour:
    """Refuse with an OpenAI error body; `more` are further fields of the error object."""
    status, body = refusal(status, code, message, param, kind)
    body["error"] |= more
    return lambda asked: asked.exchange.send_json(status, body, {**HEADERS, **(headers or {})})


def body(content: bytes, content_type: str = "application/json", status: int = 200) -> Behaviour:
    """Answer with these bytes."""
    return lambda asked: asked.exchange.send(status, content_type, content, HEADERS)


def html(status: int = 200) -> Behaviour:
    """A gateway's web page."""
    return body(b"<!doctype html><title>Welcome</title>", "text/html; charset=utf-8", status)


def error_in_200(code: str | int | None, message: str, *, kind: str | None = None) -> Behaviour:
    """An error body with status 200, as some gateways send it."""
    return body(
        json.dumps({"error": {"message": message, "type": kind, "param": None, "code": code}}).encode()
    )


def events(
    *documents: object, cut: bool = False, done: bool = False, content_type: str = "text/event-stream"
) -> Behaviour:
    """A stream of these events; bytes stand for themselves. `cut` ends it without its last chunk."""

    def behave(asked: Asked) -> None:
        asked.exchange.start(200, {**EVENT_STREAM, "content-type": content_type})
        for document in documents:
            asked.exchange.write_chunk(document if isinstance(document, bytes) else event(document))
        if done:
            asked.exchange.write_chunk(b"data: [DONE]\n\n")
        if cut:
            asked.exchange.cut()
        else:
            asked.exchange.write_chunk(b"")

    return behave


def partial_event(image: bytes, index: int = 0, *, edit: bool = False) -> dict[str, Any]:
    """One preview."""
    return {**_event(image, "partial_image", edit=edit), "partial_image_index": index}


def completed_event(image: bytes, tokens: int = 296, *, edit: bool = False) -> dict[str, Any]:
    """One finished image."""
    counts = {k: v for k, v in usage(10, 0, tokens).items() if k != "output_tokens_details"}
    return {**_event(image, "completed", edit=edit), "usage": counts}


def error_event(code: str, message: str, kind: str = "image_generation_user_error") -> dict[str, Any]:
    """An error in the middle of a stream."""
    return {"type": "error", "error": {"type": kind, "code": code, "message": message, "param": None}}


def held(until: threading.Event, then: Behaviour | None = None) -> Behaviour:
    """Say nothing until the event is set; notices when the client leaves."""

    def behave(asked: Asked) -> None:
        if asked.exchange.wait_for(until):
            (then or ok())(asked)

    return behave


def held_stream(first: Sequence[object], until: threading.Event) -> Behaviour:
    """Send the first events of a stream, then say nothing until the event is set."""

    def behave(asked: Asked) -> None:
        asked.exchange.start(200, EVENT_STREAM)
        for document in first:
            asked.exchange.write_chunk(event(document))
        if asked.exchange.wait_for(until):
            asked.exchange.write_chunk(b"")

    return behave


def drip(pause_seconds: float = 0.02) -> Behaviour:
    """Send the answer a byte at a time: no single wait is long, and all together they are."""

    def behave(asked: Asked) -> None:
        content = json.dumps(_document(asked, _pictures(asked), usage_details=True)).encode()
        asked.exchange.start(200, {"content-type": "application/json", "content-length": str(len(content))})
        for byte in content:
            asked.exchange.write(bytes([byte]))
            if not asked.exchange.pause(pause_seconds):
                return

    return behave


def cut(after: str) -> Behaviour:
    """Hang up `after` the "request", the "headers" or half the "body"."""

    def behave(asked: Asked) -> None:
        content = json.dumps(_document(asked, _pictures(asked), usage_details=True)).encode()
        if after != "request":
            asked.exchange.start(
                200, {"content-type": "application/json", "content-length": str(len(content))}
            )
        if after == "body":
            asked.exchange.write(content[: len(content) // 2])
        asked.exchange.cut()

    return behave


def event(document: object) -> bytes:
    """A server-sent event; the `event:` line repeats the type, as the service does."""
    named = f"event: {document['type']}\n" if isinstance(document, dict) and "type" in document else ""
    return f"{named}data: {json.dumps(document)}\n\n".encode()


def _pictures(asked: Asked) -> list[bytes]:
    output_format, transparent = asked.fields.get("output_format", "png"), asked.fields.get("background")
    width, height = asked.size
    return [
        picture(output_format, width, height, number, transparent=transparent == "transparent")
        for number in range(asked.fields.get("n", 1))
    ]


def _quality(asked: Asked) -> str:
    quality = asked.fields.get("quality", "auto")
    return "medium" if quality == "auto" else str(quality)


def _usage(asked: Asked, count: int, *, with_details: bool) -> dict[str, Any]:
    image = asked.fields.get("image", [])
    inputs = len(image) if isinstance(image, list) else 1
    each = output_tokens(str(asked.fields["model"]), _quality(asked), *asked.size)
    words = len(str(asked.fields["prompt"])) // 4 + 1
    return usage(words, inputs * IMAGE_TOKENS_PER_INPUT, each * count, with_details=with_details)


def _used(asked: Asked) -> dict[str, str]:
    """What the answer says was used: `auto` has become something."""
    background = asked.fields.get("background", "auto")
    width, height = asked.size
    return {
        "background": "opaque" if background == "auto" else background,
        "output_format": asked.fields.get("output_format", "png"),
        "quality": _quality(asked),
        "size": f"{width}x{height}",
    }


def _document(asked: Asked, images: Sequence[bytes], *, usage_details: bool) -> dict[str, Any]:
    return {
        "created": 1_795_300_000,
        **_used(asked),
        "data": [{"b64_json": base64.b64encode(image).decode()} for image in images],
        "usage": _usage(asked, len(images), with_details=usage_details),
    }


def _stream(asked: Asked, images: Sequence[bytes]) -> None:
    """The previews that were asked for, then each image; an image's usage holds its previews."""
    asked.exchange.start(200, EVENT_STREAM)
    partials = asked.fields.get("partial_images", 0)
    for index in range(partials):
        preview = {**partial_event(images[0], index, edit=asked.edit), **_used(asked)}
        asked.exchange.write_chunk(event(preview))
    for image in images:
        counts = _usage(asked, 1, with_details=False)
        for name in ("output_tokens", "total_tokens"):
            counts[name] += partials * PARTIAL_TOKENS
        finished = {**completed_event(image, edit=asked.edit), **_used(asked), "usage": counts}
        asked.exchange.write_chunk(event(finished))
    asked.exchange.write_chunk(b"")


def _event(image: bytes, kind: str, *, edit: bool) -> dict[str, Any]:
    return {
        "type": f"{'image_edit' if edit else 'image_generation'}.{kind}",
        "b64_json": base64.b64encode(image).decode(),
        "created_at": 1_795_300_000,
        "size": "1024x1024",
        "quality": "low",
        "background": "opaque",
        "output_format": "png",
    }
