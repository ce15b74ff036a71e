"""Answers that are there already, or on their way: the cache and single flight around a call."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from imagegen.cache import Cache, CacheEntry, look_up
from imagegen.calling import Remember
from imagegen.errors import NotFound
from imagegen.fingerprint import fingerprint_of
from imagegen.planning import Plan
from imagegen.providers.base import WireCall
from imagegen.single_flight import SingleFlight
from imagegen.store import ImageStore
from imagegen.threads import InThread
from imagegen.types import CostBasis, CostInfo, GenerationResult, ImageRecord

Make = Callable[[Remember], Awaitable[GenerationResult]]

NOTHING_PAID = CostInfo(estimated_cost_usd=Decimal(0), cost_usd=Decimal(0), basis=CostBasis.FREE)
JOINED = "an equal request was already running, so this one got its images"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reuse:
    """Finds an equal answer or joins an equal call, so that nothing is paid twice."""

    cache: Cache
    flight: SingleFlight[GenerationResult]
    store: ImageStore
    in_thread: InThread

    async def result(self, plan: Plan, make: Make) -> GenerationResult:
        """The cached answer, that of an equal call that is running, or else what `make` makes.

        `make` is given a function that remembers its result, to be called as soon as its images are saved.
        """
        key = fingerprint_of_plan(plan)
        made: list[GenerationResult] = []

        async def found() -> GenerationResult | None:
            entry = await look_up(self.cache, key, exists=self._exist)
            return await self._from_cache(plan, entry) if entry else None

        async def remember(result: GenerationResult) -> None:
            made.append(result)
            if is_complete(plan, result):
                await self.cache.put(key, entry_of(result))

        earlier = await found()
        if earlier is not None:
            return earlier
        result = await self.flight.run(
            key, lambda: make(remember), found, timeout_seconds=plan.request.timeout_seconds
        )
        return result if made or result.cached else _joined(result)

    async def _exist(self, image_ids: tuple[str, ...]) -> bool:
        return await self.in_thread(lambda: all(self._exists(image_id) for image_id in image_ids))

    def _exists(self, image_id: str) -> bool:
        try:
            return self.store.path_of(self.store.get(image_id)).is_file()
        except NotFound:
            return False

    async def _from_cache(self, plan: Plan, entry: CacheEntry) -> GenerationResult:
        def load() -> tuple[ImageRecord, ...]:
            return tuple(self.store.get(image_id) for image_id in entry.image_ids)

        when = f"{entry.created_at:%Y-%m-%d %H:%M} UTC"
        return GenerationResult(
            task_id=entry.task_id,
            operation=plan.request.operation,
            provider=plan.provider.name,
            model=plan.model.id,
            images=await self.in_thread(load),
            cost_info=NOTHING_PAID,
            notes=(*plan.notes, f"from the cache, made on {when}; --no-cache makes a new one"),
            timings={"provider": 0.0, "save": 0.0, "total": 0.0},
            details=dict(entry.facts),
            cached=True,
        )


def fingerprint_of_plan(plan: Plan) -> str:
    """The fingerprint of a planned request. Previews on the way do not shape the picture."""
    wire = plan.wire
    if plan.request.partial_images is not None:
        wire = plan.provider.wire_call(replace(plan.request, partial_images=None))
    return fingerprint_of(plan.request, endpoint=wire.endpoint, parameters=_shaping(wire, plan))


def _shaping(wire: WireCall, plan: Plan) -> dict[str, Any]:
    """What shapes the picture: the parameters on the wire, and the format where it is made here."""
    parameters = dict(wire.parameters)
    if plan.model.converts_locally:
        parameters["converted"] = [plan.request.output_format, plan.request.output_compression]
    return parameters


def is_complete(plan: Plan, result: GenerationResult) -> bool:
    """Whether the answer holds all that was asked for: a part of it is not what the next one wants."""
    return len(result.images) >= plan.request.n and not result.rejected


def entry_of(result: GenerationResult) -> CacheEntry:
    """What the cache keeps of a result."""
    return CacheEntry(
        image_ids=tuple(record.image_id for record in result.images),
        task_id=result.task_id,
        created_at=result.images[0].created_at,
        cost_usd=result.cost_info.cost_usd,
        facts=result.details,
    )


def _joined(result: GenerationResult) -> GenerationResult:
    return replace(result, cached=True, cost_info=NOTHING_PAID, notes=(*result.notes, JOINED))
