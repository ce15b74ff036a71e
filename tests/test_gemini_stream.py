"""Streamed answers of Gemini: drafts while it thinks, one image at the end, and streams that break."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import Any

import pytest

from imagegen.errors import (
    AuthenticationFailed,
    BadResponse,
    ContentPolicyError,
    ImagegenError,
    ProviderTimeout,
    ProviderUnavailable,
    RateLimited,
)
from imagegen.types import GenerateRequest, Progress, ProviderResult
from tests.command import run
from tests.fakes.gemini_behaviours import (
    Behaviour,
    body,
    chunk,
    cut,
    draft_part,
    error,
    error_body,
    error_info,
    held,
    html,
    image_part,
    ok,
    prompt_blocked,
    retry_info,
    stopped,
    streamed,
)
from tests.fakes.gemini_calls import KEY, MODEL, ask, edit_wish, provider_at, start, wish
from tests.fakes.gemini_server import running_gemini
from tests.fakes.openai_pictures import picture

ONE, TWO, THREE, FOUR = (picture("png", 64, 48, number) for number in range(1, 5))
THOUGHT = {"text": "An otter, then.", "thought": True}
LAST = chunk({"text": ""}, finish="STOP")


def answered(
    behaviour: Behaviour, request: GenerateRequest | None = None
) -> tuple[ProviderResult, list[Progress]]:
    """One call that the server answers so, and what was heard of it."""
    heard: list[Progress] = []
    with running_gemini() as gemini:
        gemini.script(behaviour)
        result = ask(provider_at(gemini), request or wish(partial_images=2), heard.append)
    return result, heard


def failure(behaviour: Behaviour) -> ImagegenError:
    with pytest.raises(ImagegenError) as caught:
        answered(behaviour)
    return caught.value


def previews(heard: list[Progress]) -> list[bytes | None]:
    return [news.image for news in heard if news.stage == "partial"]


# What is shown and what is kept


@pytest.mark.parametrize(("partial_images", "shown"), [(0, 0), (1, 1), (2, 2), (3, 2)])
def test_drafts_are_shown_as_they_come_and_the_image_alone_is_the_result(
    partial_images: int, shown: int
) -> None:
    heard: list[Progress] = []
    with running_gemini() as gemini:
        result = ask(provider_at(gemini), wish(partial_images=partial_images), heard.append)
        assert gemini.requests[0].path.endswith(f"{MODEL}:streamGenerateContent?alt=sse")
    assert [news.index for news in heard if news.stage == "partial"] == list(range(shown))
    assert [heard[0].stage, heard[-1].stage] == ["sending", "received"]
    assert len(result.images) == 1
    assert result.images[0].data not in previews(heard)
    assert result.usage is not None
    assert (result.usage.output_image_tokens, result.usage.output_text_tokens) == (1120, 172)
    assert result.request_id == "response-0"


def test_a_streamed_call_sends_what_the_other_one_sends_but_for_the_drafts() -> None:
    said: dict[str, Any] = {"size": "1536x1024", "quality": "high", "moderation": "low", "seed": 7}
    with running_gemini() as gemini:
        provider = provider_at(gemini)
        for partial_images in (None, 0, 2):
            ask(provider, edit_wish(partial_images=partial_images, **said))
        whole, bare, streaming = gemini.bodies
        keys = {request.headers["x-goog-api-key"] for request in gemini.requests}
    assert keys == {KEY}
    assert whole == bare
    assert streaming["generation_config"].pop("thinking_config") == {
        "thinking_level": "HIGH",
        "include_thoughts": True,
    }
    assert whole["generation_config"].pop("thinking_config") == {"thinking_level": "HIGH"}
    assert streaming == whole


def test_what_a_dry_run_shows_is_what_is_sent() -> None:
    with running_gemini() as gemini:
        provider = provider_at(gemini)
        call = provider.wire_call(wish(partial_images=1))
        ask(provider, wish(partial_images=1))
        assert call.endpoint == f"POST {gemini.base_url}{gemini.requests[0].path}"
        assert call.parameters == gemini.requests[0].json


def test_a_draft_that_cannot_be_read_is_left_out_and_the_image_kept() -> None:
    broken = {"inlineData": {"mimeType": "image/png", "data": "%%%"}, "thought": True}
    result, heard = answered(streamed(chunk(THOUGHT, broken, draft_part(ONE)), chunk(image_part(TWO)), LAST))
    assert previews(heard) == [ONE]
    assert [image.data for image in result.images] == [TWO]


def test_a_listener_that_fails_at_a_draft_does_not_cost_the_image() -> None:
    def fail(news: Progress) -> None:
        if news.stage == "partial":
            raise ValueError("no preview here")

    with running_gemini() as gemini:
        result = ask(provider_at(gemini), wish(partial_images=2), fail)
    assert len(result.images) == 1
    assert "ValueError" in result.notes[-1]


def test_words_that_come_in_pieces_are_put_together() -> None:
    result, _ = answered(
        streamed(chunk({"text": "Here is the o"}), chunk({"text": "tter."}), chunk(image_part(ONE)), LAST)
    )
    assert result.details["text"] == "Here is the otter."


def test_each_of_several_images_is_a_stream_of_its_own() -> None:
    heard: list[Progress] = []
    with running_gemini() as gemini:
        result = ask(provider_at(gemini), wish(n=3, partial_images=1), heard.append)
        assert len(gemini.requests) == 3
    assert len(result.images) == 3
    assert len(previews(heard)) == 3


def test_events_may_be_split_anywhere_and_hold_what_ends_a_line_elsewhere() -> None:
    text = {"text": "one\u2028two\x85three"}
    events = b"".join(
        b"data: %s\n\n" % json.dumps(each, ensure_ascii=False).encode()
        for each in (chunk(text), chunk(image_part(ONE)), LAST)
    )
    pieces = [events[at : at + 7] for at in range(0, len(events), 7)]
    result, _ = answered(streamed(b": a comment\r\n\r\n", *pieces))
    assert result.details["text"].split() == ["one", "two", "three"]
    assert result.images[0].data == ONE


def test_a_finished_image_is_not_held_back_by_a_server_that_does_not_hang_up() -> None:
    never = threading.Event()
    with running_gemini() as gemini:
        gemini.script(streamed(chunk(image_part(ONE)), LAST, until=never))
        result = ask(provider_at(gemini), wish(partial_images=1, timeout_seconds=20))
        assert gemini.requests[0].client_left.wait(5)
    assert (result.images[0].data, result.notes) == (ONE, ())


def test_a_server_that_answers_in_one_piece_is_understood() -> None:
    document = {**chunk(THOUGHT, draft_part(ONE), image_part(TWO), finish="STOP")}
    result, heard = answered(body(json.dumps(document).encode()))
    assert (result.images[0].data, previews(heard)) == (TWO, [ONE])


# What is no image


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        (streamed(chunk(draft_part(ONE)), chunk(finish="IMAGE_SAFETY")), "refused to make this image"),
        (prompt_blocked("PROHIBITED_CONTENT"), "refused the prompt"),
        (stopped("SAFETY", "Not this one."), "Not this one."),
        (streamed(chunk({"text": "I can"}), chunk({"text": "not."}), LAST), "I cannot."),
    ],
)
def test_a_refusal_in_a_stream_is_one(behaviour: Behaviour, words: str) -> None:
    refused = failure(behaviour)
    assert type(refused) is ContentPolicyError
    assert words in refused.message


@pytest.mark.parametrize(
    "behaviour",
    [
        streamed(),
        streamed(b"data: {broken\n\n"),
        streamed(b"data: \xff\xfe\n\n"),
        streamed(b"data: [1, 2]\n\n"),
        streamed(chunk(draft_part(ONE)), chunk(draft_part(TWO), finish="STOP")),
        streamed(chunk(draft_part(ONE))),
        streamed(chunk(draft_part(ONE)), chunk(finish="NO_IMAGE")),
        streamed({"candidates": 3}),
        body(b"[]"),
        html(),
        body(b"", "text/event-stream"),
    ],
)
def test_a_stream_without_a_finished_image_is_a_bad_answer_that_may_be_billed(behaviour: Behaviour) -> None:
    bad = failure(behaviour)
    assert type(bad) is BadResponse
    assert bad.may_be_billed


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [
        (
            streamed(chunk(draft_part(ONE)), error_body(503, "UNAVAILABLE", "Overloaded.")),
            ProviderUnavailable,
        ),
        (streamed(error_body(429, "RESOURCE_EXHAUSTED", "Slow down.", retry_info("7s"))), RateLimited),
        (error(400, "INVALID_ARGUMENT", "Bad key.", error_info("API_KEY_INVALID")), AuthenticationFailed),
        (html(502), ProviderUnavailable),
        (streamed(chunk(draft_part(ONE)), cut=True), ProviderUnavailable),
        (cut("request"), ProviderUnavailable),
    ],
)
def test_what_breaks_a_stream_is_said_in_our_words(behaviour: Behaviour, kind: type[ImagegenError]) -> None:
    broken = failure(behaviour)
    assert type(broken) is kind
    assert KEY not in str(broken.to_json())


@pytest.mark.parametrize("drafts", [(), (chunk(draft_part(ONE)),)])
def test_a_stream_that_is_too_slow_ends_with_the_time_out(drafts: tuple[Any, ...]) -> None:
    with running_gemini() as gemini:
        gemini.script(streamed(*drafts, until=threading.Event()))
        with pytest.raises(ProviderTimeout, match=r"within 0\.4 seconds"):
            ask(provider_at(gemini), wish(partial_images=2, timeout_seconds=0.4))
        assert gemini.requests[0].client_left.wait(5)


def test_a_server_that_says_nothing_at_all_ends_with_the_time_out() -> None:
    with running_gemini() as gemini:
        gemini.script(held(threading.Event()))
        with pytest.raises(ProviderTimeout):
            ask(provider_at(gemini), wish(partial_images=2, timeout_seconds=0.4))


# What came before the stream broke is paid for


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        (streamed(chunk(image_part(ONE)), cut=True), "broke before"),
        (streamed(chunk(image_part(ONE)), error_body(500, "INTERNAL", "Oh no.")), "Oh no."),
        (streamed(chunk(image_part(ONE)), b"data: {broken\n\n"), "no JSON"),
    ],
)
def test_an_image_that_came_before_the_stream_broke_is_kept(behaviour: Behaviour, words: str) -> None:
    result, _ = answered(behaviour)
    assert [image.data for image in result.images] == [ONE]
    assert result.notes[0].startswith("the stream broke off after the image:")
    assert words in result.notes[0]
    assert result.usage is None  # the counts so far are not all


def test_an_image_that_came_before_the_time_was_over_is_kept() -> None:
    behaviour = streamed(chunk(image_part(ONE)), until=threading.Event())
    result, _ = answered(behaviour, wish(partial_images=1, timeout_seconds=0.5))
    assert result.images[0].data == ONE


def test_an_image_that_came_before_a_cancellation_is_kept() -> None:
    async def cancel_at_the_draft(base_url: Any) -> ProviderResult:
        seen = asyncio.Event()

        def listen(news: Progress) -> None:
            if news.stage == "partial":
                seen.set()

        provider = provider_at(base_url)
        task = asyncio.create_task(start(provider, wish(partial_images=1), listen))
        await asyncio.wait_for(seen.wait(), 10)
        task.cancel()
        result = await task
        await provider.aclose()
        return result

    with running_gemini() as gemini:
        # The draft comes behind the image, so that it tells when the image is there.
        gemini.script(streamed(chunk(image_part(ONE)), chunk(draft_part(TWO)), until=threading.Event()))
        result = asyncio.run(cancel_at_the_draft(gemini))
    assert result.images[0].data == ONE
    assert "cancelled" in result.notes[0]


def test_a_cancellation_while_it_thinks_ends_the_call() -> None:
    async def cancel_at_the_draft(fake: Any) -> None:
        seen = asyncio.Event()
        provider = provider_at(fake)
        task = asyncio.create_task(start(provider, wish(partial_images=1), lambda _: seen.set()))
        await asyncio.wait_for(seen.wait(), 10)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await provider.aclose()

    with running_gemini() as gemini:
        gemini.script(streamed(chunk(draft_part(TWO)), until=threading.Event()))
        asyncio.run(cancel_at_the_draft(gemini))


# Through the command


def test_the_command_keeps_the_image_says_what_previews_are_and_finds_it_again_without_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with running_gemini() as gemini:
        monkeypatch.setenv("PROVIDERS__GEMINI__BASE_URL", gemini.base_url)
        monkeypatch.setenv("PROVIDERS__GEMINI__API_KEY", KEY)
        made = run("generate", "otter", "-m", "gemini", "--partial-images", "2", "--json")
        again = run("generate", "otter", "-m", "gemini", "--json")
        assert len(gemini.bodies) == 1
    assert made.code == 0, made.err
    assert any(note.startswith("partial_images=2: at most 2") for note in made.json["notes"])
    assert again.json["cached"] is True
    assert [image["image_id"] for image in again.json["images"]] == [
        image["image_id"] for image in made.json["images"]
    ]


def test_a_model_that_does_not_think_has_no_previews() -> None:
    ran = run("models", "show", "gemini-2.5-flash-image", "--json")
    assert "partial_images" not in ran.json["parameters"]


def test_previews_of_gemini_add_nothing_to_the_estimate() -> None:
    plain = run("generate", "otter", "-m", "gemini", "--dry-run", "--json").json
    shown = run("generate", "otter", "-m", "gemini", "--partial-images", "3", "--dry-run", "--json").json
    assert shown["estimate"] == plain["estimate"]


def test_ok_answers_a_stream_as_asked() -> None:
    result, _ = answered(ok(image_part(THREE), image_part(FOUR)))
    assert [image.data for image in result.images] == [THREE, FOUR]
