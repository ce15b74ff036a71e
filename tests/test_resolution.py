from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Self

import pytest

from imagegen.capabilities import ModelInfo, Status
from imagegen.errors import ConfigurationError, ExitCode, ImagegenError, NotFound, UsageError
from imagegen.providers import load_providers
from imagegen.providers.base import Availability, Provider, WireCall
from imagegen.resolution import Resolved, resolve
from imagegen.settings import OpenAISettings, ProviderSettings, Settings
from imagegen.types import (
    EditRequest,
    GenerateRequest,
    Operation,
    Progress,
    ProgressCallback,
    ProviderResult,
    asked_parameters,
)


def row(provider: str, model_id: str) -> ModelInfo:
    return ModelInfo(
        id=model_id,
        provider=provider,
        title=f"{provider} {model_id}",
        operations=frozenset(Operation),
        parameters={},
        max_prompt_chars=100,
    )


class Listed(Provider):
    """A provider that knows its own models only, and answers with no images."""

    name: ClassVar[str] = "listed"
    title: ClassVar[str] = "Listed"
    ids: ClassVar[tuple[str, ...]] = ("first", "second", "shared")

    def __init__(self, *, enabled: bool = True) -> None:
        self._enabled = enabled

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        return cls(enabled=settings.providers.local.enabled)

    @property
    def default_model(self) -> str:
        return self.ids[0]

    def availability(self) -> Availability:
        return Availability(enabled=self._enabled, reason="ready." if self._enabled else "no key is set.")

    def models(self) -> Sequence[ModelInfo]:
        return [row(self.name, model_id) for model_id in self.ids]

    def wire_call(self, request: GenerateRequest) -> WireCall:
        return WireCall(endpoint=self.name, parameters=asked_parameters(request))

    async def generate(self, request: GenerateRequest, *, on_progress: ProgressCallback) -> ProviderResult:
        on_progress(Progress(stage="received", model=request.model or self.default_model))
        return ProviderResult(images=())

    async def edit(self, request: EditRequest, *, on_progress: ProgressCallback) -> ProviderResult:
        return await self.generate(request, on_progress=on_progress)


class Passing(Listed):
    """A provider that passes on names that it does not know, as openai does."""

    name: ClassVar[str] = "passing"
    ids: ClassVar[tuple[str, ...]] = ("main", "shared")

    def find_model(self, model_id: str) -> ModelInfo | None:
        return super().find_model(model_id) or (row(self.name, model_id) if model_id else None)


class Local(Listed):
    """The one that needs no key."""

    name: ClassVar[str] = "local"
    ids: ClassVar[tuple[str, ...]] = ("composer",)


def house(*, passing: bool = True, listed: bool = True, local: bool = True) -> Mapping[str, Provider]:
    return {
        "passing": Passing(enabled=passing),
        "listed": Listed(enabled=listed),
        "local": Local(enabled=local),
    }


def named(
    model: str | None = None,
    *,
    provider: str | None = None,
    default: str | None = None,
    providers: Mapping[str, Provider] | None = None,
) -> str:
    resolved = find(model, provider=provider, default=default, providers=providers)
    assert resolved.provider.name == resolved.model.provider
    return resolved.model.full_name


def find(
    model: str | None = None,
    *,
    provider: str | None = None,
    default: str | None = None,
    providers: Mapping[str, Provider] | None = None,
) -> Resolved:
    chosen = house() if providers is None else providers
    return resolve(chosen, provider=provider, model=model, default_model=default)


def refusal(model: str | None = None, **rest: str | None) -> ImagegenError:
    with pytest.raises(ImagegenError) as caught:
        find(model, provider=rest.get("provider"), default=rest.get("default"))
    return caught.value


def test_an_explicit_model_wins_over_the_default() -> None:
    assert named("second", default="composer") == "listed/second"


def test_the_default_wins_over_the_first_provider_with_a_key() -> None:
    assert named(default="listed/second") == "listed/second"
    assert named(default="local") == "local/composer"


def test_without_a_default_the_first_provider_with_a_key_is_used() -> None:
    assert named() == "passing/main"
    assert named(providers=house(passing=False)) == "listed/first"


def test_without_any_key_local_is_used_and_says_so() -> None:
    resolved = find(providers=house(passing=False, listed=False))
    assert resolved.model.full_name == "local/composer"
    (note,) = resolved.notes
    assert "no provider has an API key" in note
    assert "local composer" in note


def test_local_that_was_asked_for_needs_no_note() -> None:
    assert find("local").notes == ()
    assert find(providers={"local": Local()}, default="composer").notes == ()


def test_local_stands_first_nowhere_it_was_not_asked_for() -> None:
    assert named(providers={"local": Local(), "listed": Listed()}) == "listed/first"


def test_local_never_stands_in_for_a_default_whose_key_is_missing() -> None:
    assert named(default="listed/first", providers=house(listed=False)) == "listed/first"


@pytest.mark.parametrize(
    "providers", [{}, house(passing=False, listed=False, local=False)], ids=["none", "off"]
)
def test_when_nothing_can_be_used_every_reason_is_named(providers: Mapping[str, Provider]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        find(providers=providers)
    assert all(f"{name}: no key is set" in caught.value.message for name in providers)
    assert ".)" not in caught.value.message
    assert caught.value.hint == "See: imagegen doctor"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("listed", "listed/first"),
        ("listed/second", "listed/second"),
        ("second", "listed/second"),
        ("passing/tomorrow", "passing/tomorrow"),
        ("tomorrow", "passing/tomorrow"),
        ("passing/passing/main", "passing/passing/main"),
        ("vendor/model-1", "passing/vendor/model-1"),
        ("passing/vendor/model-1", "passing/vendor/model-1"),
    ],
)
def test_a_name_is_a_provider_a_model_or_both(name: str, expected: str) -> None:
    assert named(name) == expected


@pytest.mark.parametrize("model", ["second", "listed/second"])
def test_provider_and_model_may_be_said_apart(model: str) -> None:
    assert named(model, provider="listed") == "listed/second"


def test_a_provider_alone_means_its_own_default() -> None:
    assert named(provider="listed", default="passing/main") == "listed/first"


def test_a_model_of_several_goes_to_the_one_that_can_be_used() -> None:
    assert named("shared") == "passing/shared"
    assert named("shared", providers=house(passing=False)) == "listed/shared"
    assert named("shared", providers=house(passing=False, listed=False)) == "passing/shared"
    assert named("shared", provider="listed") == "listed/shared"


def test_a_listed_model_is_found_though_its_provider_cannot_be_used() -> None:
    assert named("second", providers=house(listed=False)) == "listed/second"


def test_an_unlisted_model_goes_to_no_provider_that_cannot_be_used() -> None:
    with pytest.raises(NotFound):
        find("tomorrow", providers=house(passing=False))


@pytest.mark.parametrize(
    ("provider", "model", "use"),
    [
        ("passing", "second", "-m listed/second"),
        ("passing", "listed/second", "-m listed/second"),
        ("passing", "listed", "-m listed"),
        ("listed", "composer", "-m local/composer"),
        ("local", "main", "-m passing/main"),
    ],
)
def test_a_model_of_another_provider_is_a_contradiction(provider: str, model: str, use: str) -> None:
    error = refusal(model, provider=provider)
    assert isinstance(error, UsageError)
    assert error.exit_code is ExitCode.USAGE
    assert error.hint == f"Use {use}"
    assert refusal(f"{provider}/{model}").hint == error.hint


@pytest.mark.parametrize(
    ("provider", "model", "hint"),
    [
        ("listd", None, "Did you mean listed?"),
        ("nobody", "first", "See: imagegen models list"),
        ("listed", "secnod", "Did you mean second?"),
        ("local", "gpt", "See: imagegen models list"),
    ],
)
def test_a_name_that_nobody_knows_is_not_found_with_a_suggestion(
    provider: str, model: str | None, hint: str
) -> None:
    error = refusal(model, provider=provider)
    assert isinstance(error, NotFound)
    assert error.exit_code is ExitCode.NOT_FOUND
    assert error.hint == hint


@pytest.mark.parametrize("name", ["", "/", "listed/", "passing/"])
def test_an_empty_name_is_refused_and_means_no_default(name: str) -> None:
    with pytest.raises(NotFound):
        find(name, providers={**house(), "passing": Passing(enabled=name == "passing/")})


def test_an_empty_provider_is_refused() -> None:
    assert isinstance(refusal("first", provider=""), NotFound)


@pytest.mark.parametrize("default", ["listed/nothing", "listed/", "listed/composer", ""])
def test_a_wrong_default_model_is_an_error_of_the_settings(default: str) -> None:
    error = refusal(default=default)
    assert isinstance(error, ConfigurationError)
    assert "images.default_model" in error.message
    assert "imagegen config set images.default_model" in (error.hint or "")


# The built-in providers

KEYLESS = Settings()
WITH_KEY = Settings(
    providers=ProviderSettings(openai=OpenAISettings.model_validate({"api_key": "sk-test-0000"}))
)


def built_in(settings: Settings) -> Mapping[str, Provider]:
    return load_providers(settings).providers


@pytest.mark.parametrize(
    ("settings", "expected"), [(KEYLESS, "local/composer"), (WITH_KEY, "openai/gpt-image-2.5-flare")]
)
def test_a_key_decides_who_is_used(settings: Settings, expected: str) -> None:
    assert named(providers=built_in(settings)) == expected


def test_every_built_in_model_is_found_by_id_and_by_full_name() -> None:
    providers = built_in(WITH_KEY)
    for provider in providers.values():
        for model in provider.models():
            assert named(model.id, providers=providers) == model.full_name
            assert named(model.full_name, providers=providers) == model.full_name


def test_openai_gets_a_new_name_with_a_note_but_no_name_of_another_provider() -> None:
    providers = built_in(WITH_KEY)
    resolved = find("gpt-image-9", providers=providers)
    assert (resolved.model.full_name, resolved.model.status) == ("openai/gpt-image-9", Status.UNKNOWN)
    with pytest.raises(UsageError):
        find("composer", provider="openai", providers=providers)


def test_without_a_key_a_misspelt_model_is_not_found_with_a_suggestion() -> None:
    with pytest.raises(NotFound, match=r"Did you mean .*gpt-image-2\.5-flare"):
        find("gpt-image-25-flare", providers=built_in(KEYLESS))
