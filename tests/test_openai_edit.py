"""Editing with OpenAI: the multipart request, its files and their neutral names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from imagegen.types import EditRequest
from tests.fakes.openai_calls import KEY, MODEL, ask, build_provider, edit_wish, input_image, provider_at
from tests.fakes.openai_server import running_openai

RECORDED = json.loads(
    (Path(__file__).parent / "snapshots" / "openai_requests.json").read_text(encoding="utf-8")
)

TWO = (input_image("png"), input_image("jpeg", 1))
MASK = input_image("png", 2, alpha=True)

RECORDED_WISHES = {
    "edit-single-image": edit_wish("hat-single"),
    "edit-multi-image-mask": edit_wish(
        images=TWO, mask=MASK, input_fidelity="high", quality="high", size="1024x1024"
    ),
    "edit-svg": edit_wish("svgout", output_format="svg", svg_model="gpt-6", svg_effort="low"),
    "edit-stream-markup": edit_wish(
        images=(TWO[0],), markup=MASK, background="transparent", moderation="low", partial_images=1
    ),
}


def sent_parts(request: EditRequest, **section: Any) -> list[dict[str, str]]:
    # The recordings put parameters on models that do not have them: only the form of the request counts here.
    with running_openai(any_model=True) as openai:
        ask(provider_at(openai, **section), request)
        parts = openai.requests[0].parts
    return [
        {"name": part.name, "content_type": part.content_type or ""}
        if part.filename
        else {"name": part.name, "value": part.data.decode()}
        for part in parts
    ]


def comparable(part: dict[str, str], name: str) -> dict[str, str]:
    """A recorded part without its file name; where a list of one was recorded, we give one image alone."""
    shape = {key: value for key, value in part.items() if key != "filename"}
    return {**shape, "name": "image"} if name == "edit-stream-markup" and part["name"] == "image[]" else shape


@pytest.mark.parametrize("name", RECORDED_WISHES)
def test_the_parts_and_their_order_equal_what_the_sdk_was_recorded_to_send(name: str) -> None:
    recorded = [comparable(part, name) for part in RECORDED[name]["parts"]]
    # One image is the service's default, and a default is not sent.
    expected = [part for part in recorded if part != {"name": "n", "value": "1"}]
    assert sent_parts(RECORDED_WISHES[name]) == expected


def test_headers_equal_what_the_sdk_was_recorded_to_send() -> None:
    recorded = RECORDED["edit-single-image"]
    with running_openai() as openai:
        ask(provider_at(openai), edit_wish())
        [sent] = openai.requests
    assert (sent.method, sent.path) == (recorded["method"], recorded["path"])
    assert sent.headers["authorization"] == recorded["headers"]["authorization"].replace("<key>", KEY)
    assert sent.headers["accept"] == recorded["headers"]["accept"]
    assert sent.headers["content-type"].startswith("multipart/form-data; boundary=")


def test_organization_and_project_go_with_an_edit_too() -> None:
    with running_openai() as openai:
        ask(provider_at(openai, organization="org-1", project="proj_2"), edit_wish())
        headers = openai.requests[0].headers
    assert (headers["openai-organization"], headers["openai-project"]) == ("org-1", "proj_2")


def test_files_have_neutral_names_their_media_type_and_their_bytes() -> None:
    images = (input_image("png"), input_image("jpeg", 1), input_image("webp", 2))
    with running_openai() as openai:
        ask(provider_at(openai), edit_wish(images=images, mask=MASK))
        files = [part for part in openai.requests[0].parts if part.filename]
        body = openai.requests[0].body
    assert [(f.name, f.filename, f.content_type) for f in files] == [
        ("image[]", "image-1.png", "image/png"),
        ("image[]", "image-2.jpg", "image/jpeg"),
        ("image[]", "image-3.webp", "image/webp"),
        ("mask", "mask.png", "image/png"),
    ]
    assert [f.data for f in files] == [*(image.data for image in images), MASK.data]
    assert b"private" not in body


def test_sixteen_images_are_sent_in_their_order() -> None:
    images = tuple(input_image("png", number) for number in range(16))
    with running_openai() as openai:
        ask(provider_at(openai), edit_wish(images=images))
        sent = [data for _, data, _ in openai.fields[0]["image"]]
    assert sent == [image.data for image in images]


def test_moderation_reaches_an_edit() -> None:
    with running_openai() as openai:
        ask(provider_at(openai), edit_wish(moderation="low"))
        assert openai.fields[0]["moderation"] == "low"


def test_every_parameter_of_an_edit_reaches_the_wire_as_it_was_said() -> None:
    said: dict[str, Any] = {
        "n": 2,
        "size": "2048x1152",
        "quality": "xhigh",
        "background": "transparent",
        "output_format": "webp",
        "output_compression": 55,
        "complexity": "low",
        "safety_identifier": "u-5f",
    }
    with running_openai() as openai:
        ask(provider_at(openai), edit_wish(**said))
        fields = openai.fields[0]
    assert {name: value for name, value in fields.items() if name != "image"} == {
        "model": MODEL,
        "prompt": "hat",
        **said,
    }


def test_input_fidelity_reaches_the_model_that_has_it() -> None:
    with running_openai() as openai:
        ask(provider_at(openai), edit_wish(model="gpt-image-1.5", input_fidelity="high"))
        assert openai.fields[0]["input_fidelity"] == "high"


@pytest.mark.parametrize("name", RECORDED_WISHES)
def test_what_a_dry_run_shows_of_an_edit_is_what_is_sent(name: str) -> None:
    request = RECORDED_WISHES[name]
    with running_openai(any_model=True) as openai:
        provider = provider_at(openai)
        shown = dict(provider.wire_call(request).parameters)
        ask(provider, request)
        fields, parts = openai.fields[0], openai.requests[0].parts
    files = {part.name for part in parts if part.filename}
    assert {key: value for key, value in fields.items() if key not in ("image", "mask", "markup")} == {
        key: value for key, value in shown.items() if key not in files
    }
    assert files <= set(shown)


def test_a_dry_run_shows_images_by_hash_format_and_pixels_and_never_by_path() -> None:
    image = input_image("jpeg", 1)
    call = build_provider(api_key=KEY).wire_call(edit_wish(images=(image,), mask=MASK))
    assert call.endpoint == "POST https://api.openai.com/v1/images/edits"
    assert call.parameters["image"] == {"sha256": image.sha256, "format": "jpeg", "width": 64, "height": 48}
    assert call.parameters["mask"]["sha256"] == MASK.sha256
    assert "private" not in json.dumps(call.parameters)


def test_a_dry_run_lists_several_images_under_their_wire_name() -> None:
    call = build_provider(api_key=KEY).wire_call(edit_wish(images=TWO))
    assert [shown["format"] for shown in call.parameters["image[]"]] == ["png", "jpeg"]


def test_an_edits_usage_counts_its_input_images() -> None:
    with running_openai() as openai:
        result = ask(provider_at(openai), edit_wish(images=TWO))
    assert result.usage is not None
    assert result.usage.input_image_tokens == 2048


def test_an_edit_streams_previews_under_its_own_event_names() -> None:
    previews: list[bytes | None] = []
    with running_openai() as openai:
        result = ask(
            provider_at(openai),
            edit_wish(partial_images=2),
            lambda news: previews.append(news.image) if news.stage == "partial" else None,
        )
    assert len(previews) == 2
    assert len(result.images) == 1
