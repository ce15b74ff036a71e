"""Streamed answers of OpenAI: previews, finished images, and streams that break."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from imagegen.errors import BadResponse, ContentPolicyError, ProviderUnavailable
from imagegen.types import Progress, ProviderResult
from tests.fakes.openai_behaviours import (
    body,
    completed_event,
    cut,
    error_event,
    error_in_200,
    event,
    events,
    held_stream,
    html,
    partial_event,
)
from tests.fakes.openai_calls import ask, provider_at, start, wish
from tests.fakes.openai_pictures import picture
from tests.fakes.openai_server import running_openai

ONE, TWO = picture("png", 64, 64, 1), picture("png", 64, 64, 2)
VALID_ANSWER = b'{"created": 1, "data": [{"b64_json": "iVBORw0KGgo="}]}'


@pytest.mark.parametrize("partial_images", [0, 1, 2, 3])
def test_as_many_previews_arrive_as_were_asked_for(partial_images: int) -> None:
    heard: list[Progress] = []
    with running_openai() as openai:
        result = ask(provider_at(openai), wish(partial_images=partial_images), heard.append)
        assert openai.fields[0]["stream"] is True
    previews = [news for news in heard if news.stage == "partial"]
    assert [news.index for news in previews] == list(range(partial_images))
    assert all((news.image or b"").startswith(b"\x89PNG") for news in previews)
    assert [heard[0].stage, heard[-1].stage] == ["sending", "received"]
    assert len(result.images) == 1


def test_fewer_previews_than_asked_for_are_no_failure() -> None:
    heard: list[Progress] = []
    with running_openai() as openai:
        openai.script(events(partial_event(ONE), completed_event(TWO)))
        result = ask(provider_at(openai), wish(partial_images=3), heard.append)
    assert [news.stage for news in heard] == ["sending", "partial", "received"]
    assert (result.images[0].data, result.notes) == (TWO, ())


def test_an_unreadable_preview_is_left_out_and_the_image_kept() -> None:
    heard: list[Progress] = []
    with running_openai() as openai:
        openai.script(events({**partial_event(ONE), "b64_json": "%%%"}, completed_event(TWO)))
        result = ask(provider_at(openai), wish(partial_images=1), heard.append)
    assert "partial" not in {news.stage for news in heard}
    assert result.images[0].data == TWO


def test_a_listener_that_fails_at_a_preview_does_not_cost_the_image() -> None:
    def fail(news: Progress) -> None:
        if news.stage == "partial":
            raise ValueError("no preview here")

    with running_openai() as openai:
        result = ask(provider_at(openai), wish(partial_images=2), fail)
    assert len(result.images) == 1
    assert "ValueError" in result.notes[-1]


def test_every_finished_image_is_collected_and_their_usage_added_up() -> None:
    with running_openai() as openai:
        openai.script(events(completed_event(ONE, 296), completed_event(TWO, 196)))
        result = ask(provider_at(openai), wish(n=2, partial_images=0))
    assert [image.data for image in result.images] == [ONE, TWO]
    assert result.usage is not None
    assert (result.usage.output_image_tokens, result.usage.input_text_tokens) == (492, 20)
    assert result.request_id == "req_fake_1"
    assert result.reported["quality"] == "low"


def test_events_of_other_kinds_are_passed_over() -> None:
    with running_openai() as openai:
        openai.script(
            events({"type": "image_generation.queued"}, b": ping\n\n", completed_event(ONE), done=True)
        )
        assert len(ask(provider_at(openai), wish(partial_images=0)).images) == 1


def test_a_finished_image_is_not_held_back_by_a_server_that_does_not_hang_up() -> None:
    with running_openai() as openai:
        openai.script(held_stream([completed_event(ONE)], threading.Event()))

        async def call() -> ProviderResult:
            return await asyncio.wait_for(start(provider_at(openai), wish(partial_images=0)), 20)

        assert asyncio.run(call()).images[0].data == ONE
        assert openai.requests[0].client_left.wait(5)


@pytest.mark.parametrize(
    "behaviour",
    [
        events(),
        events(partial_event(ONE)),
        events(done=True),
        events({**completed_event(ONE), "b64_json": None}),
        events({**completed_event(ONE), "b64_json": "not base64"}),
        events(b"data: {broken\n\n"),
        events(b"data: \xff\xfe\n\n"),
        events(b"data: [1, 2]\n\n"),
        body(VALID_ANSWER),
        html(),
        body(b"", "text/event-stream"),
    ],
    ids=[
        "empty",
        "only a preview",
        "only done",
        "null image",
        "bad base64",
        "broken JSON",
        "not UTF-8",
        "a list",
        "JSON document",
        "HTML",
        "no body",
    ],
)
def test_a_stream_without_a_finished_image_is_an_error(behaviour: Any) -> None:
    with running_openai() as openai:
        openai.script(behaviour)
        with pytest.raises(BadResponse) as caught:
            ask(provider_at(openai), wish(partial_images=1))
    assert caught.value.may_be_billed
    assert caught.value.details["request_id"] == "req_fake_1"


def test_an_error_event_is_the_error_it_names() -> None:
    with running_openai() as openai:
        openai.script(
            events(partial_event(ONE), error_event("moderation_blocked", "The output was refused."))
        )
        with pytest.raises(ContentPolicyError, match="The output was refused"):
            ask(provider_at(openai), wish(partial_images=1))


def test_an_error_document_in_place_of_a_stream_is_the_error_it_names() -> None:
    with running_openai() as openai:
        openai.script(error_in_200("moderation_blocked", "Refused."))
        with pytest.raises(ContentPolicyError):
            ask(provider_at(openai), wish(partial_images=1))


def test_a_stream_cut_before_its_image_may_have_been_billed() -> None:
    with running_openai() as openai:
        openai.script(events(partial_event(ONE), cut=True))
        with pytest.raises(ProviderUnavailable) as caught:
            ask(provider_at(openai), wish(partial_images=1))
    assert caught.value.may_be_billed


def test_a_json_answer_to_a_stream_request_that_breaks_off_is_a_broken_connection() -> None:
    with running_openai() as openai:
        openai.script(cut("body"))
        with pytest.raises(ProviderUnavailable) as caught:
            ask(provider_at(openai), wish(partial_images=1))
    assert caught.value.may_be_billed


@pytest.mark.parametrize(
    "ending",
    [
        events(completed_event(ONE), cut=True),
        events(completed_event(ONE), cut=True, content_type="text/plain"),
        events(completed_event(ONE), cut=True, content_type="Text/Event-Stream"),
        events(completed_event(ONE), error_event("server_error", "Out of order.", "server_error")),
        events(completed_event(ONE), b"data: {broken\n\n"),
        events(completed_event(ONE), {**completed_event(TWO), "b64_json": None}),
        events(completed_event(ONE)),
    ],
    ids=["cut", "cut text", "cut in capitals", "error event", "broken event", "null image", "ended early"],
)
def test_images_that_came_before_a_stream_broke_are_kept_and_noted(ending: Any) -> None:
    with running_openai() as openai:
        openai.script(ending)
        result = ask(provider_at(openai), wish(n=2, partial_images=0))
    assert [image.data for image in result.images] == [ONE]
    assert "after 1 of 2 images" in result.notes[0]


def test_images_that_came_before_the_time_out_are_kept_and_noted() -> None:
    with running_openai() as openai:
        openai.script(held_stream([completed_event(ONE)], threading.Event()))
        result = ask(provider_at(openai), wish(n=2, partial_images=0, timeout_seconds=0.4))
    assert [image.data for image in result.images] == [ONE]
    assert "0.4 seconds" in result.notes[0]


def test_cancelling_a_stream_closes_the_connection() -> None:
    with running_openai() as openai:
        openai.script(held_stream([partial_event(ONE)], threading.Event()))

        async def cancel_at_the_first_preview() -> None:
            previewed = asyncio.Event()

            def listen(news: Progress) -> None:
                if news.stage == "partial":
                    previewed.set()

            call = asyncio.create_task(start(provider_at(openai), wish(partial_images=2), listen))
            await asyncio.wait_for(previewed.wait(), 20)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call

        asyncio.run(cancel_at_the_first_preview())
        assert openai.requests[0].client_left.wait(5)


def test_a_streams_events_may_use_any_line_ends() -> None:
    with running_openai() as openai:
        openai.script(events(event(completed_event(ONE)).replace(b"\n", b"\r\n")))
        assert ask(provider_at(openai), wish(partial_images=0)).images[0].data == ONE
