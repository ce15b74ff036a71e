"""OpenAI's Images API through the official SDK, or any server that speaks it at `base_url`.

The settings alone decide about key, address, organization and project: the SDK's own reading of
OPENAI_ORG_ID and OPENAI_PROJECT_ID is undone. OPENAI_CUSTOM_HEADERS is left to it, because gateways
are passed with it.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, ClassVar, Self

from imagegen.arrivals import read_in_turn
from imagegen.capabilities import ModelInfo, Status
from imagegen.errors import ConfigurationError, ImagegenError, MissingCredentials
from imagegen.live_catalogue import LiveModel
from imagegen.providers.base import Availability, CallPolicy, Provider, WireCall
from imagegen.providers.model_lists import NO_SUCH_PATH, read_model_list
from imagegen.providers.model_tables import ModelTable, current_models, load_model_table
from imagegen.providers.openai_answers import read_answer
from imagegen.providers.openai_endpoint import Endpoint, build_endpoint
from imagegen.providers.openai_errors import Call, translated, translated_setup
from imagegen.providers.openai_hints import SET_THE_KEY, SWITCH_ON
from imagegen.providers.openai_stream import StreamReader
from imagegen.providers.openai_wire import PATHS, call_arguments, shown_parameters, unsent_notes
from imagegen.providers.progress import ProgressReporter
from imagegen.settings import OpenAISettings, Settings
from imagegen.types import EditRequest, GenerateRequest, Operation, ProgressCallback, ProviderResult

if TYPE_CHECKING:
    from openai import AsyncOpenAI

_CONNECT_SECONDS = 10.0
_LIST_SECONDS = 30.0
# After each call the pool looks at every idle connection: fifty of them cost more than opening one anew.
_MAX_CONNECTIONS, _IDLE_CONNECTIONS = 1000, 4
_IMAGE_NAME = re.compile(r"image|dall-e")
_NO_KEY = "No API key for openai."
# The SDK insists on a key; servers that need none ignore it.
_KEYLESS = "no-key-needed"


class OpenAIProvider(Provider):
    """OpenAI, or at another `base_url` a server that speaks its Images API.

    There, a model that OpenAI has shut down or soon will is of unknown status, and a key is not required.
    """

    name: ClassVar[str] = "openai"
    title: ClassVar[str] = "OpenAI"

    def __init__(self, section: OpenAISettings) -> None:
        self._section = section
        self._client: AsyncOpenAI | None = None
        self._opening = asyncio.Lock()

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        return cls(settings.providers.openai)

    @property
    def address(self) -> str:
        return self._endpoint.shown

    @property
    def default_model(self) -> str:
        return self._table.default_model

    @cached_property
    def _table(self) -> ModelTable:
        return load_model_table(self.name)

    @cached_property
    def _endpoint(self) -> Endpoint:
        return build_endpoint(self._section.base_url)

    @property
    def _key(self) -> str | None:
        secret = self._section.api_key
        return secret.get_secret_value() if secret else None

    @property
    def price_note(self) -> str | None:
        endpoint = self._endpoint
        if endpoint.is_openai:
            return None
        return f"prices are those listed for {self.title}: the server at {endpoint.host} may charge otherwise"

    @property
    def policy(self) -> CallPolicy:
        return CallPolicy.of(self._section)

    def availability(self) -> Availability:
        try:
            self.require_ready()
        except ImagegenError as problem:
            return Availability(enabled=False, reason=str(problem))
        key = "an API key is set" if self._key else "without an API key"
        return Availability(enabled=True, reason=f"{self._endpoint.shown}, {key}.")

    def models(self) -> Sequence[ModelInfo]:
        return self._models

    @cached_property
    def _models(self) -> tuple[ModelInfo, ...]:
        table = self._table
        shipped = table.models if self._endpoint.is_openai else map(_of_unknown_status, table.models)
        return current_models(
            self.name, tuple(shipped), table.unknown, address=self.address, listed=table.listed
        )

    def find_model(self, model_id: str) -> ModelInfo | None:
        """The model of that id; one that is not in the table is passed through, with a note."""
        known = super().find_model(model_id)
        if known is not None or not model_id or not model_id.isprintable() or " " in model_id:
            return known
        return self._table.unlisted(
            model_id, f"{model_id} is not in the table of OpenAI's models: its parameters are sent unchecked"
        )

    async def list_live(self) -> Sequence[LiveModel] | None:
        """The image models that it lists; its other work is left out, which only the names tell apart."""
        self.require_ready()
        client, call = await self._open_client(), self._facts(GenerateRequest(prompt=""))
        try:
            with translated(call):
                async with asyncio.timeout(_LIST_SECONDS):
                    response = await client.models.with_raw_response.list(timeout=_timeout(_LIST_SECONDS))
        except ImagegenError as error:
            if not self._endpoint.is_openai and error.details.get("status") in NO_SUCH_PATH:
                return None
            raise
        listed = read_model_list(response.content, response.headers, call)
        return tuple(replace(model, makes_images=True) for model in listed if _IMAGE_NAME.search(model.id))

    def wire_call(self, request: GenerateRequest) -> WireCall:
        return WireCall(
            endpoint=f"POST {self._endpoint.shown}{PATHS[request.operation]}",
            parameters=shown_parameters(request),
            notes=unsent_notes(request),
        )

    async def generate(self, request: GenerateRequest, *, on_progress: ProgressCallback) -> ProviderResult:
        return await self._call(request, on_progress)

    async def edit(self, request: EditRequest, *, on_progress: ProgressCallback) -> ProviderResult:
        return await self._call(request, on_progress)

    async def aclose(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def _call(self, request: GenerateRequest, on_progress: ProgressCallback) -> ProviderResult:
        self.require_ready()
        client = await self._open_client()
        facts = self._facts(request)
        progress = ProgressReporter(on_progress, facts.model)
        progress.tell("sending")
        images = client.images.with_raw_response
        method = images.edit if request.operation is Operation.EDIT else images.generate
        result = await _answer(method, request, facts, progress)
        progress.tell("received")
        return replace(result, notes=(*result.notes, *progress.notes))

    def _facts(self, request: GenerateRequest) -> Call:
        return Call(
            server=self._endpoint.server,
            host=self._endpoint.host,
            own_endpoint=self._endpoint.is_openai,
            model=request.model or self.default_model,
            timeout_seconds=request.timeout_seconds or self._section.timeout,
            secrets=(self._key,) if self._key else (),
        )

    def require_ready(self) -> None:
        """Raise ConfigurationError or MissingCredentials, before the SDK is imported."""
        if not self._section.enabled:
            raise ConfigurationError("openai is switched off.", hint=SWITCH_ON, provider=self.name)
        if self._endpoint.is_openai and self._key is None:
            raise MissingCredentials(_NO_KEY, hint=SET_THE_KEY, provider=self.name)

    async def _open_client(self) -> AsyncOpenAI:
        async with self._opening:
            if self._client is None:
                # In a thread: importing the SDK takes a second or more, in which the loop serves others.
                self._client = await asyncio.to_thread(self._build_client)
            return self._client

    def _build_client(self) -> AsyncOpenAI:
        _finish_httpx()
        from httpx2 import Limits
        from openai import AsyncOpenAI, DefaultAsyncHttpxClient

        limits = Limits(max_connections=_MAX_CONNECTIONS, max_keepalive_connections=_IDLE_CONNECTIONS)
        with translated_setup():
            client = AsyncOpenAI(
                http_client=DefaultAsyncHttpxClient(limits=limits, event_hooks={"response": [read_in_turn]}),
                api_key=self._key or _KEYLESS,
                base_url=self._endpoint.base_url,
                timeout=self._section.timeout,
                max_retries=0,  # one retry owner, and it is not the SDK: a repeated call may be billed twice
            )
        # Given as None to the constructor, they would be read from the environment.
        client.organization, client.project = self._section.organization, self._section.project
        return client


async def _answer(
    method: Callable[..., Any], request: GenerateRequest, call: Call, progress: ProgressReporter
) -> ProviderResult:
    """Send, and read the answer within the time-out. Images that came before a stream broke are kept."""
    stream = StreamReader(call, progress, wanted=request.n) if request.partial_images is not None else None
    try:
        with translated(call):
            async with asyncio.timeout(call.timeout_seconds):
                response = await method(**call_arguments(request), timeout=_timeout(call.timeout_seconds))
                if stream is not None:
                    await stream.read(response)
    except ImagegenError as error:
        if stream is None or not stream.images:
            raise
        return stream.result(broken_by=error)
    return stream.result() if stream is not None else read_answer(response.content, response.headers, call)


def _finish_httpx() -> None:
    """Have httpx loaded in whole before the SDK looks at it.

    The SDK does so in every call where httpx is loaded at all, and breaks while Google's SDK is loading it in
    another thread.
    """
    if find_spec("google") is not None:
        import httpx  # noqa: F401


def _timeout(seconds: float) -> Any:
    """The SDK's time-outs: an image takes minutes, a connection does not."""
    from openai import Timeout

    return Timeout(seconds, connect=min(seconds, _CONNECT_SECONDS))


def _of_unknown_status(model: ModelInfo) -> ModelInfo:
    """A model as it stands on a server that is not OpenAI's: what OpenAI drops may live on there."""
    if model.status is Status.ACTIVE:
        return model
    note = f"OpenAI has shut {model.id} down, or soon will; this server may have it all the same"
    return replace(model, status=Status.UNKNOWN, shutdown_date=None, replacement=None, notes=(note,))
