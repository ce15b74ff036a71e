"""What was spent: exact sums over a period, single attempts, and how long calls take."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from statistics import median
from typing import Any, Literal

from imagegen.ledger.file import LedgerFile
from imagegen.ledger.records import AttemptRecord, Outcome, micros_of, moment_of
from imagegen.money import usd
from imagegen.types import CostBasis, Operation

Group = Literal["day", "model", "provider", "client"]
RECENT = 20

# What a row of the answer stands for; the order puts days in theirs and else the dearest first.
_KEYS: dict[Group, tuple[str, str]] = {
    "day": ("day", "1"),
    "model": ("provider || '/' || model", "3 DESC, 1"),
    "provider": ("provider", "3 DESC, 1"),
    "client": ("client", "3 DESC, 1"),
}
_PERIOD = "started_at >= ifnull(?, -9223372036854775808) AND started_at < ifnull(?, 9223372036854775807)"
_COLUMNS = (
    "attempt_id, task_id, started_at, ended_at, client, provider, model, operation, n, request_id,"
    " estimate_micro_usd, cost_micro_usd, charged_micro_usd, basis, outcome, may_be_billed, error_code,"
    " image_ids"
)
CSV_HEADER = (
    "started_at",
    "ended_at",
    "task_id",
    "client",
    "provider",
    "model",
    "operation",
    "n",
    "request_id",
    "estimate_usd",
    "cost_usd",
    "charged_usd",
    "basis",
    "outcome",
    "may_be_billed",
    "error_code",
    "image_ids",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spend:
    """One line of the accounts, in USD. `charged_usd` is the sum that budgets count.

    It is made of `cost_usd`, which is known, and of `uncertain_usd`: the estimates of attempts that may have
    been billed, or are still running. `unpriced` attempts are in no sum, because nobody knows their price.
    """

    key: str
    attempts: int
    images: int
    cost_usd: Decimal
    uncertain_usd: Decimal
    unpriced: int

    @property
    def charged_usd(self) -> Decimal:
        return self.cost_usd + self.uncertain_usd


class SpendBook:
    """Questions to a ledger, from any thread. `since` is inclusive, `until` exclusive, None is open."""

    def __init__(self, file: LedgerFile) -> None:
        self._file = file

    def by(
        self, group: Group, *, since: datetime | None = None, until: datetime | None = None
    ) -> tuple[Spend, ...]:
        """Exact sums by UTC day, `provider/model`, provider or client. Raises StorageError."""
        key, order = _KEYS[group]
        return self._spend(key, order, since, until)

    def total(self, *, since: datetime | None = None, until: datetime | None = None) -> Spend:
        """The exact sum of everything in the period; its key is empty."""
        rows = self._spend("''", "1", since, until)
        nothing = Spend(
            key="", attempts=0, images=0, cost_usd=Decimal(0), uncertain_usd=Decimal(0), unpriced=0
        )
        return rows[0] if rows else nothing

    def of_task(self, task_id: str) -> Spend:
        """What is known of the cost of one request with all its attempts."""
        attempts = self._file.read(
            lambda connection: connection.execute(
                f"SELECT {_COLUMNS} FROM attempts WHERE task_id = ?",  # noqa: S608 - our own names
                (task_id,),
            ).fetchall()
        )
        records = [_record(row) for row in attempts]
        return Spend(
            key=task_id,
            attempts=len(records),
            images=sum(len(record.image_ids) for record in records),
            cost_usd=usd(sum(record.cost_micro_usd or 0 for record in records)),
            uncertain_usd=usd(sum(r.charged_micro_usd for r in records if r.cost_micro_usd is None)),
            unpriced=sum(r.cost_micro_usd is None and r.estimate_micro_usd is None for r in records),
        )

    def attempts(
        self, *, since: datetime | None = None, until: datetime | None = None
    ) -> tuple[AttemptRecord, ...]:
        """Every attempt of the period, oldest first."""
        rows = self._file.read(
            lambda connection: connection.execute(
                f"SELECT {_COLUMNS} FROM attempts WHERE {_PERIOD} ORDER BY started_at, attempt_id",  # noqa: S608
                _bounds(since, until),
            ).fetchall()
        )
        return tuple(_record(row) for row in rows)

    def expected_seconds(self, provider: str, model: str, n: int) -> float | None:
        """The median duration of the model's recent successes, of calls for `n` images where there are some.

        None for a model that has not been used yet.
        """

        def durations(connection: sqlite3.Connection) -> list[int]:
            query = (
                "SELECT ended_at - started_at FROM attempts WHERE provider = ? AND model = ?"
                " AND outcome = 'saved' AND ended_at IS NOT NULL AND n = ifnull(?, n)"
                " ORDER BY started_at DESC LIMIT ?"
            )
            for count in (n, None):
                found = connection.execute(query, (provider, model, count, RECENT)).fetchall()
                if found:
                    return [row[0] for row in found]
            return []

        micros = self._file.read(durations)
        return median(micros) / 1_000_000 if micros else None

    def _spend(
        self, key: str, order: str, since: datetime | None, until: datetime | None
    ) -> tuple[Spend, ...]:
        statement = (
            f"SELECT {key}, count(*), sum(charged_micro_usd), ifnull(sum(cost_micro_usd), 0),"  # noqa: S608
            " sum(json_array_length(image_ids)), sum(cost_micro_usd IS NULL AND estimate_micro_usd IS NULL)"
            f" FROM attempts WHERE {_PERIOD} GROUP BY 1 ORDER BY {order}"
        )
        rows = self._file.read(
            lambda connection: connection.execute(statement, _bounds(since, until)).fetchall()
        )
        return tuple(
            Spend(
                key=name,
                attempts=attempts,
                images=images,
                cost_usd=usd(cost),
                uncertain_usd=usd(charged - cost),
                unpriced=unpriced,
            )
            for name, attempts, charged, cost, images, unpriced in rows
        )


def csv_rows(attempts: Iterable[AttemptRecord]) -> Iterator[Sequence[str]]:
    """The header and a row an attempt, for `csv.writer`: times in UTC, dollars with six decimals."""
    yield CSV_HEADER
    for attempt in attempts:
        yield (
            _time(attempt.started_at),
            _time(attempt.ended_at),
            attempt.task_id,
            _text(attempt.client),
            _text(attempt.provider),
            _text(attempt.model),
            attempt.operation.value,
            str(attempt.n),
            _text(attempt.request_id),
            _money(attempt.estimate_micro_usd),
            _money(attempt.cost_micro_usd),
            _money(attempt.charged_micro_usd),
            attempt.basis.value,
            attempt.outcome.value,
            "yes" if attempt.may_be_billed else "no",
            _text(attempt.error_code),
            " ".join(attempt.image_ids),
        )


def _bounds(since: datetime | None, until: datetime | None) -> tuple[int | None, int | None]:
    return (micros_of(since) if since else None, micros_of(until) if until else None)


def _record(row: tuple[Any, ...]) -> AttemptRecord:
    (attempt_id, task_id, started, ended, client, provider, model, operation, n, request_id, *rest) = row
    estimate, cost, charged, basis, outcome, may_be_billed, error_code, image_ids = rest
    return AttemptRecord(
        attempt_id=attempt_id,
        task_id=task_id,
        started_at=moment_of(started),
        ended_at=None if ended is None else moment_of(ended),
        client=client,
        provider=provider,
        model=model,
        operation=Operation(operation),
        n=n,
        request_id=request_id,
        estimate_micro_usd=estimate,
        cost_micro_usd=cost,
        charged_micro_usd=charged,
        basis=CostBasis(basis),
        outcome=Outcome(outcome),
        may_be_billed=bool(may_be_billed),
        error_code=error_code,
        image_ids=tuple(json.loads(image_ids)),
    )


def _time(moment: datetime | None) -> str:
    return "" if moment is None else moment.isoformat().replace("+00:00", "Z")


def _money(micro: int | None) -> str:
    return "" if micro is None else f"{usd(micro):.6f}"


def _text(value: str | None) -> str:
    """A name from outside; a spreadsheet must not take it for a formula."""
    return f"'{value}" if value and value[0] in "=+-@\t\r" else value or ""
