"""What the fake Gemini can be told to do with one request, good and bad."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

from tests.fakes.gemini_rules import inline_images
from tests.fakes.http import Exchange
from tests.fakes.openai_pictures import picture

HEADERS = {"server-timing": "gfet4t7; dur=12"}
SIDES = {"512": 512, "1K": 1024, "2K": 2048, "4K": 4096}
TOKENS = {"512": 747, "1K": 1120, "2K": 1680, "4K": 2520}
TOKENS_PER_INPUT = 1120
THOUGHTS = 172


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that the service accepts, and the exchange to answer it in."""

    exchange: Exchange
    model: str
    body: Mapping[str, Any]
    number: int
    streamed: bool = False

    @property
    def image_config(self) -> Mapping[str, str]:
        config: Mapping[str, str] = self.body["generation_config"].get("image_config", {})
        return config

    @property
    def size(self) -> tuple[int, int]:
        """Pixels in multiples of 16, near the ratio and the area that were asked for."""
        across, down = map(int, self.image_config.get("aspect_ratio", "1:1").split(":"))
        side, factor = SIDES[self.image_config.get("image_size", "1K")], sqrt(across / down)
        return round(side * factor / 16) * 16, round(side / factor / 16) * 16


Behaviour = Callable[[Asked], None]


def ok(*parts: Mapping[str, Any], finish: str | None = "STOP", **fields: Any) -> Behaviour:
    """Answer as asked.

    `parts` replaces what the candidate holds, `fields` single ones of the answer (None: leave it out).
    """

    def behave(asked: Asked) -> None:
        document = _answer(asked, [*parts] or [image_part(_picture(asked))], finish)
        document |= fields
        document = {name: value for name, value in document.items() if value is not None}
        if asked.streamed:
            streamed(*_chunks(asked, document))(asked)
        else:
            asked.exchange.send_json(200, document, HEADERS)

    return behave


def image_part(data: bytes, mime_type: str = "image/png", **more: Any) -> dict[str, Any]:
    """A part with an image."""
    inline = {"mimeType": mime_type, "data": base64.b64encode(data).decode()}
    return {"inlineData": inline, "thoughtSignature": "c2lnbmVk", **more}


def prompt_blocked(reason: str) -> Behaviour:
    """The first form of a refusal: nothing but feedback."""
    return ok(promptFeedback={"blockReason": reason}, candidates=None)


def stopped(finish: str, message: str | None = None, text: str | None = None) -> Behaviour:
    """The second and the third form: a candidate without an image."""
    candidate: dict[str, Any] = {"content": {}, "finishReason": finish, "index": 0}
    if message:
        candidate["finishMessage"] = message
    if text:
        candidate["content"] = {"role": "model", "parts": [{"text": text}]}
    return ok(candidates=[candidate], usageMetadata={"promptTokenCount": 8, "totalTokenCount": 8})


def error(status: int, name: str, message: str, *details: Mapping[str, Any], **headers: str) -> Behaviour:
    """Refuse with one of Google's error bodies."""
    body = error_body(status, name, message, *details)
    return lambda asked: asked.exchange.send_json(status, body, {**HEADERS, **headers})


def error_body(status: int, name: str, message: str, *details: Mapping[str, Any]) -> dict[str, Any]:
    inner = {"code": status, "message": message, "status": name}
    return {"error": {**inner, **({"details": list(details)} if details else {})}}


def error_info(reason: str) -> dict[str, Any]:
    kind = "type.googleapis.com/google.rpc.ErrorInfo"
    return {"@type": kind, "reason": reason, "domain": "googleapis.com"}


def retry_info(delay: str) -> dict[str, Any]:
    return {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}


def quota_failure(quota_id: str, value: str = "10") -> dict[str, Any]:
    violation = {
        "quotaMetric": "generativelanguage.googleapis.com/requests",
        "quotaId": quota_id,
        "quotaValue": value,
    }
    return {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [violation]}


def body(content: bytes, content_type: str = "application/json", status: int = 200) -> Behaviour:
    """Answer with these bytes."""
    return lambda asked: asked.exchange.send(status, content_type, content, HEADERS)


def html(status: int = 200) -> Behaviour:
    """A gateway's web page."""
    return body(b"<!doctype html><title>Welcome</title>", "text/html; charset=utf-8", status)


def streamed(
    *events: Mapping[str, Any] | bytes, cut: bool = False, until: threading.Event | None = None
) -> Behaviour:
    """Send events, each a chunk's document or bytes as they are; then `cut` the connection, or wait."""

    def behave(asked: Asked) -> None:
        headers = {"content-type": "text/event-stream", "transfer-encoding": "chunked", **HEADERS}
        asked.exchange.start(200, headers)
        for event in events:
            content = event if isinstance(event, bytes) else b"data: %s\r\n\r\n" % json.dumps(event).encode()
            asked.exchange.write_chunk(content)
        if until is not None and not asked.exchange.wait_for(until):
            return
        if cut:
            asked.exchange.cut()
        else:
            asked.exchange.write_chunk(b"")

    return behave


def chunk(*parts: Mapping[str, Any], finish: str | None = None, **fields: Any) -> dict[str, Any]:
    """One chunk of a stream, as Google sends it: counts so far, a finish reason in the last one alone."""
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": list(parts)}, "index": 0}
    usage = {"promptTokenCount": 3, "totalTokenCount": 3}
    if finish:
        candidate["finishReason"] = finish
        usage = {"promptTokenCount": 3, "candidatesTokenCount": 1120, "totalTokenCount": 1123}
    return {"candidates": [candidate], "usageMetadata": usage, "responseId": "response-s", **fields}


def draft_part(data: bytes) -> dict[str, Any]:
    """A part with a draft, which a model makes while it thinks."""
    return image_part(data, thought=True)


def held(until: threading.Event, then: Behaviour | None = None) -> Behaviour:
    """Say nothing until the event is set; notices when the client leaves."""

    def behave(asked: Asked) -> None:
        if asked.exchange.wait_for(until):
            (then or ok())(asked)

    return behave


def drip(pause_seconds: float = 0.02) -> Behaviour:
    """Send the answer a byte at a time: no single wait is long, and all together they are."""

    def behave(asked: Asked) -> None:
        content = json.dumps(_answer(asked, [image_part(_picture(asked))], "STOP")).encode()
        asked.exchange.start(200, _whole(content))
        for byte in content:
            asked.exchange.write(bytes([byte]))
            if not asked.exchange.pause(pause_seconds):
                return

    return behave


def cut(after: str) -> Behaviour:
    """Hang up `after` the "request", the "headers" or half the "body"."""

    def behave(asked: Asked) -> None:
        content = json.dumps(_answer(asked, [image_part(_picture(asked))], "STOP")).encode()
        if after != "request":
            asked.exchange.start(200, _whole(content))
        if after == "body":
            asked.exchange.write(content[: len(content) // 2])
        asked.exchange.cut()

    return behave


def _whole(content: bytes) -> dict[str, str]:
    return {"content-type": "application/json; charset=UTF-8", "content-length": str(len(content))}


def _picture(asked: Asked) -> bytes:
    seed = asked.body["generation_config"].get("seed", asked.number)
    return picture("png", *asked.size, seed)


def _chunks(asked: Asked, document: dict[str, Any]) -> list[dict[str, Any]]:
    """The answer a part at a time behind the thoughts that were asked for; the last chunk has the counts."""
    last = document["candidates"][0] if document.get("candidates") else {}
    parts = [*_thoughts(asked), *last.get("content", {}).get("parts", [])]
    if not last or last["content"] == {}:
        return [document]
    final = {**last, "content": {"role": "model", "parts": [{"text": ""}]}}
    begun = {"modelVersion": asked.model, "responseId": document["responseId"]}
    return [*(chunk(part, **begun) for part in parts), {**document, "candidates": [final]}]


def _thoughts(asked: Asked) -> list[dict[str, Any]]:
    """What a thinking model tells of its thoughts: words, and two drafts."""
    config = asked.body["generation_config"].get("thinking_config", {})
    if not config.get("include_thoughts"):
        return []
    drafts = [draft_part(picture("png", 64, 48, 100 + number)) for number in range(2)]
    return [{"text": "An otter, then.", "thought": True}, *drafts]


def _answer(asked: Asked, parts: Sequence[Mapping[str, Any]], finish: str | None) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": list(parts)}, "index": 0}
    return {
        "candidates": [{**candidate, **({"finishReason": finish} if finish else {})}],
        "usageMetadata": _usage(asked),
        "modelVersion": asked.model,
        "responseId": f"response-{asked.number}",
    }


def _usage(asked: Asked) -> dict[str, Any]:
    """Counts as the published tables give them."""
    text = asked.body["contents"][0]["parts"][-1]["text"]
    words, inputs = len(text) // 4 + 1, TOKENS_PER_INPUT * len(list(inline_images(dict(asked.body))))
    made = TOKENS[asked.image_config.get("image_size", "1K")]
    level = asked.body["generation_config"].get("thinking_config", {}).get("thinking_level")
    thoughts = 0 if level == "MINIMAL" else THOUGHTS
    prompt = [{"modality": "TEXT", "tokenCount": words}, {"modality": "IMAGE", "tokenCount": inputs}]
    return {
        "promptTokenCount": words + inputs,
        "candidatesTokenCount": made,
        "thoughtsTokenCount": thoughts,
        "totalTokenCount": words + inputs + made + thoughts,
        "promptTokensDetails": prompt if inputs else prompt[:1],
        "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": made}],
    }
