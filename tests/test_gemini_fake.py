"""The fake Gemini itself: the official SDK reads what it says, and it refuses what the API does not know."""

from __future__ import annotations

from typing import Any

import httpx
import httpx2
import pytest

from tests.fakes.gemini_behaviours import (
    chunk,
    draft_part,
    error,
    error_body,
    image_part,
    ok,
    retry_info,
    stopped,
    streamed,
)
from tests.fakes.gemini_calls import KEY, MODEL
from tests.fakes.gemini_server import running_gemini
from tests.fakes.openai_pictures import picture

ONE = picture("png", 64, 48, 1)
CONTENTS = [{"role": "user", "parts": [{"text": "otter"}]}]


def official(gemini: Any) -> Any:
    from google.genai import Client
    from google.genai.types import HttpOptions

    return Client(api_key=KEY, enterprise=False, http_options=HttpOptions(base_url=gemini.base_url))


def test_the_official_sdk_reads_the_fakes_answers() -> None:
    from google.genai.types import FinishReason, Part

    with running_gemini() as gemini, official(gemini) as client:
        gemini.script(ok({"text": "draft", "thought": True}, {"text": "Here."}, image_part(ONE)))
        made = client.models.generate_content(model=MODEL, contents="otter")
        assert made.parts is not None
        assert [part.inline_data.data for part in made.parts if part.inline_data] == [ONE]
        assert made.usage_metadata is not None
        assert made.usage_metadata.candidates_token_count == 1120
        edited = client.models.generate_content(
            model=MODEL, contents=[Part.from_bytes(data=ONE, mime_type="image/png"), "hat"]
        )
        assert edited.parts is not None
        gemini.script(stopped("IMAGE_SAFETY"))
        refused = client.models.generate_content(model=MODEL, contents="otter")
        assert refused.candidates is not None
        assert refused.candidates[0].finish_reason is FinishReason.IMAGE_SAFETY


def test_the_official_sdk_reads_the_fakes_list_of_models() -> None:
    with running_gemini() as gemini, official(gemini) as client:
        gemini.models_a_page = 3
        listed = {model.name: model.supported_actions for model in client.models.list()}
        assert len(listed) == len(gemini.models)
        assert "generateContent" in listed[f"models/{MODEL}"]


def test_the_official_sdk_reads_the_fakes_stream_and_its_errors() -> None:
    from google.genai.errors import ClientError
    from google.genai.types import FinishReason

    with running_gemini() as gemini, official(gemini) as client:
        gemini.script(
            ok({"text": "Here it is."}, image_part(ONE)),
            error(429, "RESOURCE_EXHAUSTED", "Slow down.", retry_info("7s")),
        )
        chunks = list(client.models.generate_content_stream(model=MODEL, contents="otter"))
        parts = [part for each in chunks for part in each.parts or []]
        assert [each.candidates[0].finish_reason for each in chunks if each.candidates] == [
            None,
            None,
            FinishReason.STOP,
        ]
        assert chunks[-1].usage_metadata is not None
        assert chunks[-1].usage_metadata.candidates_token_count == 1120
        assert [part.text for part in parts if part.text] == ["Here it is."]
        assert [part.inline_data.data for part in parts if part.inline_data] == [ONE]
        with pytest.raises(ClientError, match="RESOURCE_EXHAUSTED"):
            client.models.generate_content(model=MODEL, contents="otter")


def test_the_official_sdk_reads_the_drafts_of_the_fakes_stream_and_what_breaks_it() -> None:
    from google.genai.errors import ServerError
    from google.genai.types import FinishReason, GenerateContentConfig, ThinkingConfig

    thinking = GenerateContentConfig(thinking_config=ThinkingConfig(include_thoughts=True))
    with running_gemini() as gemini, official(gemini) as client:

        def asked() -> list[Any]:
            stream = client.models.generate_content_stream(model=MODEL, contents="otter", config=thinking)
            return list(stream)

        parts = [part for each in asked() for part in each.parts or []]
        assert [bool(part.inline_data) for part in parts if part.thought] == [False, True, True]
        assert len([part for part in parts if part.inline_data and not part.thought]) == 1
        gemini.script(streamed(chunk(draft_part(ONE)), chunk(finish="IMAGE_SAFETY")))
        assert asked()[-1].candidates[0].finish_reason is FinishReason.IMAGE_SAFETY
        gemini.script(streamed(chunk(draft_part(ONE)), error_body(503, "UNAVAILABLE", "Overloaded.")))
        with pytest.raises(ServerError, match="UNAVAILABLE"):
            asked()
        gemini.script(streamed(chunk(draft_part(ONE)), cut=True))
        with pytest.raises(httpx2.RemoteProtocolError):
            asked()


def post(gemini: Any, body: object, method: str = "generateContent") -> httpx.Response:
    url = f"{gemini.base_url}/v1/models/{MODEL}:{method}"
    return httpx.post(url, json=body, headers={"x-goog-api-key": KEY})


@pytest.mark.parametrize(
    "settings",
    [
        {
            "generationConfig": {
                "imageConfig": {"aspectRatio": "3:2"},
                "thinkingConfig": {"thinkingLevel": "HIGH"},
            }
        },
        {
            "generation_config": {
                "image_config": {"aspect_ratio": "3:2"},
                "thinking_config": {"thinking_level": "HIGH"},
            }
        },
    ],
)
def test_the_fake_takes_both_spellings_of_a_field(settings: dict[str, Any]) -> None:
    with running_gemini() as gemini:
        answer = post(gemini, {"contents": CONTENTS, **settings})
        assert answer.status_code == 200
        streaming = post(gemini, {"contents": CONTENTS, **settings}, "streamGenerateContent?alt=sse")
        assert streaming.headers["content-type"] == "text/event-stream"
        assert gemini.bodies[0]["generation_config"]["image_config"] == {"aspect_ratio": "3:2"}
        assert gemini.bodies[0] == gemini.bodies[1]


@pytest.mark.parametrize(
    "settings",
    [
        {"quality": "high"},
        {"generationConfig": {"negativePrompt": "cats"}},
        {"generationConfig": {"imageConfig": {"outputMimeType": "image/png"}}},
        {"generationConfig": {"imageConfig": {"personGeneration": "ALLOW_ALL"}}},
        {"generationConfig": {"thinkingConfig": {"thinkingLevel": "ENORMOUS"}}},
        {"safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "NEVER"}]},
        {"contents": [{"role": "user", "parts": [{"inlineData": {"path": "/etc/passwd"}}]}]},
    ],
)
def test_the_fake_refuses_what_the_api_does_not_know(settings: dict[str, Any]) -> None:
    with pytest.raises(AssertionError), running_gemini() as gemini:
        answer = post(gemini, {"contents": CONTENTS, **settings})
        assert (answer.status_code, answer.json()["error"]["status"]) == (400, "INVALID_ARGUMENT")
