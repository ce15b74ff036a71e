"""Calling the OpenAI provider against the fake, as the service would."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Any

from imagegen.providers.base import Provider
from imagegen.providers.openai import OpenAIProvider
from imagegen.settings import Settings
from imagegen.types import (
    EditRequest,
    GenerateRequest,
    InputImage,
    Progress,
    ProgressCallback,
    ProviderResult,
)
from tests.fakes.openai_pictures import picture
from tests.fakes.openai_server import FakeOpenAI

KEY = "sk-test-0123456789"
MODEL = "gpt-image-2.6-flare"


def build_provider(**section: Any) -> OpenAIProvider:
    """A provider from settings alone: `section` is PROVIDERS__OPENAI__*."""
    return OpenAIProvider.from_settings(Settings.model_validate({"providers": {"openai": section}}))


def provider_at(fake: FakeOpenAI, **section: Any) -> OpenAIProvider:
    """A provider whose OpenAI is the fake."""
    return build_provider(**{"base_url": fake.base_url, "api_key": KEY, **section})


def wish(prompt: str = "otter", **parameters: Any) -> GenerateRequest:
    """A request to generate."""
    return GenerateRequest(prompt=prompt, **{"model": MODEL, **parameters})


def edit_wish(prompt: str = "hat", **parameters: Any) -> EditRequest:
    """A request to edit one small PNG, unless `images` says otherwise."""
    return EditRequest(prompt=prompt, **{"model": MODEL, "images": (input_image(),), **parameters})


def input_image(image_format: str = "png", number: int = 0, *, alpha: bool = False) -> InputImage:
    """A verified 64x48 input."""
    data = picture(image_format, 64, 48, number, transparent=alpha)
    return InputImage(
        data=data,
        format=image_format,
        width=64,
        height=48,
        sha256=hashlib.sha256(data).hexdigest(),
        has_alpha=alpha,
        source=f"/home/somebody/private-{number}.{image_format}",
    )


def ignore(news: Progress) -> None:
    """A listener that wants no news."""


def ask(
    provider: Provider, request: GenerateRequest, on_progress: ProgressCallback = ignore
) -> ProviderResult:
    """One call from start to closed connection."""

    async def call() -> ProviderResult:
        try:
            return await start(provider, request, on_progress)
        finally:
            await provider.aclose()

    return asyncio.run(call())


async def start(
    provider: Provider, request: GenerateRequest, on_progress: ProgressCallback = ignore
) -> ProviderResult:
    """One call on the running loop."""
    if isinstance(request, EditRequest):
        return await provider.edit(request, on_progress=on_progress)
    return await provider.generate(request, on_progress=on_progress)
