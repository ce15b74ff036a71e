"""OpenAI's answers, read with suspicion: gateways send errors, web pages and nothing with status 200."""

from __future__ import annotations

import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from functools import cache
from typing import TYPE_CHECKING, Any

from imagegen.errors import BadResponse
from imagegen.providers.openai_errors import Call, refusal
from imagegen.types import JSONObject, ProviderImage, ProviderResult, Usage

if TYPE_CHECKING:
    from pydantic_core import SchemaValidator

_REPORTED = ("size", "quality", "background", "output_format")
_RATE_HEADERS = "x-ratelimit-"


def read_answer(content: bytes, headers: Mapping[str, str], call: Call) -> ProviderResult:
    """The images of a whole JSON answer. Entries without one are noted if others have one.

    Raises BadResponse, or what an error body stands for.
    """
    answer = answer_object(content, headers, call)
    entries = answer.get("data")
    if not isinstance(entries, list) or not entries:
        raise bad_response("answered without an image", call, headers)
    images, problems = _split(entries, call, headers)
    if not images:
        raise problems[0]
    notes = tuple(problem.message for problem in problems)
    return build_result(images, [answer], headers, notes)


def refused_stream(content: bytes, headers: Mapping[str, str], call: Call) -> BadResponse:
    """The error for a JSON answer to a request for a stream; raises what an error body stands for."""
    answer_object(content, headers, call)
    return bad_response("answered a request for a stream with one JSON document", call, headers)


def build_result(
    images: Sequence[ProviderImage],
    answers: Sequence[Mapping[str, Any]],
    headers: Mapping[str, str],
    notes: tuple[str, ...] = (),
) -> ProviderResult:
    """A result from its images and the answers (or completed events) that carried them."""
    last = answers[-1]
    return ProviderResult(
        images=tuple(images),
        usage=_sum([usage for answer in answers if (usage := read_usage(answer.get("usage")))]),
        request_id=headers.get("x-request-id"),
        notes=notes,
        reported={name: last[name] for name in _REPORTED if isinstance(last.get(name), str)},
        details=_details(last, headers),
    )


def read_image(entry: object, call: Call, headers: Mapping[str, str]) -> ProviderImage:
    """One entry of `data`, or one completed event. Raises BadResponse."""
    found: Mapping[str, Any] = entry if isinstance(entry, Mapping) else {}
    data = decode(found.get("b64_json"))
    if data is None:
        if isinstance(found.get("url"), str):
            raise bad_response("sent a link in place of the image's bytes", call, headers)
        raise bad_response("sent an entry without a readable image", call, headers)
    revised = found.get("revised_prompt")
    return ProviderImage(data=data, revised_prompt=revised if isinstance(revised, str) else None)


def decode(text: object) -> bytes | None:
    """The bytes of strict base64; None for anything else, and for no bytes at all."""
    if not isinstance(text, str):
        return None
    try:
        return _decode_fast(text) or None
    except ValueError:
        pass
    try:
        return binascii.a2b_base64(text, strict_mode=True) or None
    except ValueError:
        return None


def _decode_fast(text: str) -> bytes:
    """Several times as fast as `binascii`, which holds up everything else; refuses some of what that takes.

    Raises ValueError.
    """
    if len(text) % 4 or "\\" in text or "-" in text or "_" in text:  # more lenient there than it is here
        raise ValueError("not plain base64")
    decoded: bytes = _base64_reader().validate_json(b'"%b"' % text.encode("ascii"))
    return decoded


@cache
def _base64_reader() -> SchemaValidator:
    from pydantic_core import SchemaValidator, core_schema

    return SchemaValidator(core_schema.bytes_schema(), core_schema.CoreConfig(val_json_bytes="base64"))


def bad_response(what: str, call: Call, headers: Mapping[str, str]) -> BadResponse:
    """An answer of status 200 that holds no image: whatever was made for it may be billed."""
    return BadResponse(
        f"{call.server} {what}.",
        hint=None
        if call.own_endpoint
        else f"Check that {call.settings}.base_url speaks OpenAI's Images API.",
        may_be_billed=True,
        provider=call.provider,
        model=call.model,
        request_id=headers.get("x-request-id"),
    )


def answer_object(content: bytes, headers: Mapping[str, str], call: Call) -> JSONObject:
    """The JSON object of an answer. Raises BadResponse, or what an error body stands for."""
    try:
        answer = _load_json(content)
    except (ValueError, RecursionError) as exc:
        kind = call.clean(headers.get("content-type", "no content type"), 100)
        raise bad_response(f"answered with something that is no JSON ({kind})", call, headers) from exc
    if not isinstance(answer, dict):
        raise bad_response(f"answered with a JSON {type(answer).__name__}, not an object", call, headers)
    if answer.get("error"):
        raise refusal(answer, call, headers=headers)
    return answer


def _load_json(content: bytes) -> Any:
    """What the bytes say, by the fast parser, or by the forgiving one where that stumbles."""
    from pydantic_core import from_json

    try:
        return from_json(content)
    except ValueError:
        return json.loads(content)


def _split(
    entries: Sequence[object], call: Call, headers: Mapping[str, str]
) -> tuple[list[ProviderImage], list[BadResponse]]:
    images: list[ProviderImage] = []
    problems: list[BadResponse] = []
    for entry in entries:
        try:
            images.append(read_image(entry, call, headers))
        except BadResponse as problem:
            problems.append(problem)
    return images, problems


def read_usage(usage: object) -> Usage | None:
    """Token counts of a `usage` object; None where there is none.

    Text counts include their cached part. Output without details is all image (the Images API often
    leaves them out), and input without details all text.
    """
    if not isinstance(usage, Mapping) or not usage:
        return None
    inputs, outputs = _section(usage, "input_tokens_details"), _section(usage, "output_tokens_details")
    cached = _section(inputs, "cached_tokens_details")
    input_tokens, output_tokens = _count(usage, "input_tokens"), _count(usage, "output_tokens")
    input_image, output_text = _count(inputs, "image_tokens"), _count(outputs, "text_tokens")
    return Usage(
        input_text_tokens=_count(inputs, "text_tokens") or max(input_tokens - input_image, 0),
        input_image_tokens=input_image,
        cached_text_tokens=_count(cached, "text_tokens") if cached else _count(inputs, "cached_tokens"),
        cached_image_tokens=_count(cached, "image_tokens"),
        output_image_tokens=_count(outputs, "image_tokens") or max(output_tokens - output_text, 0),
        output_text_tokens=output_text,
        total_tokens=_count(usage, "total_tokens") or input_tokens + output_tokens,
    )


def _section(usage: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    section = usage.get(name)
    return section if isinstance(section, Mapping) else {}


def _count(section: Mapping[str, Any], name: str) -> int:
    value = section.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def _sum(usages: Sequence[Usage]) -> Usage | None:
    """Each completed event of a stream reports its own image."""
    if not usages:
        return None
    return Usage(**{f.name: sum(getattr(usage, f.name) for usage in usages) for f in fields(Usage)})


def _details(answer: Mapping[str, Any], headers: Mapping[str, str]) -> JSONObject:
    details: JSONObject = {}
    if isinstance(answer.get("svg_usage"), Mapping):
        details["svg_usage"] = answer["svg_usage"]
    if headers.get("openai-processing-ms", "").isdecimal():
        details["processing_ms"] = int(headers["openai-processing-ms"])
    limits = {k.removeprefix(_RATE_HEADERS): v for k, v in headers.items() if k.startswith(_RATE_HEADERS)}
    return {**details, **({"rate_limits": limits} if limits else {})}
