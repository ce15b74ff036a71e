"""The JSON of results and resources. Base64 stands in it only where a data URL was asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal

from imagegen.capabilities import ModelInfo, Status
from imagegen.documents import model_document
from imagegen.imaging import MIME_TYPES
from imagegen.mcp.links import resource_uri
from imagegen.rewording import rewordings
from imagegen.service import ImageService
from imagegen.types import GenerationResult, ImageRecord, JSONObject, Operation, StoreStats

MEGABYTE = 1_000_000


def rfc3339(when: datetime | None) -> str | None:
    """UTC with a Z."""
    return None if when is None else when.astimezone(UTC).isoformat().replace("+00:00", "Z")


def usd(amount: Decimal | None) -> float | None:
    """Six decimals survive a double; sums were made before."""
    return None if amount is None else float(amount)


def megabytes(size_bytes: int) -> float:
    """Decimal, as disks count."""
    return round(size_bytes / MEGABYTE, 3)


def dimensions(record: ImageRecord) -> str | None:
    """WIDTHxHEIGHT; None for an SVG without a size."""
    info = record.file_info
    return f"{info.width}x{info.height}" if info.width and info.height else None


def result_document(
    result: GenerationResult, url_of: Callable[[ImageRecord], str], *, notes: Sequence[str]
) -> JSONObject:
    """The answer to `generate_image` and `edit_image`; `images` is there when they are several."""
    first = result.images[0]
    document = {
        "task_id": result.task_id,
        "state": "done",
        **_image_links(first, url_of),
        "metadata": _metadata(result, first, notes),
    }
    if len(result.images) > 1:
        document["images"] = [
            {**_image_links(record, url_of), **_file_facts(record)} for record in result.images
        ]
    return document


def _image_links(record: ImageRecord, url_of: Callable[[ImageRecord], str]) -> JSONObject:
    return {
        "image_id": record.image_id,
        "image_url": url_of(record),
        "resource_uri": resource_uri(record.image_id),
    }


def _file_facts(record: ImageRecord) -> JSONObject:
    info = record.file_info
    return {
        "file_size_bytes": info.size_bytes,
        "dimensions": dimensions(record),
        "format": info.format,
    }


def _metadata(result: GenerationResult, first: ImageRecord, notes: Sequence[str]) -> JSONObject:
    parameters = {**first.parameters.get("sent", {}), **first.parameters.get("asked", {})}
    return {
        **{name: parameters.get(name) for name in ("size", "quality", "style")},
        "prompt": first.prompt,
        "model": result.model,
        "provider": result.provider,
        "created_at": rfc3339(first.created_at),
        "cost_estimate": usd(result.cost_info.estimated_cost_usd),
        "cost_usd": usd(result.cost_info.cost_usd),
        **_file_facts(first),
        "notes": list(notes),
        "cached": result.cached,
    }


def history_row(record: ImageRecord) -> JSONObject:
    """One image of the history."""
    return {
        "image_id": record.image_id,
        "task_id": record.task_id,
        "created_at": rfc3339(record.created_at),
        "prompt": record.prompt,
        "model": f"{record.provider}/{record.model}",
        "resource_uri": resource_uri(record.image_id),
        "parameters": dict(record.parameters.get("asked", {})),
        "cost_usd": usd(record.cost_info.cost_usd),
        **_file_facts(record),
    }


def stats_resource(stats: StoreStats, *, retention_days: int) -> JSONObject:
    """The content of `storage-stats://overview`."""
    last = stats.last_cleanup
    return {
        "total_images": stats.images,
        "storage_usage_mb": megabytes(stats.size_bytes),
        "oldest_image": rfc3339(stats.oldest),
        "newest_image": rfc3339(stats.newest),
        "retention_policy_days": retention_days,
        "cleanup_last_run": rfc3339(last.ran_at) if last else None,
        "images_cleaned_up": last.images if last else 0,
    }


def models_document(service: ImageService) -> JSONObject:
    """The answer to `list_available_models`: who can make images now, and what their models take."""
    today = datetime.now(UTC).date()
    providers = {}
    for name, (provider, availability) in service.providers().items():
        living = [model for model in provider.models() if model.status_on(today) is not Status.RETIRED]
        providers[name] = {
            "enabled": availability.enabled,
            "reason": availability.reason,
            "models": {model.id: _model_row(service, model, today) for model in living},
        }
    return {"providers": providers, "default_model": service.default_model().full_name}


def _model_row(service: ImageService, model: ModelInfo, today: date) -> JSONObject:
    taken = {name: rule.describe() for name, rule in model.parameters.items()}
    named = {"size": "supported_sizes", "output_format": "supported_formats", "quality": "qualities"}
    return {
        "name": model.title,
        "provider": model.provider,
        "capabilities": {
            "generation": Operation.GENERATE in model.operations,
            "editing": Operation.EDIT in model.operations,
            **{named.get(name, name): values for name, values in taken.items()},
            **rewordings(model),
            "max_input_images": model.max_input_images,
            "mask": model.takes_mask,
        },
        "status": model.status_on(today).value,
        "shutdown_date": model.shutdown_date.isoformat() if model.shutdown_date else None,
        "price_hint": price_hint(service, model),
    }


def price_hint(service: ImageService, model: ModelInfo) -> str:
    """The cheapest to the dearest image of the price table."""
    if model.provider in service.prices.free:
        return "free"
    prices = [row.usd for row in service.prices.per_image_hint(model.provider, model.id)]
    if not prices:
        return "unknown"
    low, high = f"${min(prices):.3f}", f"${max(prices):.3f}"
    return f"{low} an image" if low == high else f"{low} to {high} an image"


def model_resource(service: ImageService, model: ModelInfo) -> JSONObject:
    """The content of `model-info://{model}`: specification, prices, limits, life cycle."""
    prices = service.prices.per_image_hint(model.provider, model.id)
    return {
        **model_document(model, datetime.now(UTC).date()),
        "free": model.provider in service.prices.free,
        "price_hint": price_hint(service, model),
        "prices": [{"quality": row.quality, "size": row.size, "usd": float(row.usd)} for row in prices],
    }


def mime_type(record: ImageRecord) -> str:
    """The true one, by the image's bytes."""
    return MIME_TYPES[record.file_info.format]
