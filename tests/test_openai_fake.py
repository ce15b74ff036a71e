"""The fake OpenAI itself: it must refuse what the real one refuses, or no other test means anything."""

from __future__ import annotations

import io
from typing import Any

import httpx
import pytest
from PIL import Image

from tests.fakes.openai_pictures import output_tokens, picture
from tests.fakes.openai_server import FakeOpenAI, running_openai

AUTHORIZED = {"Authorization": "Bearer sk-test"}
ASKED = {"model": "gpt-image-2.6-flare", "prompt": "otter"}
PNG = picture("png", 64, 48)
MASK = picture("png", 64, 48, transparent=True)


def generate(openai: FakeOpenAI, **fields: Any) -> httpx.Response:
    url = f"{openai.base_url}/images/generations"
    return httpx.post(url, json={**ASKED, **fields}, headers=AUTHORIZED, trust_env=False)


def edit(openai: FakeOpenAI, files: list[Any], **fields: str) -> httpx.Response:
    url = f"{openai.base_url}/images/edits"
    return httpx.post(url, data={**ASKED, **fields}, files=files, headers=AUTHORIZED, trust_env=False)


@pytest.mark.parametrize(
    "fields",
    [
        {"colour": "red"},
        {"n": "2"},
        {"quality": "ultra"},
        {"stream": "yes"},
        {"svg": {"model": "gpt-6", "temperature": 1}},
        {"prompt": None},
    ],
)
def test_a_request_that_the_sdks_types_do_not_describe_fails_the_test(fields: dict[str, Any]) -> None:
    with pytest.raises(AssertionError), running_openai() as openai:
        assert generate(openai, **fields).status_code == 400


@pytest.mark.parametrize(
    "files",
    [
        [("image", ("upload", PNG, "application/octet-stream"))],
        [("image", ("a.png", PNG, "image/jpeg"))],
        [("image", ("image", PNG, "image/png"))],
        [("image", ("a.png", PNG, "image/png")), ("image", ("b.png", PNG, "image/png"))],
        [("image", ("a.png", PNG, "image/png")), ("image[]", ("b.png", PNG, "image/png"))],
        [("picture", ("a.png", PNG, "image/png"))],
    ],
    ids=["bare bytes", "wrong type", "no suffix", "image twice", "image and image[]", "unknown field"],
)
def test_an_upload_without_a_true_type_name_and_field_fails_the_test(files: list[Any]) -> None:
    with pytest.raises(AssertionError), running_openai() as openai:
        assert edit(openai, files).status_code == 400


@pytest.mark.parametrize(
    ("fields", "code", "param"),
    [
        ({"style": "vivid"}, "unknown_parameter", "style"),
        ({"response_format": "b64_json"}, "unknown_parameter", "response_format"),
        ({"model": "gpt-image-2", "quality": "xhigh"}, "invalid_value", "quality"),
        ({"quality": "hd"}, "invalid_value", "quality"),
        ({"output_compression": 50}, "invalid_value", "output_compression"),
        ({"output_format": "jpeg", "background": "transparent"}, "invalid_value", "background"),
        ({"model": "gpt-image-1.5", "size": "1536x864"}, "invalid_value", "size"),
        ({"size": "1000x1000"}, "invalid_value", "size"),
        ({"partial_images": 2}, "invalid_value", "partial_images"),
        ({"output_format": "svg", "n": 2}, "invalid_value", "n"),
        ({"output_format": "gif", "stream": True}, "invalid_value", "stream"),
        ({"frame_count": 4}, "invalid_value", "frame_count"),
        ({"svg": {"model": "gpt-6"}}, "invalid_value", "svg"),
        ({"n": 11}, "invalid_value", "n"),
        ({"prompt": "x" * 32_001}, "invalid_value", "prompt"),
        ({"model": "gpt-image-1"}, "model_not_found", "model"),
    ],
)
def test_what_the_service_refuses_is_refused_by_name(fields: dict[str, Any], code: str, param: str) -> None:
    with running_openai() as openai:
        error = generate(openai, **fields).json()["error"]
    assert (error["code"], error["param"]) == (code, param)


@pytest.mark.parametrize(
    ("name", "overlay", "fields"),
    [
        ("mask", picture("png", 32, 32, transparent=True), {}),
        ("mask", PNG, {}),
        ("markup", MASK, {"model": "gpt-image-2"}),
    ],
    ids=["other size", "no alpha", "markup on an older model"],
)
def test_an_overlay_that_does_not_fit_is_refused_by_name(
    name: str, overlay: bytes, fields: dict[str, str]
) -> None:
    files = [("image", ("a.png", PNG, "image/png")), (name, ("o.png", overlay, "image/png"))]
    with running_openai() as openai:
        answer = edit(openai, files, **fields)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, name)


def test_a_mask_and_a_markup_are_not_taken_together() -> None:
    overlays = [(name, ("o.png", MASK, "image/png")) for name in ("mask", "markup")]
    with running_openai() as openai:
        assert edit(openai, [("image", ("a.png", PNG, "image/png")), *overlays]).status_code == 400


def test_only_the_right_key_is_let_in() -> None:
    with running_openai(api_key="sk-other") as openai:
        answer = generate(openai)
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "invalid_api_key")


def test_another_address_is_not_found() -> None:
    with running_openai() as openai:
        assert httpx.get(f"{openai.base_url}/models", trust_env=False).status_code == 404


@pytest.mark.parametrize(
    ("model", "quality", "size", "tokens"),
    [
        ("gpt-image-1.5", "high", (1024, 1536), 6240),
        ("gpt-image-2", "low", (1024, 1024), 196),
        ("gpt-image-2", "high", (1536, 1024), 5488),
        ("gpt-image-2.5-flare", "medium", (1024, 1024), 439),
        ("gpt-image-2.5-flare", "high", (1536, 1024), 1372),
        ("gpt-image-2.5-sunburst", "xhigh", (2560, 1440), 3276),
        ("gpt-image-2.5-sunburst", "max", (3840, 2160), 13342),
    ],
)
def test_token_counts_are_those_of_the_published_tables(
    model: str, quality: str, size: tuple[int, int], tokens: int
) -> None:
    assert output_tokens(model, quality, *size) == tokens


def test_a_transparent_picture_is_transparent_and_a_gif_moves() -> None:
    with Image.open(io.BytesIO(picture("webp", 16, 16, transparent=True))) as image:
        assert image.mode == "RGBA"
    with Image.open(io.BytesIO(picture("gif", 16, 16))) as image:
        assert getattr(image, "n_frames", 1) == 2
