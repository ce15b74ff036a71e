"""Which provider and model a request goes to: explicit, else the default, else the first with a key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from imagegen.capabilities import ModelInfo
from imagegen.errors import ConfigurationError, NotFound, UsageError
from imagegen.providers.base import Provider

LOCAL = "local"


@dataclass(frozen=True, slots=True)
class Resolved:
    """The provider and model to use, and why where the user did not say."""

    provider: Provider
    model: ModelInfo
    notes: tuple[str, ...] = ()


def resolve(
    providers: Mapping[str, Provider], *, provider: str | None, model: str | None, default_model: str | None
) -> Resolved:
    """Find provider and model. `model` may be an id, `provider/id`, or a provider's name for its default.

    Raises NotFound for a name that nobody knows, UsageError where provider and model contradict,
    ConfigurationError where `default_model` (from the settings) is wrong or nothing can be used at all.
    """
    if provider is not None:
        own = None if model is None else model.removeprefix(f"{provider}/")
        return _of_provider(providers, provider, own)
    if model is not None:
        return _by_name(providers, model)
    if default_model is None:
        return _first_available(providers)
    try:
        return _by_name(providers, default_model)
    except (NotFound, UsageError) as exc:
        raise ConfigurationError(
            f"images.default_model cannot be used: {exc.message}",
            hint=f"{exc.hint} Then: imagegen config set images.default_model NAME",
            setting="images.default_model",
        ) from exc


def _by_name(providers: Mapping[str, Provider], name: str) -> Resolved:
    head, slash, tail = name.partition("/")
    if slash and head in providers:
        return _of_provider(providers, head, tail)
    if name in providers:
        return _of_provider(providers, name, None)
    return _by_model(providers, name)


def _of_provider(providers: Mapping[str, Provider], name: str, model: str | None) -> Resolved:
    if name not in providers:
        raise NotFound(f"There is no provider {name}.", hint=_suggest(name, list(providers)), provider=name)
    provider = providers[name]
    wanted = provider.default_model if model is None else model
    if not _lists(provider, wanted) and not provider.takes_any_model:
        _refuse_another_providers(providers, name, wanted)
    found = provider.find_model(wanted)
    if found is None:
        _refuse_unavailable(provider)
        raise _unknown(wanted, provider.models())
    return Resolved(provider, found)


def _refuse_unavailable(provider: Provider) -> None:
    """Raise where a provider has no models at all because something is wrong with it."""
    availability = provider.availability()
    if not provider.models() and not availability.enabled:
        raise ConfigurationError(
            f"{provider.name} cannot be used: {availability.reason}", hint="See: imagegen doctor"
        )


def _refuse_another_providers(providers: Mapping[str, Provider], name: str, wanted: str) -> None:
    """Raise where another provider lists the model: this one might pass it on as a name it does not know."""
    for other in providers.values():
        own = wanted.removeprefix(f"{other.name}/")
        if other.name != name and (own == other.name or _lists(other, own)):
            raise UsageError(
                f"{wanted} belongs to {other.name}, not to {name}.",
                hint=f"Use -m {other.name}{'' if own == other.name else f'/{own}'}",
            )


def _by_model(providers: Mapping[str, Provider], wanted: str) -> Resolved:
    owners = [provider for provider in providers.values() if _lists(provider, wanted)]
    usable = [provider for provider in owners or providers.values() if provider.availability().enabled]
    found = [(provider, provider.find_model(wanted)) for provider in usable or owners]
    takers = [Resolved(provider, model) for provider, model in found if model is not None]
    if takers:  # a provider that knows the name's family comes before one that passes on any name
        return min(takers, key=lambda taker: taker.model.takes_anything)
    raise _unknown(wanted, [info for provider in providers.values() for info in provider.models()])


def _lists(provider: Provider, model_id: str) -> bool:
    return any(info.id == model_id for info in provider.models())


def _first_available(providers: Mapping[str, Provider]) -> Resolved:
    for provider in providers.values():
        if provider.name != LOCAL and provider.availability().enabled:
            return _of_provider(providers, provider.name, None)
    if LOCAL not in providers or not providers[LOCAL].availability().enabled:
        reasons = "; ".join(f"{p.name}: {p.availability().reason.rstrip('.')}" for p in providers.values())
        raise ConfigurationError(
            f"No provider can be used ({reasons or 'none is installed'}).", hint="See: imagegen doctor"
        )
    local = _of_provider(providers, LOCAL, None)
    note = (
        f"no provider has an API key, so this is the {local.model.title}; "
        "to use an AI model: imagegen config set providers.openai.api_key"
    )
    return Resolved(local.provider, local.model, (note,))


def _unknown(wanted: str, known: Sequence[ModelInfo]) -> NotFound:
    hint = _suggest(wanted, [info.id for info in known])
    message = f"No model is called {wanted}." if wanted else "The name of the model is empty."
    return NotFound(message, hint=hint, model=wanted)


def _suggest(wanted: str, names: list[str]) -> str:
    close = get_close_matches(wanted, names, n=2)
    return f"Did you mean {' or '.join(close)}?" if close else "See: imagegen models list"
