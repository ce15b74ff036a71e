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

from imagegen import pricing
from imagegen.capabilities import ModelInfo, Status
from imagegen.checks import settle
from imagegen.errors import ModelRetired, UnsupportedParameter
from imagegen.providers.gemini_wire import RESOLUTION_AREAS, nearest_ratio, resolution
from imagegen.settings import Settings
from imagegen.types import NOT_PARAMETERS, GenerateRequest
from tests.fakes.gemini_calls import KEY, MODEL, ask, build_provider, provider_at, start, wish
from tests.fakes.gemini_rules import ALL_RATIOS, MODELS, TEN_RATIOS
from tests.fakes.gemini_server import running_gemini

TODAY = date(2026, 11, 22)
PRO, LITE, OLD = "gemini-3-pro-image", "gemini-3.1-flash-lite-image", "gemini-3.1-flash-image"
PROVIDER = build_provider(api_key=KEY)


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
}
REFUSED = {
    ("size", "9000x1000"),
    ("size", "16x16"),
    ("size", "5000x5000"),
    ("size", "wide"),
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
    ("partial_images", 0),
    ("partial_images", 2),
    ("safety_identifier", "u-5f"),
}
BY_MODEL = {
    MODEL: REFUSED,
    OLD: REFUSED,
    LITE: REFUSED | {("size", "2560x1440"), ("size", "3840x2160"), ("size", "4096x4096")},
    PRO: REFUSED
    | {("size", "300x2400"), ("size", "1600x400")}
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
    parameters = {f.name for f in fields(GenerateRequest)} - NOT_PARAMETERS
    assert parameters == {name for name, _ in (*FIELDS, *REFUSED)}


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
    assert resolution(width, height) == name


def test_estimates_assume_the_resolution_that_is_asked_for() -> None:
    assert tuple(pricing.RESOLUTION_AREAS) == RESOLUTION_AREAS


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


# Models


def test_the_default_is_the_current_model_unless_the_settings_say_another() -> None:
    assert PROVIDER.default_model == MODEL
    assert build_provider(default_model=PRO).default_model == PRO


@pytest.mark.parametrize("model_id", [MODEL, PRO, LITE])
def test_current_models_are_active(model_id: str) -> None:
    assert model_of(model_id).status_on(TODAY) is Status.ACTIVE


def test_a_model_that_is_only_reported_gone_is_used_with_a_warning() -> None:
    [note] = settle(wish(model=OLD), model_of(OLD), {}, TODAY).notes
    assert note == f"gemini/{OLD} is deprecated. Use {MODEL}."
    assert "2026-10-29" in model_of(OLD).notes[0]


@pytest.mark.parametrize(
    ("model_id", "since", "instead"),
    [
        ("gemini-2.5-flash-image", "2026-10-02", MODEL),
        ("gemini-2.5-flash-image-preview", "2026-01-15", MODEL),
        ("gemini-3.1-flash-image-preview", "2026-06-25", MODEL),
        ("gemini-3-pro-image-preview", "2026-06-25", PRO),
        ("imagen-4", "2026-08-17", MODEL),
        ("imagen-4.0-generate-001", "2026-08-17", MODEL),
        ("imagen-4.0-ultra-generate-001", "2026-08-17", MODEL),
        ("imagen-3", "2026-08-17", MODEL),
        ("imagen-3.0-generate-002", "2026-08-17", MODEL),
        ("imagen-4.0-some-other-name", "2026-08-17", MODEL),
    ],
)
def test_a_retired_name_says_since_when_and_what_to_use(model_id: str, since: str, instead: str) -> None:
    with pytest.raises(ModelRetired) as refused:
        settled(wish(model=model_id))
    assert since in refused.value.message
    assert refused.value.hint == f"Use {instead}."


def test_a_replacement_is_a_model_that_is_there() -> None:
    for model in PROVIDER.models():
        if model.replacement:
            assert model_of(model.replacement).status_on(TODAY) is Status.ACTIVE


def test_another_server_may_have_what_google_shut_down_but_nobody_has_imagen_this_way() -> None:
    elsewhere = build_provider(base_url="http://127.0.0.1:9")
    model = elsewhere.find_model("gemini-2.5-flash-image")
    assert model is not None
    assert (model.status, model.shutdown_date) == (Status.UNKNOWN, None)
    config = elsewhere.wire_call(wish(model=model.id, size="1024x1024")).parameters["generationConfig"]
    assert config["imageConfig"] == {"aspectRatio": "1:1"}
    imagen = elsewhere.find_model("imagen-4.0-generate-001")
    assert imagen is not None
    assert imagen.status is Status.RETIRED


@pytest.mark.parametrize("model_id", ["gemini-4-image", "nano-banana-pro-preview"])
def test_an_unlisted_gemini_model_is_passed_through_with_a_note(model_id: str) -> None:
    settlement = settle(wish(model=model_id, size="3840x2160"), model_of(model_id), {}, TODAY)
    assert model_id in settlement.notes[0]
    assert "not in the table" in settlement.notes[0]
    with running_gemini(any_model=True) as gemini:
        ask(provider_at(gemini), settlement.request)
        assert gemini.requests[0].path == f"/v1/models/{model_id}:generateContent"


def test_an_unlisted_model_does_not_get_what_no_gemini_model_takes() -> None:
    for parameter in ({"background": "transparent"}, {"output_format": "svg"}, {"style": "vivid"}):
        with pytest.raises(UnsupportedParameter):
            settled(wish(model="gemini-4-image", **parameter))


@pytest.mark.parametrize(
    "model_id", ["gpt-image-2", "", "gemini-4 image", "gemini-../x", "gemini-4?x=1", "a/b"]
)
def test_a_name_that_cannot_be_geminis_is_not_taken(model_id: str) -> None:
    assert PROVIDER.find_model(model_id) is None


def test_another_server_may_call_its_models_as_it_likes() -> None:
    assert build_provider(base_url="http://127.0.0.1:9").find_model("banana") is not None


def test_pro_has_ten_ratios_and_the_others_fourteen() -> None:
    assert tuple(model_of(PRO).extra["ratios"]) == TEN_RATIOS
    for model_id in (MODEL, LITE, OLD):
        assert set(model_of(model_id).extra["ratios"]) == set(ALL_RATIOS)
