"""Calling a provider and saving its answer: rates, budget, retries and the ledger around both."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from imagegen.arrivals import Arrivals
from imagegen.delivery import Delivered, Delivery
from imagegen.errors import BudgetExceeded, ProviderTimeout
from imagegen.ledger import Accounts, BudgetLimits, NewAttempt, OpenAttempt
from imagegen.limits import ProviderGate
from imagegen.planning import Plan
from imagegen.pricing import PriceTable
from imagegen.retries import Retries, Retry, RetryPolicy
from imagegen.store import ImageStore
from imagegen.threads import InThread
from imagegen.types import (
    CostBasis,
    CostInfo,
    EditRequest,
    GenerationResult,
    ImageRecord,
    Progress,
    ProgressCallback,
    ProviderResult,
)

Remember = Callable[[GenerationResult], Awaitable[None]]
OnSaved = Callable[[Sequence[ImageRecord]], None]

GRACE_SECONDS = 2.0  # beyond a provider's own bound: its error knows more, and parts of an answer may be in


@dataclass(slots=True)
class Flight:
    """One running call: whether it has been answered decides what a cancellation may stop."""

    plan: Plan
    on_progress: ProgressCallback
    remember: Remember
    task_id: str
    started: float = field(default_factory=time.monotonic)
    answered_at: float | None = None
    retries: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Makes calls within their provider's limits and the budget.

    `gates` are by provider name; `listeners` hear of images the moment they are on disk, in that thread.
    """

    prices: PriceTable
    store: ImageStore
    in_thread: InThread
    accounts: Accounts
    gates: Mapping[str, ProviderGate]
    arrivals: Arrivals = field(default_factory=Arrivals)
    listeners: list[OnSaved] = field(default_factory=list)

    def limits_of(self, plan: Plan) -> BudgetLimits:
        """What bounds the cost of this one request."""
        return replace(self.accounts.limits, max_cost_usd=plan.request.max_cost_usd)

    async def refusal(self, plan: Plan) -> BudgetExceeded | None:
        """Why the call would be refused if it were made now. Reserves nothing. Raises StorageError."""
        new = self._new_attempt(plan, "")
        if new.is_free:
            return None
        try:
            await self.in_thread(lambda: self.accounts.ledger.check(new, self.limits_of(plan)))
        except BudgetExceeded as refusal:
            return refusal
        return None

    async def make(self, flight: Flight) -> GenerationResult:
        """Call until there is an answer or no hope, and save it. Raises what the last attempt raised."""
        policy = flight.plan.provider.policy
        retries = Retries(
            policy=RetryPolicy(
                max_retries=policy.max_retries,
                retry_uncertain=policy.retry_uncertain,
                timeout_seconds=flight.plan.request.timeout_seconds or policy.timeout_seconds,
            )
        )

        def note(retry: Retry) -> None:
            flight.retries.append(f"attempt {retry.attempt} failed: {retry.error.message}")
            flight.on_progress(
                Progress(stage="retrying", model=flight.plan.model.full_name, index=retry.attempt)
            )

        return await retries.run(lambda left: self._attempt(flight, left), on_retry=note)

    async def _attempt(self, flight: Flight, seconds_left: float) -> GenerationResult:
        until = time.monotonic() + seconds_left
        async with self.gates[flight.plan.provider.name].slot(patience_seconds=seconds_left):
            return await self._paid_attempt(flight, until - time.monotonic())

    async def _paid_attempt(self, flight: Flight, seconds_left: float) -> GenerationResult:
        """One call between reserving its estimate and settling its cost."""
        plan = flight.plan
        new = self._new_attempt(plan, flight.task_id)
        async with self.accounts.attempt(new, limits=self.limits_of(plan)) as row:
            with self.arrivals.one():
                result = await self._saved_answer(flight, row, seconds_left)
            await flight.remember(result)
        flight.on_progress(saved(plan, result))
        return result

    async def _saved_answer(self, flight: Flight, row: OpenAttempt, seconds_left: float) -> GenerationResult:
        """Call, and save what comes. With its end the images' bytes leave the memory."""
        answer = await _call(flight.plan, flight.on_progress, seconds_left)
        flight.answered_at = time.monotonic()
        cost = self.prices.cost(flight.plan.request, answer)
        row.answered(cost, request_id=answer.request_id)
        delivery = Delivery(
            plan=flight.plan, task_id=flight.task_id, answer=answer, cost=cost, store=self.store
        )
        delivered = await self.in_thread(lambda: self._save(delivery))
        row.saved([record.image_id for record in delivered.records])
        return _result(flight, answer, delivered, cost)

    def _save(self, delivery: Delivery) -> Delivered:
        delivered = delivery.save()
        for listener in self.listeners:
            listener(delivered.records)
        return delivered

    def _new_attempt(self, plan: Plan, task_id: str) -> NewAttempt:
        return NewAttempt(
            task_id=task_id,
            client=plan.request.client,
            provider=plan.provider.name,
            model=plan.model.id,
            operation=plan.request.operation,
            n=plan.request.n,
            estimate=plan.estimate,
            assumed_usd=None if plan.estimate.high_usd is not None else self.prices.dearest(plan.request),
        )


async def _call(plan: Plan, on_progress: ProgressCallback, seconds_left: float) -> ProviderResult:
    # Rounded for the message of a time-out, which names it: 1 second, and not 0.999971.
    seconds = max(round(seconds_left, 2), 0.01)
    request = replace(plan.request, timeout_seconds=seconds)
    try:
        async with asyncio.timeout(seconds + GRACE_SECONDS) as bound:
            if isinstance(request, EditRequest):
                return await plan.provider.edit(request, on_progress=on_progress)
            return await plan.provider.generate(request, on_progress=on_progress)
    except TimeoutError as exc:
        if not bound.expired():
            raise
        raise _overdue(plan, seconds) from exc


def _overdue(plan: Plan, seconds: float) -> ProviderTimeout:
    """For a provider that did not keep to its own bound."""
    is_free = plan.estimate.basis is CostBasis.FREE
    return ProviderTimeout(
        f"{plan.model.full_name} did not answer within {seconds:g} seconds and was cut off.",
        hint=f"Allow more with --timeout.{'' if is_free else ' What it has begun may still be billed.'}",
        may_be_billed=not is_free,
        provider=plan.provider.name,
        model=plan.model.id,
        timeout_seconds=seconds,
    )


def saved(plan: Plan, result: GenerationResult) -> Progress:
    """The news that a result's images are in the history."""
    ids = tuple(record.image_id for record in result.images)
    return Progress(stage="saved", model=plan.model.full_name, image_ids=ids)


def _result(flight: Flight, answer: ProviderResult, delivered: Delivered, cost: CostInfo) -> GenerationResult:
    plan, now = flight.plan, time.monotonic()
    answered_at = flight.answered_at or now
    notes = [note for record in delivered.records for note in record.notes]
    return GenerationResult(
        task_id=flight.task_id,
        operation=plan.request.operation,
        provider=plan.provider.name,
        model=plan.model.id,
        images=delivered.records,
        cost_info=cost,
        notes=tuple(dict.fromkeys([*notes, *flight.retries])),
        timings={
            "provider": round(answered_at - flight.started, 4),
            "save": round(now - answered_at, 4),
            "total": round(now - flight.started, 4),
        },
        rejected=delivered.rejected,
        details=answer.details,
    )
