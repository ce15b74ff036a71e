"""The resources: images, the history, what is stored, and what models can do. Reading one changes nothing."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from mcp.server.lowlevel.helper_types import ReadResourceContents
from mcp_types import ListResourcesResult, PaginatedRequestParams, Resource, ResourceTemplate

from imagegen.errors import NotFound, UsageError
from imagegen.mcp.documents import (
    history_row,
    megabytes,
    mime_type,
    model_resource,
    stats_resource,
)
from imagegen.mcp.links import resource_uri
from imagegen.mcp.notices import HISTORY_URI, STATS_URI
from imagegen.mcp.parts import Parts
from imagegen.mcp.requests import RequestContext
from imagegen.service import ImageService
from imagegen.types import HistoryQuery, ImageRecord, JSONObject

JSON = "application/json"
PAGE = 50
TITLE_CHARS = 80
LIMITS = {"limit": (10, 100), "days": (7, 36500)}  # default, most

STATIC = (
    Resource(
        uri=HISTORY_URI,
        name="recent-images",
        title="Recent images",
        description="The newest images of the last 7 days",
        mime_type=JSON,
    ),
    Resource(
        uri=STATS_URI,
        name="storage-stats",
        title="Storage",
        description="How many images there are, their size, and what clean-up did",
        mime_type=JSON,
    ),
)
TEMPLATES = (
    ResourceTemplate(
        uri_template="generated-images://{image_id}",
        name="generated-image",
        title="Image",
        description="An image as the provider sent it",
    ),
    ResourceTemplate(
        uri_template="image-history://recent{?limit,days}",
        name="image-history",
        title="Recent images",
        description="The newest images: at most limit (10, up to 100) of the last days (7)",
        mime_type=JSON,
    ),
    ResourceTemplate(
        uri_template="model-info://{model}",
        name="model-info",
        title="Model",
        description="What a model takes, its limits, prices and life cycle",
        mime_type=JSON,
    ),
)


async def list_page(parts: Parts, _: RequestContext, params: PaginatedRequestParams) -> ListResourcesResult:
    """The fixed resources on the first page, and the newest images page by page."""
    page = await parts.service.list_images(HistoryQuery(limit=PAGE, cursor=params.cursor))
    images = [_listed(record) for record in page.images]
    return ListResourcesResult(
        resources=images if params.cursor else [*STATIC, *images], next_cursor=page.next_cursor
    )


async def read(service: ImageService, uri: str) -> ReadResourceContents:
    """The content behind a URI. Raises NotFound, UsageError."""
    parts = _parts(uri)
    name = unquote(f"{parts.netloc}{parts.path}")
    if parts.scheme == "generated-images":
        record, data = await service.read_image(name)
        return ReadResourceContents(content=data, mime_type=mime_type(record))
    if parts.scheme == "image-history" and name == "recent":
        return _json(await _history(service, _numbers(parts.query)))
    if uri == STATS_URI:
        days = service.settings.storage.retention_days
        return _json(stats_resource(await service.stats(), retention_days=days))
    if parts.scheme == "model-info":
        return _json(model_resource(service, service.model(name)))
    raise _unknown(uri)


def _parts(uri: str) -> SplitResult:
    try:
        return urlsplit(uri)
    except ValueError as exc:  # of what looks like an address of IPv6
        raise _unknown(uri) from exc


def _unknown(uri: str) -> NotFound:
    known = ", ".join([*(str(r.uri) for r in STATIC), *(t.uri_template for t in TEMPLATES)])
    return NotFound(f"There is no resource {uri[:200]}.", hint=f"There are {known}.")


def _listed(record: ImageRecord) -> Resource:
    prompt = " ".join(record.prompt.split())
    return Resource(
        uri=resource_uri(record.image_id),
        name=record.image_id,
        title=prompt if len(prompt) <= TITLE_CHARS else f"{prompt[:TITLE_CHARS]}…",
        mime_type=mime_type(record),
        size=record.file_info.size_bytes,
    )


def _json(document: JSONObject) -> ReadResourceContents:
    return ReadResourceContents(content=json.dumps(document, ensure_ascii=False, default=str), mime_type=JSON)


def _numbers(query: str) -> dict[str, int]:
    """The query's whole numbers. Raises UsageError that names what cannot be used."""
    given = parse_qs(query, keep_blank_values=True)
    unknown = given.keys() - LIMITS.keys()
    if unknown:
        raise UsageError(f"{', '.join(sorted(unknown))[:80]} is no parameter; there are limit and days.")
    return {name: _number(name, given.get(name, [str(default)])[-1]) for name, (default, _) in LIMITS.items()}


def _number(name: str, text: str) -> int:
    most = LIMITS[name][1]
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= most or len(text) > 9:
        raise UsageError(f"{name} must be a whole number from 1 to {most}.")
    return int(text)


async def _history(service: ImageService, numbers: dict[str, int]) -> JSONObject:
    since = datetime.now(UTC) - timedelta(days=numbers["days"])
    page = await service.list_images(HistoryQuery(since=since, limit=numbers["limit"]))
    stats = await service.stats()
    return {
        "images": [history_row(record) for record in page.images],
        "total_count": stats.images,
        "storage_usage_mb": megabytes(stats.size_bytes),
    }
