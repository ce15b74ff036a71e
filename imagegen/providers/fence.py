"""The fence around a plugin: what goes wrong in foreign code is said by name and stops nothing else.

A plugin that fails where it is only asked what it has (models, availability, …) counts as broken from then
on: it has no models and cannot be used, and `failure` says why. One that fails in a call fails that call.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar, Self, TypeVar

from imagegen.capabilities import ModelInfo
from imagegen.errors import ConfigurationError, ImagegenError, ProviderError
from imagegen.live_catalogue import LiveModel
from imagegen.plugins import MAX_REASON_CHARS
from imagegen.providers.base import Availability, CallPolicy, Provider, WireCall
from imagegen.settings import Settings
from imagegen.types import EditRequest, GenerateRequest, ProgressCallback, ProviderResult

log = logging.getLogger(__name__)

T = TypeVar("T")
_REPAIR = "Repair or uninstall the plugin; see: imagegen doctor"


class FencedProvider(Provider):
    """A plugin's provider from the safe side. `fenced` makes the class of each: a name is its class's."""

    plugin_class: ClassVar[type[Provider]]

    def __init__(self, plugin: Provider) -> None:
        self._plugin = plugin
        self.failure: str | None = None

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        plugin: object = cls.plugin_class.from_settings(settings)
        if not isinstance(plugin, Provider):
            raise TypeError(f"{cls.plugin_class.__name__} built a {type(plugin).__name__}, not a provider")
        return cls(plugin)

    # What it has

    @property
    def default_model(self) -> str:
        def named() -> str:
            return _of_type(str, self._plugin.default_model)

        found = self._known("default_model", named, None, passes=ImagegenError)
        if found is None:
            raise ConfigurationError(self.failure or "", hint=_REPAIR, provider=self.name)
        return found

    @property
    def policy(self) -> CallPolicy:
        return self._known("policy", lambda: _of_type(CallPolicy, self._plugin.policy), CallPolicy())

    @property
    def address(self) -> str:
        return self._known("address", lambda: _of_type(str, self._plugin.address), "")

    @property
    def price_note(self) -> str | None:
        return self._known("price_note", lambda: self._plugin.price_note, None)

    def availability(self) -> Availability:
        """What the plugin says; not enabled where it cannot say that, or which models it has."""

        def said() -> Availability:
            return _of_type(Availability, self._plugin.availability())

        self.models()
        found = self._known("availability", said, None)
        try:
            if found is not None and found.enabled:
                _ = self.default_model
        except ImagegenError as problem:
            found = Availability(enabled=False, reason=str(problem))
        if found is None or self.failure is not None:
            return Availability(enabled=False, reason=self.failure or "")
        return found

    def require_ready(self) -> None:
        _ = self.availability()
        if self.failure is not None:
            raise ConfigurationError(self.failure, hint=_REPAIR, provider=self.name)
        with self._calling("require_ready"):
            self._plugin.require_ready()

    def models(self) -> Sequence[ModelInfo]:
        def listed() -> tuple[ModelInfo, ...]:
            return tuple(_of_type(ModelInfo, model) for model in self._plugin.models())

        return self._known("models", listed, ())

    def find_model(self, model_id: str) -> ModelInfo | None:
        def found() -> ModelInfo | None:
            model = self._plugin.find_model(model_id)
            return None if model is None else _of_type(ModelInfo, model)

        return self._known("find_model", found, None)

    # What it does

    async def list_live(self) -> Sequence[LiveModel] | None:
        with self._calling("list_live"):
            listed = await self._plugin.list_live()
            return None if listed is None else tuple(_of_type(LiveModel, model) for model in listed)

    def wire_call(self, request: GenerateRequest) -> WireCall:
        with self._calling("wire_call"):
            return _of_type(WireCall, self._plugin.wire_call(request))

    async def generate(self, request: GenerateRequest, *, on_progress: ProgressCallback) -> ProviderResult:
        with self._calling("generate", may_be_billed=True):
            made = await self._plugin.generate(request, on_progress=on_progress)
            return _of_type(ProviderResult, made)

    async def edit(self, request: EditRequest, *, on_progress: ProgressCallback) -> ProviderResult:
        with self._calling("edit", may_be_billed=True):
            return _of_type(ProviderResult, await self._plugin.edit(request, on_progress=on_progress))

    async def aclose(self) -> None:
        try:
            with self._calling("aclose"):
                await self._plugin.aclose()
        except ImagegenError as problem:
            log.warning("%s", problem.message)  # all that is left to do is to close the others

    # The fence itself

    def _known(
        self, what: str, look: Callable[[], T], otherwise: T, passes: type[Exception] | tuple[()] = ()
    ) -> T:
        """What the plugin says of itself, `otherwise` where it cannot. It may raise what `passes` names."""
        if self.failure is not None:
            return otherwise
        try:
            return look()
        except passes:
            raise
        except (Exception, SystemExit) as exc:  # noqa: BLE001 - a plugin is foreign code; it must not stop the rest
            self.failure = self._told(what, exc)
            return otherwise

    @contextmanager
    def _calling(self, what: str, *, may_be_billed: bool = False) -> Iterator[None]:
        """Turn what is none of our errors into one; a cancellation passes."""
        try:
            yield
        except ImagegenError:
            raise
        except (Exception, SystemExit) as exc:
            raise ProviderError(
                self._told(what, exc),
                hint="This is a fault of the plugin: report it to its author.",
                may_be_billed=may_be_billed,
                provider=self.name,
            ) from exc

    def _told(self, what: str, exc: BaseException) -> str:
        said = f"{type(exc).__name__}: {exc}".rstrip(": .")
        return f"The plugin {self.name} failed in {what} ({said[:MAX_REASON_CHARS]})."


def fenced(plugin_class: type[Provider]) -> type[FencedProvider]:
    """The class that stands for a plugin's. Raises AttributeError where that has no title."""
    return type(
        f"Fenced{plugin_class.__name__}",
        (FencedProvider,),
        {
            "name": plugin_class.name,
            "title": plugin_class.title,
            "takes_any_model": plugin_class.takes_any_model,
            "plugin_class": plugin_class,
            "__module__": plugin_class.__module__,
        },
    )


def _of_type(expected: type[T], value: Any) -> T:
    if not isinstance(value, expected):
        raise TypeError(f"it gave a {type(value).__name__}, not a {expected.__name__}")
    return value
