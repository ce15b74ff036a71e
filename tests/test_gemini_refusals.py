"""Gemini's answers with status 200 that hold no image: refusals, and everything else that may come."""

from __future__ import annotations

import json
from typing import Any

import pytest

from imagegen.errors import (
    AuthenticationFailed,
    BadResponse,
    ContentPolicyError,
    ExitCode,
    RateLimited,
)
from tests.fakes.gemini_behaviours import (
    body,
    error_body,
    html,
    image_part,
    ok,
    prompt_blocked,
    retry_info,
    stopped,
)
from tests.fakes.gemini_calls import failure

# Refusals come with status 200


@pytest.mark.parametrize(
    "reason",
    ["SAFETY", "OTHER", "BLOCKLIST", "PROHIBITED_CONTENT", "IMAGE_SAFETY", "JAILBREAK", "SOMETHING_NEW"],
)
def test_a_blocked_prompt_is_a_refusal_of_the_input(reason: str) -> None:
    raised = failure(prompt_blocked(reason))
    assert type(raised) is ContentPolicyError
    assert raised.message.endswith(f"refused the prompt ({reason}).")
    assert (raised.details["stage"], raised.details["reason"]) == ("input", reason)
    assert raised.exit_code is ExitCode.CONTENT_POLICY
    assert raised.may_be_billed


@pytest.mark.parametrize(
    "finish",
    [
        "SAFETY",
        "IMAGE_SAFETY",
        "PROHIBITED_CONTENT",
        "IMAGE_PROHIBITED_CONTENT",
        "RECITATION",
        "IMAGE_RECITATION",
        "BLOCKLIST",
        "SPII",
        "ESCALATION",
    ],
)
def test_a_stop_for_reasons_of_content_is_a_refusal_of_the_output(finish: str) -> None:
    raised = failure(stopped(finish, "Unable to show this image."))
    assert type(raised) is ContentPolicyError
    assert raised.message.endswith(f"({finish}): Unable to show this image.")
    assert (raised.details["stage"], raised.details["reason"]) == ("output", finish)


def test_words_in_place_of_an_image_are_a_refusal_that_is_quoted() -> None:
    raised = failure(stopped("STOP", text="I cannot draw this person."))
    assert type(raised) is ContentPolicyError
    assert raised.message.endswith("words in place of an image: I cannot draw this person.")


@pytest.mark.parametrize(
    "finish",
    ["NO_IMAGE", "IMAGE_OTHER", "OTHER", "MAX_TOKENS", "LANGUAGE", "MALFORMED_RESPONSE", "SOMETHING_NEW"],
)
def test_an_image_that_was_not_made_is_no_refusal(finish: str) -> None:
    raised = failure(stopped(finish, text="Please describe the picture."))
    assert type(raised) is BadResponse
    assert raised.message.endswith(f"made no image ({finish}): Please describe the picture.")
    assert raised.details["reason"] == finish


def test_a_limited_account_is_no_refusal_of_the_content() -> None:
    raised = failure(stopped("PUP_LIMITED_DISABLED"))
    assert type(raised) is AuthenticationFailed
    assert "account" in raised.message


def test_what_gemini_says_of_a_refusal_is_bounded_and_free_of_control_characters() -> None:
    raised = failure(stopped("IMAGE_SAFETY", "\x1b[2Jno " * 1000))
    assert len(raised.message) < 700
    assert "\x1b" not in raised.message


def test_drafts_alone_are_no_image() -> None:
    raised = failure(ok(image_part(b"\x89PNG\r\n\x1a\n", thought=True)))
    assert type(raised) is BadResponse
    assert raised.message.endswith("made no image.")


# Answers that are none


@pytest.mark.parametrize(
    ("behaviour", "said"),
    [
        (html(), "no JSON (text/html"),
        (body(b""), "no JSON (application/json)"),
        (body(b'{"candidates": ['), "no JSON"),
        (body(b"\xff\xfe\x00", "application/json"), "no JSON"),
        (body(b"[" * 100_000), "no JSON"),
        (body(b"[]"), "a JSON list"),
        (body(b'"fine"'), "a JSON str"),
        (body(b"{}"), "made no image"),
        (body(b'{"candidates": []}'), "made no image"),
        (body(b'{"candidates": "many"}'), "made no image"),
        (body(b'{"candidates": [{"content": {"parts": [7, null]}}]}'), "made no image"),
        (body(b'{"candidates": [{"content": null, "finishReason": 3}]}'), "made no image"),
        (ok(finish="STOP", candidates=[{"finishReason": "STOP", "content": {}}]), "made no image"),
        (ok({"inlineData": {"mimeType": "image/png", "data": "%%%"}}), "an image that cannot be read"),
        (ok({"inlineData": {"mimeType": "image/png"}}), "an image that cannot be read"),
    ],
)
def test_a_200_without_an_image_is_a_failure_that_may_be_billed(behaviour: Any, said: str) -> None:
    raised = failure(behaviour)
    assert type(raised) is BadResponse
    assert said in raised.message
    assert raised.may_be_billed


def test_an_error_in_a_200_is_the_error_that_it_stands_for() -> None:
    told = json.dumps(error_body(429, "RESOURCE_EXHAUSTED", "Slow down.", retry_info("3s"))).encode()
    raised = failure(body(told))
    assert type(raised) is RateLimited
    assert raised.details["retry_after_seconds"] == 3
