"""Several images of one request to Gemini: calls side by side, and what becomes of those that fail."""

from __future__ import annotations

import asyncio
import io
import threading
from typing import Any

import pytest
from PIL import Image

from imagegen.errors import AuthenticationFailed, ContentPolicyError, ProviderTimeout, RateLimited
from imagegen.types import ProviderResult
from tests.fakes.gemini_behaviours import error, error_info, held, ok, retry_info, stopped
from tests.fakes.gemini_calls import KEY, ask, build_provider, provider_at, start, wish
from tests.fakes.gemini_server import running_gemini


def colours(result: ProviderResult) -> list[object]:
    return [Image.open(io.BytesIO(image.data)).convert("RGB").getpixel((0, 0)) for image in result.images]


def test_each_image_is_a_call_of_its_own_at_most_four_at_once_and_they_keep_their_order() -> None:
    with running_gemini() as gemini:
        provider = provider_at(gemini)
        result = ask(provider, wish(n=10, seed=100))
        seeds = [body["generation_config"]["seed"] for body in gemini.bodies]
        assert gemini.most_at_once <= 4
    assert sorted(seeds) == list(range(100, 110))
    assert colours(result) == [(40 * seed % 256, 90, 160) for seed in range(100, 110)]
    assert (
        "n=10 becomes 10 calls of one image each, with the seeds 100 to 109"
        in provider.wire_call(wish(n=10, seed=100)).notes
    )


def test_four_calls_run_at_the_same_time() -> None:
    together = threading.Barrier(4, timeout=10)

    def meet(asked: Any) -> None:
        together.wait()
        ok()(asked)

    with running_gemini() as gemini:
        gemini.script(meet, meet, meet, meet)
        assert len(ask(provider_at(gemini), wish(n=4)).images) == 4


def test_usage_and_ids_of_all_calls_are_added_up() -> None:
    with running_gemini() as gemini:
        result = ask(provider_at(gemini), wish(n=3))
    assert result.usage is not None
    assert (result.usage.output_image_tokens, result.usage.output_text_tokens) == (3360, 516)
    assert sorted(result.details["response_ids"]) == ["response-0", "response-1", "response-2"]


def test_images_that_came_are_returned_and_those_that_did_not_are_reported() -> None:
    with running_gemini() as gemini:
        refused = stopped("IMAGE_SAFETY")
        gemini.script(ok(), refused, error(503, "UNAVAILABLE", "The model is overloaded."), ok())
        result = ask(provider_at(gemini), wish(n=4))
    assert len(result.images) == 2
    failed = {entry["code"]: entry for entry in result.details["failed"]}
    assert set(failed) == {"content_policy", "provider_unavailable"}
    assert failed["content_policy"]["may_be_billed"] is True
    assert all(1 <= entry["image"] <= 4 for entry in result.details["failed"])
    assert len(result.notes) == 2
    assert all(note.startswith("image ") and "of 4 was not made" in note for note in result.notes)
    # A refusal is billed for its prompt: 8 tokens here, 2 for each of the two images.
    assert result.usage is not None
    assert result.usage.input_text_tokens == 8 + 2 + 2


def test_the_first_problem_is_raised_when_no_image_came() -> None:
    with running_gemini() as gemini:
        gemini.script(*[stopped("SAFETY")] * 3)
        with pytest.raises(ContentPolicyError, match="SAFETY"):
            ask(provider_at(gemini), wish(n=3))
        assert len(gemini.requests) == 3


def test_a_rate_limit_on_one_image_does_not_stop_the_others() -> None:
    with running_gemini() as gemini:
        gemini.script(error(429, "RESOURCE_EXHAUSTED", "Slow down.", retry_info("7s")))
        result = ask(provider_at(gemini), wish(n=6))
    assert len(result.images) == 5
    [failed] = result.details["failed"]
    assert (failed["code"], failed["retry_after_seconds"]) == (RateLimited.code, 7)


def test_no_more_calls_are_made_once_one_shows_that_none_can_succeed() -> None:
    with running_gemini() as gemini:
        bad_key = error(400, "INVALID_ARGUMENT", "API key not valid.", error_info("API_KEY_INVALID"))
        gemini.script(*[bad_key] * 10)
        with pytest.raises(AuthenticationFailed):
            ask(provider_at(gemini), wish(n=10))
        assert len(gemini.requests) <= 4


def test_what_came_before_the_time_was_over_is_returned() -> None:
    with running_gemini() as gemini:
        gemini.script(ok(), *[held(threading.Event())] * 3)
        result = ask(provider_at(gemini), wish(n=6, timeout_seconds=1.5))
        assert len(gemini.requests) == 6
    assert len(result.images) == 3
    assert {entry["code"] for entry in result.details["failed"]} == {ProviderTimeout.code}


def test_calls_whose_turn_does_not_come_in_time_are_not_made() -> None:
    with running_gemini() as gemini:
        gemini.script(*[held(threading.Event())] * 4)
        with pytest.raises(ProviderTimeout, match=r"within 0\.5 seconds"):
            ask(provider_at(gemini), wish(n=5, timeout_seconds=0.5))
        assert len(gemini.requests) == 4


def test_a_cancelled_request_keeps_the_images_that_have_come() -> None:
    never, begun = threading.Event(), threading.Event()

    def begin(asked: Any) -> None:
        begun.set()
        held(never)(asked)

    async def cancel_when_one_has_come(base_url: str) -> ProviderResult:
        provider = build_provider(base_url=base_url, api_key=KEY)
        task = asyncio.create_task(start(provider, wish(n=5)))
        # Four run at once, so the fifth begins when the first image is there.
        assert await asyncio.to_thread(begun.wait, 10)
        task.cancel()
        result = await task
        await provider.aclose()
        return result

    with running_gemini() as gemini:
        gemini.script(ok(), *[held(never)] * 3, begin)
        result = asyncio.run(cancel_when_one_has_come(gemini.base_url))
    assert len(result.images) == 1
    assert len(result.details["failed"]) == 4
    assert "cancelled" in result.notes[0]


def test_a_cancellation_before_any_image_ends_the_call_at_once() -> None:
    async def cancel(gemini: Any) -> None:
        provider = build_provider(base_url=gemini.base_url, api_key=KEY)
        task = asyncio.create_task(start(provider, wish(n=2)))
        await asyncio.to_thread(gemini.arrived.wait, 10)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await provider.aclose()

    with running_gemini() as gemini:
        gemini.script(*[held(threading.Event())] * 2)
        asyncio.run(cancel(gemini))
