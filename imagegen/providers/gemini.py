"""Google's Gemini image models through the official SDK: one path, generate_content, for making and editing.

The settings alone decide about key and address; what the SDK would take from the environment is not used.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import ClassVar, Self

from imagegen.capabilities import ModelInfo, Status
from imagegen.errors import ConfigurationError, ImagegenError, MissingCredentials
from imagegen.live_catalogue import LiveModel
from imagegen.providers.base import Availability, CallPolicy, Provider, WireCall
from imagegen.providers.gemini_answers import Answer
from imagegen.providers.gemini_calls import answers_to, combine
from imagegen.providers.gemini_client import GeminiClient, build_client
from imagegen.providers.gemini_endpoint import Endpoint, build_endpoint
from imagegen.providers.gemini_errors import GeminiCall
from imagegen.providers.gemini_hints import INSTALL, SET_THE_KEY
from imagegen.providers.gemini_models import list_image_models
from imagegen.providers.gemini_wire import method_of, shown_parameters, translation_notes
from imagegen.providers.model_tables import ModelTable, current_models, load_model_table
from imagegen.providers.progress import ProgressReporter
from imagegen.settings import GeminiSettings, Settings
from imagegen.types import EditRequest, GenerateRequest, ProgressCallback, ProviderResult

_NO_KEY = "No API key for gemini."
# The SDK insists on a key; servers that need none ignore it.
_KEYLESS = "no-key-needed"
_LIST_SECONDS = 30.0
_IMAGEN = "imagen-"
_OWN_NAMES = ("gemini-", "nano-banana-")


class GeminiProvider(Provider):
    """Google's Gemini API, or at another `base_url` a server that speaks it.

    There a key is not required, and a Gemini model that Google has shut down is of unknown status.
    """

    name: ClassVar[str] = "gemini"
    title: ClassVar[str] = "Google Gemini"

    def __init__(self, section: GeminiSettings) -> None:
        self._section = section
        self._client: GeminiClient | None = None
        self._opening = asyncio.Lock()

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        return cls(settings.providers.gemini)

    @property
    def default_model(self) -> str:
        return self._section.default_model or self._table.default_model

    @cached_property
    def _table(self) -> ModelTable:
        return load_model_table(self.name)

    @cached_property
    def _endpoint(self) -> Endpoint:
        return build_endpoint(self._section.base_url)

    @property
    def address(self) -> str:
        try:
            return self._endpoint.shown
        except ConfigurationError:  # for `require_ready` to report
            return ""

    @property
    def _at_google(self) -> bool:
        try:
            return self._endpoint.is_google
        except ConfigurationError:  # for `require_ready` to report: the other providers can still be used
            return False

    @property
    def _key(self) -> str | None:
        secret = self._section.api_key
        return (secret.get_secret_value() if secret else None) or None

    @property
    def price_note(self) -> str | None:
        endpoint = self._endpoint
        if endpoint.is_google:
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

    def require_ready(self) -> None:
        """Raise ConfigurationError or MissingCredentials before the SDK is imported."""
        if not self._section.enabled:
            raise ConfigurationError(
                "Gemini is switched off: providers.gemini.enabled is false.",
                hint="Run: imagegen config set providers.gemini.enabled true",
                setting="providers.gemini.enabled",
            )
        endpoint = self._endpoint
        if self._key is None and endpoint.is_google:
            raise MissingCredentials(_NO_KEY, hint=SET_THE_KEY, provider=self.name)
        if not _is_installed():
            raise ConfigurationError("google-genai is not installed.", hint=INSTALL, provider=self.name)

    def models(self) -> Sequence[ModelInfo]:
        return self._models

    @cached_property
    def _models(self) -> tuple[ModelInfo, ...]:
        table = self._table
        shipped = table.models if self._at_google else map(_of_unknown_status, table.models)
        return current_models(
            self.name, tuple(shipped), table.unknown, address=self.address, listed=self._listed
        )

    def _listed(self, model: LiveModel) -> ModelInfo | None:
        if not model.makes_images:
            return None
        return self._table.unlisted(
            model.id, f"{model.id} is newer than this version: it is taken to be like most of Gemini's models"
        )

    def find_model(self, model_id: str) -> ModelInfo | None:
        """The model of that id. A Gemini model that is not in the table is passed through, with a note.

        Every Imagen model is gone. At another `base_url` a model may have any name.
        """
        known = super().find_model(model_id)
        if known is not None or not re.fullmatch(r"\w[\w-]*(\.[\w-]+)*", model_id, re.ASCII):
            return known
        if model_id.startswith(_IMAGEN):
            imagen = next(model for model in self._models if model.id.startswith(_IMAGEN))
            return replace(imagen, id=model_id, title=model_id)
        if self._at_google and not model_id.startswith(_OWN_NAMES):
            return None
        return self._table.unlisted(
            model_id,
            f"{model_id} is not in the table of Gemini's models: it is taken to be like most of them",
        )

    async def list_live(self) -> Sequence[LiveModel] | None:
        """The image models that it lists, which only the names tell apart from the others."""
        self.require_ready()
        client = await self._open_client()
        call = self._facts(GenerateRequest(prompt="", timeout_seconds=_LIST_SECONDS))
        return await list_image_models(client.connections, client.endpoint, client.key, call)

    def wire_call(self, request: GenerateRequest) -> WireCall:
        model = self._model_of(request)
        return WireCall(
            endpoint=f"POST {self._endpoint.shown}/models/{model.id}:{method_of(request)}",
            parameters=shown_parameters(request, model),
            notes=translation_notes(request, model),
        )

    async def generate(self, request: GenerateRequest, *, on_progress: ProgressCallback) -> ProviderResult:
        return await self._call(request, on_progress)

    async def edit(self, request: EditRequest, *, on_progress: ProgressCallback) -> ProviderResult:
        return await self._call(request, on_progress)

    async def aclose(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def _call(self, request: GenerateRequest, on_progress: ProgressCallback) -> ProviderResult:
        self.require_ready()
        client, model = await self._open_client(), self._model_of(request)
        facts = self._facts(request, model)
        deadline = asyncio.get_running_loop().time() + facts.timeout_seconds
        progress = ProgressReporter(on_progress, model.id)
        progress.tell("sending")

        def show_draft(data: bytes, index: int) -> None:
            progress.tell("partial", data, index)

        async def ask(image: int) -> Answer:
            return await client.ask(
                request, model, facts, image=image, deadline=deadline, on_draft=show_draft
            )

        result = combine(await answers_to(ask, request.n))
        progress.tell("received")
        return replace(result, notes=(*result.notes, *progress.notes))

    def _model_of(self, request: GenerateRequest) -> ModelInfo:
        model_id = request.model or self.default_model
        model = self.find_model(model_id)
        if model is None:
            raise ConfigurationError(f"{model_id} is no model of Gemini.", hint="See: imagegen models list")
        return model

    def _facts(self, request: GenerateRequest, model: ModelInfo | None = None) -> GeminiCall:
        return GeminiCall(
            server=self._endpoint.server,
            host=self._endpoint.host,
            own_endpoint=self._endpoint.is_google,
            model=model.id if model else "",
            replacement=model.replacement if model else None,
            timeout_seconds=request.timeout_seconds or self._section.timeout,
            secrets=(self._key,) if self._key else (),
        )

    async def _open_client(self) -> GeminiClient:
        async with self._opening:
            if self._client is None:
                # In a thread: importing the SDK takes a second or more, in which the loop serves others.
                self._client = await asyncio.to_thread(
                    build_client, self._endpoint, self._key or _KEYLESS, self._section.timeout
                )
            return self._client


def _is_installed() -> bool:
    from importlib.util import find_spec

    try:
        return find_spec("google.genai") is not None
    except ModuleNotFoundError:  # there is no package `google` at all
        return False


def _of_unknown_status(model: ModelInfo) -> ModelInfo:
    """A model as it stands on a server that is not Google's: what Google drops may live on there."""
    if model.status is Status.ACTIVE or model.id.startswith(_IMAGEN):
        return model
    note = f"Google has shut {model.id} down, or soon will; this server may have it all the same"
    return replace(model, status=Status.UNKNOWN, shutdown_date=None, notes=(note,))
