"""Every shipped model, every parameter, a few values: sent as documented, or refused by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

import pytest

from imagegen.capabilities import ModelInfo, Status
from imagegen.checks import settle
from imagegen.errors import ModelRetired, UnsupportedParameter, UsageError
from imagegen.providers import load_providers
from imagegen.providers.base import Provider
from imagegen.rewording import rewordings
from imagegen.settings import Settings
from imagegen.types import PARAMETERS, EditRequest, GenerateRequest
from tests.fakes.openai_calls import input_image

TODAY = date(2026, 11, 22)
SETTINGS: dict[str, Any] = {
    "providers": {
        "openai": {"api_key": "sk-test-0123456789"},
        "gemini": {"api_key": "AIzaTest0123456789"},
        "compatible": {
            "plain": {"base_url": "http://127.0.0.1:9/v1"},
            "more": {"base_url": "http://127.0.0.1:9/v1", "send": ["quality", "seed", "style"]},
            "shaped": {"base_url": "http://127.0.0.1:9/v1", "send": ["aspect_ratio", "negative_prompt"]},
        },
    }
}
PROVIDERS = load_providers(Settings.model_validate(SETTINGS)).providers
VALUES: Mapping[str, tuple[Any, ...]] = {
    "n": (0, 1, 2, 10, 11),
    "size": ("auto", "1024x1024", "1536x1024", "1808x1024", "1000x1000", "3840x2160", "16x16", "wide"),
    "aspect_ratio": ("1:1", "16:9", "5:3", "3:1", "4:1", "8:1", "16x9", "0:1", "wide"),
    "resolution": ("512", "1K", "2K", "4K", "2k", "8K"),
    "negative_prompt": ("blur, text", "blur\ntext", " ", "a\x1b[2J"),
    "quality": ("auto", "low", "medium", "high", "xhigh", "max", "hd", "standard"),
    "style": ("vivid", "natural"),
    "background": ("auto", "opaque", "transparent", "red"),
    "moderation": ("auto", "low", "none"),
    "output_format": ("png", "jpeg", "webp", "gif", "svg", "bmp"),
    "output_compression": (-1, 0, 60, 100, 101),
    "seed": (-1, 0, 7),
    "complexity": ("low", "high", "odd"),
    "frame_count": (1, 2, 16, 17),
    "frame_duration_ms": (9, 200),
    "svg_model": ("gpt-6",),
    "svg_effort": ("low", "odd"),
    "partial_images": (0, 3, 4),
    "safety_identifier": ("u-5f", "x" * 513),
    "input_fidelity": ("low", "high", "odd"),
}
# What a parameter cannot stand without.
COMPANIONS: Mapping[str, Mapping[str, Any]] = {
    "output_compression": {"output_format": "jpeg"},
    "frame_count": {"output_format": "gif"},
    "frame_duration_ms": {"output_format": "gif"},
    "svg_model": {"output_format": "svg"},
    "svg_effort": {"output_format": "svg", "svg_model": "gpt-6"},
    "resolution": {"aspect_ratio": "1:1"},
}
# The size that a shape, or the square of a resolution, becomes where a model takes sizes alone.
SIZES = {
    "1:1": "1024x1024",
    "16:9": "1280x720",
    "5:3": "1280x768",
    "3:1": "1728x576",
    "4:1": "2048x512",
    "8:1": "2816x352",
    "512": "512x512",
    "1K": "1024x1024",
    "2K": "2048x2048",
    "4K": "4096x4096",
}
LARGEST_SQUARE = "2880x2880"  # that GPT Image makes: it is what 4K becomes
REWORDED = ("aspect_ratio", "resolution", "negative_prompt")
THINKING = {"low": "MINIMAL", "high": "HIGH", "xhigh": "HIGH", "max": "HIGH"}
MODELS = [
    pytest.param(provider, model, id=model.full_name)
    for provider in PROVIDERS.values()
    for model in provider.models()
]


def request_for(model: ModelInfo, name: str, value: Any) -> GenerateRequest:
    said = {**COMPANIONS.get(name, {}), "model": model.id, "provider": model.provider, name: value}
    if name == "input_fidelity":
        return EditRequest(prompt="resize to 64x64", images=(input_image(),), **said)
    return GenerateRequest(prompt="a fox", **said)


def cases() -> Iterator[tuple[str, Any]]:
    return ((name, value) for name, values in VALUES.items() for value in values)


def test_the_values_cover_every_parameter_and_every_provider() -> None:
    assert set(VALUES) == PARAMETERS
    assert set(PROVIDERS) >= {"openai", "gemini", "local", "plain", "more"}


@pytest.mark.parametrize(("provider", "model"), MODELS)
def test_each_value_is_sent_as_documented_or_refused_by_name(provider: Provider, model: ModelInfo) -> None:
    sent = set()
    for name, value in cases():
        request = request_for(model, name, value)
        try:
            settled = settle(request, model, {}, TODAY)
        except ModelRetired:
            assert model.status_on(TODAY) is Status.RETIRED
            continue
        except UnsupportedParameter as refused:
            # A companion that the model does not have is refused in the parameter's place.
            assert refused.details["parameter"] in {name, *COMPANIONS.get(name, {})}, (name, value)
            assert model.full_name in refused.message or "output" in refused.message
            assert name not in model.parameters or not model.parameters[name].accepts(value)
            continue
        except UsageError as refused:  # prose that no model could be given
            assert (name, refused.details["parameter"]) == ("negative_prompt", "negative_prompt")
            assert not value.replace("\n", " ").strip().isprintable() or not value.strip()
            continue
        sent.add(name)
        assert not any(note.startswith("dropped") for note in settled.notes)
        if name in REWORDED and name not in model.parameters:
            assert any(note.startswith(("aspect_ratio", "negative_prompt")) for note in settled.notes)
        call = provider.wire_call(settled.request)
        CHECKS.get(provider.name, check_plain)(call.parameters, call.notes, name, value)
    assert bool(sent) == (model.status_on(TODAY) is not Status.RETIRED)
    assert model.takes_anything or sent <= set(model.parameters) | set(rewordings(model))


def as_a_size(name: str, value: Any) -> dict[str, Any]:
    """The field of a parameter for a model that takes sizes alone, and says in the prompt what to avoid."""
    if name == "negative_prompt":
        return {"prompt": f"a fox\navoid: {value}"}
    return {"size": SIZES[value]} if name in REWORDED else {name: value}


def check_openai(fields: Mapping[str, Any], notes: tuple[str, ...], name: str, value: Any) -> None:
    said = {"n": {} if value == 1 else {"n": value}}.get(name, as_a_size(name, value))
    if (name, value) == ("resolution", "4K"):
        said = {"size": LARGEST_SQUARE}
    if (name, value) == ("moderation", "auto"):
        said = {}
    if name == "partial_images":
        said = {"stream": True, "partial_images": value}
    if name == "svg_model":
        said = {"svg": {"model": value}}
    if name == "svg_effort":
        said = {"svg": {"model": "gpt-6", "reasoning": {"effort": value}}}
    companions = {key: each for key, each in COMPANIONS.get(name, {}).items() if key == "output_format"}
    prompt = "resize to 64x64" if name == "input_fidelity" else "a fox"
    shown = {key: each for key, each in fields.items() if key not in ("model", "image")}
    assert shown == {"prompt": prompt, **companions, **said}
    assert not notes


def check_gemini(fields: Mapping[str, Any], notes: tuple[str, ...], name: str, value: Any) -> None:
    generation = dict(fields["generationConfig"])
    image = generation.pop("imageConfig", {})
    thinking = generation.pop("thinkingConfig", None)
    if name == "size":
        assert bool(image.get("aspectRatio")) == (value != "auto")
    else:
        said = {
            "aspect_ratio": {"aspectRatio": value},
            "resolution": {"aspectRatio": "1:1", "imageSize": value},
        }
        assert image == said.get(name, {})
    [part] = fields["contents"][0]["parts"]
    assert part["text"] == ("a fox" if name != "negative_prompt" else f"a fox\navoid: {value}")
    assert generation.pop("seed", None) == (value if name == "seed" else None)
    drafts = name == "partial_images" and value > 0
    level = {"thinkingLevel": THINKING[value]} if name == "quality" and value in THINKING else None
    assert thinking == ({"includeThoughts": True} if drafts else level)
    assert ("safetySettings" in fields) == ((name, value) == ("moderation", "low"))
    assert generation == {"responseModalities": ["IMAGE"]}
    changed = (
        bool(image) and name == "size",
        name == "quality" and value != "auto",
        "safetySettings" in fields,
    )
    assert bool(notes) == (any(changed) or drafts or (name == "n" and value > 1))


def check_local(fields: Mapping[str, Any], notes: tuple[str, ...], name: str, value: Any) -> None:
    if value != "auto":
        [(field, expected)] = as_a_size(name, value).items()
        assert fields[field] == expected
    assert not notes


def check_plain(fields: Mapping[str, Any], notes: tuple[str, ...], name: str, value: Any) -> None:
    silent = (name, value) in (("n", 1), ("size", "auto"))
    [(field, expected)] = as_a_size(name, value).items()
    assert fields.get(field) == (None if silent else expected)


def check_shaped(fields: Mapping[str, Any], notes: tuple[str, ...], name: str, value: Any) -> None:
    if name not in REWORDED:
        check_plain(fields, notes, name, value)
    else:
        assert (fields[name], "size" in fields, fields["prompt"]) == (value, False, "a fox")


CHECKS = {"openai": check_openai, "gemini": check_gemini, "local": check_local, "shaped": check_shaped}
