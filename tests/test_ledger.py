"""The ledger: a row an attempt that says what it cost, and exact sums."""

from __future__ import annotations

import asyncio
import csv
import io
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from imagegen.errors import (
    BadResponse,
    BudgetExceeded,
    ContentPolicyError,
    ProviderTimeout,
    ProviderUnavailable,
    StorageError,
)
from imagegen.ledger import (
    Accounts,
    BudgetLimits,
    Ledger,
    Outcome,
    csv_rows,
)
from imagegen.types import CostBasis, Estimate, Operation
from tests.ledger_world import (
    A_DOLLAR_A_DAY,
    NO_LIMITS,
    Calendar,
    T,
    accounts_of,
    attempt,
    cost,
    ledger_in,
    only_row,
    refused_note,
    saved,
)

FREE = Estimate(low_usd=Decimal(0), high_usd=Decimal(0), basis=CostBasis.FREE)


@pytest.mark.parametrize(
    ("answered", "images", "error", "outcome", "charged", "known"),
    [
        (True, True, None, Outcome.SAVED, 30_000, 30_000),
        (False, False, ProviderUnavailable("down"), Outcome.FAILED, 0, 0),
        (False, False, ProviderTimeout("late", may_be_billed=True), Outcome.FAILED, 50_000, None),
        (False, False, ContentPolicyError("no"), Outcome.REFUSED, 0, 0),
        (False, False, ContentPolicyError("no", may_be_billed=True), Outcome.REFUSED, 50_000, None),
        (False, False, asyncio.CancelledError(), Outcome.INTERRUPTED, 50_000, None),
        (False, False, ZeroDivisionError(), Outcome.UNKNOWN, 50_000, None),
        (True, False, BadResponse("no image", may_be_billed=True), Outcome.FAILED, 30_000, 30_000),
        (True, False, StorageError("full"), Outcome.FAILED, 30_000, 30_000),
        (True, True, ZeroDivisionError(), Outcome.SAVED, 30_000, 30_000),
    ],
)
def test_every_end_of_an_attempt_is_one_row_that_says_what_it_cost(
    tmp_path: Path,
    answered: bool,
    images: bool,
    error: BaseException | None,
    outcome: Outcome,
    charged: int,
    known: int | None,
) -> None:
    ledger = ledger_in(tmp_path)

    async def call() -> None:
        async with accounts_of(ledger).attempt(attempt()) as opened:
            assert only_row(ledger).outcome is Outcome.RUNNING
            if answered:
                opened.answered(cost("0.03"), request_id="req_7")
            if images:
                opened.saved(["img_1", "img_2"])
            if error is not None:
                raise error

    if error is None:
        asyncio.run(call())
    else:
        with pytest.raises(type(error)):
            asyncio.run(call())
    row = only_row(ledger)
    assert (row.outcome, row.charged_micro_usd, row.cost_micro_usd) == (outcome, charged, known)
    assert row.image_ids == (("img_1", "img_2") if images else ())
    assert row.request_id == ("req_7" if answered else None)
    assert row.error_code == getattr(error, "code", None)
    assert row.may_be_billed == (known != 0)
    assert row.estimate_micro_usd == 50_000
    assert (row.started_at, row.ended_at) == (Calendar().now, Calendar().now)
    ledger.close()


def test_a_failure_keeps_the_providers_request_id(tmp_path: Path) -> None:
    ledger = ledger_in(tmp_path)

    async def call() -> None:
        async with accounts_of(ledger).attempt(attempt(client="claude", n=3, operation=Operation.EDIT)):
            raise ProviderUnavailable("down", request_id="req_9")

    with pytest.raises(ProviderUnavailable):
        asyncio.run(call())
    row = only_row(ledger)
    assert (row.request_id, row.client, row.n, row.operation) == ("req_9", "claude", 3, Operation.EDIT)
    ledger.close()


def test_what_is_free_passes_a_budget_of_nothing_and_touches_no_disk(tmp_path: Path) -> None:
    base = tmp_path / "base"
    accounts = accounts_of(ledger_in(base), BudgetLimits(daily_usd=Decimal(0)))

    async def call() -> None:
        async with accounts.attempt(attempt(estimate=FREE)) as opened:
            opened.saved(["img_1"])

    asyncio.run(call())
    assert not base.exists()


def test_a_refused_call_leaves_no_row_and_its_body_does_not_run(tmp_path: Path) -> None:
    ledger = ledger_in(tmp_path)

    async def call() -> None:
        own = BudgetLimits(max_cost_usd=Decimal("0.01"))
        async with accounts_of(ledger).attempt(attempt(), limits=own):
            raise AssertionError("it was sent")

    with pytest.raises(BudgetExceeded):
        asyncio.run(call())
    assert ledger.spend.attempts() == ()
    ledger.close()


def test_a_caller_that_is_cancelled_while_it_reserves_has_reserved_nothing(tmp_path: Path) -> None:
    ledger = ledger_in(tmp_path)
    reserving, may_go_on = threading.Event(), threading.Event()

    async def slowly(work: Callable[[], T]) -> T:
        def run() -> T:
            reserving.set()
            may_go_on.wait(10)
            return work()

        return await asyncio.to_thread(run)

    async def call(accounts: Accounts) -> None:
        async with accounts.attempt(attempt()):
            raise AssertionError("it was sent")

    async def main() -> None:
        accounts = Accounts(ledger, limits=A_DOLLAR_A_DAY, in_thread=slowly, note=refused_note)
        calling = asyncio.create_task(call(accounts))
        await asyncio.to_thread(reserving.wait, 10)
        calling.cancel()
        calling.cancel()
        may_go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await calling

    asyncio.run(main())
    row = only_row(ledger)
    assert (row.outcome, row.charged_micro_usd, row.cost_micro_usd) == (Outcome.INTERRUPTED, 0, 0)
    ledger.close()


def test_a_clients_name_is_kept_short_and_without_control_characters(tmp_path: Path) -> None:
    ledger = ledger_in(tmp_path)
    for name in ("evil\x1b[2J\n\u202ename" + "x" * 100, "\n"):
        ledger.attempts.begin(attempt(client=name), NO_LIMITS)
    kept = {line.key for line in ledger.spend.by("client")}
    assert kept == {"evil[2Jname" + "x" * 53, "unknown"}
    ledger.close()


def spent_ledger(base: Path) -> Ledger:
    """Three days of calls by two clients to two models."""
    clock = Calendar(datetime(2026, 11, 20, 12, tzinfo=UTC))
    ledger = ledger_in(base, clock=clock)
    for client, model, usd in (
        ("shell", "gpt-image-2", "0.1"),
        ("claude", "gpt-image-2", "0.2"),
        ("=cmd()", "gpt-image-2.5-flare", "0.000001"),
    ):
        begun = ledger.attempts.begin(attempt("0.25", client=client, model=model), NO_LIMITS)
        clock.passes(seconds=8)
        ledger.attempts.close(begun, saved(usd, "img_1", "img_2"))
        clock.passes(days=1)
    ledger.attempts.begin(attempt("0.7", client="shell"), NO_LIMITS)
    return ledger


def test_sums_are_exact_by_day_model_provider_and_client(tmp_path: Path) -> None:
    ledger = spent_ledger(tmp_path)
    sums = {
        group: [(line.key, line.cost_usd, line.uncertain_usd, line.images) for line in ledger.spend.by(group)]
        for group in ("day", "model", "provider", "client")
    }
    tenth, fifth, least, running = (Decimal(text) for text in ("0.1", "0.2", "0.000001", "0.7"))
    assert sums["day"] == [
        ("2026-11-20", tenth, 0, 2),
        ("2026-11-21", fifth, 0, 2),
        ("2026-11-22", least, 0, 2),
        ("2026-11-23", 0, running, 0),
    ]
    assert sums["model"] == [
        ("openai/gpt-image-2", tenth + fifth, running, 4),
        ("openai/gpt-image-2.5-flare", least, 0, 2),
    ]
    assert sums["provider"] == [("openai", Decimal("0.300001"), running, 6)]
    assert sums["client"] == [("shell", tenth, running, 2), ("claude", fifth, 0, 2), ("=cmd()", least, 0, 2)]
    assert str(ledger.spend.total().charged_usd) == "1.000001"
    ledger.close()


def test_a_period_begins_with_since_and_ends_before_until(tmp_path: Path) -> None:
    ledger = spent_ledger(tmp_path)
    first, second, third, _ = (row.started_at for row in ledger.spend.attempts())
    total = ledger.spend.total(since=second, until=third)
    assert (total.attempts, total.cost_usd) == (1, Decimal("0.2"))
    assert ledger.spend.total(until=first).attempts == 0
    ledger.close()


def test_the_csv_is_whole_and_no_client_can_put_a_formula_into_it(tmp_path: Path) -> None:
    ledger = spent_ledger(tmp_path)
    written = io.StringIO()
    csv.writer(written).writerows(csv_rows(ledger.spend.attempts()))
    rows = list(csv.DictReader(io.StringIO(written.getvalue())))
    assert [row["charged_usd"] for row in rows] == ["0.100000", "0.200000", "0.000001", "0.700000"]
    assert rows[2]["client"] == "'=cmd()"
    assert (rows[3]["cost_usd"], rows[3]["ended_at"], rows[3]["outcome"]) == ("", "", "running")
    assert rows[0]["started_at"] == "2026-11-20T12:00:00Z"
    assert rows[0]["image_ids"] == "img_1 img_2"
    ledger.close()


def test_a_call_is_expected_to_take_as_long_as_the_median_of_recent_ones(tmp_path: Path) -> None:
    clock = Calendar()
    ledger = ledger_in(tmp_path, clock=clock)
    assert ledger.spend.expected_seconds("openai", "gpt-image-2", 1) is None
    for n, seconds in ((1, 10), (1, 30), (1, 12), (4, 100)):
        begun = ledger.attempts.begin(attempt(n=n), NO_LIMITS)
        clock.passes(seconds=seconds)
        ledger.attempts.close(begun, saved())
    assert ledger.spend.expected_seconds("openai", "gpt-image-2", 1) == 12
    assert ledger.spend.expected_seconds("openai", "gpt-image-2", 4) == 100
    assert ledger.spend.expected_seconds("openai", "gpt-image-2", 2) == 21  # of all, as none was for two
    assert ledger.spend.expected_seconds("gemini", "gpt-image-2", 1) is None
    ledger.close()
