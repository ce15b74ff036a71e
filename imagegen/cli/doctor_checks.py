"""What `imagegen doctor` looks at: a verdict for each thing and, where it is not well, the next step."""

from __future__ import annotations

import asyncio
import platform
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from imagegen import __version__
from imagegen.cli.output import size_text
from imagegen.cli.spend_view import budget_text
from imagegen.errors import ImagegenError
from imagegen.folders import base_folder
from imagegen.ledger import BudgetStatus
from imagegen.processors import load_processors
from imagegen.service import ImageService, open_service
from imagegen.settings import Settings
from imagegen.settings_sources import load_settings

REPAIR = "Repair or uninstall the plugin; the others work."
LOW_SPACE_BYTES = 500_000_000


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the report. `warning` is for what works but deserves a look."""

    name: str
    verdict: Literal["ok", "warning", "problem"]
    finding: str
    step: str | None = None


def run_checks(config: Path | None) -> list[Check]:
    """All checks, in the order in which they build on each other."""
    checks = [
        Check("version", "ok", f"imagegen {__version__}, Python {platform.python_version()}, {sys.platform}")
    ]
    try:
        loaded = load_settings(config=config)
    except ImagegenError as error:
        return [*checks, Check("settings", "problem", error.message, error.hint)]
    checks += [Check("settings", "warning", note) for note in loaded.notes] or [
        Check("settings", "ok", "all valid")
    ]
    checks += _disk(base_folder(loaded.settings))
    try:
        return [*checks, *asyncio.run(_service_checks(loaded.settings))]
    except ImagegenError as error:
        return [*checks, Check("storage", "problem", error.message, error.hint)]


def _disk(base: Path) -> Iterator[Check]:
    existing = next(folder for folder in (base, *base.parents) if folder.exists())
    free = shutil.disk_usage(existing).free
    low = free < LOW_SPACE_BYTES
    step = "Free some space, or set STORAGE__BASE_PATH." if low else None
    yield Check("disk", "warning" if low else "ok", f"{size_text(free)} free at {base}", step)


async def _service_checks(settings: Settings) -> list[Check]:
    async with open_service(settings) as service:
        checks = [*_providers(service), *_processors(), _default_model(service)]
        stats = await service.stats()
        checks.append(Check("history", "ok", f"images: {stats.images:,}, {size_text(stats.size_bytes)}"))
        checks += [Check("history", "warning", note) for note in service.notes()]
        checks += [await _storage(service), *await _money(service)]
    return checks


def _providers(service: ImageService) -> Iterator[Check]:
    for name, (_, availability) in service.providers().items():
        yield Check(f"provider {name}", "ok" if availability.enabled else "warning", availability.reason)
    for name, reason in service.broken_providers().items():
        yield Check(f"plugin {name}", "problem", reason, REPAIR)


def _processors() -> Iterator[Check]:
    loaded = load_processors()
    if loaded.processors:
        yield Check("processors", "ok", ", ".join(sorted(loaded.processors)))
    for name, reason in loaded.broken.items():
        yield Check(f"plugin {name}", "problem", f"as a processor: {reason}", REPAIR)


def _default_model(service: ImageService) -> Check:
    try:
        return Check("default model", "ok", service.default_model().full_name)
    except ImagegenError as error:
        return Check("default model", "problem", error.message, error.hint)


async def _storage(service: ImageService) -> Check:
    try:
        await service.check_writable()
    except ImagegenError as error:
        return Check("storage", "problem", error.message, error.hint)
    return Check("storage", "ok", f"{base_folder(service.settings)} can be written")


async def _money(service: ImageService) -> list[Check]:
    """The ledger and the budgets kept with it; without a budget a call is made even when it is broken."""
    limits = service.settings.budget.model_dump(exclude_none=True)
    try:
        await service.spending.check_writable()
        budgets = await service.spending.budgets()
    except ImagegenError as error:
        return [Check("ledger", "problem" if limits else "warning", error.message, error.hint)]
    limited = [budget for budget in budgets if budget.limit_usd is not None]
    return [Check("ledger", "ok", "what calls cost can be written down"), *map(_budget, limited)]


def _budget(budget: BudgetStatus) -> Check:
    is_full = budget.spent_usd + budget.reserved_usd >= (budget.limit_usd or 0)
    step = f"Raise BUDGET__{budget.name.upper()}_USD, or wait." if is_full else None
    return Check(f"{budget.name} budget", "warning" if is_full else "ok", budget_text(budget), step)
