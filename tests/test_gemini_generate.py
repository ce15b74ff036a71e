"""Generating with Gemini: what is sent, and what is made of the answer."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from imagegen.pricing import load_prices
from imagegen.service import open_service
from imagegen.settings import Settings
from imagegen.settings_sources import load_settings
from imagegen.types import CostBasis, GenerateRequest, Progress, ProviderResult, Usage
from tests.fakes.gemini_behaviours import image_part, ok
from tests.fakes.gemini_calls import KEY, MODEL, ask, build_provider, edit_wish, provider_at, wish
from tests.fakes.gemini_rules import snake_case
from tests.fakes.gemini_server import running_gemini
from tests.fakes.openai_calls import ignore
from tests.fakes.openai_pictures import picture

ONE, TWO = picture("png", 64, 48, 1), picture("png", 64, 48, 2)
CONTENTS = [{"role": "user", "parts": [{"text": "otter"}]}]

# As recorded from google-genai 3.4.0, with every image option of the API. We do not send what is the API's
# default or what an image does not need: one candidate, words beside the image, thoughts.
RECORDED_BODY: dict[str, Any] = {
    "contents": [{"parts": [{"text": "A banana"}], "role": "user"}],
    "safetySettings": [{"category": "HARM_CATEGORY_DANGEROUS_CONTENT", "threshold": "BLOCK_ONLY_HIGH"}],
    "generationConfig": {
        "candidateCount": 1,
        "seed": 7,
        "responseModalities": ["TEXT", "IMAGE"],
        "thinkingConfig": {"include_thoughts": True, "thinking_level": "HIGH"},
        "imageConfig": {"aspectRatio": "16:9", "imageSize": "2K"},
    },
}
RECORDED_HEADERS = {
    "accept": "*/*",
    "accept-encoding": "gzip, deflate",
    "connection": "keep-alive",
    "content-type": "application/json",
    "x-goog-api-key": KEY,
}


def sent(request: GenerateRequest) -> Any:
    with running_gemini() as gemini:
        ask(provider_at(gemini), request)
        return gemini.requests[0].json


def test_nothing_is_sent_but_the_prompt_and_the_wish_for_an_image_when_nothing_else_was_said() -> None:
    assert sent(wish()) == {"contents": CONTENTS, "generationConfig": {"responseModalities": ["IMAGE"]}}


def test_a_request_has_the_form_that_the_sdk_was_recorded_to_send() -> None:
    body = sent(wish("A banana", size="2048x1152", quality="high", moderation="low", seed=7))
    recorded = RECORDED_BODY["generationConfig"]
    assert body["contents"] == RECORDED_BODY["contents"]
    assert body["generationConfig"] == {
        "seed": recorded["seed"],
        "responseModalities": ["IMAGE"],
        "thinkingConfig": {"thinking_level": recorded["thinkingConfig"]["thinking_level"]},
        "imageConfig": recorded["imageConfig"],
    }
    assert RECORDED_BODY["safetySettings"][0] in body["safetySettings"]


def test_headers_and_path_are_those_that_the_sdk_was_recorded_to_send() -> None:
    with running_gemini() as gemini:
        ask(provider_at(gemini, timeout=5), wish())
        [request] = gemini.requests
    assert (request.method, request.path) == ("POST", f"/v1/models/{MODEL}:generateContent")
    assert RECORDED_HEADERS.items() <= request.headers.items()
    assert request.headers["user-agent"].startswith("google-genai-sdk/")
    assert request.headers["x-server-timeout"] == "5"


@pytest.mark.parametrize(
    ("prefix", "suffix", "path"),
    [
        ("/sub", "", "/sub/v1/models/"),
        ("/sub", "/", "/sub/v1/models/"),
        ("/a/b", "/v1beta", "/a/b/v1beta/models/"),
        ("", "/v1beta/", "/v1beta/models/"),
        ("", "/v1", "/v1/models/"),
    ],
)
def test_a_base_url_may_have_a_path_and_a_version(prefix: str, suffix: str, path: str) -> None:
    with running_gemini(prefix=prefix) as gemini:
        provider = provider_at(gemini, base_url=gemini.base_url + suffix)
        ask(provider, wish())
        assert gemini.requests[0].path == f"{path}{MODEL}:generateContent"
        assert provider.wire_call(wish()).endpoint.endswith(gemini.requests[0].path)


def test_a_dry_run_names_googles_own_address_when_no_other_is_set() -> None:
    endpoint = build_provider(api_key=KEY).wire_call(wish()).endpoint
    assert endpoint == f"POST https://generativelanguage.googleapis.com/v1/models/{MODEL}:generateContent"


@pytest.mark.parametrize(
    "request_",
    [
        wish(),
        wish(size="1200x630", quality="low", moderation="low", seed=0),
        wish(size="auto", quality="auto", moderation="auto", background="opaque"),
        wish(model="gemini-3-pro-image", size="4096x4096"),
    ],
)
def test_what_a_dry_run_shows_is_what_is_sent(request_: GenerateRequest) -> None:
    with running_gemini() as gemini:
        provider = provider_at(gemini)
        shown = provider.wire_call(request_)
        ask(provider, request_)
        assert snake_case(shown.parameters) == snake_case(gemini.requests[0].json)
        assert shown.endpoint == f"POST {gemini.base_url}/v1/models/{request_.model}:generateContent"


def test_what_the_sdk_would_take_from_the_environment_does_not_reach_the_wire(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for name in ("GOOGLE_GENAI_USE_ENTERPRISE", "GOOGLE_GENAI_USE_VERTEXAI"):
        monkeypatch.setenv(name, "true")
    for name in ("GEMINI_API_KEY", "GOOGLE_API_KEY", "GOOGLE_CLOUD_PROJECT", "GOOGLE_CLOUD_LOCATION"):
        monkeypatch.setenv(name, "from-the-environment")
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("GOOGLE_GENAI_API_VERSION", "beta")
    monkeypatch.setenv("GOOGLE_GENAI_HTTP_CLIENT", "httpx")
    with running_gemini() as gemini:
        ask(provider_at(gemini), wish())
        [request] = gemini.requests
    assert request.path == f"/v1/models/{MODEL}:generateContent"
    assert request.headers["x-goog-api-key"] == KEY
    assert capfd.readouterr().err == ""


def test_a_server_of_ones_own_needs_no_key() -> None:
    with running_gemini() as gemini:
        provider = provider_at(gemini, api_key=None)
        assert provider.availability().enabled
        ask(provider, wish())


def test_googles_older_variable_is_read_and_the_other_one_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    def key() -> str | None:
        secret = load_settings().settings.providers.gemini.api_key
        return secret.get_secret_value() if secret else None

    monkeypatch.setenv("GEMINI_API_KEY", "gemini-key")
    assert key() == "gemini-key"
    monkeypatch.setenv("GOOGLE_API_KEY", "google-key")
    assert key() == "google-key"
    monkeypatch.setenv("PROVIDERS__GEMINI__API_KEY", "our-key")
    assert key() == "our-key"


# What is made of an answer


def result_of(*parts: dict[str, Any], **fields: Any) -> ProviderResult:
    with running_gemini() as gemini:
        gemini.script(ok(*parts, **fields))
        return ask(provider_at(gemini), wish())


@pytest.mark.parametrize("image_format", ["png", "jpeg", "webp"])
def test_the_image_comes_back_byte_for_byte_whatever_its_format(image_format: str) -> None:
    made = picture(image_format, 64, 48)
    assert [image.data for image in result_of(image_part(made, f"image/{image_format}")).images] == [made]


def test_drafts_among_the_thoughts_are_skipped() -> None:
    draft, words = image_part(ONE, thought=True), {"text": "Let me think.", "thought": True}
    result = result_of(words, draft, {"text": "Here it is."}, image_part(TWO))
    assert [image.data for image in result.images] == [TWO]
    assert result.details["text"] == "Here it is."


def test_what_gemini_says_beside_the_image_is_kept_within_bounds_and_without_control_characters() -> None:
    result = result_of(image_part(ONE), {"text": "a\x1b[31m " + "word " * 2000})
    assert result.details["text"].startswith("a [31m word")
    assert len(result.details["text"]) == 2000


def test_several_images_in_one_answer_are_all_kept() -> None:
    assert [image.data for image in result_of(image_part(ONE), image_part(TWO)).images] == [ONE, TWO]


def test_an_image_in_url_safe_base64_is_read_too() -> None:
    made = bytes(range(256)) * 3
    part = image_part(made)
    part["inlineData"]["data"] = part["inlineData"]["data"].translate(str.maketrans("+/", "-_"))
    assert result_of(part).images[0].data == made


@pytest.mark.parametrize("finish", ["MAX_TOKENS", "IMAGE_SAFETY", "SOMETHING_NEW"])
def test_an_image_is_kept_however_the_answer_ended_and_the_end_is_noted(finish: str) -> None:
    result = result_of(image_part(ONE), finish=finish)
    assert result.images[0].data == ONE
    assert result.notes == (f"Gemini sent an image and ended with {finish}",)


def test_an_answer_without_a_finish_reason_is_no_failure() -> None:
    result = result_of(image_part(ONE), finish=None)
    assert (len(result.images), result.notes) == (1, ())


def test_the_response_id_and_the_model_version_are_kept() -> None:
    result = result_of(image_part(ONE), responseId="r-1", modelVersion="gemini-nano-banana-2.1-001")
    assert result.request_id == "r-1"
    assert result.details["model_version"] == "gemini-nano-banana-2.1-001"


def test_usage_counts_the_image_apart_from_words_and_thoughts() -> None:
    counts = {
        "promptTokenCount": 1128,
        "promptTokensDetails": [
            {"modality": "TEXT", "tokenCount": 8},
            {"modality": "IMAGE", "tokenCount": 1120},
        ],
        "candidatesTokenCount": 1150,
        "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 1120}],
        "thoughtsTokenCount": 172,
        "totalTokenCount": 2450,
    }
    assert result_of(image_part(ONE), usageMetadata=counts).usage == Usage(
        input_text_tokens=8,
        input_image_tokens=1120,
        output_image_tokens=1120,
        output_text_tokens=30 + 172,
        total_tokens=2450,
    )


def test_the_cost_is_what_the_published_prices_make_of_the_counts() -> None:
    with running_gemini() as gemini:
        request = edit_wish("otter", provider="gemini")
        answer = ask(provider_at(gemini), request)
    cost = load_prices(None).cost(request, answer)
    # 1122 tokens in at 1.50, 1120 of the image at 30, 172 of thoughts at 7.50, a million each.
    assert cost.cost_usd == Decimal("0.001683") + Decimal("0.0336") + Decimal("0.00129")
    assert (cost.basis, cost.tokens_used) == (CostBasis.USAGE, 2414)


def test_output_without_details_is_the_image() -> None:
    counts = {"promptTokenCount": 8, "candidatesTokenCount": 1120, "thoughtsTokenCount": 5}
    expected = Usage(input_text_tokens=8, output_image_tokens=1120, output_text_tokens=5, total_tokens=1133)
    assert result_of(image_part(ONE), usageMetadata=counts).usage == expected


def test_cached_input_is_counted_where_it_is_given() -> None:
    counts = {
        "promptTokenCount": 1128,
        "promptTokensDetails": [{"modality": "IMAGE", "tokenCount": 1120}],
        "cachedContentTokenCount": 1124,
        "cacheTokensDetails": [{"modality": "IMAGE", "tokenCount": 1120}],
    }
    usage = result_of(image_part(ONE), usageMetadata=counts).usage
    assert usage is not None
    assert (usage.cached_text_tokens, usage.cached_image_tokens) == (4, 1120)


@pytest.mark.parametrize("counts", [None, {}, [], "many"])
def test_no_usage_is_made_up_where_none_was_sent(counts: object) -> None:
    assert result_of(image_part(ONE), usageMetadata=counts).usage is None


def test_token_counts_that_are_no_counts_are_not_believed() -> None:
    counts = {"promptTokenCount": -3, "candidatesTokenCount": "9", "totalTokenCount": True}
    counts["promptTokensDetails"] = [{"modality": "IMAGE", "tokenCount": 7}, 5, None]
    assert result_of(image_part(ONE), usageMetadata=counts).usage == Usage()


def test_the_listener_hears_of_sending_and_of_the_answer() -> None:
    heard: list[Progress] = []
    with running_gemini() as gemini:
        ask(provider_at(gemini), wish(n=2), heard.append)
    assert [(news.stage, news.model) for news in heard] == [("sending", MODEL), ("received", MODEL)]


def test_a_listener_that_fails_does_not_cost_the_paid_image() -> None:
    def fail(news: Progress) -> None:
        raise RuntimeError("no terminal")

    with running_gemini() as gemini:
        result = ask(provider_at(gemini), wish(), fail)
    assert len(result.images) == 1
    assert "RuntimeError" in result.notes[-1]


def test_calls_at_once_and_one_after_another_share_a_provider() -> None:
    async def call_thrice(base_url: str) -> list[ProviderResult]:
        provider = build_provider(base_url=base_url, api_key=KEY)
        both = await asyncio.gather(*(provider.generate(wish(n=n), on_progress=ignore) for n in (1, 2)))
        await provider.aclose()
        third = await provider.generate(wish(n=3), on_progress=ignore)
        await provider.aclose()
        return [*both, third]

    with running_gemini() as gemini:
        results = asyncio.run(call_thrice(gemini.base_url))
    assert [len(result.images) for result in results] == [1, 2, 3]


# Through the whole house


def test_a_picture_made_through_the_service_says_what_was_asked_and_what_was_sent(home: Path) -> None:
    async def make(base_url: str) -> Any:
        gemini = {"base_url": base_url, "api_key": KEY}
        settings = Settings.model_validate({"providers": {"gemini": gemini}})
        async with open_service(settings) as service:
            request = GenerateRequest(prompt="otter", model="gemini", size="1200x630", quality="low")
            return await service.generate(request)

    with running_gemini() as gemini:
        jpeg = picture("jpeg", 1376, 768)
        gemini.script(ok(image_part(jpeg, "image/jpeg")))
        result = asyncio.run(make(gemini.base_url))
    [record] = result.images
    assert (record.provider, record.model, record.file_info.format) == ("gemini", MODEL, "jpeg")
    assert record.parameters["asked"] == {"size": "1200x630", "quality": "low"}
    sent_settings = record.parameters["sent"]["generationConfig"]
    assert sent_settings["imageConfig"] == {"aspectRatio": "16:9", "imageSize": "1K"}
    assert {"size 1200x630 becomes 16:9 at 1K", "asked for 1200x630, got 1376x768"} <= set(record.notes)
    assert not [note for note in record.notes if "png" in note]
    assert KEY not in str(record)
