"""Answers of servers that speak the Images API: bytes, or links to them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import unquote_to_bytes

from imagegen.errors import BadResponse
from imagegen.providers.compatible_link import Answer
from imagegen.providers.openai_answers import answer_object, bad_response, build_result, decode
from imagegen.providers.openai_errors import Call
from imagegen.types import ProviderImage, ProviderResult

Fetch = Callable[[str], Awaitable[bytes]]


async def read_answer(answer: Answer, call: Call, fetch: Fetch) -> ProviderResult:
    """The images of an answer; `fetch` gets what a link leads to. Entries without one are noted.

    Raises BadResponse where there is no image at all, or what an error body stands for.
    """
    document = answer_object(answer.content, answer.headers, call)
    entries = document.get("data")
    if not isinstance(entries, list) or not entries:
        raise bad_response("answered without an image", call, answer.headers)
    images: list[ProviderImage] = []
    problems: list[BadResponse] = []
    for entry in entries:
        try:
            images.append(await _image(entry, answer, call, fetch))
        except BadResponse as problem:
            problems.append(problem)
    if not images:
        raise problems[0]
    notes = tuple(problem.message for problem in problems)
    result = build_result(images, [document], answer.headers, notes)
    # Some count tokens under other names; a count of nothing is no count.
    return result if result.usage and result.usage.total_tokens else replace(result, usage=None)


async def _image(entry: object, answer: Answer, call: Call, fetch: Fetch) -> ProviderImage:
    found: Mapping[str, Any] = entry if isinstance(entry, Mapping) else {}
    text, link, revised = (_text(found, key) for key in ("b64_json", "url", "revised_prompt"))
    data = _bytes_of(text) if text else None
    if data is None and link:
        data = _bytes_of(link) if link.startswith("data:") else await fetch(link)
    if data is None:
        raise bad_response("sent an entry without a readable image", call, answer.headers)
    return ProviderImage(data=data, revised_prompt=revised)


def _text(found: Mapping[str, Any], key: str) -> str | None:
    value = found.get(key)
    return value if isinstance(value, str) and value else None


def _bytes_of(text: str) -> bytes | None:
    """The bytes of base64, which some servers wrap into a data URL."""
    if not text.startswith("data:"):
        return decode(text)
    head, comma, payload = text.partition(",")
    if not comma:
        return None
    return decode(payload) if head.endswith(";base64") else unquote_to_bytes(payload) or None
