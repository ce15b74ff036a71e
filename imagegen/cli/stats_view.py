"""How the statistics look: sums first, then a bar for each model and each day."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import typer

from imagegen.cache import CacheStats
from imagegen.cli.output import money, print_json, rfc3339, size_text
from imagegen.cli.session import Session
from imagegen.cli.spend_view import budget_text, since_of
from imagegen.documents import budgets_document, cache_document, stats_document
from imagegen.housekeeping import counted
from imagegen.ledger import BudgetStatus
from imagegen.service import ImageService
from imagegen.settings import StorageSettings
from imagegen.types import SpendRow, StoreStats

BAR_WIDTH = 24
BUDGETS = {"daily": "budget/day", "monthly": "budget/month"}


@dataclass(frozen=True, slots=True)
class _Found:
    """What there is to show. `cache` is None when it is off; `budgets` are those with a limit."""

    store: StoreStats
    cache: CacheStats | None
    budgets: tuple[BudgetStatus, ...]


def print_stats(session: Session, days: int, *, as_json: bool) -> None:
    """The statistics, their rows for that many days."""
    storage = session.settings.storage
    found = session.run(lambda service: _find(service, days))
    if as_json:
        document = stats_document(
            found.store, retention_days=storage.retention_days, max_size_gb=storage.max_size_gb
        )
        more = {"budgets": budgets_document(found.budgets), "cache": cache_document(found.cache)}
        print_json({**document, **more, "days": days})
        return
    for name, value in (*_summary(found.store, storage), *_money(found)):
        typer.echo(f"{name:<14}{value}")
    _bars(f"by model, last {days} days", found.store.by_model)
    _bars(f"by day (UTC), last {days} days", found.store.by_day)


async def _find(service: ImageService, days: int) -> _Found:
    budget = service.settings.budget
    limited = budget.daily_usd is not None or budget.monthly_usd is not None
    budgets = await service.spending.budgets() if limited else ()
    return _Found(
        store=await service.stats(since=since_of(days)),
        cache=await service.cache_stats(),
        budgets=tuple(budget for budget in budgets if budget.limit_usd is not None),
    )


def _money(found: _Found) -> Iterator[tuple[str, str]]:
    if found.cache and found.cache.hits:
        yield "cache saved", f"{money(found.cache.saved_usd)}, {found.cache.hits:,} hits"
    for budget in found.budgets:
        yield BUDGETS[budget.name], budget_text(budget)


def _summary(stats: StoreStats, storage: StorageSettings) -> list[tuple[str, str]]:
    unknown = f", and {stats.unknown_cost} images of unknown cost" if stats.unknown_cost else ""
    age = f"{storage.retention_days} days" if storage.retention_days else "no age limit"
    size = f"{storage.max_size_gb:g} GB" if storage.max_size_gb else "no size limit"
    last = stats.last_cleanup
    cleanup = (
        f"{rfc3339(last.ran_at)}, {counted(last.images, last.rejected)}, {size_text(last.freed_bytes)}"
        if last
        else "never"
    )
    return [
        ("images", f"{stats.images:,}"),
        ("size", size_text(stats.size_bytes)),
        ("spent", f"{money(stats.cost_usd)}{unknown}"),
        ("oldest", rfc3339(stats.oldest) if stats.oldest else "none"),
        ("newest", rfc3339(stats.newest) if stats.newest else "none"),
        ("retention", f"{age}, {size}"),
        ("last cleanup", cleanup),
    ]


def _bars(title: str, rows: Sequence[SpendRow]) -> None:
    """A bar shows spend; where nothing was spent, the number of images."""
    if not rows:
        return
    typer.echo(f"\n{title}")
    spent = [row.cost_usd for row in rows]
    weights = [float(cost) for cost in spent] if any(spent) else [float(row.images) for row in rows]
    most = max(weights) or 1.0
    width = max(len(row.key) for row in rows)
    for row, weight in zip(rows, weights, strict=True):
        bar = "█" * round(weight / most * BAR_WIDTH) or "▏"
        unknown = f"  ({row.unknown_cost} unknown)" if row.unknown_cost else ""
        count = f"{row.images:>6,} {'image ' if row.images == 1 else 'images'}"
        size, cost = size_text(row.size_bytes), money(row.cost_usd)
        typer.echo(f"  {row.key:<{width}}  {count}  {size:>9}  {cost:>9}  {bar}{unknown}")
