"""What is tried again, how often, and how long it waits; the clock only moves when somebody waits."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from imagegen.errors import (
    AuthenticationFailed,
    BadResponse,
    BudgetExceeded,
    ConfigurationError,
    ContentPolicyError,
    ImagegenError,
    ProviderTimeout,
    ProviderUnavailable,
    QuotaExceeded,
    RateLimited,
    StorageError,
    UsageError,
)
from imagegen.retries import Retries, Retry, RetryPolicy


@dataclass
class Upstream:
    """Fails in the given order, then answers; every call takes `seconds`."""

    failures: Sequence[Exception]
    seconds: float = 0.0
    chance: float = 1.0
    now: float = 1000.0
    given: list[float] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    heard: list[Retry] = field(default_factory=list)

    async def call(self, remaining_seconds: float) -> str:
        self.given.append(remaining_seconds)
        self.now += self.seconds
        if len(self.given) <= len(self.failures):
            raise self.failures[len(self.given) - 1]
        return f"answer {len(self.given)}"

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds

    def run(self, policy: RetryPolicy | None = None) -> str:
        retries = Retries(
            policy=policy or RetryPolicy(),
            clock=lambda: self.now,
            chance=lambda: self.chance,
            sleep=self.sleep,
        )
        return asyncio.run(retries.run(self.call, on_retry=self.heard.append))


def down() -> ProviderUnavailable:
    return ProviderUnavailable("down", hint="Look at the status page.")


def slow_down(seconds: float | None = None) -> RateLimited:
    return RateLimited("slow down", retry_after_seconds=seconds)


def cut() -> ProviderUnavailable:
    return ProviderUnavailable("cut", hint="It may have been billed.", may_be_billed=True)


def late() -> ProviderTimeout:
    return ProviderTimeout("late", may_be_billed=True)


def test_an_answer_at_once_is_one_call_with_all_of_the_time() -> None:
    upstream = Upstream([])
    assert upstream.run() == "answer 1"
    assert (upstream.given, upstream.waits, upstream.heard) == ([300.0], [], [])


@pytest.mark.parametrize("failure", [down, slow_down])
def test_a_failure_that_cost_nothing_is_tried_again_with_longer_and_longer_waits(failure: type) -> None:
    failures = [failure() for _ in range(3)]
    upstream = Upstream(failures)
    assert upstream.run() == "answer 4"
    assert upstream.waits == [1.0, 2.0, 4.0]
    assert upstream.given == [300.0, 299.0, 297.0, 293.0]
    assert upstream.heard == [
        Retry(attempt=number, wait_seconds=wait, error=error)
        for number, wait, error in zip((1, 2, 3), upstream.waits, failures, strict=True)
    ]


def test_jitter_takes_anything_from_nothing_to_the_whole_wait() -> None:
    quick, middle = Upstream([down(), down()], chance=0.0), Upstream([down(), down()], chance=0.5)
    quick.run()
    middle.run()
    assert (quick.waits, middle.waits) == ([0.0, 0.0], [0.5, 1.0])


def test_no_wait_is_longer_than_half_a_minute() -> None:
    upstream = Upstream([down() for _ in range(8)])
    upstream.run(RetryPolicy(max_retries=8))
    assert upstream.waits == [1, 2, 4, 8, 16, 30, 30, 30]


def test_after_the_last_retry_the_error_says_how_many_attempts_were_made() -> None:
    upstream = Upstream([down() for _ in range(4)])
    with pytest.raises(ProviderUnavailable) as failed:
        upstream.run()
    assert str(failed.value) == "down Look at the status page. 4 attempts were made."
    assert failed.value.details["attempts"] == 4
    assert not failed.value.may_be_billed


def test_what_the_server_asks_for_is_waited_with_a_little_more_against_the_herd() -> None:
    upstream = Upstream([slow_down(20), slow_down(0.5)], chance=0.25)
    upstream.run()
    assert upstream.waits == [20.25, 0.75]


def test_a_short_wait_gets_a_short_jitter_and_a_wait_of_nothing_the_usual_one() -> None:
    upstream = Upstream([slow_down(0.01), slow_down(0)], chance=0.5)
    upstream.run()
    assert upstream.waits == [pytest.approx(0.02), 1.0]


def test_a_wait_beyond_the_time_is_not_begun() -> None:
    upstream = Upstream([slow_down(299.5)], chance=0.5)
    with pytest.raises(RateLimited):
        upstream.run()
    assert (upstream.waits, upstream.heard) == ([], [])
    assert Upstream([slow_down(299.5)], chance=0.25).run() == "answer 2"


def test_the_time_bounds_calls_and_waits_together() -> None:
    upstream = Upstream([down() for _ in range(9)], seconds=100.0)
    with pytest.raises(ProviderUnavailable, match="3 attempts"):
        upstream.run(RetryPolicy(max_retries=9, timeout_seconds=303.5))
    assert upstream.given == [303.5, 202.5, 100.5]


@pytest.mark.parametrize("failure", [cut, late])
def test_what_may_be_billed_is_not_tried_again_unless_that_is_wanted(failure: type) -> None:
    upstream = Upstream([failure()])
    with pytest.raises(ImagegenError) as failed:
        upstream.run()
    assert len(upstream.given) == 1
    assert failed.value.may_be_billed
    assert failed.value.details == {"attempts": 1, "attempts_maybe_billed": 1}
    assert Upstream([failure()]).run(RetryPolicy(retry_uncertain=1)) == "answer 2"


def test_uncertain_retries_end_with_an_error_that_says_how_many_may_have_been_charged() -> None:
    upstream = Upstream([down(), cut(), late(), cut()])
    with pytest.raises(ProviderUnavailable) as failed:
        upstream.run(RetryPolicy(retry_uncertain=2))
    assert str(failed.value) == "cut It may have been billed. 4 attempts were made; 3 may have been charged."
    assert failed.value.details == {"attempts": 4, "attempts_maybe_billed": 3}


def test_an_error_after_one_that_may_be_billed_does_not_hide_it() -> None:
    upstream = Upstream([late(), QuotaExceeded("used up")])
    with pytest.raises(QuotaExceeded) as failed:
        upstream.run(RetryPolicy(retry_uncertain=1))
    assert failed.value.may_be_billed
    assert str(failed.value) == "used up 2 attempts were made; 1 may have been charged."


def test_a_budget_that_is_full_after_a_first_attempt_counts_that_one_only() -> None:
    upstream = Upstream([late(), BudgetExceeded("full")])
    with pytest.raises(BudgetExceeded) as failed:
        upstream.run(RetryPolicy(retry_uncertain=1))
    assert str(failed.value) == "full 1 attempt was made; 1 may have been charged."


@pytest.mark.parametrize(
    "error",
    [
        QuotaExceeded("used up"),
        BudgetExceeded("full"),
        ContentPolicyError("no"),
        UsageError("what?"),
        ConfigurationError("no key"),
        AuthenticationFailed("wrong key"),
        BadResponse("no image", may_be_billed=True),
        StorageError("full"),
    ],
)
def test_what_waiting_does_not_help_is_never_tried_again(error: ImagegenError) -> None:
    upstream = Upstream([error])
    with pytest.raises(type(error)) as failed:
        upstream.run(RetryPolicy(max_retries=9, retry_uncertain=9))
    assert failed.value is error
    assert len(upstream.given) == 1
    assert error.hint is None


def test_no_retries_means_none() -> None:
    upstream = Upstream([down()])
    with pytest.raises(ProviderUnavailable):
        upstream.run(RetryPolicy(max_retries=0))
    assert len(upstream.given) == 1


def test_a_bug_is_no_reason_to_try_again() -> None:
    upstream = Upstream([ZeroDivisionError()])
    with pytest.raises(ZeroDivisionError):
        upstream.run()
    assert len(upstream.given) == 1


def test_a_caller_that_is_cancelled_while_it_waits_stops_at_once() -> None:
    waiting = asyncio.Event()

    async def fail(_: float) -> None:
        raise slow_down(100)

    async def main() -> None:
        running = asyncio.create_task(Retries().run(fail, on_retry=lambda _: waiting.set()))
        await waiting.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(main())
