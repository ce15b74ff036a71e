"""What is tried again and what is not, through the shell against a server that fails as told."""

from __future__ import annotations

import threading
import time

import pytest

from tests.command import Ran, run
from tests.fakes.openai_behaviours import Behaviour, cut, drip, error, error_in_200, held, ok
from tests.fakes.openai_server import FakeOpenAI
from tests.money_world import CHEAP, attempts, busy


def generate(*more: str) -> Ran:
    return run("generate", "a fox", *CHEAP, "--json", *more)


@pytest.mark.parametrize(
    "failure",
    [busy(), busy(500, None), busy(503, None), busy(429, None)],
    ids=["429", "500", "503", "429 without a code"],
)
def test_a_failure_that_cost_nothing_is_tried_again_and_noted(openai: FakeOpenAI, failure: Behaviour) -> None:
    openai.script(failure, ok())

    ran = generate()

    assert ran.code == 0
    assert len(openai.requests) == 2
    assert [note for note in ran.json["notes"] if note.startswith("attempt 1 failed: ")]
    assert [row["outcome"] for row in attempts()] == ["failed", "saved"]
    assert attempts()[0]["charged_usd"] == "0.000000"


def test_a_busy_server_that_gives_no_hint_is_asked_again(openai: FakeOpenAI) -> None:
    openai.script(error(429, "rate_limit_exceeded", "Not now."), ok())

    assert generate().code == 0
    assert len(openai.requests) == 2


def test_a_server_that_stays_busy_is_asked_four_times(openai: FakeOpenAI) -> None:
    openai.script(*(busy() for _ in range(9)))

    ran = generate()

    assert ran.code == 5
    assert len(openai.requests) == 4
    assert ran.error["attempts"] == 4
    assert not ran.error["may_be_billed"]
    assert len(attempts()) == 4


def test_a_wait_that_is_longer_than_the_time_out_is_not_begun(openai: FakeOpenAI) -> None:
    openai.script(busy(retry_after="30"))

    began = time.monotonic()
    ran = generate("--timeout", "10")

    assert ran.error["code"] == "rate_limited"
    assert ran.error["retry_after_seconds"] == 30
    assert len(openai.requests) == 1
    assert time.monotonic() - began < 10


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (error(429, "insufficient_quota", "Pay.", kind="insufficient_quota"), "quota_exceeded"),
        (error(400, "moderation_blocked", "No.", kind="image_generation_user_error"), "content_policy"),
        (error(400, "invalid_value", "Bad size."), "usage"),
        (error_in_200("moderation_blocked", "No."), "content_policy"),
        (error_in_200("insufficient_quota", "Pay."), "quota_exceeded"),
    ],
)
def test_what_would_fail_again_is_not_tried_again(openai: FakeOpenAI, failure: Behaviour, code: str) -> None:
    openai.script(failure)

    ran = generate()

    assert ran.error["code"] == code
    assert len(openai.requests) == 1
    (row,) = attempts()
    assert row["outcome"] == ("refused" if code == "content_policy" else "failed")
    assert row["charged_usd"] == "0.000000"


def test_an_overload_reported_with_status_200_is_tried_again(openai: FakeOpenAI) -> None:
    openai.script(error_in_200(503, "Overloaded. Please try again in 10ms."), ok())

    assert generate().code == 0
    assert len(openai.requests) == 2


@pytest.mark.parametrize("after", ["request", "headers", "body"])
def test_a_connection_cut_after_sending_is_not_tried_again_and_counts(openai: FakeOpenAI, after: str) -> None:
    openai.script(cut(after))

    ran = generate()

    assert (ran.code, ran.error["may_be_billed"]) == (6, True)
    assert "may have been billed" in ran.error["hint"]
    assert len(openai.requests) == 1
    (row,) = attempts()
    assert (row["outcome"], row["may_be_billed"], row["cost_usd"]) == ("failed", "yes", "")
    assert row["charged_usd"] == row["estimate_usd"] > "0.000000"


@pytest.mark.parametrize("after", ["request", "headers", "body"])
def test_one_uncertain_retry_is_made_where_that_is_wanted(
    openai: FakeOpenAI, after: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROVIDERS__OPENAI__RETRY_UNCERTAIN", "1")
    openai.script(cut(after), ok())

    assert generate().code == 0
    assert [row["outcome"] for row in attempts()] == ["failed", "saved"]
    assert attempts()[0]["charged_usd"] == attempts()[0]["estimate_usd"]

    openai.script(cut(after), cut(after), ok())
    ran = generate("--no-cache")
    assert ran.code == 6
    assert ran.error["attempts_maybe_billed"] == 2


def test_a_time_out_is_not_tried_again_and_says_that_it_may_have_been_billed(openai: FakeOpenAI) -> None:
    openai.script(held(threading.Event()))

    ran = generate("--timeout", "0.3")

    assert ran.error["code"] == "provider_timeout"
    assert "within 0.3 seconds" in ran.error["message"]
    assert "may have been billed" in ran.error["hint"]
    assert len(openai.requests) == 1
    assert attempts()[0]["charged_usd"] == attempts()[0]["estimate_usd"]


def test_an_answer_that_drips_in_is_bounded_with_all_waits_and_retries(
    openai: FakeOpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROVIDERS__OPENAI__RETRY_UNCERTAIN", "9")
    run("generate", "a first call, which imports the SDK", *CHEAP)
    openai.script(busy(), drip())

    began = time.monotonic()
    ran = generate("--timeout", "1")

    assert time.monotonic() - began < 10  # the whole answer would take minutes
    assert ran.error["code"] == "provider_timeout"
    assert ran.error["attempts"] == 2
    assert ran.error["attempts_maybe_billed"] == 1
