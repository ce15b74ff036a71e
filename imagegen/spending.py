"""What was spent and what may be: the ledger's answers for people, and its opening."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal, TypeVar

from imagegen.calling import Caller
from imagegen.errors import BudgetExceeded
from imagegen.ledger import (
    AttemptRecord,
    BudgetLimits,
    BudgetStatus,
    ImageCost,
    Ledger,
    Spend,
    open_ledger,
)
from imagegen.planning import Plan
from imagegen.store import ImageStore
from imagegen.threads import InThread
from imagegen.types import HistoryQuery, ImageRecord

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """Answers from the ledger. All of it raises StorageError."""

    caller: Caller
    in_thread: InThread

    @property
    def ledger(self) -> Ledger:
        """The book itself: for tasks, which are kept in it."""
        return self.caller.accounts.ledger

    async def by(
        self, group: Literal["day", "model", "provider", "client"], *, since: datetime | None = None
    ) -> Sequence[Spend]:
        """What all attempts cost since then, those without an image too, in groups."""
        return await self._ask(lambda ledger: ledger.spend.by(group, since=since))

    async def total(self, *, since: datetime | None = None) -> Spend:
        """The exact sum over all attempts since then."""
        return await self._ask(lambda ledger: ledger.spend.total(since=since))

    async def attempts(self, *, since: datetime | None = None) -> tuple[AttemptRecord, ...]:
        """Every attempt since then that may have cost something, oldest first."""
        return await self._ask(lambda ledger: ledger.spend.attempts(since=since))

    async def budgets(self) -> tuple[BudgetStatus, ...]:
        """How full the daily and the monthly budget are."""
        return await self._ask(lambda ledger: ledger.budgets(self.caller.accounts.limits))

    def limits_of(self, plan: Plan) -> BudgetLimits:
        """What bounds the cost of the planned request."""
        return self.caller.limits_of(plan)

    async def refusal(self, plan: Plan) -> BudgetExceeded | None:
        """Why the planned call would be refused now, if so; nothing is reserved."""
        return await self.caller.refusal(plan)

    async def check_writable(self) -> None:
        """Raise StorageError where what a call costs could not be written down."""
        await self.in_thread(self.ledger.check_writable)

    async def _ask(self, ask: Callable[[Ledger], T]) -> T:
        def answer() -> T:
            self.ledger.settle_the_dead()  # else what a dead process left would be shown as under way
            return ask(self.ledger)

        return await self.in_thread(answer)


@contextmanager
def opened_ledger(base: Path, store: ImageStore, note: Callable[[str], None]) -> Iterator[Ledger]:
    """The ledger; one that is lost starts from what the store's images are known to have cost."""
    ledger = open_ledger(
        base, note=note, image_costs=lambda: map(_image_cost, store.iter_records(HistoryQuery()))
    )
    try:
        yield ledger
    finally:
        ledger.close()


def _image_cost(record: ImageRecord) -> ImageCost:
    return ImageCost(
        image_id=record.image_id,
        task_id=record.task_id,
        created_at=record.created_at,
        provider=record.provider,
        model=record.model,
        operation=record.operation,
        cost_info=record.cost_info,
        request_id=record.request_id,
    )
