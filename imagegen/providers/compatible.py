"""Servers of the user's own choice that speak the Images API; each is a provider under its own name."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import ClassVar, Self
from urllib.parse import quote

from imagegen.capabilities import ModelInfo, Status
from imagegen.errors import ConfigurationError, ImagegenError, NotFound, UsageError
from imagegen.live_catalogue import LiveModel
from imagegen.providers.base import Availability, CallPolicy, Provider, WireCall
from imagegen.providers.compatible_answers import read_answer
from imagegen.providers.compatible_link import Answer, Link
from imagegen.providers.compatible_models import build_template
from imagegen.providers.compatible_profiles import Profile, load_profiles
from imagegen.providers.compatible_wire import UNNAMED_MODEL, Wire, form_fields
from imagegen.providers.model_lists import NO_SUCH_PATH, read_model_list
from imagegen.providers.model_tables import current_models
from imagegen.providers.openai_endpoint import Endpoint, build_endpoint
from imagegen.providers.openai_errors import Call
from imagegen.providers.progress import ProgressReporter
from imagegen.settings import Settings
from imagegen.types import EditRequest, GenerateRequest, ProgressCallback, ProviderResult

_LIST_SECONDS = 30.0


class CompatibleProvider(Provider):
    """One named server. `build_server_class` makes the class of each: a provider's name is its class's."""

    takes_any_model: ClassVar[bool] = True

    def __init__(self, settings: Settings) -> None:
        self._section = settings.providers.compatible[self.name]
        self._images = settings.images
        self._group = f"providers.compatible.{self.name}"

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        return cls(settings)

    @cached_property
    def _profile(self) -> Profile:
        return load_profiles()[self._section.profile]

    @cached_property
    def _endpoint(self) -> Endpoint:
        if self._section.base_url is None:
            variable = f"{self._group}.base_url".replace(".", "__").upper()
            raise ConfigurationError(
                f"No address for the server {self.name}.",
                hint=f"Set {variable}, or run: imagegen config set {self._group}.base_url URL",
                provider=self.name,
            )
        return build_endpoint(self._section.base_url, setting=f"{self._group}.base_url")

    @property
    def _query(self) -> Mapping[str, str]:
        """The parameters of every URL."""
        version = self._section.api_version
        return {**self._profile.query, **({"api-version": version} if version else {})}

    @cached_property
    def _wire(self) -> Wire:
        return Wire(profile=self._profile, response_format="response_format" in self._section.send)

    @cached_property
    def _link(self) -> Link:
        header, prefix = self._profile.key_header, ""
        if header == "authorization":
            prefix = "Bearer "
        headers = {header: prefix + self._key} if self._key else {}
        return Link(
            self._endpoint,
            headers=headers,
            query=self._query,
            setting=f"{self._group}.base_url",
        )

    @property
    def _key(self) -> str | None:
        secret = self._section.api_key
        return secret.get_secret_value() if secret else None

    @property
    def address(self) -> str:
        return self._endpoint.shown if self._section.base_url else ""

    # Models

    @property
    def default_model(self) -> str:
        """The first model that is known to make images, else the only one there is.

        Raises ConfigurationError where that leaves none, or a choice that nobody made.
        """
        sure = [model for model in self._models if model.status is Status.ACTIVE]
        if not sure and len(self._models) != 1:
            raise self._no_model()
        return (sure or self._models)[0].id

    def models(self) -> Sequence[ModelInfo]:
        return self._models

    @cached_property
    def _models(self) -> tuple[ModelInfo, ...]:
        """Those of the settings, those of the server's list, and the server's own choice if none is sure."""
        set_here = [replace(self._template, id=model, title=model) for model in self._section.models]
        found = current_models(self.name, set_here, self._template, address=self.address, listed=self._listed)
        unnamed = self._unnamed()
        if unnamed is None or any(model.status is Status.ACTIVE for model in found):
            return found
        return (unnamed, *(model for model in found if model.id != unnamed.id))

    def _unnamed(self) -> ModelInfo | None:
        """The model for a request that names none; None where the server wants a name."""
        if self._profile.default_model:
            title = f"the model of {self._profile.title}"
            return replace(self._template, id=self._profile.default_model, title=title)
        if self._profile.needs_model:
            return None
        return replace(self._template, id=UNNAMED_MODEL, title="the server's own choice")

    @cached_property
    def _template(self) -> ModelInfo:
        return build_template(self.name, self._section, self._profile, self._images)

    def _listed(self, model: LiveModel) -> ModelInfo | None:
        """A model of the server's own list; None for one that makes no images."""
        if model.makes_images is False:
            return None
        note = "" if model.makes_images else f"{self.name} lists it without saying whether it makes images"
        status = Status.ACTIVE if model.makes_images else Status.UNKNOWN
        return replace(
            self._template, id=model.id, title=model.id, status=status, notes=(note,) if note else ()
        )

    def find_model(self, model_id: str) -> ModelInfo | None:
        """The model of that id; a name that is not known is passed on, with a note."""
        known = super().find_model(model_id)
        if known is not None or not model_id or not model_id.isprintable() or " " in model_id:
            return known
        note = f"{model_id} is not among the models that {self.name} is known to have: the name is passed on"
        return replace(self._template, id=model_id, title=model_id, status=Status.UNKNOWN, notes=(note,))

    async def list_live(self) -> Sequence[LiveModel] | None:
        self.require_ready()
        if not self._profile.lists_models:
            return None
        call = replace(self._facts(""), timeout_seconds=min(self._section.timeout, _LIST_SECONDS))
        try:
            answer = await self._link.get("/models", call)
        except ImagegenError as error:
            if error.details.get("status") in NO_SUCH_PATH:
                return None
            raise
        return read_model_list(answer.content, answer.headers, call)

    # Whether it can be called

    @property
    def policy(self) -> CallPolicy:
        return CallPolicy.of(self._section)

    def availability(self) -> Availability:
        try:
            self.require_ready()
            _ = self.default_model
        except ImagegenError as problem:
            return Availability(enabled=False, reason=str(problem))
        key = "an API key is set" if self._key else "without an API key"
        return Availability(enabled=True, reason=f"{self._profile.title} at {self.address}, {key}.")

    def require_ready(self) -> None:
        """Raise ConfigurationError where it is switched off or has no address; a key it may do without."""
        if not self._section.enabled:
            raise ConfigurationError(
                f"{self.name} is switched off.",
                hint=f"Run: imagegen config set {self._group}.enabled true",
                provider=self.name,
            )
        _ = self._endpoint

    def _no_model(self) -> ConfigurationError:
        return ConfigurationError(
            f"{self._profile.title} wants a model named, and which of {self.name} to use is not known.",
            hint=f"Run: imagegen config set {self._group}.models NAME, or use -m {self.name}/NAME",
            provider=self.name,
        )

    # Calls

    def wire_call(self, request: GenerateRequest) -> WireCall:
        parameters, notes = self._wire.shown(request)
        query = "&".join(f"{name}={quote(value)}" for name, value in self._query.items())
        path = self._wire.path(request) + (f"?{query}" if query else "")
        return WireCall(endpoint=f"POST {self.address}{path}", parameters=parameters, notes=notes)

    async def generate(self, request: GenerateRequest, *, on_progress: ProgressCallback) -> ProviderResult:
        return await self._call(request, on_progress)

    async def edit(self, request: EditRequest, *, on_progress: ProgressCallback) -> ProviderResult:
        return await self._call(request, on_progress)

    async def aclose(self) -> None:
        if "_link" in self.__dict__:
            await self._link.aclose()

    async def _call(self, request: GenerateRequest, on_progress: ProgressCallback) -> ProviderResult:
        self.require_ready()
        call = self._facts(request.model or self.default_model)
        if request.timeout_seconds:
            call = replace(call, timeout_seconds=request.timeout_seconds)
        progress = ProgressReporter(on_progress, call.model)
        progress.tell("sending")
        answer = await self._send(request, call)
        result = await read_answer(answer, call, lambda link: self._link.fetch(link, call))
        progress.tell("received")
        return replace(result, notes=(*result.notes, *progress.notes))

    async def _send(self, request: GenerateRequest, call: Call) -> Answer:
        fields, _ = self._wire.fields(request)
        path = self._wire.path(request)
        if not isinstance(request, EditRequest):
            return await self._link.post(path, fields, (), call)
        files = await asyncio.to_thread(self._wire.files, request)
        try:
            return await self._link.post(path, form_fields(fields), files, call)
        except ImagegenError as error:
            if _knows_no_edits(error, call.model):
                raise self._no_edits(error, path) from error
            raise

    def _no_edits(self, error: ImagegenError, path: str) -> UsageError:
        return UsageError(
            f"{self.name}: this server has no edits endpoint"
            f" ({self.address}{path} answered {error.details['status']}).",
            hint="Use another model for edits: imagegen models list",
            provider=self.name,
            status=error.details["status"],
        )

    def _facts(self, model: str) -> Call:
        return Call(
            provider=self.name,
            settings=self._group,
            server=f"The server {self.name} at {self._endpoint.host}",
            host=self._endpoint.host,
            own_endpoint=False,
            model=model,
            timeout_seconds=self._section.timeout,
            secrets=(self._key,) if self._key else (),
        )


def build_server_class(name: str) -> type[CompatibleProvider]:
    """The class of the server of that name, which must be in the settings that build it."""
    return type(
        f"CompatibleProvider_{name}",
        (CompatibleProvider,),
        {"name": name, "title": name, "__doc__": f"The server {name}."},
    )


def _knows_no_edits(error: ImagegenError, model: str) -> bool:
    """Whether it is the path that a server does not know, and not the model."""
    status = error.details.get("status")
    if status not in NO_SUCH_PATH:
        return False
    about_model = isinstance(error, NotFound) and (
        error.details.get("provider_code") in ("model_not_found", "DeploymentNotFound")
        or error.details.get("parameter") == "model"
        or "model" in error.message.partition(": ")[2].lower()
        or (model != "" and model in error.message.partition(": ")[2])
    )
    return not about_model
