"""One request through the house: plan it, look for an equal answer, else have the call made.

A call runs in a task of its own. Cancelling the caller cancels a call that has not been answered; once the
provider has answered, the save is finished first, because the image is paid for.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable
from dataclasses import dataclass

from imagegen.calling import Caller, Flight, Remember, saved
from imagegen.planning import Plan
from imagegen.reuse import Reuse
from imagegen.store import ImageStore
from imagegen.threads import InThread
from imagegen.types import GenerationResult, ProgressCallback

TELL_AGAIN_SECONDS = 1.0


def new_task_id() -> str:
    """`task_{uuid4}`."""
    return f"task_{uuid.uuid4()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """Carries requests to a provider and its images into the store. `reuse` is None without a cache."""

    caller: Caller
    store: ImageStore
    in_thread: InThread
    reuse: Reuse | None

    async def run(
        self, plan: Plan, on_progress: ProgressCallback, *, task_id: str | None = None
    ) -> GenerationResult:
        """Carry a plan out to the end, shielded from the caller's cancellation once it is answered.

        `task_id` names the call in records; without one it gets its own.
        """

        def make(remember: Remember) -> Awaitable[GenerationResult]:
            return self._make(Flight(plan, on_progress, remember, task_id or new_task_id()))

        if self.reuse is None or not plan.asked.use_cache:
            return await make(_remember_nothing)
        result = await self.reuse.result(plan, make)
        if result.cached:
            on_progress(saved(plan, result))
        return result

    async def _make(self, flight: Flight) -> GenerationResult:
        """Call and save, in a task that the caller's cancellation reaches only before the answer."""
        flight.plan.provider.require_ready()
        await self.in_thread(self.store.check_writable)
        work = asyncio.create_task(self.caller.make(flight))
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            await _end(work, flight)
            raise


async def _remember_nothing(_: GenerationResult) -> None:
    """For a request that wants no cache."""


async def _end(work: asyncio.Task[GenerationResult], flight: Flight) -> None:
    """Wait for the task, however often the waiting itself is cancelled; what is answered is saved first.

    Before the answer it is told to stop, and again every second: a provider's library may miss it once.
    """
    while not work.done():
        if flight.answered_at is None:
            work.cancel()
        try:
            await asyncio.wait({work}, timeout=TELL_AGAIN_SECONDS)
        except asyncio.CancelledError:
            continue
    if not work.cancelled():
        work.exception()  # marks it as seen: the caller gets its cancellation instead
