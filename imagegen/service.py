"""The one composition root, and the service behind every face of the product."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from imagegen import paths
from imagegen.archive import Archive
from imagegen.cache import CacheStats
from imagegen.cache_backend import open_cache_backend
from imagegen.calling import Caller, OnSaved
from imagegen.capabilities import ModelInfo, parse_size
from imagegen.catalogue_refresh import Refreshed, refresh_models
from imagegen.client_rate import ClientRate
from imagegen.folders import base_folder
from imagegen.inputs import input_from_bytes, input_from_data_url, input_from_path
from imagegen.ledger import Accounts, BudgetLimits
from imagegen.limits import ProviderGate
from imagegen.live_catalogue import FILE_NAME as LIVE_MODELS
from imagegen.pipeline import Pipeline
from imagegen.planning import Plan, Planner
from imagegen.pricing import PriceTable, load_prices
from imagegen.providers import LoadedProviders, load_providers
from imagegen.providers.base import Availability, Provider
from imagegen.resolution import LOCAL, resolve
from imagegen.reuse import Reuse
from imagegen.settings import Settings
from imagegen.single_flight import SingleFlight
from imagegen.spending import Spending, opened_ledger
from imagegen.store import ImageStore, open_store
from imagegen.threads import InThread
from imagegen.types import (
    EditRequest,
    GenerateRequest,
    GenerationResult,
    ImageRecord,
    InputImage,
    Progress,
    ProgressCallback,
)

if TYPE_CHECKING:
    from imagegen.redis_link import RedisLink
    from imagegen.workshop import Workshop

T = TypeVar("T")
WORKER_THREADS = 4  # they wait for a disk, and more would only keep the loop from its turn


def _unheard(_: Progress) -> None:
    """The progress callback of a caller that wants no news."""


class ImageService(Archive):
    """Makes, edits, keeps and finds images. Build it with `open_service()`.

    `spending` knows what was spent and what may be.
    """

    def __init__(
        self,
        *,
        settings: Settings,
        providers: LoadedProviders,
        store: ImageStore,
        prices: PriceTable,
        caller: Caller,
        reuse: Reuse | None,
        client_rate: ClientRate,
        in_thread: InThread,
        notes: Sequence[str],
    ) -> None:
        super().__init__(store, in_thread)
        self.settings = settings
        self.prices = prices
        self.client_rate = client_rate
        self._loaded = providers
        self._reuse = reuse
        self._notes = notes
        self._planner = Planner(settings=settings, providers=providers.providers, prices=prices)
        self._caller = caller
        self.spending = Spending(caller=caller, in_thread=in_thread)
        self._pipeline = Pipeline(caller=caller, store=store, in_thread=in_thread, reuse=reuse)

    # Making images

    def plan(self, request: GenerateRequest) -> Plan:
        """What `generate` or `edit` would do: provider, parameters on the wire, estimate. Sends nothing."""
        return self._planner.plan(request)

    async def generate(
        self,
        request: GenerateRequest,
        *,
        on_progress: ProgressCallback = _unheard,
        task_id: str | None = None,
    ) -> GenerationResult:
        """Make images and keep them; one that is cancelled after the answer finds them in the history.

        `task_id` is the caller's own name for the call, where it has one.
        """
        return await self.carry_out(self.plan(request), on_progress=on_progress, task_id=task_id)

    async def edit(
        self,
        request: EditRequest,
        *,
        on_progress: ProgressCallback = _unheard,
        task_id: str | None = None,
    ) -> GenerationResult:
        """Change images and keep the results; the rest as for `generate`."""
        return await self.carry_out(self.plan(request), on_progress=on_progress, task_id=task_id)

    async def carry_out(
        self, plan: Plan, *, on_progress: ProgressCallback = _unheard, task_id: str | None = None
    ) -> GenerationResult:
        """Do what was planned; the rest as for `generate`."""
        return await self._pipeline.run(plan, on_progress, task_id=task_id)

    def on_saved(self, listener: OnSaved) -> None:
        """Have the listener called for the images of every answer from here on.

        That is as soon as they are on disk, before the caller has its result, and from the thread that saved
        them. It must not raise.
        """
        self._caller.listeners.append(listener)

    async def at_exact_size(self, result: GenerationResult, size: str) -> GenerationResult:
        """Crop and scale each image to `WIDTHxHEIGHT` with the local composer, beside its original.

        The images of the answer are the new ones; their parents are the originals.
        """
        made: list[ImageRecord] = []
        for record in result.images:
            if (record.file_info.width, record.file_info.height) == parse_size(size):
                made.append(record)
                continue
            original = await self.load_input(record.image_id)
            request = EditRequest(
                prompt=f"crop to {size.replace('x', ':')}, resize to {size}",
                provider=LOCAL,
                output_format=original.format,
                images=(original,),
                template=record.template,
            )
            made.extend((await self.edit(request)).images)
        return replace(result, images=tuple(made))

    async def load_input(self, source: str) -> InputImage:
        """An input by path, image id, `last`, http(s) URL or data URL. Raises InputImageError, NotFound."""
        if source.startswith("data:"):
            return await self._in_thread(lambda: input_from_data_url(source))
        if source.startswith(("http://", "https://")):
            from imagegen.downloads import download, shown_url

            data = await download(source, allow_private=self.settings.images.allow_private_urls)
            return await self._in_thread(lambda: input_from_bytes(data, source=shown_url(source)))
        if source == "last" or source.startswith("img_"):
            record = await self.get_image(source)
            data = await self._in_thread(lambda: self._store.read_bytes(record))
            return await self._in_thread(
                lambda: input_from_bytes(data, source=record.image_id, image_id=record.image_id)
            )
        return await self._in_thread(lambda: input_from_path(paths.expanded(source)))

    @cached_property
    def workshop(self) -> Workshop:
        """Where stored images are looked into and processed; imported by those who need it."""
        from imagegen.workshop import Workshop

        return Workshop(store=self._store, in_thread=self._in_thread)

    # Knowing models

    def providers(self) -> Mapping[str, tuple[Provider, Availability]]:
        """Every provider that is not broken, with whether it can be used."""
        found = {name: (each, each.availability()) for name, each in self._loaded.providers.items()}
        return {name: pair for name, pair in found.items() if name not in self._loaded.broken}

    def broken_providers(self) -> Mapping[str, str]:
        """Plugins that could not be loaded, or failed when they were asked what they have; the reason."""
        return self._loaded.broken

    def model(self, name: str) -> ModelInfo:
        """A model by id, `provider/id` or provider name. Raises NotFound."""
        return resolve(self._loaded.providers, provider=None, model=name, default_model=None).model

    def default_model(self) -> ModelInfo:
        """The model that a request naming none would get."""
        wanted = self.settings.images.default_model
        return resolve(self._loaded.providers, provider=None, model=None, default_model=wanted).model

    async def refresh_models(self) -> tuple[Refreshed, ...]:
        """Ask every provider which models it has, and keep the answers for the next start."""
        path = paths.cache_folder() / LIVE_MODELS
        return await refresh_models(self._loaded.providers, path, now=datetime.now(UTC))

    # The cache

    async def cache_stats(self) -> CacheStats | None:
        """How full the cache is and what it has saved; None when it is switched off."""
        return await self._reuse.cache.stats() if self._reuse else None

    async def clear_cache(self) -> int:
        """Forget all answers (never an image); how many those were."""
        return await self._reuse.cache.clear() if self._reuse else 0

    def notes(self) -> tuple[str, ...]:
        """What had to be repaired or done without, in sentences for the user."""
        return (*self._store.notes, *self._notes)


@asynccontextmanager
async def open_service(settings: Settings, *, run_on: bool = False) -> AsyncIterator[ImageService]:
    """Build providers, store, prices and cache from the settings, and close them at the end.

    With `run_on`, a paid call goes on when its last caller has gone away: for servers, not for a shell.
    """
    base = base_folder(settings)
    notes: list[str] = []
    async with AsyncExitStack() as stack:
        in_thread = stack.enter_context(_worker_threads())
        store = stack.enter_context(_opened_store(settings, base))
        providers = load_providers(settings)
        stack.push_async_callback(_close_providers, providers)
        ledger = stack.enter_context(opened_ledger(base, store, notes.append))
        backend = None
        if settings.cache.enabled:
            backend = await stack.enter_async_context(open_cache_backend(settings.cache, base, notes.append))
        reuse = None
        if backend is not None:
            flight = SingleFlight[GenerationResult](backend.leases, run_on=run_on)
            stack.push_async_callback(flight.aclose)
            reuse = Reuse(cache=backend.cache, flight=flight, store=store, in_thread=in_thread)
        prices = load_prices(paths.config_folder() / "prices.toml")
        caller = Caller(
            prices=prices,
            store=store,
            in_thread=in_thread,
            accounts=Accounts(
                ledger, limits=_budget_limits(settings), in_thread=in_thread, note=notes.append
            ),
            gates=_gates(providers, backend.link if backend else None),
        )
        yield ImageService(
            settings=settings,
            providers=providers,
            store=store,
            prices=prices,
            caller=caller,
            reuse=reuse,
            client_rate=ClientRate(settings.server.rate_limit_rpm, link=backend.link if backend else None),
            in_thread=in_thread,
            notes=notes,
        )


def _budget_limits(settings: Settings) -> BudgetLimits:
    budget = settings.budget
    return BudgetLimits(
        per_request_usd=budget.per_request_usd, daily_usd=budget.daily_usd, monthly_usd=budget.monthly_usd
    )


def _gates(providers: LoadedProviders, link: RedisLink | None) -> dict[str, ProviderGate]:
    return {
        name: ProviderGate(
            name, rpm=provider.policy.rpm, max_concurrent=provider.policy.max_concurrent, link=link
        )
        for name, provider in providers.providers.items()
    }


@contextmanager
def _worker_threads() -> Iterator[InThread]:
    threads = ThreadPoolExecutor(WORKER_THREADS, thread_name_prefix="imagegen")

    async def in_thread(work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(threads, work)

    with threads:
        yield in_thread


def _opened_store(settings: Settings, base: Path) -> ImageStore:
    return open_store(
        base,
        create_subdirectories=settings.storage.create_subdirectories,
        file_permissions=settings.storage.file_permissions,
    )


async def _close_providers(providers: LoadedProviders) -> None:
    for provider in providers.providers.values():
        await provider.aclose()
