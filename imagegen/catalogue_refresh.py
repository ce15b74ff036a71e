"""Asking the providers which models they have, and keeping what they say for the next start."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from imagegen.errors import ImagegenError
from imagegen.live_catalogue import LiveList, load_live_lists, save_live_lists
from imagegen.providers.base import Provider

PATIENCE_SECONDS = 60.0  # each provider bounds its own call; this is for one that does not


@dataclass(frozen=True, slots=True, kw_only=True)
class Refreshed:
    """What came of asking one provider.

    `models` counts those that may make images, None where there was no answer; `new` are those that were not
    known before, `shutdowns` those that end and when. `problem` is a sentence: why there was no answer;
    `asked` is False where that is because the provider is not set up or has no list.
    """

    provider: str
    asked: bool = True
    models: int | None = None
    new: tuple[str, ...] = ()
    shutdowns: Mapping[str, str] = field(default_factory=dict)
    problem: str | None = None


async def refresh_models(
    providers: Mapping[str, Provider], path: Path, *, now: datetime, timeout_seconds: float = PATIENCE_SECONDS
) -> tuple[Refreshed, ...]:
    """Ask every provider that can be called, all at once, and keep the answers at `path`.

    One that fails, or says nothing in `timeout_seconds`, keeps what it said before; what is kept of a
    provider that is no longer there is dropped.
    Raises StorageError where the answers cannot be kept. They count from the next start.
    """
    before = load_live_lists(path)
    known = {name: {model.id for model in provider.models()} for name, provider in providers.items()}
    asking = (_ask(provider, now, timeout_seconds) for provider in providers.values())
    answers = await asyncio.gather(*asking)
    kept = {name: said for name, said in before.items() if name in providers}
    for name, answer in zip(providers, answers, strict=True):
        if isinstance(answer, LiveList):
            kept[name] = answer
    save_live_lists(path, kept)
    return tuple(_outcome(name, answer, known[name]) for name, answer in zip(providers, answers, strict=True))


@dataclass(frozen=True, slots=True)
class _NoAnswer:
    """Why a provider said nothing, in a sentence."""

    problem: str
    asked: bool


async def _ask(provider: Provider, now: datetime, timeout_seconds: float) -> LiveList | _NoAnswer:
    available = provider.availability()
    try:
        provider.require_ready()
        async with asyncio.timeout(timeout_seconds):
            models = await provider.list_live()
    except ImagegenError as error:
        # One without a default model cannot be used yet, but it can be asked.
        return _NoAnswer(error.message if available.enabled else available.reason, available.enabled)
    except TimeoutError:
        return _NoAnswer(f"It did not answer within {timeout_seconds:g} seconds.", asked=True)
    if models is None:
        return _NoAnswer("It has no list of models to ask for.", asked=False)
    return LiveList(address=provider.address, fetched_at=now, models=tuple(models))


def _outcome(provider: str, answer: LiveList | _NoAnswer, known: Set[str]) -> Refreshed:
    if isinstance(answer, _NoAnswer):
        return Refreshed(provider=provider, asked=answer.asked, problem=answer.problem)
    listed = [model for model in answer.models if model.makes_images is not False]
    return Refreshed(
        provider=provider,
        models=len(listed),
        new=tuple(model.id for model in listed if model.id not in known),
        shutdowns={m.id: m.shutdown_date.isoformat() for m in listed if m.shutdown_date},
    )
