"""Which Gemini models there are, and what becomes of names that are gone or not known."""

from __future__ import annotations

from datetime import date

import pytest

from imagegen.capabilities import Choice, ModelInfo, Status
from imagegen.checks import settle
from imagegen.errors import ModelRetired, UnsupportedParameter
from imagegen.types import GenerateRequest
from tests.fakes.gemini_calls import KEY, MODEL, ask, build_provider, provider_at, wish
from tests.fakes.gemini_rules import ALL_RATIOS, TEN_RATIOS
from tests.fakes.gemini_server import running_gemini

TODAY = date(2026, 11, 22)
PRO, LITE, OLD = "gemini-3-pro-image", "gemini-3.1-flash-lite-image", "gemini-3.1-flash-image"
PROVIDER = build_provider(api_key=KEY)


def model_of(model_id: str) -> ModelInfo:
    model = PROVIDER.find_model(model_id)
    assert model is not None
    return model


def settled(request: GenerateRequest) -> GenerateRequest:
    return settle(request, model_of(request.model or ""), {}, TODAY).request


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
    assert choices(PRO) == set(TEN_RATIOS)
    for model_id in (MODEL, LITE, OLD):
        assert choices(model_id) == set(ALL_RATIOS)


def choices(model_id: str) -> set[str]:
    rule = model_of(model_id).parameters["aspect_ratio"]
    assert isinstance(rule, Choice)
    return set(rule.values)
