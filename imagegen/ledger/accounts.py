"""The ledger as the pipeline uses it: one scope around each call to a provider and the save of its answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Protocol, TypeVar

from imagegen.errors import ContentPolicyError, ImagegenError, StorageError
from imagegen.ledger.budget import BudgetLimits
from imagegen.ledger.file import Note
from imagegen.ledger.ledger import Ledger
from imagegen.ledger.records import Begun, Ending, NewAttempt, Outcome
from imagegen.types import CostInfo

T = TypeVar("T")


class InThread(Protocol):
    """Runs blocking work off the event loop."""

    def __call__(self, work: Callable[[], T], /) -> Awaitable[T]: ...


class OpenAttempt:
    """A call under way: tell it of the answer and of the save, and the ledger will know."""

    def __init__(self, attempt_id: str) -> None:
        self.attempt_id = attempt_id
        self._cost: CostInfo | None = None
        self._request_id: str | None = None
        self._image_ids: tuple[str, ...] = ()

    def answered(self, cost: CostInfo, *, request_id: str | None) -> None:
        """The provider has answered: from here on the cost is that, whatever happens to the images."""
        self._cost = cost
        self._request_id = request_id

    def saved(self, image_ids: Sequence[str]) -> None:
        """The images are in the store."""
        self._image_ids = tuple(image_ids)

    def ending(self, error: BaseException | None) -> Ending:
        """What became of it, by what was told and by what was raised."""
        ours = error if isinstance(error, ImagegenError) else None
        return Ending(
            outcome=Outcome.SAVED if self._image_ids else _outcome_of(error),
            cost=self._cost,
            # Whoever stops a call, or trips over a bug, does not know whether it was billed.
            may_be_billed=self._cost is not None or ours is None or ours.may_be_billed,
            request_id=self._request_id or (ours.details.get("request_id") if ours else None),
            error_code=ours.code if ours else None,
            image_ids=self._image_ids,
        )


class Accounts:
    """Keeps the budgets `limits` with a ledger. `note` hears when something cannot be written down."""

    def __init__(self, ledger: Ledger, *, limits: BudgetLimits, in_thread: InThread, note: Note) -> None:
        self.ledger = ledger
        self.limits = limits
        self._in_thread = in_thread
        self._note = note

    @asynccontextmanager
    async def attempt(
        self, new: NewAttempt, *, limits: BudgetLimits | None = None
    ) -> AsyncIterator[OpenAttempt]:
        """Reserve and write a row down before, settle after; `limits` are this call's own, if it has any.

        What is free touches no ledger. Raises BudgetExceeded; StorageError where there is a budget and no
        ledger can be written. Without a budget the call is made all the same, and `note` hears of it.
        """
        opened = OpenAttempt(new.attempt_id)
        begun = None if new.is_free else await self._begin(new, limits or self.limits)
        error: BaseException | None = None
        try:
            yield opened
        except BaseException as exc:
            error = exc
            raise
        finally:
            if begun is not None:
                await self._close(begun, opened.ending(error))

    async def _begin(self, new: NewAttempt, limits: BudgetLimits) -> Begun | None:
        beginning = asyncio.ensure_future(self._in_thread(lambda: self.ledger.attempts.begin(new, limits)))
        try:
            return await _to_its_end(beginning)
        except asyncio.CancelledError:
            if beginning.done() and not beginning.cancelled() and beginning.exception() is None:
                await self._close(beginning.result(), Ending(outcome=Outcome.INTERRUPTED))  # nothing was sent
            raise
        except StorageError as exc:
            if limits.any_set:
                raise StorageError(
                    f"Nothing was sent: a budget is set and cannot be kept. {exc.message}", hint=exc.hint
                ) from exc
            self._note(f"{exc.message} What this call costs is written with its images only.")
            return None

    async def _close(self, begun: Begun, ending: Ending) -> None:
        """Settle it, even while the caller is being cancelled; an image is worth more than its row."""
        closing = asyncio.ensure_future(self._in_thread(lambda: self.ledger.attempts.close(begun, ending)))
        try:
            await _to_its_end(closing)
        except StorageError as exc:
            self._note(f"{exc.message} Until the next start, budgets count this call at its estimate.")


def _outcome_of(error: BaseException | None) -> Outcome:
    if isinstance(error, ContentPolicyError):
        return Outcome.REFUSED
    if isinstance(error, ImagegenError):
        return Outcome.FAILED
    if isinstance(error, asyncio.CancelledError | KeyboardInterrupt):
        return Outcome.INTERRUPTED
    return Outcome.UNKNOWN


async def _to_its_end(work: asyncio.Future[T]) -> T:
    """Wait for work that cannot be stopped, and only then be cancelled."""
    cancelled: asyncio.CancelledError | None = None
    while not work.done():
        try:
            await asyncio.wait({work})
        except asyncio.CancelledError as exc:
            cancelled = exc
    if cancelled is not None:
        raise cancelled
    return work.result()
