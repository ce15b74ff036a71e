"""How spending looks: a row a group with its exact sum, the budgets, or every attempt as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Literal

import typer

from imagegen.cli.output import print_json, print_table, rfc3339
from imagegen.cli.session import Session
from imagegen.documents import spend_document
from imagegen.errors import UsageError
from imagegen.ledger import BudgetStatus, Spend, csv_rows
from imagegen.money import micro_usd, show_usd
from imagegen.service import ImageService

Group = Literal["day", "model", "provider", "client"]
HEADERS = ("attempts", "images", "known", "uncertain", "sum")


def check_asked(*, spend: bool, by: str | None, as_csv: bool, as_json: bool) -> None:
    """Refuse options that do not go together."""
    if not spend and (by or as_csv):
        raise UsageError(f"{'--by' if by else '--csv'} belongs to --spend.", hint="Add --spend.")
    if as_csv and (by or as_json):
        raise UsageError(
            f"--csv has a line for each attempt, so {'--by' if by else '--json'} says nothing with it.",
            hint="Leave one of them out.",
        )


def since_of(days: int | None) -> datetime | None:
    """When a period of that many days began; None for one without a beginning."""
    return None if days is None else datetime.now(UTC) - timedelta(days=days)


def print_attempts(session: Session, days: int | None) -> None:
    """The header and a line for each attempt on stdout."""
    attempts = session.run(lambda service: service.spending.attempts(since=since_of(days)))
    table = io.StringIO()
    csv.writer(table, lineterminator="\n").writerows(csv_rows(attempts))
    typer.echo(table.getvalue(), nl=False)


def show_spend(session: Session, by: Group, days: int | None, *, as_json: bool) -> None:
    """The sums by group, and in total."""

    async def find(service: ImageService) -> tuple[Sequence[Spend], Spend]:
        since = since_of(days)
        return await service.spending.by(by, since=since), await service.spending.total(since=since)

    rows, total = session.run(find)
    if as_json:
        print_json({**spend_document(rows, total, by=by), "days": days})
        return
    print_table((by, *HEADERS), [_cells(row) for row in rows], right=range(1, 6))
    calls = "1 attempt" if total.attempts == 1 else f"{total.attempts:,} attempts"
    session.talk.detail(f"{_dollars(total.charged_usd)} in all, {calls}")
    if total.unpriced:
        session.talk.note(f"{total.unpriced} attempts are in no sum: nobody knows their price")


def _cells(row: Spend) -> tuple[str, ...]:
    sums = (row.cost_usd, row.uncertain_usd, row.charged_usd)
    return (row.key, str(row.attempts), str(row.images), *map(_dollars, sums))


def _dollars(amount: Decimal) -> str:
    return show_usd(micro_usd(amount))


def budget_text(budget: BudgetStatus) -> str:
    """`$0.05 spent, $0.00 reserved of $1.00, resets at 2026-11-23T00:00:00Z`."""
    used = f"{_dollars(budget.spent_usd)} spent, {_dollars(budget.reserved_usd)} reserved"
    limit = "no limit" if budget.limit_usd is None else _dollars(budget.limit_usd)
    return f"{used} of {limit}, resets at {rfc3339(budget.resets_at)}"
