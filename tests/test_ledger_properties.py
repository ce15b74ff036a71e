"""Whatever several processes do in whatever order: spent and reserved are right and within the limit."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from imagegen.errors import BudgetExceeded
from imagegen.ledger import BudgetLimits, Ledger, Outcome
from imagegen.ledger.records import Begun, Ending
from imagegen.money import micro_usd, usd
from imagegen.types import CostBasis, CostInfo, Estimate
from tests.ledger_world import Calendar, attempt, ledger_in, unheard

LIMIT_MICRO = 1_000_000
LIMITS = BudgetLimits(daily_usd=usd(LIMIT_MICRO))
PROCESSES = 3


@dataclass
class Process:
    """One of several that share the folder; closing its ledger is its death to the others."""

    ledger: Ledger
    running: list[tuple[Begun, int]] = field(default_factory=list)


class SharedBudget(RuleBasedStateMachine):
    """Processes that reserve, settle, release and crash, beside a model of what must come of it."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.base = Path(self.folder.name)
        self.clock = Calendar()
        self.processes = [self.started() for _ in range(PROCESSES)]
        self.observer = self.started()
        self.spent = 0
        self.abandoned = 0  # reserved by the dead; spent as soon as anybody looks

    def started(self) -> Process:
        return Process(ledger_in(self.base, note=unheard, clock=self.clock))

    @property
    def reserved(self) -> int:
        return sum(amount for process in self.processes for _, amount in process.running)

    def any_running(self) -> bool:
        return any(process.running for process in self.processes)

    def taken(self, data: st.DataObject) -> tuple[Process, Begun, int]:
        process = data.draw(st.sampled_from([one for one in self.processes if one.running]))
        begun, amount = process.running.pop(data.draw(st.integers(0, len(process.running) - 1)))
        return process, begun, amount

    @rule(number=st.integers(0, PROCESSES - 1), micro=st.integers(1, LIMIT_MICRO // 3))
    def reserve(self, number: int, micro: int) -> None:
        process = self.processes[number]
        estimate = Estimate(low_usd=Decimal(0), high_usd=usd(micro), basis=CostBasis.TABLE)
        fits = self.spent + self.abandoned + self.reserved + micro <= LIMIT_MICRO
        try:
            begun = process.ledger.attempts.begin(attempt(estimate=estimate), LIMITS)
        except BudgetExceeded:
            assert not fits
        else:
            assert fits
            process.running.append((begun, micro))

    @precondition(any_running)
    @rule(data=st.data(), share=st.fractions(0, 1))
    def settle(self, data: st.DataObject, share: float) -> None:
        process, begun, amount = self.taken(data)
        real = int(amount * share)
        info = CostInfo(estimated_cost_usd=None, cost_usd=usd(real), basis=CostBasis.USAGE)
        process.ledger.attempts.close(begun, Ending(outcome=Outcome.SAVED, cost=info, may_be_billed=True))
        self.spent += real

    @precondition(any_running)
    @rule(data=st.data(), may_be_billed=st.booleans())
    def release(self, data: st.DataObject, may_be_billed: bool) -> None:
        process, begun, amount = self.taken(data)
        process.ledger.attempts.close(
            begun, Ending(outcome=Outcome.FAILED, may_be_billed=may_be_billed, error_code="provider")
        )
        self.spent += amount if may_be_billed else 0

    @rule(number=st.integers(0, PROCESSES - 1))
    def crash(self, number: int) -> None:
        process = self.processes[number]
        self.abandoned += sum(amount for _, amount in process.running)
        process.ledger.close()
        self.processes[number] = self.started()

    @rule()
    def look_for_the_dead(self) -> None:
        self.observer.ledger.settle_the_dead()
        if self.observer.ledger.path.exists():
            today, _ = self.observer.ledger.budgets(LIMITS)
            assert micro_usd(today.reserved_usd) == self.reserved
            self.spent, self.abandoned = self.spent + self.abandoned, 0

    @invariant()
    def sums_are_right(self) -> None:
        today, month = self.observer.ledger.budgets(LIMITS)
        total = micro_usd(today.spent_usd) + micro_usd(today.reserved_usd)
        assert total == self.spent + self.abandoned + self.reserved <= LIMIT_MICRO
        assert (month.spent_usd, month.reserved_usd) == (today.spent_usd, today.reserved_usd)
        assert micro_usd(self.observer.ledger.spend.total().charged_usd) == total

    def teardown(self) -> None:
        for process in [*self.processes, self.observer]:
            process.ledger.close()
        self.folder.cleanup()


SharedBudget.TestCase.settings = settings(
    max_examples=40,
    stateful_step_count=25,
    suppress_health_check=[HealthCheck.too_slow],
)
TestAnyOrderOfStepsOfAnyProcessKeepsTheSumsRight = SharedBudget.TestCase
