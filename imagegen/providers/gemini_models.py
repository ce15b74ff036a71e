"""`GET /models` of Gemini's API, read into what the live catalogue keeps.

It is asked for without the SDK, which gives up on the whole list where one entry is not as it expects.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from imagegen.live_catalogue import LiveModel, live_models
from imagegen.providers.gemini_answers import answer_object, bad_response, error_document
from imagegen.providers.gemini_endpoint import Endpoint
from imagegen.providers.gemini_errors import GeminiCall, refusal, translated

if TYPE_CHECKING:
    from httpx2 import AsyncClient, Response

_PAGE = 1000  # the most that one answer holds
_MAX_PAGES = 20
# The list says of no model that it makes images, but their names do.
_IMAGE_NAME = re.compile(r"image|banana")
# Imagen is not called by generateContent, and nothing else is used here.
_METHOD = "generateContent"


async def list_image_models(
    connections: AsyncClient, endpoint: Endpoint, key: str, call: GeminiCall
) -> tuple[LiveModel, ...]:
    """The image models that the server lists, page after page. Raises as `generate` does."""
    found: list[LiveModel] = []
    query: dict[str, str | int] = {"pageSize": _PAGE}
    with translated(call):
        async with asyncio.timeout(call.timeout_seconds):
            for _ in range(_MAX_PAGES):
                response = await connections.get(
                    f"{endpoint.base_url}/{endpoint.version}/models",
                    params=query,
                    headers={"x-goog-api-key": key},
                    timeout=call.timeout_seconds,
                )
                page = _page(response, call)
                found += _image_models(page, call)
                token = page.get("nextPageToken")
                if not isinstance(token, str) or not token:
                    return tuple(found)
                query["pageToken"] = token
    raise bad_response("goes on with its list of models without an end.", call)


def _page(response: Response, call: GeminiCall) -> Mapping[str, Any]:
    if response.status_code != 200:
        raise refusal(
            error_document(response.text), call, status=response.status_code, headers=response.headers
        )
    return answer_object(response.text, response.headers, call)


def _image_models(page: Mapping[str, Any], call: GeminiCall) -> Iterator[LiveModel]:
    # An empty page has no list at all: the API leaves out what is empty.
    entries = page.get("models", [])
    if not isinstance(entries, list):
        raise bad_response("answered without a list of models.", call)
    named = [
        {**entry, "id": str(entry["name"]).removeprefix("models/")}
        for entry in entries
        if isinstance(entry, dict) and entry.get("name") and _generates(entry)
    ]
    for model in live_models(named):
        if _IMAGE_NAME.search(model.id):
            yield replace(model, makes_images=True)


def _generates(entry: Mapping[str, Any]) -> bool:
    """Whether it is called as this package calls; a server that lists no methods is taken at its word."""
    methods = entry.get("supportedGenerationMethods")
    return not isinstance(methods, list) or _METHOD in methods
