"""The Images API's words in Gemini's: every value is sent as documented, or refused by name."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import fields
from datetime import date
from math import log
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagegen.capabilities import ModelInfo
from imagegen.checks import settle
from imagegen.errors import UnsupportedParameter
from imagegen.pricing import load_prices
from imagegen.settings import Settings
from imagegen.shapes import nearest_ratio, resolution_of
from imagegen.types import NOT_PARAMETERS, GenerateRequest
from tests.fakes.gemini_calls import KEY, MODEL, build_provider, provider_at, start, wish
from tests.fakes.gemini_rules import ALL_RATIOS, MODELS
from tests.fakes.gemini_server import running_gemini

TODAY = date(2026, 11, 22)
PRO, LITE, OLD = "gemini-3-pro-image", "gemini-3.1-flash-lite-image", "gemini-3.1-flash-image"
PROVIDER = build_provider(api_key=KEY)
PRICES = load_prices(None)


def model_of(model_id: str) -> ModelInfo:
    model = PROVIDER.find_model(model_id)
    assert model is not None
    return model


def settled(request: GenerateRequest, **wishes: Any) -> GenerateRequest:
    return settle(request, model_of(request.model or ""), wishes, TODAY).request


# The table: for each parameter its values, and what each becomes. None: nothing is sent, because it is what
# Gemini does anyhow or because it is carried out on this machine.

FIELDS = {
    ("size", "auto"): None,
    ("size", "1024x1024"): {"imageConfig": {"aspectRatio": "1:1", "imageSize": "1K"}},
    ("size", "1536x1024"): {"imageConfig": {"aspectRatio": "3:2", "imageSize": "1K"}},
    ("size", "1024x1536"): {"imageConfig": {"aspectRatio": "2:3", "imageSize": "1K"}},
    ("size", "1200x630"): {"imageConfig": {"aspectRatio": "16:9", "imageSize": "1K"}},
    ("size", "512x512"): {"imageConfig": {"aspectRatio": "1:1", "imageSize": "1K"}},
    ("size", "2560x1440"): {"imageConfig": {"aspectRatio": "16:9", "imageSize": "2K"}},
    ("size", "3840x2160"): {"imageConfig": {"aspectRatio": "16:9", "imageSize": "4K"}},
    ("size", "4096x4096"): {"imageConfig": {"aspectRatio": "1:1", "imageSize": "4K"}},
    ("size", "300x2400"): {"imageConfig": {"aspectRatio": "1:8", "imageSize": "1K"}},
    ("size", "1600x400"): {"imageConfig": {"aspectRatio": "4:1", "imageSize": "1K"}},
    ("aspect_ratio", "1:1"): {"imageConfig": {"aspectRatio": "1:1"}},
    ("aspect_ratio", "21:9"): {"imageConfig": {"aspectRatio": "21:9"}},
    ("aspect_ratio", "1:8"): {"imageConfig": {"aspectRatio": "1:8"}},
    ("resolution", "512"): {"imageConfig": {"imageSize": "512"}},
    ("resolution", "1K"): {"imageConfig": {"imageSize": "1K"}},
    ("resolution", "2K"): {"imageConfig": {"imageSize": "2K"}},
    ("resolution", "4K"): {"imageConfig": {"imageSize": "4K"}},
    ("quality", "auto"): None,
    ("quality", "low"): {"thinkingConfig": {"thinkingLevel": "MINIMAL"}},
    ("quality", "medium"): None,
    ("quality", "high"): {"thinkingConfig": {"thinkingLevel": "HIGH"}},
    ("quality", "xhigh"): {"thinkingConfig": {"thinkingLevel": "HIGH"}},
    ("quality", "max"): {"thinkingConfig": {"thinkingLevel": "HIGH"}},
    ("moderation", "auto"): None,
    ("moderation", "low"): "thresholds",
    ("background", "auto"): None,
    ("background", "opaque"): None,
    ("output_format", "png"): None,
    ("output_format", "jpeg"): None,
    ("output_format", "webp"): None,
    ("seed", 0): {"seed": 0},
    ("seed", 2147483638): {"seed": 2147483638},
    ("n", 1): None,
    ("n", 2): None,
    ("n", 10): None,
    ("partial_images", 0): None,
    ("partial_images", 3): {"thinkingConfig": {"includeThoughts": True}},
}
REFUSED = {
    ("size", "9000x1000"),
    ("size", "16x16"),
    ("size", "5000x5000"),
    ("size", "wide"),
    ("aspect_ratio", "16:10"),
    ("aspect_ratio", "16x9"),
    ("resolution", "512"),
    ("resolution", "2k"),
    ("quality", "hd"),
    ("quality", "standard"),
    ("style", "vivid"),
    ("style", "natural"),
    ("moderation", "none"),
    ("background", "transparent"),
    ("output_format", "gif"),
    ("output_format", "svg"),
    ("output_compression", 101),
    ("seed", -1),
    ("seed", 2147483639),
    ("n", 0),
    ("n", 11),
    ("complexity", "high"),
    ("frame_count", 4),
    ("frame_duration_ms", 200),
    ("svg_model", "gpt-6"),
    ("svg_effort", "low"),
    ("partial_images", 4),
    ("safety_identifier", "u-5f"),
}
BY_MODEL = {
    MODEL: REFUSED,
    OLD: REFUSED - {("resolution", "512")},
    LITE: REFUSED
    | {("size", "2560x1440"), ("size", "3840x2160"), ("size", "4096x4096")}
    | {("resolution", "2K"), ("resolution", "4K")},
    PRO: REFUSED
    | {("size", "300x2400"), ("size", "1600x400"), ("aspect_ratio", "1:8")}
    | {("quality", value) for value in ("auto", "low", "medium", "high", "xhigh", "max")},
}


def cases() -> Iterator[tuple[str, str, Any]]:
    for model in BY_MODEL:
        for name, value in sorted({*FIELDS, *REFUSED}, key=str):
            yield model, name, value


@pytest.mark.parametrize(
    ("model", "name", "value"), [case for case in cases() if case[1:] in BY_MODEL[case[0]]]
)
def test_what_a_model_cannot_honour_is_refused_by_name(model: str, name: str, value: Any) -> None:
    with pytest.raises(UnsupportedParameter) as refused:
        settled(wish(model=model, **{name: value}))
    assert refused.value.details["parameter"] == name
    assert str(value) in refused.value.message
    assert model in refused.value.message


@pytest.mark.parametrize("model", BY_MODEL)
def test_every_other_value_is_sent_in_exactly_the_documented_field(model: str) -> None:
    taken = [(name, value) for _, name, value in cases() if (name, value) not in BY_MODEL[model]]
    taken = list(dict.fromkeys(taken))
    requests = [settled(wish(model=model, **{name: value})) for name, value in taken]

    async def send(gemini: Any) -> None:
        provider = provider_at(gemini)
        for request in requests:
            await start(provider, request)
        await provider.aclose()

    for (name, value), request in zip(taken, requests, strict=True):
        body = dict(PROVIDER.wire_call(request).parameters)
        field = FIELDS[name, value]
        thresholds = body.pop("safetySettings", None)
        assert (thresholds is not None) == (field == "thresholds"), (name, value)
        config = field if isinstance(field, dict) else {}
        assert body["generationConfig"] == {"responseModalities": ["IMAGE"], **config}, (name, value)
    with running_gemini() as gemini:
        asyncio.run(send(gemini))
        assert len(gemini.bodies) == sum(request.n for request in requests)


def test_no_parameter_of_a_request_is_left_out_of_the_table() -> None:
    parameters = {f.name for f in fields(GenerateRequest)} - NOT_PARAMETERS - {"negative_prompt"}
    assert parameters == {name for name, _ in (*FIELDS, *REFUSED)}


def test_what_not_to_show_is_said_at_the_end_of_the_prompt() -> None:
    settlement = settle(wish("otter", negative_prompt=" text, blur "), model_of(MODEL), {}, TODAY)
    [content] = PROVIDER.wire_call(settlement.request).parameters["contents"]
    assert content["parts"] == [{"text": "otter\navoid: text, blur"}]
    assert settlement.notes == ("negative_prompt is said at the end of the prompt: avoid: text, blur",)


def test_low_moderation_lowers_the_four_thresholds_and_nothing_else() -> None:
    call = PROVIDER.wire_call(wish(moderation="low"))
    assert call.parameters["safetySettings"] == [
        {"category": f"HARM_CATEGORY_{name}", "threshold": "BLOCK_ONLY_HIGH"}
        for name in ("HARASSMENT", "HATE_SPEECH", "SEXUALLY_EXPLICIT", "DANGEROUS_CONTENT")
    ]


@pytest.mark.parametrize(
    ("said", "notes"),
    [
        ({}, ()),
        ({"size": "auto", "quality": "auto", "moderation": "auto", "background": "opaque"}, ()),
        ({"size": "1200x630"}, ("size 1200x630 becomes 16:9 at 1K",)),
        ({"size": "1024x1024"}, ("size 1024x1024 becomes 1:1 at 1K",)),
        ({"quality": "low"}, ("quality low becomes thinking level MINIMAL",)),
        ({"quality": "max"}, ("quality max becomes thinking level HIGH",)),
        ({"quality": "medium"}, ("quality medium is the model's own thinking level; none is sent",)),
        (
            {"moderation": "low"},
            ("moderation low becomes BLOCK_ONLY_HIGH in four categories; Gemini's image filter stays",),
        ),
        ({"n": 3}, ("n=3 becomes 3 calls of one image each",)),
        ({"n": 2, "seed": 5}, ("n=2 becomes 2 calls of one image each, with the seeds 5 to 6",)),
        ({"partial_images": 0}, ()),
        (
            {"partial_images": 2},
            ("partial_images=2: at most 2 of the drafts made while thinking; there may be none",),
        ),
    ],
)
def test_every_translation_is_noted(said: dict[str, Any], notes: tuple[str, ...]) -> None:
    assert PROVIDER.wire_call(wish(**said)).notes == notes


def test_what_is_dropped_leniently_is_noted_and_not_sent() -> None:
    request = wish(style="vivid", background="transparent", quality="hd", lenient=True)
    settlement = settle(request, model_of(MODEL), {}, TODAY)
    assert [note.partition(":")[0] for note in settlement.notes] == [
        "dropped quality=hd",
        "dropped style=vivid",
        "dropped background=transparent",
    ]
    worded = wish("otter\nStyle: vivid.")
    assert PROVIDER.wire_call(settlement.request).parameters == PROVIDER.wire_call(worded).parameters


# Defaults are wishes

WISHES: dict[str, Any] = {
    "output_format": "png",
    "size": "1536x1024",
    "quality": "high",
    "style": "vivid",
    "background": "transparent",
    "moderation": "low",
    "output_compression": 80,
}


def test_wishes_that_a_model_takes_are_sent_and_the_others_left_out() -> None:
    assert settled(wish(), **WISHES) == wish(size="1536x1024", quality="high", moderation="low")
    assert settled(wish(model=PRO), **WISHES) == wish(model=PRO, size="1536x1024", moderation="low")


def test_a_default_format_is_no_reason_to_convert_what_gemini_sends() -> None:
    assert settled(wish(), output_format="png").output_format is None


def test_a_format_that_was_said_is_kept_for_the_conversion_with_the_default_compression() -> None:
    request = settled(wish(output_format="jpeg"), **WISHES)
    assert (request.output_format, request.output_compression) == ("jpeg", 80)


def test_the_settings_own_defaults_make_a_request_that_gemini_takes() -> None:
    defaults = Settings().images
    request = settled(
        wish(),
        output_format=defaults.default_output_format,
        size=defaults.default_size,
        quality=defaults.default_quality,
        background=defaults.default_background,
        moderation=defaults.default_moderation,
    )
    config = PROVIDER.wire_call(request).parameters["generationConfig"]
    assert config == {
        "responseModalities": ["IMAGE"],
        "imageConfig": {"aspectRatio": "3:2", "imageSize": "1K"},
    }


# Sizes


@given(st.integers(1, 12000), st.integers(1, 12000))
def test_no_other_ratio_is_nearer(width: int, height: int) -> None:
    def distance(ratio: str) -> float:
        across, down = ratio.split(":")
        return abs(log(width / height) - log(int(across) / int(down)))

    chosen = nearest_ratio(width, height, list(ALL_RATIOS))
    assert all(distance(chosen) <= distance(other) for other in ALL_RATIOS)


@given(st.integers(1, 12000), st.integers(1, 12000))
def test_a_size_on_its_side_gets_the_ratio_on_its_side(width: int, height: int) -> None:
    across, down = nearest_ratio(width, height, list(ALL_RATIOS)).split(":")
    turned = nearest_ratio(height, width, list(ALL_RATIOS))
    # 21:9 has no counterpart: the upright size goes to 9:16 or 1:4.
    assert turned == f"{down}:{across}" or "21:9" in (turned, f"{across}:{down}")


@pytest.mark.parametrize(
    ("width", "height", "name"),
    [
        (1600, 1000, "1K"),
        (1601, 1000, "2K"),
        (3000, 2000, "2K"),
        (3001, 2000, "4K"),
        (5504, 3072, "4K"),
    ],
)
def test_the_area_decides_about_the_resolution(width: int, height: int, name: str) -> None:
    assert resolution_of(width, height) == name


@pytest.mark.parametrize(
    ("resolution", "size"), [("1K", "1024x1024"), ("2K", "2560x1440"), ("4K", "3840x2160")]
)
def test_estimates_assume_the_resolution_that_is_asked_for(resolution: str, size: str) -> None:
    estimates = [
        PRICES.estimate(settled(wish(provider="gemini", **said)))
        for said in (
            {"size": size},
            {"resolution": resolution},
            {"aspect_ratio": "1:1", "resolution": resolution},
        )
    ]
    assert estimates[0].high_usd is not None
    assert [estimate.high_usd for estimate in estimates] == [estimates[0].high_usd] * 3


@given(st.sampled_from(sorted(MODELS)), st.integers(100, 6500), st.integers(100, 6500))
def test_whatever_size_a_model_accepts_becomes_a_ratio_and_a_resolution_of_its_own(
    model_id: str, width: int, height: int
) -> None:
    model, size = model_of(model_id), f"{width}x{height}"
    if not model.parameters["size"].accepts(size):
        return
    config = PROVIDER.wire_call(wish(model=model_id, size=size)).parameters["generationConfig"]["imageConfig"]
    assert config["aspectRatio"] in MODELS[model_id].ratios
    assert config["imageSize"] in MODELS[model_id].sizes
