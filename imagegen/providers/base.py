"""The door every provider comes through: capabilities as data, and two coroutines.

A complete provider, in a package of your own:

    from imagegen.capabilities import ModelInfo, Range
    from imagegen.errors import UnsupportedParameter
    from imagegen.providers.base import Availability, Provider, WireCall
    from imagegen.types import Operation, ProviderImage, ProviderResult

    PLAIN = ModelInfo(
        id="plain",
        provider="flat",
        title="one plain colour",
        operations=frozenset({Operation.GENERATE}),
        parameters={"n": Range(1, 4)},
        max_prompt_chars=1_000,
    )

    class FlatProvider(Provider):
        name = "flat"
        title = "Plain colours"
        default_model = "plain"

        @classmethod
        def from_settings(cls, settings):
            return cls()

        def availability(self):
            return Availability(enabled=True, reason="It needs no key.")

        def models(self):
            return (PLAIN,)

        def wire_call(self, request):
            return WireCall(endpoint="flat", parameters={"prompt": request.prompt, "n": request.n})

        async def generate(self, request, *, on_progress):
            colour = request.prompt.encode().hex()[:6].ljust(6, "0")
            svg = f'<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64" fill="#{colour}"/>'
            return ProviderResult(images=(ProviderImage(data=svg.encode()),) * request.n)

        async def edit(self, request, *, on_progress):
            raise UnsupportedParameter("flat makes images and edits none.", hint="Choose another model.")

Declared in its `pyproject.toml`, its models work everywhere as `-m flat` or `-m flat/plain`:

    [project.entry-points."imagegen.providers"]
    flat = "your_package:FlatProvider"

`imagegen.providers.testing` has the tests that show whether it keeps the contract.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

from imagegen.capabilities import ModelInfo
from imagegen.errors import ConfigurationError
from imagegen.live_catalogue import LiveModel
from imagegen.settings import RemoteSettings, Settings
from imagegen.types import EditRequest, GenerateRequest, ProgressCallback, ProviderResult


@dataclass(frozen=True, slots=True)
class Availability:
    """Whether a provider can be called, and the sentence that says why or why not."""

    enabled: bool
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WireCall:
    """What a request becomes on the wire, without image bytes: for `--dry-run`, sidecar and fingerprint.

    `parameters` are JSON values in the provider's own words; `notes` say what was translated.
    """

    endpoint: str
    parameters: Mapping[str, Any]
    notes: tuple[str, ...] = field(default=())


@dataclass(frozen=True, slots=True, kw_only=True)
class CallPolicy:
    """How calls to a provider are made. `rpm` and `max_concurrent`: None for no limit.

    `timeout_seconds` bounds a whole call with its retries; `max_retries` is for failures that cost nothing,
    `retry_uncertain` for those that may have been billed.
    """

    timeout_seconds: float = 300.0
    max_retries: int = 3
    retry_uncertain: int = 0
    rpm: int | None = None
    max_concurrent: int | None = None

    @classmethod
    def of(cls, section: RemoteSettings) -> Self:
        """The policy that a provider's section of the settings names."""
        return cls(
            timeout_seconds=section.timeout,
            max_retries=section.max_retries,
            retry_uncertain=section.retry_uncertain,
            rpm=section.rpm,
            max_concurrent=section.max_concurrent,
        )


class Provider(ABC):
    """A source of images.

    Constructing one, `models`, `find_model`, `availability` and `wire_call` use no network and import
    no SDK. A request that reaches `wire_call`, `generate` or `edit` has its model resolved to one of
    this provider's and holds only parameters that the model takes.
    """

    name: ClassVar[str]  # one word, that of the entry point: the part before the slash in provider/model
    title: ClassVar[str]
    takes_any_model: ClassVar[bool] = False  # also names that another provider lists: a gateway has them too

    @classmethod
    @abstractmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Build the provider from its section of the settings."""

    @property
    @abstractmethod
    def default_model(self) -> str:
        """The id of the model to use when none was asked for."""

    @property
    def policy(self) -> CallPolicy:
        """How its calls are made: time-out, retries, limits."""
        return CallPolicy()

    @abstractmethod
    def availability(self) -> Availability:
        """Whether it is enabled and has what it needs, such as a key."""

    def require_ready(self) -> None:
        """Raise the error that says what to do when the provider cannot be called as it is set up."""
        availability = self.availability()
        if not availability.enabled:
            raise ConfigurationError(
                f"{self.name} cannot be used: {availability.reason}.", hint="See: imagegen doctor"
            )

    @abstractmethod
    def models(self) -> Sequence[ModelInfo]:
        """Every model it knows, retired ones too."""

    def find_model(self, model_id: str) -> ModelInfo | None:
        """The model of that id; None where this provider cannot know it."""
        return next((model for model in self.models() if model.id == model_id), None)

    @property
    def address(self) -> str:
        """Where it is called, without credentials; what `list_live` said of another address is forgotten."""
        return ""

    @property
    def price_note(self) -> str | None:
        """What a person must know of an estimate by the price table; None: the table holds for it."""
        return None

    async def list_live(self) -> Sequence[LiveModel] | None:
        """The models that it says it has now; None where it cannot be asked. Raises as `generate` does."""
        return None

    @abstractmethod
    def wire_call(self, request: GenerateRequest) -> WireCall:
        """What `generate` or `edit` would send for this request."""

    @abstractmethod
    async def generate(self, request: GenerateRequest, *, on_progress: ProgressCallback) -> ProviderResult:
        """Make images. Raises only errors of `imagegen.errors`."""

    @abstractmethod
    async def edit(self, request: EditRequest, *, on_progress: ProgressCallback) -> ProviderResult:
        """Change `request.images`. Raises only errors of `imagegen.errors`."""

    async def aclose(self) -> None:
        """Release connections; the default has none."""
        return
