"""The one owner of retries: what may be tried again, how often, and how long to wait before it."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

from imagegen.errors import BudgetExceeded, ImagegenError

T = TypeVar("T")

FIRST_WAIT_SECONDS = 1.0
LONGEST_WAIT_SECONDS = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often to try again, and the time in seconds that bounds everything, the waits included.

    `max_retries` is for failures that certainly cost nothing, `retry_uncertain` for those that may have been
    billed: there every retry may be paid twice.
    """

    max_retries: int = 3
    retry_uncertain: int = 0
    timeout_seconds: float = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """News of a failure that will be tried again: `attempt` counts from 1, and the wait before the next."""

    attempt: int
    wait_seconds: float
    error: ImagegenError


@dataclass(slots=True)
class _Tally:
    """The failures so far, by whether they may have been billed."""

    policy: RetryPolicy
    safe: int = 0
    uncertain: int = 0

    @property
    def attempts(self) -> int:
        return self.safe + self.uncertain

    def count(self, error: ImagegenError) -> None:
        if isinstance(error, BudgetExceeded):
            return  # nothing was sent
        if error.may_be_billed:
            self.uncertain += 1
        else:
            self.safe += 1

    def allows_another(self, error: ImagegenError) -> bool:
        if not error.retryable:
            return False
        if error.may_be_billed:
            return self.uncertain <= self.policy.retry_uncertain
        return self.safe <= self.policy.max_retries


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries:
    """Carries calls out under a policy. `clock` gives seconds and never goes back, `chance` 0 to 1."""

    policy: RetryPolicy = field(default_factory=RetryPolicy)
    clock: Callable[[], float] = time.monotonic
    chance: Callable[[], float] = random.random
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep

    async def run(self, call: Callable[[float], Awaitable[T]], *, on_retry: Callable[[Retry], object]) -> T:
        """The result of `call`, which gets the seconds that are left and keeps to them itself.

        A call is never cut off from here: it may be saving an answer that is paid for. Raises the last error;
        after several attempts, or when one may have been billed, it says how many there were.
        """
        deadline = self.clock() + self.policy.timeout_seconds
        tally = _Tally(self.policy)
        while True:
            try:
                return await call(deadline - self.clock())
            except ImagegenError as error:
                tally.count(error)
                wait_seconds = self._wait_after(error, tally.attempts)
                in_time = self.clock() + wait_seconds < deadline
                if not in_time or not tally.allows_another(error):
                    _sum_up(error, tally)
                    raise
                on_retry(Retry(attempt=tally.attempts, wait_seconds=wait_seconds, error=error))
            await self.sleep(wait_seconds)

    def _wait_after(self, error: ImagegenError, attempts: int) -> float:
        """Exponential back-off with full jitter; on top of what the server asks for, jitter in proportion.

        https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
        """
        asked = error.details.get("retry_after_seconds")
        if asked:
            return float(asked) + self.chance() * min(FIRST_WAIT_SECONDS, 2.0 * float(asked))
        longest = min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2.0 ** (attempts - 1))
        return self.chance() * longest


def _sum_up(error: ImagegenError, tally: _Tally) -> None:
    """Let the error speak for all attempts, and not only for the last."""
    error.may_be_billed = tally.uncertain > 0
    error.details["attempts"] = tally.attempts
    if tally.uncertain:
        error.details["attempts_maybe_billed"] = tally.uncertain
    if tally.attempts > 1 or (tally.attempts and isinstance(error, BudgetExceeded)):
        made = "1 attempt was made" if tally.attempts == 1 else f"{tally.attempts} attempts were made"
        said = f"{made}; {tally.uncertain} may have been charged." if tally.uncertain else f"{made}."
        error.hint = f"{error.hint} {said}" if error.hint else said
