"""What can be said of a task, whichever process ran it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from imagegen.ledger import Spend, TaskState
from imagegen.types import CostBasis, CostInfo, GenerationResult, ImageRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskReport:
    """Where a task stands. `error` is that of `ImagegenError.to_json`.

    `spend` is known of tasks of other processes; `elapsed_seconds`, `expected_seconds` and `stage` of those
    of this one.
    """

    task_id: str
    state: TaskState
    model: str
    created_at: datetime
    updated_at: datetime
    elapsed_seconds: float | None = None
    expected_seconds: float | None = None
    stage: str | None = None
    result: GenerationResult | None = None
    error: Mapping[str, Any] | None = None
    spend: Spend | None = None


def result_of(task_id: str, records: Sequence[ImageRecord]) -> GenerationResult | None:
    """The result that stored images amount to; None where there are none. Timings are not kept."""
    if not records:
        return None
    first = records[0]
    notes = dict.fromkeys(note for record in records for note in record.notes)
    return GenerationResult(
        task_id=task_id,
        operation=first.operation,
        provider=first.provider,
        model=first.model,
        images=tuple(records),
        cost_info=_total([record.cost_info for record in records]),
        notes=tuple(notes),
        timings={},
    )


def _total(costs: Sequence[CostInfo]) -> CostInfo:
    tokens = [cost.tokens_used for cost in costs if cost.tokens_used is not None]
    return CostInfo(
        estimated_cost_usd=_sum([cost.estimated_cost_usd for cost in costs]),
        cost_usd=_sum([cost.cost_usd for cost in costs]),
        basis=costs[0].basis if costs else CostBasis.UNKNOWN,
        tokens_used=sum(tokens) if tokens else None,
    )


def _sum(amounts: Sequence[Decimal | None]) -> Decimal | None:
    known = [amount for amount in amounts if amount is not None]
    return sum(known, Decimal(0)) if len(known) == len(amounts) else None
