"""Attempts: a row before the call, which is its reservation too, and what became of it after."""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import datetime
from decimal import Decimal

from imagegen.ledger.budget import BudgetLimits, check
from imagegen.ledger.file import LedgerFile, Note
from imagegen.ledger.owners import Owners, interrupt_the_dead
from imagegen.ledger.records import (
    Begun,
    Ending,
    ImageCost,
    NewAttempt,
    Outcome,
    client_name,
    day_of,
    micros_of,
)
from imagegen.money import micro_usd
from imagegen.types import CostBasis, CostInfo, JSONObject

NO_OWNER = ""
IMPORTED = "imported"  # the client of calls that are known from their images alone

# A row that a damaged ledger lost while its call ran is written whole when the call ends.
_WRITE = """
    INSERT INTO attempts (
        attempt_id, task_id, started_at, ended_at, day, client, provider, model, operation, n, request_id,
        estimate_micro_usd, cost_micro_usd, charged_micro_usd, basis, outcome, may_be_billed, error_code,
        image_ids, owner
    ) VALUES (
        :attempt_id, :task_id, :started_at, :ended_at, :day, :client, :provider, :model, :operation, :n,
        :request_id, :estimate, :cost, :charged, :basis, :outcome, :may_be_billed, :error_code, :image_ids,
        :owner
    )
    ON CONFLICT (attempt_id) DO UPDATE SET
        ended_at = excluded.ended_at, request_id = excluded.request_id,
        cost_micro_usd = excluded.cost_micro_usd, charged_micro_usd = excluded.charged_micro_usd,
        basis = excluded.basis, outcome = excluded.outcome, may_be_billed = excluded.may_be_billed,
        error_code = excluded.error_code, image_ids = excluded.image_ids
"""
_RUNNING = Ending(outcome=Outcome.RUNNING, may_be_billed=True)


class Attempts:
    """The attempts of a ledger, from any thread. `note` hears of calls that dead processes left open."""

    def __init__(
        self, file: LedgerFile, owners: Owners, *, clock: Callable[[], datetime], note: Note
    ) -> None:
        self._file = file
        self._owners = owners
        self._clock = clock
        self._note = note

    def begin(self, new: NewAttempt, limits: BudgetLimits) -> Begun:
        """Reserve the estimate and write the row, in one transaction shared by all processes.

        Raises BudgetExceeded, StorageError; nothing is written then.
        """
        self._settle_the_dead(only_first=True)

        def begin(connection: sqlite3.Connection) -> Begun:
            now = self._clock()
            check(connection, limits, new, now)
            begun = Begun(new=new, started_at=now, owner=self._owners.mine())
            connection.execute(_WRITE, _row(begun, _RUNNING, ended_at=None))
            return begun

        return self._file.write(begin)

    def close(self, begun: Begun, ending: Ending) -> None:
        """Settle the reservation and say what became of the attempt. Raises StorageError.

        A power cut may undo it: then the reservation is back, which counts the attempt at its estimate.
        """
        row = _row(begun, ending, ended_at=self._clock())
        self._file.write(lambda connection: connection.execute(_WRITE, row), survives_power_cut=False)

    def settle_the_dead(self) -> None:
        """Mark what dead processes left running as interrupted; it counts at its estimate."""
        self._settle_the_dead(only_first=False)

    def _settle_the_dead(self, *, only_first: bool) -> None:
        if only_first and self._owners.is_claimed():
            return

        def settle(connection: sqlite3.Connection) -> str | None:
            self._owners.mine()
            self._owners.sweep()
            return interrupt_the_dead(connection, self._owners, micros_of(self._clock()))

        said = self._file.write(settle)
        if said:
            self._note(said)


def import_costs(connection: sqlite3.Connection, costs: Iterable[ImageCost]) -> int:
    """Add the calls that are known from their images alone; how many those were. Within a transaction.

    A call that is in the ledger stays as it is, unless it was interrupted: then its images show what it cost.
    """
    images_of: defaultdict[str, list[ImageCost]] = defaultdict(list)
    for cost in costs:
        if cost.cost_info.basis is not CostBasis.FREE:
            images_of[cost.task_id].append(cost)
    return sum(_import_call(connection, images) for images in images_of.values())


def _import_call(connection: sqlite3.Connection, images: list[ImageCost]) -> bool:
    first = images[0]
    known = connection.execute(
        "SELECT attempt_id, outcome FROM attempts WHERE task_id = ? ORDER BY started_at DESC",
        (first.task_id,),
    ).fetchall()
    if any(outcome in (Outcome.SAVED, Outcome.RUNNING) for _, outcome in known):
        return False
    open_ids = (attempt_id for attempt_id, outcome in known if outcome == Outcome.INTERRUPTED)
    attempt_id = next(open_ids, f"imported_{first.task_id}")
    estimate = _total(image.cost_info.estimated_cost_usd for image in images)
    cost = CostInfo(
        estimated_cost_usd=estimate,
        cost_usd=_total(image.cost_info.cost_usd for image in images),
        basis=first.cost_info.basis,
    )
    ending = Ending(
        outcome=Outcome.SAVED,
        cost=cost,
        may_be_billed=True,
        request_id=first.request_id,
        image_ids=tuple(image.image_id for image in images),
    )
    row = {
        "attempt_id": attempt_id,
        "task_id": first.task_id,
        "started_at": micros_of(first.created_at),
        "ended_at": None,
        "day": day_of(first.created_at),
        "client": IMPORTED,
        "provider": first.provider,
        "model": first.model,
        "operation": first.operation.value,
        "n": len(images),
        "owner": NO_OWNER,
        **_money(None if estimate is None else micro_usd(estimate), cost.basis, ending),
        **_facts(ending),
    }
    connection.execute(_WRITE, row)
    return True


def _total(amounts: Iterable[Decimal | None]) -> Decimal | None:
    known = [amount for amount in amounts if amount is not None]
    return sum(known, Decimal(0)) if known else None


def _row(begun: Begun, ending: Ending, *, ended_at: datetime | None) -> JSONObject:
    new = begun.new
    return {
        "attempt_id": new.attempt_id,
        "task_id": new.task_id,
        "started_at": micros_of(begun.started_at),
        "ended_at": micros_of(ended_at) if ended_at else None,
        "day": day_of(begun.started_at),
        "client": client_name(new.client),
        "provider": new.provider,
        "model": new.model,
        "operation": new.operation.value,
        "n": new.n,
        "owner": begun.owner,
        **_money(new.reserve_micro_usd, new.estimate.basis, ending),
        **_facts(ending),
    }


def _money(estimate: int | None, basis: CostBasis, ending: Ending) -> JSONObject:
    known = ending.cost.cost_usd if ending.cost else None
    cost = None if known is None else micro_usd(known)
    if cost is None and not ending.may_be_billed:
        cost = 0
    return {
        "estimate": estimate,
        "cost": cost,
        "charged": cost if cost is not None else estimate or 0,
        "basis": (ending.cost.basis if ending.cost else basis).value,
    }


def _facts(ending: Ending) -> JSONObject:
    return {
        "request_id": ending.request_id,
        "outcome": ending.outcome.value,
        "may_be_billed": ending.may_be_billed,
        "error_code": ending.error_code,
        "image_ids": json.dumps(ending.image_ids),
    }
