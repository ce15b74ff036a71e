"""Answers of status 200 that are no answers: each one is an error, never a success."""

from __future__ import annotations

import json
from typing import Any

import pytest

from imagegen.errors import (
    BadResponse,
    ContentPolicyError,
    ImagegenError,
    ProviderUnavailable,
    QuotaExceeded,
    RateLimited,
)
from tests.fakes.openai_behaviours import body, completed_event, error_in_200, events, html, ok
from tests.fakes.openai_calls import ask, edit_wish, provider_at, wish
from tests.fakes.openai_pictures import picture
from tests.fakes.openai_server import running_openai

PNG = picture("png", 64, 64)

ODD: dict[str, Any] = {
    "a web page": html(),
    "an empty body": body(b""),
    "a JSON list": body(b'[{"b64_json": "iVBORw0KGgo="}]'),
    "a JSON text": body(b'"done"'),
    "null": body(b"null"),
    "an empty object": body(b"{}"),
    "no images": ok(entries=[]),
    "data that is no list": ok(answer={"data": {"b64_json": "iVBORw0KGgo="}}),
    "a null image": ok(entries=[{"b64_json": None}]),
    "an entry that is null": ok(entries=[None]),
    "an empty image": ok(entries=[{"b64_json": ""}]),
    "an image that is a number": ok(entries=[{"b64_json": 7}]),
    "bad base64": ok(entries=[{"b64_json": "iVBORw0KGgo*"}]),
    "base64 with bad padding": ok(entries=[{"b64_json": "iVBORw0KGgo"}]),
    "base64 with something after its end": ok(entries=[{"b64_json": "iVBORw0KGgo=iVBO"}]),
    "base64 in another alphabet": ok(entries=[{"b64_json": "Ünïcödé="}]),
    "a truncated document": body(b'{"data": [{"b64_json": "iVBORw0KG'),
    "an image in place of JSON": body(PNG, "image/png"),
    "an event stream in place of JSON": events(completed_event(PNG)),
    "nesting without end": body(b"[" * 200_000),
    "bytes that are no text": body(b'{"data": "\xff\xfe"}'),
}


@pytest.mark.parametrize("what", ODD)
def test_a_200_without_an_image_is_a_bad_response_that_may_have_been_billed(what: str) -> None:
    with running_openai() as openai:
        openai.script(ODD[what])
        with pytest.raises(BadResponse) as caught:
            ask(provider_at(openai), wish())
    assert caught.value.may_be_billed
    assert caught.value.details["request_id"] == "req_fake_1"


def test_a_link_in_place_of_an_image_is_said_to_be_one() -> None:
    with running_openai() as openai:
        openai.script(ok(entries=[{"url": "http://127.0.0.1:9/image.png"}]))
        with pytest.raises(BadResponse, match="link"):
            ask(provider_at(openai), wish())


@pytest.mark.parametrize("request_", [wish(), edit_wish()], ids=["generate", "edit"])
@pytest.mark.parametrize(
    ("behaviour", "error_class"),
    [
        (error_in_200("moderation_blocked", "m"), ContentPolicyError),
        (error_in_200("insufficient_quota", "m"), QuotaExceeded),
        (error_in_200("rate_limit_exceeded", "m"), RateLimited),
        (error_in_200(429, "m"), RateLimited),
        (error_in_200("503", "m"), ProviderUnavailable),
        (error_in_200(None, "m", kind="server_error"), ProviderUnavailable),
        (error_in_200(None, "m"), BadResponse),
        (body(b'{"error": "m"}'), BadResponse),
        (body(b'{"error": true}'), BadResponse),
    ],
)
def test_an_error_with_status_200_is_the_error_it_names(
    request_: Any, behaviour: Any, error_class: type[ImagegenError]
) -> None:
    with running_openai() as openai:
        openai.script(behaviour)
        with pytest.raises(ImagegenError) as caught:
            ask(provider_at(openai), request_)
    assert type(caught.value) is error_class


def test_an_error_beside_images_is_an_error() -> None:
    with running_openai() as openai:
        openai.script(ok(answer={"error": {"code": "moderation_blocked", "message": "m"}}))
        with pytest.raises(ContentPolicyError):
            ask(provider_at(openai), wish())


def test_an_error_field_that_is_null_is_no_error() -> None:
    document = {"error": None, "data": [{"b64_json": "iVBORw0KGgo="}]}
    with running_openai() as openai:
        openai.script(body(json.dumps(document).encode()))
        assert len(ask(provider_at(openai), wish()).images) == 1


def test_a_whole_answer_under_a_wrong_content_type_is_not_thrown_away() -> None:
    document = {"data": [{"b64_json": "iVBORw0KGgo="}]}
    with running_openai() as openai:
        openai.script(body(json.dumps(document).encode(), "text/plain"))
        assert len(ask(provider_at(openai), wish()).images) == 1


def test_paid_images_beside_an_unreadable_one_are_kept_and_the_loss_is_noted() -> None:
    with running_openai() as openai:
        openai.script(ok(entries=[{"b64_json": "iVBORw0KGgo="}, {"b64_json": None}]))
        result = ask(provider_at(openai), wish(n=2))
    assert len(result.images) == 1
    assert "without a readable image" in result.notes[0]
