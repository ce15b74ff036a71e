"""Generating with OpenAI: what is sent, and what is made of the answer."""

from __future__ import annotations

import asyncio
import io
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from imagegen.errors import ProviderUnavailable
from imagegen.types import GenerateRequest, Progress, ProviderResult, Usage
from tests.command import run_process
from tests.fakes.openai_behaviours import error, ok, premade
from tests.fakes.openai_calls import KEY, MODEL, ask, build_provider, ignore, provider_at, wish
from tests.fakes.openai_pictures import picture
from tests.fakes.openai_server import FakeOpenAI, running_openai

RECORDED = json.loads(
    (Path(__file__).parent / "snapshots" / "openai_requests.json").read_text(encoding="utf-8")
)

EVERYTHING: dict[str, Any] = {
    "n": 3,
    "size": "1536x864",
    "quality": "max",
    "background": "opaque",
    "moderation": "low",
    "output_format": "jpeg",
    "output_compression": 80,
    "complexity": "high",
    "safety_identifier": "u-5f",
}


def sent_fields(request: GenerateRequest) -> dict[str, Any]:
    with running_openai() as openai:
        ask(provider_at(openai), request)
        return openai.fields[0]


def test_nothing_is_sent_but_model_and_prompt_when_nothing_else_was_said() -> None:
    assert sent_fields(wish("otter")) == {"model": MODEL, "prompt": "otter"}


def test_every_still_image_parameter_reaches_the_wire_as_it_was_said() -> None:
    assert sent_fields(wish(**EVERYTHING)) == {"model": MODEL, "prompt": "otter", **EVERYTHING}


def test_gif_frames_reach_the_wire() -> None:
    frames: dict[str, Any] = {"output_format": "gif", "frame_count": 4, "frame_duration_ms": 120}
    assert sent_fields(wish(**frames)) == {"model": MODEL, "prompt": "otter", **frames}


def test_svg_model_and_effort_become_one_nested_object() -> None:
    fields = sent_fields(wish(output_format="svg", svg_model="gpt-6", svg_effort="low"))
    assert fields["svg"] == {"model": "gpt-6", "reasoning": {"effort": "low"}}
    assert not {"svg_model", "svg_effort"} & set(fields)


def test_an_svg_model_alone_sends_no_reasoning() -> None:
    assert sent_fields(wish(output_format="svg", svg_model="gpt-6"))["svg"] == {"model": "gpt-6"}


def test_style_and_seed_are_not_sent_and_the_call_says_so() -> None:
    request = wish(style="vivid", seed=7)
    assert sent_fields(request) == {"model": MODEL, "prompt": "otter"}
    notes = build_provider(api_key=KEY).wire_call(request).notes
    assert [note.split(" ")[0] for note in notes] == ["style=vivid", "seed=7"]


@pytest.mark.parametrize(
    ("name", "request_"),
    [
        (
            "generate",
            wish(
                n=2,
                size="1536x864",
                quality="xhigh",
                background="opaque",
                moderation="low",
                output_format="webp",
                output_compression=80,
                safety_identifier="u1",
            ),
        ),
        ("generate-stream", wish(partial_images=2)),
    ],
)
def test_a_request_equals_what_the_sdk_was_recorded_to_send(name: str, request_: GenerateRequest) -> None:
    recorded = RECORDED[name]
    with running_openai() as openai:
        ask(provider_at(openai), request_)
        [sent] = openai.requests
    assert (sent.method, sent.path, sent.json) == (recorded["method"], recorded["path"], recorded["json"])
    assert sent.headers["authorization"] == recorded["headers"]["authorization"].replace("<key>", KEY)
    assert sent.headers["accept"] == recorded["headers"]["accept"]
    assert sent.headers["content-type"] == recorded["headers"]["content-type"]


@pytest.mark.parametrize(
    "request_", [wish(), wish(**EVERYTHING), wish(partial_images=0), wish(quality="auto")]
)
def test_what_a_dry_run_shows_is_what_is_sent(request_: GenerateRequest) -> None:
    with running_openai() as openai:
        provider = provider_at(openai)
        shown = provider.wire_call(request_)
        ask(provider, request_)
        assert shown.parameters == openai.requests[0].json
        assert shown.endpoint == f"POST {openai.base_url}/images/generations"


def test_a_dry_run_names_openais_own_address_when_no_other_is_set() -> None:
    endpoint = build_provider(api_key=KEY).wire_call(wish()).endpoint
    assert endpoint == "POST https://api.openai.com/v1/images/generations"


def test_organization_and_project_are_sent_when_they_are_configured() -> None:
    with running_openai() as openai:
        ask(provider_at(openai, organization="org-1", project="proj_2"), wish())
        headers = openai.requests[0].headers
    assert (headers["openai-organization"], headers["openai-project"]) == ("org-1", "proj_2")


def test_what_the_sdk_would_take_from_the_environment_does_not_reach_the_wire(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in (
        "OPENAI_ORG_ID",
        "OPENAI_PROJECT_ID",
        "OPENAI_API_KEY",
        "OPENAI_ADMIN_KEY",
        "OPENAI_BASE_URL",
    ):
        monkeypatch.setenv(name, "http://127.0.0.1:9/from-the-environment")
    with running_openai() as openai:
        ask(provider_at(openai), wish())
        headers = openai.requests[0].headers
    assert headers["authorization"] == f"Bearer {KEY}"
    assert not {"openai-organization", "openai-project"} & set(headers)


def test_an_address_in_the_sdks_environment_does_not_replace_openais_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with running_openai() as openai:
        monkeypatch.setenv("OPENAI_BASE_URL", openai.base_url)
        # The way to the real address leads through a proxy that is not there.
        monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
        with pytest.raises(ProviderUnavailable, match=r"api\.openai\.com"):
            ask(build_provider(api_key=KEY), wish())
        assert openai.requests == []


@pytest.mark.parametrize(("asked", "seconds"), [(None, 900.0), (42.5, 42.5)])
def test_the_sdk_waits_as_long_as_the_request_or_else_the_settings_say(
    asked: float | None, seconds: float
) -> None:
    with running_openai() as openai:
        ask(provider_at(openai, timeout=900), wish(timeout_seconds=asked))
        assert float(openai.requests[0].headers["x-stainless-read-timeout"]) == seconds


def test_a_server_of_ones_own_needs_no_key() -> None:
    with running_openai() as openai:
        ask(provider_at(openai, api_key=None), wish())
        assert openai.requests[0].headers["authorization"].startswith("Bearer ")


def test_each_image_comes_back_byte_for_byte_in_order() -> None:
    made = [picture("png", 320, 240, number) for number in range(3)]
    with running_openai() as openai:
        openai.script(ok(made))
        result = ask(provider_at(openai), wish(n=3))
    assert [image.data for image in result.images] == made


@pytest.mark.parametrize("output_format", ["png", "jpeg", "webp", "gif"])
def test_the_image_is_of_the_format_and_size_that_were_asked_for(output_format: str) -> None:
    with running_openai() as openai:
        result = ask(provider_at(openai), wish(output_format=output_format, size="1536x1024"))
    with Image.open(io.BytesIO(result.images[0].data)) as image:
        assert (image.format or "").lower() == output_format
        assert image.size == (1536, 1024)


def test_the_result_says_what_the_service_used_where_it_was_free_to_choose() -> None:
    with running_openai() as openai:
        result = ask(provider_at(openai), wish(size="auto", quality="auto"))
    assert result.reported == {
        "size": "1024x1024",
        "quality": "medium",
        "background": "opaque",
        "output_format": "png",
    }


def test_request_id_and_rate_limits_are_kept() -> None:
    with running_openai() as openai:
        result = ask(provider_at(openai), wish())
    assert result.request_id == "req_fake_1"
    assert result.details["processing_ms"] == 12
    assert result.details["rate_limits"] == {"limit-requests": "20", "remaining-requests": "19"}


def test_a_revised_prompt_is_kept() -> None:
    entry = {"b64_json": "iVBORw0KGgo=", "revised_prompt": "a wet otter"}
    with running_openai() as openai:
        openai.script(ok(entries=[entry]))
        result = ask(provider_at(openai), wish())
    assert result.images[0].revised_prompt == "a wet otter"


def test_svg_usage_is_kept_beside_the_images_own() -> None:
    svg_usage = {
        "model": "gpt-6",
        "input_tokens": 5,
        "output_tokens": 9,
        "reasoning_tokens": 0,
        "total_tokens": 14,
    }
    with running_openai() as openai:
        openai.script(ok(answer={"svg_usage": svg_usage}))
        result = ask(provider_at(openai), wish(output_format="svg"))
    assert result.details["svg_usage"] == svg_usage


def usage_for(**answer: Any) -> Usage | None:
    with running_openai() as openai:
        openai.script(ok(**answer))
        return ask(provider_at(openai), wish(model="gpt-image-2", quality="low", prompt="otter")).usage


EXPECTED = Usage(input_text_tokens=2, output_image_tokens=196, total_tokens=198)


def test_usage_counts_text_and_image_tokens_apart() -> None:
    assert usage_for() == EXPECTED


def test_all_output_is_image_tokens_where_the_details_are_missing() -> None:
    assert usage_for(usage_details=False) == EXPECTED


def test_cached_and_text_tokens_are_counted_where_they_are_given() -> None:
    counts = {
        "input_tokens": 1034,
        "input_tokens_details": {
            "text_tokens": 10,
            "image_tokens": 1024,
            "cached_tokens_details": {"text_tokens": 8, "image_tokens": 512},
        },
        "output_tokens": 220,
        "output_tokens_details": {"image_tokens": 196, "text_tokens": 24},
        "total_tokens": 1254,
    }
    assert usage_for(answer={"usage": counts}) == Usage(
        input_text_tokens=10,
        input_image_tokens=1024,
        cached_text_tokens=8,
        cached_image_tokens=512,
        output_image_tokens=196,
        output_text_tokens=24,
        total_tokens=1254,
    )


@pytest.mark.parametrize("counts", [None, {}, [], "many"])
def test_no_usage_is_made_up_where_none_was_sent(counts: object) -> None:
    assert usage_for(answer={"usage": counts}) is None


def test_token_counts_that_are_no_counts_are_not_believed() -> None:
    counts = {"input_tokens": -3, "output_tokens": "196", "total_tokens": True, "input_tokens_details": 7}
    assert usage_for(answer={"usage": counts}) == Usage()


def test_the_listener_hears_of_sending_and_of_the_answer() -> None:
    heard: list[Progress] = []
    with running_openai() as openai:
        ask(provider_at(openai), wish(), heard.append)
    assert [(news.stage, news.model) for news in heard] == [("sending", MODEL), ("received", MODEL)]


@pytest.mark.parametrize("stage", ["sending", "received"])
def test_a_listener_that_fails_does_not_cost_the_paid_image(stage: str) -> None:
    heard: list[str] = []

    def fail(news: Progress) -> None:
        heard.append(news.stage)
        if news.stage == stage:
            raise RuntimeError("no terminal")

    with running_openai() as openai:
        result = ask(provider_at(openai), wish(), fail)
    assert len(result.images) == 1
    assert "RuntimeError" in result.notes[-1]
    assert heard[-1] == stage


def test_calls_at_once_and_one_after_another_share_a_provider() -> None:
    async def call_thrice(base_url: str) -> list[ProviderResult]:
        provider = build_provider(base_url=base_url, api_key=KEY)
        both = await asyncio.gather(*(provider.generate(wish(n=n), on_progress=ignore) for n in (1, 2)))
        await provider.aclose()
        third = await provider.generate(wish(n=3), on_progress=ignore)
        await provider.aclose()
        return [*both, third]

    with running_openai() as openai:
        results = asyncio.run(call_thrice(openai.base_url))
    assert [len(result.images) for result in results] == [1, 2, 3]


def test_a_failed_call_is_not_repeated_by_the_sdk() -> None:
    with running_openai() as openai:
        openai.script(error(500, None, "Oops.", kind="server_error"))
        with pytest.raises(Exception, match="Oops"):
            ask(provider_at(openai), wish())
        assert len(openai.requests) == 1


def test_a_premade_answer_is_read_like_any_other() -> None:
    image = picture("png", 64, 64)
    with running_openai() as openai:
        openai.script(premade(image))
        assert ask(provider_at(openai), wish()).images[0].data == image


def test_googles_sdk_cannot_be_met_in_the_middle_of_loading_httpx(openai: FakeOpenAI) -> None:
    done = run_process("generate", "a red fox", "-m", MODEL, PYTHONPROFILEIMPORTTIME="1")
    loaded = [line.rpartition("|")[2].strip() for line in done.err.splitlines() if "import time:" in line]

    assert done.code == 0
    assert loaded.index("httpx") < loaded.index("openai._httpx2")
