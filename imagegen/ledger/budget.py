"""Budgets: whether a call fits, decided within the transaction that reserves its estimate."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_FLOOR, Decimal
from typing import NoReturn

from imagegen.errors import BudgetExceeded
from imagegen.ledger.records import NewAttempt, day_of
from imagegen.money import micro_usd, show_usd, usd

CHEAPER = "choose a lower quality, a smaller size or fewer images"


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetLimits:
    """What may be spent in USD; None: no limit, 0: nothing.

    `per_request_usd` and `max_cost_usd` bound one request with all its attempts, `daily_usd` a UTC day,
    `monthly_usd` a calendar month in UTC.
    """

    per_request_usd: Decimal | None = None
    max_cost_usd: Decimal | None = None
    daily_usd: Decimal | None = None
    monthly_usd: Decimal | None = None

    @property
    def any_set(self) -> bool:
        """Whether anything is limited at all."""
        limits = (self.per_request_usd, self.max_cost_usd, self.daily_usd, self.monthly_usd)
        return any(limit is not None for limit in limits)


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetStatus:
    """How full a budget is, in USD. `name` is `daily` or `monthly`; `limit_usd` None: there is none.

    `reserved_usd` is set aside for calls that are under way.
    """

    name: str
    limit_usd: Decimal | None
    spent_usd: Decimal
    reserved_usd: Decimal
    resets_at: datetime


@dataclass(frozen=True, slots=True)
class _Budget:
    """One limit in micro-dollars; `name` as in BudgetLimits without its unit, `setting` what raises it."""

    name: str
    setting: str
    limit: int
    spent: int
    reserved: int
    resets_at: datetime | None

    def has_room_for(self, estimate: int) -> bool:
        return self.spent + self.reserved + estimate <= self.limit

    def refuse(self, estimate: int) -> NoReturn:
        used = [f"{show_usd(self.spent)} spent"]
        if self.reserved:
            used.append(f"{show_usd(self.reserved)} reserved by calls under way")
        resets = f"It resets at {_rfc3339(self.resets_at)}. " if self.resets_at else ""
        raise BudgetExceeded(
            f"The {self.name.replace('_', ' ')} budget of {show_usd(self.limit)} has no room for this call: "
            f"{', '.join(used)}, and it may cost up to {show_usd(estimate)}.",
            hint=f"{resets}Raise {self.setting}, or {CHEAPER}.",
            budget=self.name,
            limit_usd=float(usd(self.limit)),
            spent_usd=float(usd(self.spent)),
            reserved_usd=float(usd(self.reserved)),
            estimate_usd=float(usd(estimate)),
            resets_at=_rfc3339(self.resets_at) if self.resets_at else None,
        )


def check(connection: sqlite3.Connection, limits: BudgetLimits, new: NewAttempt, now: datetime) -> None:
    """Raise BudgetExceeded unless the attempt fits into every budget. Within a transaction."""
    if not limits.any_set:
        return
    estimate = new.reserve_micro_usd
    if estimate is None:
        raise BudgetExceeded(
            f"The price of {new.provider}/{new.model} is not known, so no budget can be kept with it.",
            hint="Add it to prices.toml in the configuration folder, or remove the budgets.",
            budget="unknown_price",
        )
    for budget in _budgets(connection, limits, new.task_id, now):
        if not budget.has_room_for(estimate):
            budget.refuse(estimate)


def statuses(connection: sqlite3.Connection, limits: BudgetLimits, now: datetime) -> tuple[BudgetStatus, ...]:
    """The daily and the monthly budget, or what is spent where there is none."""
    limited = {"daily": limits.daily_usd, "monthly": limits.monthly_usd}
    return tuple(
        BudgetStatus(
            name=name,
            limit_usd=limited[name],
            spent_usd=usd(spent),
            reserved_usd=usd(reserved),
            resets_at=resets_at,
        )
        for name, (spent, reserved), resets_at in _periods(connection, now)
    )


def _budgets(
    connection: sqlite3.Connection, limits: BudgetLimits, task_id: str, now: datetime
) -> Iterator[_Budget]:
    for name, setting, limit in (
        ("max_cost", "--max-cost", limits.max_cost_usd),
        ("per_request", "BUDGET__PER_REQUEST_USD", limits.per_request_usd),
    ):
        if limit is not None:
            yield _Budget(name, setting, _micro(limit), *_used_by_task(connection, task_id), None)
    limited = {"daily": limits.daily_usd, "monthly": limits.monthly_usd}
    for name, used, resets_at in _periods(connection, now):
        limit = limited[name]
        if limit is not None:
            yield _Budget(name, f"BUDGET__{name.upper()}_USD", _micro(limit), *used, resets_at)


def _periods(
    connection: sqlite3.Connection, now: datetime
) -> Iterator[tuple[str, tuple[int, int], datetime]]:
    """The day and the month: name, micro-dollars spent and reserved, when the next one begins."""
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    first = midnight.replace(day=1)
    day, month = day_of(midnight), day_of(first)
    yield "daily", _used(connection, day, day), midnight + timedelta(days=1)
    yield "monthly", _used(connection, month, f"{month[:7]}-31"), (first + timedelta(days=32)).replace(day=1)


def _used(connection: sqlite3.Connection, first_day: str, last_day: str) -> tuple[int, int]:
    spent, reserved = connection.execute(
        "SELECT ifnull(sum(spent_micro_usd), 0), ifnull(sum(reserved_micro_usd), 0)"
        " FROM days WHERE day BETWEEN ? AND ?",
        (first_day, last_day),
    ).fetchone()
    return spent, reserved


def _used_by_task(connection: sqlite3.Connection, task_id: str) -> tuple[int, int]:
    spent, reserved = connection.execute(
        "SELECT ifnull(sum(charged_micro_usd * (outcome <> 'running')), 0),"
        " ifnull(sum(charged_micro_usd * (outcome = 'running')), 0) FROM attempts WHERE task_id = ?",
        (task_id,),
    ).fetchone()
    return spent, reserved


def _micro(limit: Decimal) -> int:
    return micro_usd(limit, rounding=ROUND_FLOOR)


def _rfc3339(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
