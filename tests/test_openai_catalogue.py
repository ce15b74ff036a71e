"""OpenAI's models as data: what each takes, how long it lives, and what is made of an unknown name."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import date
from typing import Any

import pytest

from imagegen.capabilities import ModelInfo, Range, SizeRule, Status
from imagegen.providers.model_tables import build_model_table, load_model_table
from imagegen.providers.openai import OpenAIProvider
from imagegen.types import EditRequest, Operation
from tests.fakes.openai_behaviours import ok
from tests.fakes.openai_calls import (
    KEY,
    ask,
    build_provider,
    edit_wish,
    input_image,
    provider_at,
    start,
    wish,
)
from tests.fakes.openai_pictures import picture
from tests.fakes.openai_rules import GENERATION
from tests.fakes.openai_server import running_openai

TODAY = date(2026, 11, 22)
DECEMBER = date(2026, 12, 1)
OWN = build_provider(api_key=KEY)
ELSEWHERE = build_provider(base_url="http://127.0.0.1:9/v1")

RETIRED = {"dall-e-2": date(2026, 5, 12), "dall-e-3": date(2026, 5, 12), "gpt-image-1": date(2026, 10, 23)}
DEPRECATED = ("gpt-image-1-mini", "gpt-image-1.5", "gpt-image-1.5-2025-12-16", "chatgpt-image-latest")
FIRST = ("gpt-image-1-mini", "gpt-image-1.5", "gpt-image-1.5-2025-12-16", "chatgpt-image-latest")
SECOND = ("gpt-image-2", "gpt-image-2-2026-04-21")
TWO_FIVE = (
    "gpt-image-2.5-sunburst",
    "gpt-image-2.5-sunburst-2026-09-08",
    "gpt-image-2.5-flare",
    "gpt-image-2.5-flare-2026-09-08",
)
TWO_SIX = ("gpt-image-2.6-sunburst", "gpt-image-2.6-flare")
LIVING = (*FIRST, *SECOND, *TWO_FIVE, *TWO_SIX)
ONE_OF_EACH = (
    "gpt-image-1-mini",
    "gpt-image-1.5",
    "chatgpt-image-latest",
    "gpt-image-2",
    "gpt-image-2.5-flare",
    "gpt-image-2.6-flare",
)

SHARED = {
    "n": (1, 10),
    "quality": ("auto", "low", "medium", "high"),
    "background": ("auto", "opaque", "transparent"),
    "moderation": ("auto", "low"),
    "output_format": ("png", "jpeg", "webp"),
    "output_compression": (0, 100),
    "partial_images": (0, 1, 2, 3),
    "safety_identifier": ("a",),
    "size": ("auto", "1024x1024", "1536x1024", "1024x1536"),
}


def model(model_id: str, provider: OpenAIProvider = OWN) -> ModelInfo:
    found = provider.find_model(model_id)
    assert found is not None
    return found


def takes(model_id: str, name: str, value: Any) -> bool:
    rule = model(model_id).parameters.get(name)
    return rule is not None and rule.accepts(value)


def test_every_model_of_the_facts_is_listed_once() -> None:
    assert sorted(row.id for row in OWN.models()) == sorted([*LIVING, *RETIRED])


def test_the_table_and_the_fake_service_know_the_same_living_models() -> None:
    assert set(GENERATION) == {row.id for row in OWN.models() if row.status is not Status.RETIRED}


@pytest.mark.parametrize(("model_id", "shut_down"), RETIRED.items())
def test_a_retired_model_has_its_date_and_a_replacement_that_lives(model_id: str, shut_down: date) -> None:
    row = model(model_id)
    assert (row.status_on(TODAY), row.shutdown_date) == (Status.RETIRED, shut_down)
    assert model(row.replacement or "").status is Status.ACTIVE


@pytest.mark.parametrize("model_id", DEPRECATED)
def test_a_deprecated_model_is_retired_from_its_last_day_on(model_id: str) -> None:
    row = model(model_id)
    assert row.status_on(TODAY) is Status.DEPRECATED
    assert row.status_on(DECEMBER) is Status.RETIRED
    assert model(row.replacement or "").status is Status.ACTIVE


@pytest.mark.parametrize("model_id", [*SECOND, *TWO_FIVE, *TWO_SIX])
def test_the_second_generation_is_active_without_a_date(model_id: str) -> None:
    row = model(model_id)
    assert (row.status_on(TODAY), row.shutdown_date, row.replacement) == (Status.ACTIVE, None, None)


def test_the_default_model_is_a_living_one() -> None:
    assert OWN.default_model == "gpt-image-2.5-flare"
    assert model(OWN.default_model).status is Status.ACTIVE


@pytest.mark.parametrize("model_id", LIVING)
def test_every_living_model_takes_what_all_share(model_id: str) -> None:
    row = model(model_id)
    for name, values in SHARED.items():
        assert all(
            row.parameters[name].accepts(value) for value in values if name != "n" or value != "auto"
        ), name
    assert not row.parameters["n"].accepts(0)
    assert not row.parameters["n"].accepts(11)
    assert not row.parameters["output_compression"].accepts(101)
    assert not row.parameters["partial_images"].accepts(4)
    assert not row.parameters["quality"].accepts("hd")
    assert (row.max_prompt_chars, row.max_input_images, row.takes_mask) == (32_000, 16, True)
    assert row.operations == {Operation.GENERATE, Operation.EDIT}
    assert not {"style", "seed", "response_format"} & set(row.parameters)


@pytest.mark.parametrize(
    ("name", "value", "models"),
    [
        ("quality", "xhigh", (*TWO_FIVE, *TWO_SIX)),
        ("quality", "max", (*TWO_FIVE, *TWO_SIX)),
        ("complexity", "high", (*TWO_FIVE, *TWO_SIX)),
        ("output_format", "gif", TWO_SIX),
        ("output_format", "svg", TWO_SIX),
        ("frame_count", 16, TWO_SIX),
        ("frame_duration_ms", 200, TWO_SIX),
        ("svg_model", "gpt-6", TWO_SIX),
        ("svg_effort", "max", TWO_SIX),
        ("input_fidelity", "low", ("gpt-image-1-mini", "gpt-image-1.5", "gpt-image-1.5-2025-12-16")),
        ("input_fidelity", "high", ("gpt-image-1.5", "gpt-image-1.5-2025-12-16")),
        ("size", "1536x864", (*SECOND, *TWO_FIVE, *TWO_SIX)),
        ("size", "3840x2160", (*SECOND, *TWO_FIVE, *TWO_SIX)),
        ("size", "1792x1024", (*SECOND, *TWO_FIVE, *TWO_SIX)),
        ("size", "1000x1000", ()),
        ("size", "16x16", ()),
        ("size", "3840x1264", ()),
        ("size", "256x256", ()),
        ("frame_count", 1, ()),
        ("frame_count", 17, ()),
    ],
)
def test_only_these_models_take_this(name: str, value: Any, models: tuple[str, ...]) -> None:
    assert {model_id for model_id in LIVING if takes(model_id, name, value)} == set(models)


def test_markup_is_for_the_newest_models() -> None:
    assert {row.id for row in OWN.models() if row.takes_markup} == {*TWO_FIVE, *TWO_SIX}


@pytest.mark.parametrize("model_id", ONE_OF_EACH)
def test_the_service_accepts_every_choice_that_the_table_offers(model_id: str) -> None:
    """The fake's rules were written from the facts, not from the table: a slip in either shows here."""
    choices = offered(model(model_id).parameters)
    requests = [wish(model=model_id, **in_company(name, value)) for name, value in choices]

    async def ask_all(provider: OpenAIProvider) -> None:
        for request in requests:
            await start(provider, request)
        await provider.aclose()

    with running_openai() as openai:
        openai.script(*[ok([picture("png", 16, 16)])] * len(requests))
        asyncio.run(ask_all(provider_at(openai)))
        assert len(openai.requests) == len(choices)


def offered(parameters: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Each choice of each parameter of a generation, and both ends of each range."""
    pairs: list[tuple[str, Any]] = []
    for name, rule in parameters.items():
        if isinstance(rule, Range):
            pairs += [(name, rule.minimum), (name, rule.maximum)]
        elif isinstance(rule, SizeRule):
            pairs += [(name, size) for size in rule.fixed] + ([(name, "1536x864")] if rule.free else [])
        elif name != "input_fidelity":
            pairs += [(name, value) for value in getattr(rule, "values", ("a",))]
    return pairs


def in_company(name: str, value: Any) -> dict[str, Any]:
    """A parameter with those that it cannot be without; small pictures where the size is free."""
    company: dict[str, dict[str, Any]] = {
        "output_compression": {"output_format": "jpeg"},
        "frame_count": {"output_format": "gif"},
        "frame_duration_ms": {"output_format": "gif"},
        "svg_model": {"output_format": "svg"},
        "svg_effort": {"output_format": "svg", "svg_model": "gpt-6"},
    }
    return {**company.get(name, {}), name: value}


@pytest.mark.parametrize(
    ("model_id", "parameters"),
    [
        ("gpt-image-1.5", {"input_fidelity": "high"}),
        ("gpt-image-1-mini", {"input_fidelity": "low"}),
        ("gpt-image-2.5-flare", {"markup": input_image("png", 3, alpha=True)}),
        ("gpt-image-2", {"mask": input_image("png", 3, alpha=True)}),
    ],
)
def test_the_service_accepts_what_the_table_offers_for_edits(
    model_id: str, parameters: dict[str, Any]
) -> None:
    request: EditRequest = edit_wish(model=model_id, **parameters)
    with running_openai() as openai:
        assert len(ask(provider_at(openai), request).images) == 1


# Names that are not in the table, and other servers


@pytest.mark.parametrize("provider", [OWN, ELSEWHERE], ids=["OpenAI", "another server"])
def test_an_unknown_model_is_passed_through_with_a_note(provider: OpenAIProvider) -> None:
    row = model("gpt-image-7", provider)
    assert (row.id, row.provider, row.status, row.takes_anything) == (
        "gpt-image-7",
        "openai",
        Status.UNKNOWN,
        True,
    )
    assert row.operations == {Operation.GENERATE, Operation.EDIT}
    assert "gpt-image-7" in row.notes[0]


def test_an_unknown_model_is_sent_with_what_was_said_of_it() -> None:
    with running_openai(any_model=True) as openai:
        ask(provider_at(openai), wish(model="flux/schnell", size="512x512", quality="hd"))
        assert openai.fields[0] == {
            "model": "flux/schnell",
            "prompt": "otter",
            "size": "512x512",
            "quality": "hd",
        }


@pytest.mark.parametrize("name", ["", "two words", "line\nbreak", "bell\x07"])
def test_what_cannot_be_a_models_name_is_not_found(name: str) -> None:
    assert OWN.find_model(name) is None


@pytest.mark.parametrize("model_id", [*RETIRED, *DEPRECATED])
def test_on_another_server_a_model_that_openai_drops_is_of_unknown_status(model_id: str) -> None:
    row = model(model_id, ELSEWHERE)
    assert row.status_on(DECEMBER) is Status.UNKNOWN
    assert row.replacement is None
    assert model_id in row.notes[0]
    assert row in ELSEWHERE.models()


def test_on_another_server_an_active_model_is_as_it_is() -> None:
    assert model("gpt-image-2", ELSEWHERE) == model("gpt-image-2")


@pytest.mark.parametrize(
    ("base_url", "own"),
    [
        (None, True),
        ("https://api.openai.com/v1", True),
        ("https://eu.api.openai.com/v1/", True),
        ("https://api.openai.com.example.org/v1", False),
        ("https://notopenai.com/v1", False),
        ("http://127.0.0.1:8080/v1", False),
    ],
)
def test_which_addresses_are_openais_own(base_url: str | None, own: bool) -> None:
    row = model("gpt-image-1", build_provider(base_url=base_url, api_key=KEY))
    assert (row.status is Status.RETIRED) is own


# Availability


@pytest.mark.parametrize(
    ("section", "enabled", "word"),
    [
        ({"api_key": KEY}, True, "api.openai.com"),
        ({}, False, "OPENAI_API_KEY"),
        ({"api_key": KEY, "enabled": False}, False, "providers.openai.enabled"),
        ({"base_url": "http://127.0.0.1:9/v1"}, True, "without an API key"),
        ({"base_url": "https://api.openai.com/v1"}, False, "OPENAI_API_KEY"),
    ],
)
def test_availability_says_why(section: dict[str, Any], enabled: bool, word: str) -> None:
    found = build_provider(**section).availability()
    assert found.enabled is enabled
    assert word in found.reason


# The table's form


def test_a_family_inherits_and_replaces_parameter_by_parameter() -> None:
    document = {
        "provider": "example",
        "default_model": "a",
        "unknown": {"max_prompt_chars": 10},
        "family": {
            "base": {"max_prompt_chars": 5, "parameters": {"n": {"minimum": 1, "maximum": 2}}},
            "child": {
                "inherits": "base",
                "takes_mask": True,
                "parameters": {
                    "n": {"minimum": 1, "maximum": 9},
                    "quality": {"values": ["low"]},
                    "svg_model": {"max_length": 3},
                },
            },
        },
        "model": [
            {"id": "a", "title": "A", "family": "base", "operations": ["generate"]},
            {"id": "b", "title": "B", "family": "child", "snapshots": ["b-2026-01-01"]},
        ],
    }
    a, b, dated = build_model_table(document).models
    assert (a.parameters["n"].accepts(9), a.takes_mask) == (False, False)
    assert a.operations == {Operation.GENERATE}
    assert (b.parameters["n"].accepts(9), b.takes_mask, b.max_prompt_chars) == (True, True, 5)
    assert sorted(b.parameters) == ["n", "quality", "svg_model"]
    assert (dated.id, dated.title) == ("b-2026-01-01", "B (2026-01-01)")


def test_a_rule_with_a_misspelt_bound_is_no_rule() -> None:
    document = {
        "provider": "example",
        "default_model": "a",
        "unknown": {"max_prompt_chars": 10},
        "family": {"f": {"max_prompt_chars": 5, "parameters": {"n": {"minimum": 1, "maxinum": 2}}}},
        "model": [{"id": "a", "title": "A", "family": "f"}],
    }
    with pytest.raises(TypeError, match="maxinum"):
        build_model_table(document)


def test_the_table_names_its_own_default() -> None:
    table = load_model_table("openai")
    assert table.default_model in {row.id for row in table.models}
