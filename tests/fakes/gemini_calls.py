"""Calling the Gemini provider against the fake, as the service would."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from imagegen.errors import ImagegenError
from imagegen.providers.gemini import GeminiProvider
from imagegen.settings import Settings
from imagegen.types import EditRequest, GenerateRequest, ProgressCallback, ProviderResult
from tests.fakes.gemini_behaviours import Behaviour
from tests.fakes.gemini_server import FakeGemini, running_gemini
from tests.fakes.openai_calls import ignore, input_image

KEY = "AIzaTest0123456789-0123456789-012345678"
MODEL = "gemini-nano-banana-2.1"


def build_provider(**section: Any) -> GeminiProvider:
    """A provider from settings alone: `section` is PROVIDERS__GEMINI__*."""
    return GeminiProvider.from_settings(Settings.model_validate({"providers": {"gemini": section}}))


def provider_at(fake: FakeGemini, **section: Any) -> GeminiProvider:
    """A provider whose Gemini is the fake."""
    return build_provider(**{"base_url": fake.base_url, "api_key": KEY, **section})


def wish(prompt: str = "otter", **parameters: Any) -> GenerateRequest:
    """A request to generate."""
    return GenerateRequest(prompt=prompt, **{"model": MODEL, **parameters})


def edit_wish(prompt: str = "hat", **parameters: Any) -> EditRequest:
    """A request to edit one small PNG, unless `images` says otherwise."""
    return EditRequest(prompt=prompt, **{"model": MODEL, "images": (input_image(),), **parameters})


def ask(
    provider: GeminiProvider, request: GenerateRequest, on_progress: ProgressCallback = ignore
) -> ProviderResult:
    """One call from start to closed connection."""

    async def call() -> ProviderResult:
        try:
            return await start(provider, request, on_progress)
        finally:
            await provider.aclose()

    return asyncio.run(call())


async def start(
    provider: GeminiProvider, request: GenerateRequest, on_progress: ProgressCallback = ignore
) -> ProviderResult:
    """One call on the running loop."""
    if isinstance(request, EditRequest):
        return await provider.edit(request, on_progress=on_progress)
    return await provider.generate(request, on_progress=on_progress)


def failure(behaviour: Behaviour, **section: Any) -> ImagegenError:
    """The error that one call ends in when the server behaves so; it is not made a second time."""
    with running_gemini() as gemini:
        gemini.script(behaviour)
        with pytest.raises(ImagegenError) as caught:
            ask(provider_at(gemini, **section), wish())
        assert len(gemini.requests) == 1
    return caught.value
