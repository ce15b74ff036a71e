"""The SDK's client, and one call with it.

The SDK takes the HTTP library that it finds, and with aiohttp it tries a broken connection again by itself,
which may be billed twice. It is given a client of httpx2, which it depends on; that one follows no redirects
either, so that a key goes nowhere but to the address in the settings.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from imagegen.arrivals import read_in_turn
from imagegen.capabilities import ModelInfo
from imagegen.errors import ImagegenError, ProviderTimeout
from imagegen.providers.gemini_answers import Answer, read_answer
from imagegen.providers.gemini_endpoint import Endpoint
from imagegen.providers.gemini_errors import GeminiCall, translated
from imagegen.providers.gemini_stream import OnDraft, StreamReader
from imagegen.providers.gemini_wire import call_arguments, method_of, streamed_body
from imagegen.types import GenerateRequest

if TYPE_CHECKING:
    from google.genai import Client
    from httpx2 import AsyncClient


@dataclass(frozen=True, slots=True)
class GeminiClient:
    """The SDK's client with the connections that it was given."""

    sdk: Client
    connections: AsyncClient
    endpoint: Endpoint
    key: str = field(repr=False)

    async def ask(
        self,
        request: GenerateRequest,
        model: ModelInfo,
        call: GeminiCall,
        *,
        image: int,
        deadline: float,
        on_draft: OnDraft,
    ) -> Answer:
        """The answer to the call for one image, sent and read before the deadline on the loop's clock."""
        if asyncio.get_running_loop().time() >= deadline:
            raise _not_begun(call)
        if request.partial_images is None:
            return await self._whole(request, model, call, image=image, deadline=deadline)
        stream = StreamReader(call, on_draft, drafts=request.partial_images)
        try:
            with translated(call):
                async with asyncio.timeout_at(deadline):
                    await self._read(stream, request, model, call, image=image)
        except (ImagegenError, asyncio.CancelledError) as broken:
            # What has come is paid for, and the cancellation has done its work.
            why = broken.message if isinstance(broken, ImagegenError) else "it was cancelled."
            answer = stream.answer(broken_by=why)
            if answer.images:
                return answer
            raise
        return stream.answer()

    async def _whole(
        self, request: GenerateRequest, model: ModelInfo, call: GeminiCall, *, image: int, deadline: float
    ) -> Answer:
        from google.genai.types import HttpOptions

        arguments = call_arguments(request, model, image)
        config = arguments["config"]
        config.should_return_http_response = True  # gemini_answers says why
        config.http_options = HttpOptions(timeout=_milliseconds(call.timeout_seconds))
        with translated(call):
            async with asyncio.timeout_at(deadline):
                response = (await self.sdk.aio.models.generate_content(**arguments)).sdk_http_response
        headers = (response.headers if response else None) or {}
        body = (response.body if response else None) or ""
        return read_answer(body, {name.lower(): value for name, value in headers.items()}, call)

    async def _read(
        self,
        stream: StreamReader,
        request: GenerateRequest,
        model: ModelInfo,
        call: GeminiCall,
        *,
        image: int,
    ) -> None:
        endpoint = self.endpoint
        async with self.connections.stream(
            "POST",
            f"{endpoint.base_url}/{endpoint.version}/models/{model.id}:{method_of(request)}",
            json=await asyncio.to_thread(streamed_body, request, model, image),
            headers={"x-goog-api-key": self.key},
            timeout=call.timeout_seconds,
        ) as response:
            await stream.read(response)

    async def aclose(self) -> None:
        await self.sdk.aio.aclose()
        self.sdk.close()
        await self.connections.aclose()


def build_client(endpoint: Endpoint, key: str, timeout_seconds: float) -> GeminiClient:
    """Import the SDK and build its client, whatever the environment says of enterprise, address or keys."""
    from google.genai import Client
    from google.genai.types import HttpOptions
    from httpx2 import AsyncClient, create_ssl_context

    # It warns of keys in the environment, which it is not to read.
    logging.getLogger("google_genai").addHandler(logging.NullHandler())
    trust = create_ssl_context()  # once: the SDK would read all certificates for each of its own clients
    connections = AsyncClient(verify=trust, event_hooks={"response": [read_in_turn]})
    options = HttpOptions(
        base_url=endpoint.base_url,
        api_version=endpoint.version,
        timeout=_milliseconds(timeout_seconds),
        httpx_async_client=connections,
        client_args={"verify": trust},
    )
    sdk = Client(api_key=key, enterprise=False, http_options=options)
    return GeminiClient(sdk, connections, endpoint, key)


def _not_begun(call: GeminiCall) -> ProviderTimeout:
    return ProviderTimeout(
        f"The {call.timeout_seconds:g} seconds were over before it was this image's turn.",
        hint="Allow more with --timeout or PROVIDERS__GEMINI__TIMEOUT.",
        provider="gemini",
        model=call.model,
        timeout_seconds=call.timeout_seconds,
    )


def _milliseconds(seconds: float) -> int:
    return max(round(seconds * 1000), 1)
