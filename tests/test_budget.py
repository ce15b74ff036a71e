"""Budgets: what fits, what is refused and in which words, and when there is room again."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from imagegen.errors import BudgetExceeded, ExitCode
from imagegen.ledger import BudgetLimits, Ledger, Outcome
from imagegen.ledger.records import Ending
from imagegen.types import CostBasis, Estimate
from tests.ledger_world import A_DOLLAR_A_DAY, NO_LIMITS, Calendar, attempt, ledger_in, new_task_id, saved

NOTHING = Decimal(0)
NOT_BILLED = Ending(outcome=Outcome.FAILED, error_code="rate_limited")
MAYBE_BILLED = Ending(outcome=Outcome.FAILED, error_code="provider_timeout", may_be_billed=True)


def used(ledger: Ledger) -> tuple[Decimal, Decimal]:
    today, _ = ledger.budgets(NO_LIMITS)
    return today.spent_usd, today.reserved_usd


def test_a_budget_is_full_to_the_cent_and_not_beyond(tmp_path: Path) -> None:
    ledger = ledger_in(tmp_path)
    for _ in range(20):
        ledger.attempts.begin(attempt("0.05"), A_DOLLAR_A_DAY)
    with pytest.raises(BudgetExceeded):
        ledger.attempts.begin(attempt("0.000001"), A_DOLLAR_A_DAY)
    assert used(ledger) == (NOTHING, Decimal(1))
    assert len(ledger.spend.attempts()) == 20
    ledger.close()


def test_a_refusal_shows_all_numbers_and_when_the_budget_resets(tmp_path: Path) -> None:
    ledger = ledger_in(tmp_path)
    ledger.attempts.close(ledger.attempts.begin(attempt("0.90"), A_DOLLAR_A_DAY), saved("0.8765"))
    ledger.attempts.begin(attempt("0.10"), A_DOLLAR_A_DAY)
    with pytest.raises(BudgetExceeded) as refused:
        ledger.attempts.begin(attempt("0.05"), A_DOLLAR_A_DAY)
    error = refused.value
    assert error.message == (
        "The daily budget of $1.00 has no room for this call: $0.8765 spent, "
        "$0.10 reserved by calls under way, and it may cost up to $0.05."
    )
    assert error.hint == (
        "It resets at 2026-11-23T00:00:00Z. Raise BUDGET__DAILY_USD, "
        "or choose a lower quality, a smaller size or fewer images."
    )
    assert error.exit_code is ExitCode.LIMIT
    assert not error.retryable
    assert error.details == {
        "budget": "daily",
        "limit_usd": 1.0,
        "spent_usd": 0.8765,
        "reserved_usd": 0.1,
        "estimate_usd": 0.05,
        "resets_at": "2026-11-23T00:00:00Z",
    }
    ledger.close()


def test_a_new_day_has_a_new_budget_and_a_month_adds_its_days_up(tmp_path: Path) -> None:
    clock = Calendar(datetime(2026, 12, 30, 23, 59, 59, tzinfo=UTC))
    ledger = ledger_in(tmp_path, clock=clock)
    limits = BudgetLimits(daily_usd=Decimal("0.50"), monthly_usd=Decimal("0.90"))
    spent = ledger.attempts.begin(attempt("0.50"), limits)
    clock.passes(seconds=1)
    ledger.attempts.close(spent, saved("0.50"))  # counts on the day on which it began
    ledger.attempts.begin(attempt("0.40"), limits)
    with pytest.raises(BudgetExceeded, match="monthly") as refused:
        ledger.attempts.begin(attempt("0.01"), limits)
    assert refused.value.details["resets_at"] == "2027-01-01T00:00:00Z"
    today, month = ledger.budgets(limits)
    assert (today.spent_usd, today.reserved_usd, today.limit_usd) == (
        NOTHING,
        Decimal("0.40"),
        Decimal("0.50"),
    )
    assert (month.spent_usd, month.reserved_usd) == (Decimal("0.50"), Decimal("0.40"))
    assert today.resets_at == month.resets_at == datetime(2027, 1, 1, tzinfo=UTC)
    clock.passes(days=1)
    ledger.attempts.begin(attempt("0.50"), limits)
    ledger.close()


def test_a_day_is_one_of_utc_wherever_the_clock_is(tmp_path: Path) -> None:
    late = datetime.fromisoformat("2026-11-22T23:30:00-05:00")
    ledger = ledger_in(tmp_path, clock=Calendar(late))
    ledger.attempts.begin(attempt(), NO_LIMITS)
    assert [line.key for line in ledger.spend.by("day")] == ["2026-11-23"]
    assert ledger.budgets(NO_LIMITS)[0].resets_at == datetime(2026, 11, 24, tzinfo=UTC)
    ledger.close()


def test_a_reservation_becomes_the_real_cost_and_frees_the_rest(tmp_path: Path) -> None:
    ledger = ledger_in(tmp_path)
    begun = ledger.attempts.begin(attempt("1"), A_DOLLAR_A_DAY)
    ledger.attempts.close(begun, saved("0.30"))
    assert used(ledger) == (Decimal("0.30"), NOTHING)
    ledger.attempts.begin(attempt("0.70"), A_DOLLAR_A_DAY)
    ledger.close()


def test_a_failure_that_cost_nothing_frees_all_of_it(tmp_path: Path) -> None:
    ledger = ledger_in(tmp_path)
    ledger.attempts.close(ledger.attempts.begin(attempt("1"), A_DOLLAR_A_DAY), NOT_BILLED)
    assert used(ledger) == (NOTHING, NOTHING)
    ledger.close()


def test_a_failure_that_may_be_billed_counts_at_its_estimate(tmp_path: Path) -> None:
    ledger = ledger_in(tmp_path)
    ledger.attempts.close(ledger.attempts.begin(attempt("0.80"), A_DOLLAR_A_DAY), MAYBE_BILLED)
    assert used(ledger) == (Decimal("0.80"), NOTHING)
    assert ledger.spend.total().uncertain_usd == Decimal("0.80")
    assert ledger.spend.total().cost_usd == 0
    ledger.close()


def test_the_upper_end_of_an_estimate_is_reserved_and_a_fraction_rounded_up(tmp_path: Path) -> None:
    ledger = ledger_in(tmp_path)
    between = Estimate(low_usd=Decimal("0.01"), high_usd=Decimal("0.2500001"), basis=CostBasis.TABLE)
    ledger.attempts.begin(attempt(estimate=between), A_DOLLAR_A_DAY)
    assert used(ledger) == (NOTHING, Decimal("0.250001"))
    ledger.close()


@pytest.mark.parametrize(
    "limits",
    [
        BudgetLimits(per_request_usd=Decimal(0)),
        BudgetLimits(max_cost_usd=Decimal(0)),
        BudgetLimits(daily_usd=Decimal(0)),
        BudgetLimits(monthly_usd=Decimal(0)),
    ],
)
def test_a_budget_of_nothing_lets_nothing_be_spent(tmp_path: Path, limits: BudgetLimits) -> None:
    ledger = ledger_in(tmp_path)
    with pytest.raises(BudgetExceeded):
        ledger.attempts.begin(attempt("0.000001"), limits)
    ledger.close()


def test_an_unset_budget_limits_nothing(tmp_path: Path) -> None:
    ledger = ledger_in(tmp_path)
    ledger.attempts.begin(attempt("1000000"), NO_LIMITS)
    assert used(ledger) == (NOTHING, Decimal(1_000_000))
    ledger.close()


def test_a_request_may_not_cost_more_than_its_own_limit_with_all_its_attempts(tmp_path: Path) -> None:
    ledger = ledger_in(tmp_path)
    limits = BudgetLimits(per_request_usd=Decimal("0.15"))
    task_id = new_task_id()
    for _ in range(2):
        ledger.attempts.close(ledger.attempts.begin(attempt(task_id=task_id), limits), NOT_BILLED)
    for _ in range(3):
        ledger.attempts.close(ledger.attempts.begin(attempt(task_id=task_id), limits), MAYBE_BILLED)
    with pytest.raises(BudgetExceeded) as refused:
        ledger.attempts.begin(attempt(task_id=task_id), limits)
    assert "The per request budget of $0.15" in str(refused.value)
    assert "resets" not in str(refused.value)
    ledger.attempts.begin(attempt(), limits)  # another request has a limit of its own
    ledger.close()


def test_max_cost_bounds_one_call_and_names_its_option(tmp_path: Path) -> None:
    ledger = ledger_in(tmp_path)
    with pytest.raises(BudgetExceeded, match="Raise --max-cost"):
        ledger.attempts.begin(attempt("0.05"), BudgetLimits(max_cost_usd=Decimal("0.04")))
    ledger.attempts.begin(attempt("0.05"), BudgetLimits(max_cost_usd=Decimal("0.05")))
    ledger.close()


def test_an_unknown_price_counts_as_the_highest_known_of_its_provider(tmp_path: Path) -> None:
    ledger = ledger_in(tmp_path)
    unpriced = attempt(None, assumed_usd=Decimal("0.60"))
    ledger.attempts.begin(unpriced, A_DOLLAR_A_DAY)
    assert used(ledger) == (NOTHING, Decimal("0.60"))
    with pytest.raises(BudgetExceeded):
        ledger.attempts.begin(attempt(None, assumed_usd=Decimal("0.60")), A_DOLLAR_A_DAY)
    ledger.close()


def test_without_any_known_price_a_budget_refuses_and_no_budget_counts_it_as_unpriced(tmp_path: Path) -> None:
    ledger = ledger_in(tmp_path)
    with pytest.raises(BudgetExceeded, match=r"price of openai/gpt-image-2 is not known.*prices\.toml"):
        ledger.attempts.begin(attempt(None), A_DOLLAR_A_DAY)
    ledger.attempts.close(ledger.attempts.begin(attempt(None), NO_LIMITS), saved(None))
    total = ledger.spend.total()
    assert (total.attempts, total.unpriced, total.charged_usd) == (1, 1, NOTHING)
    ledger.close()


def test_a_cost_above_its_estimate_is_counted_as_it_is(tmp_path: Path) -> None:
    ledger = ledger_in(tmp_path)
    ledger.attempts.close(ledger.attempts.begin(attempt("0.90"), A_DOLLAR_A_DAY), saved("1.25"))
    assert used(ledger) == (Decimal("1.25"), NOTHING)
    with pytest.raises(BudgetExceeded, match=r"\$1\.25 spent, and it"):
        ledger.attempts.begin(attempt("0.01"), A_DOLLAR_A_DAY)
    ledger.close()


def test_a_limit_finer_than_a_millionth_is_never_rounded_up(tmp_path: Path) -> None:
    ledger = ledger_in(tmp_path)
    with pytest.raises(BudgetExceeded):
        ledger.attempts.begin(attempt("0.000002"), BudgetLimits(daily_usd=Decimal("0.0000019")))
    ledger.close()
