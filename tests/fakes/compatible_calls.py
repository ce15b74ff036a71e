"""Calling a server's provider against its fake, as the service would."""

from __future__ import annotations

import asyncio
from datetime import date
from typing import Any

from imagegen.checks import settle
from imagegen.providers.base import Provider
from imagegen.providers.compatible import CompatibleProvider, build_server_class
from imagegen.settings import Settings
from imagegen.types import GenerateRequest, ProviderResult
from tests.fakes.compatible_server import FakeServer
from tests.fakes.openai_calls import edit_wish as openai_edit_wish
from tests.fakes.openai_calls import ignore, input_image, start
from tests.fakes.openai_calls import wish as openai_wish

TODAY = date(2026, 11, 22)
MODEL = "my-model"

__all__ = ["ask", "build", "edit_wish", "ignore", "input_image", "provider_at", "settled", "wish"]


def build(name: str = "sd", images: dict[str, Any] | None = None, **section: Any) -> CompatibleProvider:
    """A server's provider from settings alone: `section` is PROVIDERS__COMPATIBLE__NAME__*."""
    document = {"providers": {"compatible": {name: section}}, "images": images or {}}
    return build_server_class(name).from_settings(Settings.model_validate(document))


def provider_at(fake: FakeServer, **section: Any) -> CompatibleProvider:
    """A provider whose server is the fake."""
    key = {} if fake.api_key is None else {"api_key": fake.api_key}
    return build(**{"base_url": fake.base_url, **key, **section})


def wish(**parameters: Any) -> GenerateRequest:
    """A request to generate."""
    return openai_wish(**{"model": MODEL, **parameters})


def edit_wish(**parameters: Any) -> GenerateRequest:
    """A request to edit one small PNG, unless `images` says otherwise."""
    return openai_edit_wish(**{"model": MODEL, **parameters})


def settled(provider: Provider, request: GenerateRequest, **wishes: Any) -> GenerateRequest:
    """The request as the service would hand it to the provider. Raises what the checks and the wire do."""
    model = provider.find_model(request.model or provider.default_model)
    assert model is not None
    done = settle(request, model, wishes, TODAY).request
    provider.wire_call(done)
    return done


def ask(provider: Provider, request: GenerateRequest) -> ProviderResult:
    """One checked call from start to closed connection."""

    async def call() -> ProviderResult:
        try:
            return await start(provider, settled(provider, request), ignore)
        finally:
            await provider.aclose()

    return asyncio.run(call())
