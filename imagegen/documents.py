"""The stable JSON documents of `--json`. Their keys are the sidecar's, so there is one vocabulary."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

from imagegen.cache import CacheStats
from imagegen.capabilities import ModelInfo
from imagegen.catalogue_refresh import Refreshed
from imagegen.ledger import BudgetStatus, Spend
from imagegen.planning import Plan
from imagegen.rewording import rewordings
from imagegen.store import ReindexReport
from imagegen.store.sidecar import record_to_json
from imagegen.types import (
    CleanupReport,
    CostInfo,
    Estimate,
    GenerationResult,
    ImageRecord,
    JSONObject,
    SpendRow,
    StoreStats,
)


def image_document(record: ImageRecord, path: Path) -> JSONObject:
    """The sidecar of an image, and where its bytes are."""
    return {**record_to_json(record), "path": str(path)}


def cost_document(cost: CostInfo) -> JSONObject:
    """`cost_info` of a whole call."""
    return {
        "estimated_cost_usd": cost.estimated_cost_usd,
        "cost_usd": cost.cost_usd,
        "basis": cost.basis.value,
        "tokens_used": cost.tokens_used,
    }


def result_document(result: GenerationResult, images: list[JSONObject]) -> JSONObject:
    """The answer to `generate` and `edit`; `images` are image documents."""
    return {
        "task_id": result.task_id,
        "operation": result.operation.value,
        "provider": result.provider,
        "model": result.model,
        "images": images,
        "cost_info": cost_document(result.cost_info),
        "cached": result.cached,
        "notes": list(result.notes),
        "timings": dict(result.timings),
        "rejected": list(result.rejected),
        "details": dict(result.details),
    }


def plan_document(plan: Plan) -> JSONObject:
    """The answer to `--dry-run`."""
    return {
        "dry_run": True,
        "operation": plan.request.operation.value,
        "provider": plan.provider.name,
        "model": plan.model.id,
        "endpoint": plan.wire.endpoint,
        "parameters": dict(plan.wire.parameters),
        "estimate": estimate_document(plan.estimate),
        "notes": list(plan.notes),
    }


def estimate_document(estimate: Estimate) -> JSONObject:
    """A cost before the call, in USD."""
    return {
        "low_usd": estimate.low_usd,
        "high_usd": estimate.high_usd,
        "basis": estimate.basis.value,
        "note": estimate.note,
    }


def stats_document(stats: StoreStats, *, retention_days: int, max_size_gb: float) -> JSONObject:
    """The answer to `stats`."""
    last = stats.last_cleanup
    return {
        "total_images": stats.images,
        "total_size_bytes": stats.size_bytes,
        "cost_usd": stats.cost_usd,
        "images_of_unknown_cost": stats.unknown_cost,
        "oldest_image": stats.oldest,
        "newest_image": stats.newest,
        "by_model": [_spend(row, "model") for row in stats.by_model],
        "by_day": [_spend(row, "day") for row in stats.by_day],
        "retention_days": retention_days,
        "max_size_gb": max_size_gb,
        "last_cleanup": None
        if last is None
        else {
            "ran_at": last.ran_at,
            "images": last.images,
            "rejected": last.rejected,
            "freed_bytes": last.freed_bytes,
        },
    }


def _spend(row: SpendRow, key: str) -> JSONObject:
    return {
        key: row.key,
        "images": row.images,
        "size_bytes": row.size_bytes,
        "cost_usd": row.cost_usd,
        "images_of_unknown_cost": row.unknown_cost,
    }


def spend_document(rows: Sequence[Spend], total: Spend, *, by: str) -> JSONObject:
    """The answer to `stats --spend`; amounts in USD."""
    return {"by": by, "rows": [{by: row.key, **_sums(row)} for row in rows], "total": _sums(total)}


def _sums(row: Spend) -> JSONObject:
    return {
        "attempts": row.attempts,
        "images": row.images,
        "cost_usd": row.cost_usd,
        "uncertain_usd": row.uncertain_usd,
        "charged_usd": row.charged_usd,
        "unpriced_attempts": row.unpriced,
    }


def budgets_document(budgets: Sequence[BudgetStatus]) -> list[JSONObject]:
    """How full the budgets are; amounts in USD."""
    return [
        {
            "name": budget.name,
            "limit_usd": budget.limit_usd,
            "spent_usd": budget.spent_usd,
            "reserved_usd": budget.reserved_usd,
            "resets_at": budget.resets_at,
        }
        for budget in budgets
    ]


def cleanup_document(report: CleanupReport) -> JSONObject:
    """The answer to `cleanup`."""
    return {
        "dry_run": report.dry_run,
        "already_running": report.already_running,
        "ran_at": report.ran_at,
        "images": [
            {
                "image_id": record.image_id,
                "created_at": record.created_at,
                "size_bytes": record.file_info.size_bytes,
                "reason": report.reasons[record.image_id],
            }
            for record in report.images
        ],
        "rejected": [
            {
                "image_id": answer.image_id,
                "filename": answer.filename,
                "created_at": answer.created_at,
                "size_bytes": answer.size_bytes,
                "reason": "age",
            }
            for answer in report.rejected
        ],
        "freed_bytes": report.freed_bytes,
        "temporary_files": report.temporary_files,
    }


def cache_document(stats: CacheStats | None) -> JSONObject:
    """The answer to `cache stats`."""
    if stats is None:
        return {"enabled": False}
    return {
        "enabled": True,
        "backend": stats.backend,
        "location": stats.location,
        "entries": stats.entries,
        "size_bytes": stats.size_bytes,
        "hits": stats.hits,
        "saved_usd": stats.saved_usd,
    }


def reindex_document(report: ReindexReport) -> JSONObject:
    """The answer to `history reindex`."""
    return {
        "indexed": report.indexed,
        "removed": report.removed,
        "broken": [{"path": str(broken.path), "reason": broken.reason} for broken in report.broken],
        "without_sidecar": [str(path) for path in report.without_sidecar],
    }


def model_document(model: ModelInfo, today: date) -> JSONObject:
    """One row of `models list`, the whole of `models show`."""
    shutdown: Any = model.shutdown_date.isoformat() if model.shutdown_date else None
    return {
        "id": model.id,
        "provider": model.provider,
        "title": model.title,
        "status": model.status_on(today).value,
        "shutdown_date": shutdown,
        "replacement": model.replacement,
        "operations": sorted(operation.value for operation in model.operations),
        "parameters": {name: rule.describe() for name, rule in model.parameters.items()},
        "max_prompt_chars": model.max_prompt_chars,
        "max_input_images": model.max_input_images,
        "takes_mask": model.takes_mask,
        "takes_markup": model.takes_markup,
        "input_formats": list(model.input_formats),
        "notes": list(model.notes),
        "transparent_formats": list(model.transparent_formats),
        "single_formats": list(model.single_formats),
        "generate_only": list(model.generate_only),
        "converts_locally": model.converts_locally,
        "style_in_prompt": model.style_in_prompt,
        "reworded": rewordings(model),
        "takes_anything": model.takes_anything,
        "extra": dict(model.extra),
    }


def refresh_document(outcomes: Sequence[Refreshed]) -> JSONObject:
    """The answer to `models refresh`."""
    return {
        "providers": [
            {
                "name": outcome.provider,
                "asked": outcome.asked,
                "models": outcome.models,
                "new": list(outcome.new),
                "shutdowns": dict(outcome.shutdowns),
                "problem": outcome.problem,
            }
            for outcome in outcomes
        ]
    }
