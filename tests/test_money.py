"""Budgets and accounts through the whole product: never overspend, and every attempt is in the books."""

from __future__ import annotations

import asyncio
import threading
from decimal import Decimal
from pathlib import Path

import pytest

from imagegen.errors import BudgetExceeded, RateLimited
from imagegen.service import ImageService
from imagegen.types import GenerationResult
from tests.command import run
from tests.fakes.openai_behaviours import Asked, error, ok
from tests.fakes.openai_server import FakeOpenAI
from tests.money_world import (
    CHEAP,
    attempts,
    in_service,
    set_price_to_five_cents,
    total,
    unmetered,
    wish,
)


@pytest.fixture(autouse=True)
def five_cents(home: Path) -> None:
    set_price_to_five_cents(home)


def test_of_fifty_requests_at_once_twenty_fit_into_a_dollar(
    openai: FakeOpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BUDGET__DAILY_USD", "1")
    openai.script(*(unmetered() for _ in range(50)))

    async def work(service: ImageService) -> list[GenerationResult | BaseException]:
        requests = [service.generate(wish(f"fox {number}")) for number in range(50)]
        return await asyncio.gather(*requests, return_exceptions=True)

    results = asyncio.run(in_service(work))

    made = [result for result in results if isinstance(result, GenerationResult)]
    refused = [result for result in results if isinstance(result, BudgetExceeded)]
    assert (len(made), len(refused)) == (20, 30)
    assert len(openai.requests) == 20
    assert sum((result.cost_info.cost_usd or Decimal(0) for result in made), Decimal(0)) == 1
    assert (total()["attempts"], total()["charged_usd"]) == (20, 1.0)


@pytest.mark.parametrize(
    ("setting", "budget", "resets"),
    [
        ("BUDGET__PER_REQUEST_USD", "per_request", False),
        ("BUDGET__DAILY_USD", "daily", True),
        ("BUDGET__MONTHLY_USD", "monthly", True),
    ],
)
def test_a_full_budget_refuses_before_anything_is_sent_and_shows_its_sums(
    openai: FakeOpenAI, monkeypatch: pytest.MonkeyPatch, setting: str, budget: str, resets: bool
) -> None:
    openai.script(unmetered())
    run("generate", "an earlier one", *CHEAP)
    monkeypatch.setenv(setting, "0.09")

    ran = run("generate", "a fox", *CHEAP, "-n", "2", "--json")

    assert ran.code == 5
    assert len(openai.requests) == 1
    error = ran.error
    assert (error["code"], error["budget"], error["limit_usd"]) == ("budget_exceeded", budget, 0.09)
    assert (error["estimate_usd"], error["reserved_usd"]) == (0.1, 0.0)
    assert error["spent_usd"] == (0.05 if resets else 0.0)
    assert ("resets_at" in error) is resets
    assert setting in error["hint"]
    assert len(attempts()) == 1


def test_max_cost_bounds_one_call_and_zero_is_an_amount(openai: FakeOpenAI) -> None:
    ran = run("generate", "a fox", *CHEAP, "--max-cost", "0.049999")

    assert ran.code == 5
    for fact in ("$0.049999", "$0.00 spent", "$0.05", "--max-cost"):
        assert fact in ran.err
    assert run("generate", "a fox", *CHEAP, "--max-cost", "0").code == 5
    assert openai.requests == []
    assert run("generate", "a fox", *CHEAP, "--max-cost", "0.05").code == 0


@pytest.mark.parametrize("text", ["-1", "nan", "1e3", "", "$1", "0.0000001", "1,5", "٣"])
def test_a_max_cost_that_is_no_plain_amount_is_refused(text: str) -> None:
    ran = run("generate", "a fox", "-m", "local", "--max-cost", text)

    assert ran.code == 2
    assert "no amount in USD" in ran.err


def test_max_cost_bounds_all_attempts_of_a_call_together(
    openai: FakeOpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROVIDERS__OPENAI__RETRY_UNCERTAIN", "5")
    openai.script(*(error(504, None, "gone", headers={"retry-after-ms": "10"}) for _ in range(5)))

    ran = run("generate", "a fox", *CHEAP, "--max-cost", "0.10", "--json")

    assert ran.error["code"] == "budget_exceeded"
    assert ran.error["attempts_maybe_billed"] == 2
    assert len(openai.requests) == 2


def test_a_dry_run_says_whether_the_call_fits(openai: FakeOpenAI, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = run("generate", "a fox", *CHEAP, "--dry-run")
    assert "budget" not in plain.out
    assert "it fits" in run("generate", "a fox", *CHEAP, "--dry-run", "--max-cost", "0.05").out

    monkeypatch.setenv("BUDGET__DAILY_USD", "0.04")
    ran = run("generate", "a fox", *CHEAP, "--dry-run")
    document = run("generate", "a fox", *CHEAP, "--dry-run", "--json").json

    assert ran.code == 0
    assert "would be refused: The daily budget of $0.04" in ran.out
    assert document["budget"]["fits"] is False
    assert document["budget"]["refusal"]["estimate_usd"] == 0.05
    assert openai.requests == []
    assert attempts() == []


def test_a_budget_of_nothing_leaves_the_local_composer_alone(
    openai: FakeOpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BUDGET__DAILY_USD", "0")

    assert run("generate", "a fox", *CHEAP).code == 5
    assert run("generate", "a fox", "-m", "local").code == 0
    assert openai.requests == []
    assert attempts() == []


def test_a_model_without_a_price_counts_as_the_dearest_of_its_provider(openai: FakeOpenAI) -> None:
    unknown = ("-m", "openai/gpt-image-99", "-q", "high", "-s", "1024x1024", "--json")

    ran = run("generate", "a fox", *unknown, "--max-cost", "0.01")

    estimates = []
    for model in ("gpt-image-1", "gpt-image-1.5", "gpt-image-2"):
        known = run("generate", "a fox", *unknown[2:], "-m", model, "--dry-run")
        estimates.append(known.json["estimate"]["high_usd"] if known.code == 0 else 0)
    assert ran.error["code"] == "budget_exceeded"
    assert ran.error["estimate_usd"] >= max(estimates) > 0
    assert openai.requests == []


def test_every_attempt_is_a_row_and_the_sums_are_exact(openai: FakeOpenAI) -> None:
    openai.script(
        unmetered(),
        error(400, "moderation_blocked", "no", kind="image_generation_user_error"),
        error(504, None, "gone"),
        unmetered(),
    )
    codes = [run("generate", f"fox {number}", *CHEAP).code for number in range(4)]

    assert codes == [0, 4, 6, 0]
    rows = attempts()
    assert [row["outcome"] for row in rows] == ["saved", "refused", "failed", "saved"]
    assert [row["charged_usd"] for row in rows] == ["0.050000", "0.000000", "0.050000", "0.050000"]
    assert [bool(row["image_ids"]) for row in rows] == [True, False, False, True]
    assert rows[0]["request_id"]
    sums = total()
    assert (sums["cost_usd"], sums["uncertain_usd"], sums["charged_usd"]) == (0.1, 0.05, 0.15)
    assert (sums["attempts"], sums["images"]) == (4, 2)


def test_spending_is_shown_by_client_model_provider_and_day(openai: FakeOpenAI) -> None:
    openai.script(unmetered(), unmetered(), unmetered())

    async def work(service: ImageService) -> None:
        for number, client in enumerate(("shell", "Claude", "Claude")):
            await service.generate(wish(f"fox {number}", client=client))

    asyncio.run(in_service(work))

    rows = run("stats", "--spend", "--by", "client", "--json").json["rows"]
    assert [(row["client"], row["charged_usd"]) for row in rows] == [("Claude", 0.1), ("shell", 0.05)]
    (line,) = run("stats", "--spend", "--by", "model").lines
    assert line.split("\t") == ["openai/gpt-image-2.5-flare", "3", "3", "$0.15", "$0.00", "$0.15"]
    assert len(run("stats", "--spend", "--by", "provider").lines) == 1
    assert len(run("stats", "--spend").lines) == 1


@pytest.mark.parametrize("options", [("--csv",), ("--by", "day"), ("--spend", "--csv", "--json")])
def test_options_of_spending_that_mean_nothing_are_refused(options: tuple[str, ...]) -> None:
    assert run("stats", *options).code == 2


def test_what_the_cache_answers_costs_nothing_and_stats_say_what_it_saved(openai: FakeOpenAI) -> None:
    openai.script(unmetered())
    for _ in range(3):
        run("generate", "a fox", *CHEAP)

    assert total()["charged_usd"] == 0.05
    assert "cache saved   $0.1000, 2 hits" in run("stats").out
    assert run("stats", "--json").json["cache"]["saved_usd"] == 0.1


def test_stats_and_doctor_show_how_full_a_budget_is(
    openai: FakeOpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("stats", "--json").json["budgets"] == []
    monkeypatch.setenv("BUDGET__MONTHLY_USD", "0.05")
    openai.script(unmetered())
    run("generate", "a fox", *CHEAP)

    (budget,) = run("stats", "--json").json["budgets"]
    checks = {check["name"]: check for check in run("doctor", "--json").json["checks"]}

    assert (budget["name"], budget["spent_usd"], budget["limit_usd"]) == ("monthly", 0.05, 0.05)
    assert "budget/month  $0.05 spent, $0.00 reserved of $0.05, resets at " in run("stats").out
    assert checks["monthly budget"]["verdict"] == "warning"
    assert checks["ledger"]["verdict"] == "ok"


def test_a_ledger_that_cannot_be_written_stops_a_call_only_where_a_budget_is_to_be_kept(
    openai: FakeOpenAI, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "data" / "ledger.sqlite3").mkdir(parents=True)

    ran = run("generate", "a fox", *CHEAP)
    assert ran.code == 0
    assert "is written with its images only" in ran.err
    assert _ledger_verdict() == "warning"

    monkeypatch.setenv("BUDGET__DAILY_USD", "1")
    assert run("generate", "a boat", *CHEAP).code == 7
    assert _ledger_verdict() == "problem"
    assert len(openai.requests) == 1


def _ledger_verdict() -> str:
    checks = {check["name"]: check["verdict"] for check in run("doctor", "--json").json["checks"]}
    return str(checks["ledger"])


def test_a_corrupt_ledger_is_noted_and_rebuilt_from_what_the_images_cost(
    openai: FakeOpenAI, home: Path
) -> None:
    for number in range(3):
        run("generate", f"fox {number}", *CHEAP)
    before = total()["charged_usd"]
    for path in (home / "data").glob("ledger.sqlite3*"):
        path.write_bytes(b"no database" * 1000) if path.suffix == ".sqlite3" else path.unlink()

    ran = run("stats", "--spend")

    assert "was damaged" in ran.err
    assert total()["charged_usd"] == before == run("stats", "--json").json["cost_usd"]
    assert {row["client"] for row in attempts()} == {"imported"}


def test_at_most_max_concurrent_calls_are_at_the_provider(
    openai: FakeOpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROVIDERS__OPENAI__MAX_CONCURRENT", "3")
    lock, here, peaks = threading.Lock(), [0], [0]
    together = threading.Barrier(3)

    def counted(asked: Asked) -> None:
        with lock:
            here[0] += 1
            peaks.append(here[0])
        together.wait(20)
        with lock:
            here[0] -= 1
        ok()(asked)

    openai.script(*[counted] * 12)

    async def work(service: ImageService) -> None:
        await asyncio.gather(*(service.generate(wish(f"fox {number}")) for number in range(12)))

    asyncio.run(in_service(work))

    assert max(peaks) == 3
    assert len(openai.requests) == 12


def test_calls_beyond_the_rate_are_refused_when_the_wait_is_longer_than_the_patience(
    openai: FakeOpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROVIDERS__OPENAI__RPM", "2")

    async def work(service: ImageService) -> list[GenerationResult | BaseException]:
        requests = [wish(f"fox {number}", timeout_seconds=20) for number in range(4)]
        return await asyncio.gather(*map(service.generate, requests), return_exceptions=True)

    results = asyncio.run(in_service(work))

    refused = [result for result in results if isinstance(result, RateLimited)]
    assert len(refused) == 2
    assert all(20 < error.details["retry_after_seconds"] <= 60 for error in refused)
    assert len(openai.requests) == 2
    assert len(attempts()) == 2
