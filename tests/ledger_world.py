"""What ledger and budget tests share: attempts, a calendar to turn, and processes that spend."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import uuid
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

from imagegen.ledger import (
    Accounts,
    AttemptRecord,
    BudgetLimits,
    ImageCost,
    Ledger,
    NewAttempt,
    Outcome,
    open_ledger,
)
from imagegen.ledger.records import Ending
from imagegen.types import CostBasis, CostInfo, Estimate, Operation

T = TypeVar("T")

REPOSITORY = Path(__file__).parents[1]
PROCESS = Path(__file__).with_name("budget_process.py")
PATIENCE_SECONDS = 20.0
NO_LIMITS = BudgetLimits()
A_DOLLAR_A_DAY = BudgetLimits(daily_usd=Decimal(1))


class Calendar:
    """A time that passes when a test says so."""

    def __init__(self, now: datetime = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def passes(self, **duration: float) -> None:
        self.now += timedelta(**duration)


def new_task_id() -> str:
    return f"task_{uuid.uuid4()}"


def estimate(usd: str | None = "0.05") -> Estimate:
    amount = None if usd is None else Decimal(usd)
    basis = CostBasis.UNKNOWN if usd is None else CostBasis.TABLE
    return Estimate(low_usd=amount, high_usd=amount, basis=basis)


def attempt(usd: str | None = "0.05", **facts: Any) -> NewAttempt:
    known: dict[str, Any] = {
        "task_id": new_task_id(),
        "client": "shell",
        "provider": "openai",
        "model": "gpt-image-2",
        "operation": Operation.GENERATE,
        "n": 1,
        "estimate": estimate(usd),
    }
    return NewAttempt(**(known | facts))


def cost(usd: str | None) -> CostInfo:
    return CostInfo(
        estimated_cost_usd=Decimal("0.05"),
        cost_usd=None if usd is None else Decimal(usd),
        basis=CostBasis.UNKNOWN if usd is None else CostBasis.USAGE,
    )


def saved(usd: str | None = "0.04", *image_ids: str) -> Ending:
    return Ending(
        outcome=Outcome.SAVED, cost=cost(usd), may_be_billed=True, image_ids=image_ids or ("img_1",)
    )


def image_cost(task_id: str, usd: str, created_at: datetime, image_id: str = "img_1") -> ImageCost:
    return ImageCost(
        image_id=image_id,
        task_id=task_id,
        created_at=created_at,
        provider="openai",
        model="gpt-image-2",
        operation=Operation.GENERATE,
        cost_info=cost(usd),
    )


def unheard(_: str) -> None:
    """Nobody listens."""


def refused_note(text: str) -> None:
    raise AssertionError(text)


def ledger_in(
    base: Path,
    *,
    note: Callable[[str], None] = refused_note,
    clock: Callable[[], datetime] | None = None,
    images: Iterable[ImageCost] = (),
) -> Ledger:
    """A ledger that is not expected to have anything to say."""
    return open_ledger(base, note=note, image_costs=lambda: images, clock=clock or Calendar())


def in_thread(work: Callable[[], T]) -> Awaitable[T]:
    return asyncio.to_thread(work)


def accounts_of(
    ledger: Ledger, limits: BudgetLimits = A_DOLLAR_A_DAY, note: Callable[[str], None] = refused_note
) -> Accounts:
    return Accounts(ledger, limits=limits, in_thread=in_thread, note=note)


def only_row(ledger: Ledger) -> AttemptRecord:
    (row,) = ledger.spend.attempts()
    return row


async def spend(accounts: Accounts) -> None:
    async with accounts.attempt(attempt()) as opened:
        opened.answered(cost("0.04"), request_id=None)
        opened.saved(["img_1"])


class BudgetProcess:
    """A process that spends when it is told to; see budget_process.py."""

    def __init__(self, base: Path, **orders: Any) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-W", "error", str(PROCESS), json.dumps({"base": str(base), **orders})],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env={"PYTHONPATH": str(REPOSITORY)},
        )

    def expect(self, word: str) -> None:
        assert self.process.stdout
        assert self.process.stdout.readline().strip() == word

    def go(self) -> None:
        assert self.process.stdin
        print("go", file=self.process.stdin, flush=True)

    def result(self) -> dict[str, Any]:
        output, _ = self.process.communicate(timeout=PATIENCE_SECONDS)
        assert self.process.returncode == 0
        found: dict[str, Any] = json.loads(output)
        return found

    def kill(self) -> None:
        """Kill it as the system would: nothing of it runs any more."""
        self.process.kill()
        self.process.communicate()


@contextmanager
def budget_processes(count: int, base: Path, **orders: Any) -> Iterator[Sequence[BudgetProcess]]:
    """Processes that wait for the word; none of them outlives the test."""
    processes = [BudgetProcess(base, **orders) for _ in range(count)]
    try:
        for process in processes:
            process.expect("ready")
        yield processes
    finally:
        for process in processes:
            process.kill()
