"""Gemini's answers, read with suspicion: a refusal comes with status 200, and so do errors and web pages.

They are read from the JSON itself: the SDK's own reading drops `finishMessage` and warns of every word that
is newer than the SDK.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from imagegen.errors import AuthenticationFailed, BadResponse, ContentPolicyError, ImagegenError
from imagegen.providers.gemini_errors import GeminiCall, refusal
from imagegen.providers.gemini_hints import CHANGE_THE_PROMPT
from imagegen.providers.openai_answers import decode
from imagegen.types import JSONObject, Usage

_MAX_TEXT_CHARS = 2000
_URL_SAFE = str.maketrans("-_", "+/")

REFUSALS = frozenset(
    {
        "SAFETY",
        "IMAGE_SAFETY",
        "PROHIBITED_CONTENT",
        "IMAGE_PROHIBITED_CONTENT",
        "RECITATION",
        "IMAGE_RECITATION",
        "BLOCKLIST",
        "SPII",
        "ESCALATION",
        "MODEL_ARMOR",
    }
)
_ACCOUNT_LIMITED = "PUP_LIMITED_DISABLED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What one call brought. Without an image `problem` says why; refused prompts are billed all the same."""

    images: tuple[bytes, ...] = ()
    problem: ImagegenError | None = None
    usage: Usage | None = None
    text: str | None = None
    finish: str | None = None
    response_id: str | None = None
    model_version: str | None = None
    notes: tuple[str, ...] = ()


def read_answer(content: str, headers: Mapping[str, str], call: GeminiCall) -> Answer:
    """What `answer_from` finds in a whole JSON answer.

    Raises BadResponse for anything but an answer of Gemini, or what an error body stands for.
    """
    return answer_from(answer_object(content, headers, call), call)


def answer_from(answer: Mapping[str, Any], call: GeminiCall) -> Answer:
    """The images of an answer's document, or what stands in their place."""
    candidates = objects(answer.get("candidates"))
    parts = [part for candidate in candidates for part in shown_parts(candidate)]
    inline = [part["inlineData"] for part in parts if isinstance(part.get("inlineData"), Mapping)]
    images = tuple(data for image in inline if (data := _image_bytes(image)) is not None)
    text = call.told(" ".join(_texts(parts)), _MAX_TEXT_CHARS) or None
    finish = next((_word(c.get("finishReason"), call) for c in candidates), None)
    return Answer(
        images=images,
        problem=None if images else _problem(answer, candidates, text, finish, call, unreadable=bool(inline)),
        usage=read_usage(answer.get("usageMetadata"), images=bool(images)),
        text=text,
        finish=finish,
        response_id=_word(answer.get("responseId"), call),
        model_version=_word(answer.get("modelVersion"), call),
    )


def bad_response(what: str, call: GeminiCall, **facts: Any) -> BadResponse:
    """An answer of status 200 that holds no image: whatever was made for it may be billed."""
    return BadResponse(
        f"{call.server} {what}", may_be_billed=True, provider="gemini", model=call.model, **facts
    )


def answer_object(content: str, headers: Mapping[str, str], call: GeminiCall) -> JSONObject:
    """The JSON object that an answer is. Raises BadResponse, or what an error body stands for."""
    hint = None if call.own_endpoint else "Check that providers.gemini.base_url speaks Gemini's API."
    try:
        answer = json.loads(content)
    except (ValueError, RecursionError) as exc:
        kind = call.told(headers.get("content-type", "no content type"), 100)
        what = f"answered with something that is no JSON ({kind})."
        raise bad_response(what, call, hint=hint) from exc
    if not isinstance(answer, dict):
        what = f"answered with a JSON {type(answer).__name__}, not an object."
        raise bad_response(what, call, hint=hint)
    if answer.get("error"):
        raise refusal(answer, call, headers=headers)
    return answer


def error_document(text: str) -> object:
    """An error's body: JSON, or else its text."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _problem(
    answer: Mapping[str, Any],
    candidates: Sequence[Mapping[str, Any]],
    text: str | None,
    finish: str | None,
    call: GeminiCall,
    *,
    unreadable: bool,
) -> ImagegenError:
    """Why there is no image: refused before (a), while (b) or instead of (c) making it, or not made."""
    feedback = answer.get("promptFeedback")
    blocked = _word(feedback.get("blockReason"), call) if isinstance(feedback, Mapping) else None
    if blocked:
        return _refused(f"refused the prompt ({blocked})", call, text, stage="input", reason=blocked)
    said = _finish_message(candidates, call) or text
    if finish in REFUSALS:
        return _refused(f"refused to make this image ({finish})", call, said, stage="output", reason=finish)
    if finish == _ACCOUNT_LIMITED:
        message = f"{call.server} has limited this account for earlier violations ({finish})."
        return AuthenticationFailed(message, provider="gemini", model=call.model, reason=finish)
    if unreadable:
        return bad_response("sent an image that cannot be read.", call, reason=finish)
    if finish == "STOP" and text:
        return _refused("answered with words in place of an image", call, text, stage="output", reason=finish)
    why = f" ({finish})" if finish and finish != "STOP" else ""
    return bad_response(f"made no image{why}{_quoted(said, call)}", call, reason=finish)


def _refused(
    what: str, call: GeminiCall, said: str | None, *, stage: str, reason: str | None
) -> ContentPolicyError:
    return ContentPolicyError(
        f"{call.server} {what}{_quoted(said, call)}",
        hint=CHANGE_THE_PROMPT,
        may_be_billed=True,
        provider="gemini",
        model=call.model,
        stage=stage,
        reason=reason,
    )


def _quoted(said: str | None, call: GeminiCall) -> str:
    return f": {call.told(said)}" if said else "."


def _finish_message(candidates: Sequence[Mapping[str, Any]], call: GeminiCall) -> str | None:
    told = next((c["finishMessage"] for c in candidates if isinstance(c.get("finishMessage"), str)), "")
    return call.told(told) or None


def shown_parts(candidate: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """A candidate's parts without its thoughts, which may hold drafts of the image."""
    return [part for part in _parts(candidate) if part.get("thought") is not True]


def drafts(answer: Mapping[str, Any]) -> Iterator[bytes]:
    """The images among an answer's thoughts."""
    parts = (part for candidate in objects(answer.get("candidates")) for part in _parts(candidate))
    for part in parts:
        inline = part.get("inlineData")
        if part.get("thought") is True and isinstance(inline, Mapping):
            data = _image_bytes(inline)
            if data is not None:
                yield data


def _parts(candidate: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    content = candidate.get("content")
    return objects(content.get("parts")) if isinstance(content, Mapping) else []


def _texts(parts: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    return (part["text"] for part in parts if isinstance(part.get("text"), str))


def _image_bytes(inline: Mapping[str, Any]) -> bytes | None:
    """The bytes, whatever their media type says they are: the bytes themselves tell later."""
    data = inline.get("data")
    return decode(data.translate(_URL_SAFE)) if isinstance(data, str) else None


def read_usage(metadata: object, *, images: bool) -> Usage | None:
    """Token counts of `usageMetadata`; None where there is none.

    Input is text or image by its details. Output that the details do not call IMAGE is text, thoughts too;
    without details all output but thoughts is the image, if there is one.
    """
    if not isinstance(metadata, Mapping) or not metadata:
        return None
    prompt = _count(metadata, "promptTokenCount")
    image_in = min(_of_images(metadata.get("promptTokensDetails")), prompt)
    cached = min(_count(metadata, "cachedContentTokenCount"), prompt)
    cached_image = min(_of_images(metadata.get("cacheTokensDetails")), cached)
    output, thoughts = _count(metadata, "candidatesTokenCount"), _count(metadata, "thoughtsTokenCount")
    details = metadata.get("candidatesTokensDetails")
    image_out = min(_of_images(details), output) if details else output * images
    return Usage(
        input_text_tokens=prompt - image_in,
        input_image_tokens=image_in,
        cached_text_tokens=cached - cached_image,
        cached_image_tokens=cached_image,
        output_image_tokens=image_out,
        output_text_tokens=output - image_out + thoughts,
        total_tokens=_count(metadata, "totalTokenCount") or prompt + output + thoughts,
    )


def total_usage(usages: Sequence[Usage | None]) -> Usage | None:
    """The sum over several calls; None where none reported any."""
    told = [usage for usage in usages if usage is not None]
    if not told:
        return None
    return Usage(**{f.name: sum(getattr(usage, f.name) for usage in told) for f in fields(Usage)})


def _of_images(details: object) -> int:
    return sum(_count(entry, "tokenCount") for entry in objects(details) if entry.get("modality") == "IMAGE")


def _count(section: Mapping[str, Any], name: str) -> int:
    value = section.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def objects(entries: object) -> list[Mapping[str, Any]]:
    """The JSON objects of a list; of anything else none."""
    return [entry for entry in entries if isinstance(entry, Mapping)] if isinstance(entries, list) else []


def _word(value: object, call: GeminiCall) -> str | None:
    return call.told(value, 100) or None if isinstance(value, str) else None
