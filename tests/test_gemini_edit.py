"""Editing with Gemini: the input images before the words, and what cannot be honoured."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from imagegen.checks import settle
from imagegen.errors import InputImageError, UnsupportedParameter
from imagegen.providers.gemini_wire import shown_parameters
from imagegen.types import EditRequest, InputImage
from tests.fakes.gemini_calls import KEY, MODEL, ask, build_provider, edit_wish, provider_at, wish
from tests.fakes.gemini_rules import inline_images
from tests.fakes.gemini_server import running_gemini
from tests.fakes.openai_calls import input_image

TODAY = date(2026, 11, 22)
TWO = (input_image("png"), input_image("jpeg", 1))

# As recorded from google-genai 3.4.0; the data of the images left out.
RECORDED_BODY: dict[str, Any] = {
    "contents": [
        {
            "parts": [
                {"inlineData": {"mime_type": "image/png"}},
                {"inlineData": {"mime_type": "image/jpeg"}},
                {"text": "Add a hat"},
            ],
            "role": "user",
        }
    ],
    "generationConfig": {"responseModalities": ["IMAGE"]},
}


def test_a_request_equals_what_the_sdk_was_recorded_to_send() -> None:
    with running_gemini() as gemini:
        ask(provider_at(gemini), edit_wish("Add a hat", images=TWO))
        [request] = gemini.requests
    body = request.json
    sent = [part["inlineData"].pop("data") for part in body["contents"][0]["parts"][:2]]
    assert body == RECORDED_BODY
    assert [base64.urlsafe_b64decode(data) for data in sent] == [image.data for image in TWO]
    assert request.path == f"/v1/models/{MODEL}:generateContent"


@pytest.mark.parametrize("image_format", ["png", "jpeg", "webp"])
def test_each_input_is_sent_byte_for_byte_under_its_media_type(image_format: str) -> None:
    image = input_image(image_format)
    with running_gemini() as gemini:
        ask(provider_at(gemini), edit_wish(images=(image,)))
        assert list(inline_images(gemini.bodies[0])) == [(f"image/{image_format}", image.data)]
        assert b"private" not in gemini.requests[0].body


def test_fourteen_images_are_sent_in_their_order_and_the_words_come_last() -> None:
    images = tuple(input_image("png", number) for number in range(14))
    with running_gemini() as gemini:
        ask(provider_at(gemini), edit_wish(images=images))
        [body] = gemini.bodies
    assert [data for _, data in inline_images(body)] == [image.data for image in images]
    assert body["contents"][0]["parts"][-1] == {"text": "hat"}


def test_an_edit_without_a_size_follows_its_input() -> None:
    with running_gemini() as gemini:
        ask(provider_at(gemini), edit_wish())
        assert "image_config" not in gemini.bodies[0]["generation_config"]


def test_an_edit_takes_size_quality_moderation_and_seed_as_a_generation_does() -> None:
    said: dict[str, Any] = {"size": "1024x1536", "quality": "low", "moderation": "low", "seed": 3}
    with running_gemini() as gemini:
        ask(provider_at(gemini), edit_wish(**said))
        ask(provider_at(gemini), wish(**said))
        edited, made = gemini.bodies
    assert edited["generation_config"] == made["generation_config"]
    assert edited["safety_settings"] == made["safety_settings"]


def test_every_one_of_several_edits_gets_the_inputs() -> None:
    with running_gemini() as gemini:
        result = ask(provider_at(gemini), edit_wish(images=TWO, n=3))
        assert [len(list(inline_images(body))) for body in gemini.bodies] == [2, 2, 2]
    assert len(result.images) == 3
    assert result.usage is not None
    assert result.usage.input_image_tokens == 3 * 2 * 1120


def test_a_dry_run_shows_images_by_hash_format_and_pixels_and_never_by_path() -> None:
    provider, request = build_provider(api_key=KEY), edit_wish(images=TWO)
    parts = provider.wire_call(request).parameters["contents"][0]["parts"]
    assert parts[1] == {
        "inlineData": {"mimeType": "image/jpeg", "sha256": TWO[1].sha256, "width": 64, "height": 48}
    }
    assert parts[2] == {"text": "hat"}
    assert "private" not in json.dumps(parts)


def settled(request: EditRequest) -> EditRequest:
    model = build_provider(api_key=KEY).find_model(request.model or "")
    assert model is not None
    checked = settle(request, model, {}, TODAY).request
    assert isinstance(checked, EditRequest)
    assert shown_parameters(checked, model)
    return checked


def test_fourteen_inputs_are_taken_and_fifteen_refused() -> None:
    images = tuple(input_image("png", number) for number in range(15))
    assert len(settled(edit_wish(images=images[:14])).images) == 14
    with pytest.raises(InputImageError, match="1 to 14 input images, not 15"):
        settled(edit_wish(images=images))


def of_format(image_format: str) -> InputImage:
    return replace(input_image(), format=image_format)


@pytest.mark.parametrize("image_format", ["gif", "svg", "bmp"])
def test_an_input_of_another_format_is_refused_by_name(image_format: str) -> None:
    with pytest.raises(InputImageError, match=f"is a {image_format} image"):
        settled(edit_wish(images=(of_format(image_format),)))


def test_a_mask_and_a_markup_are_refused_by_name() -> None:
    overlay = input_image("png", alpha=True)
    with pytest.raises(InputImageError, match="takes no mask"):
        settled(edit_wish(mask=overlay))
    with pytest.raises(InputImageError, match="takes no markup"):
        settled(edit_wish(markup=overlay))


def test_input_fidelity_is_refused_by_name() -> None:
    with pytest.raises(UnsupportedParameter, match="input fidelity"):
        settled(edit_wish(input_fidelity="high"))
