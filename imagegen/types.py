"""The requests and results that cross every layer: frozen, with no behaviour beyond their shape."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Literal

JSONObject = dict[str, Any]


class Operation(StrEnum):
    """What a call does."""

    GENERATE = "generate"
    EDIT = "edit"


class CostBasis(StrEnum):
    """Where a cost comes from."""

    USAGE = "usage"  # the provider's token counts, priced by the table
    TABLE = "table"  # the table alone; the provider reported no usage
    FREE = "free"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class InputImage:
    """An input, mask or markup: verified image bytes and where they came from.

    `source` is for people (a path, an id, a URL without credentials); `image_id` is set when the
    bytes are one of the store's own images.
    """

    data: bytes = field(repr=False)
    format: str
    width: int
    height: int
    sha256: str
    has_alpha: bool
    source: str
    image_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateUse:
    """The template that a prompt was rendered from, with the size and quality that it recommends."""

    name: str
    arguments: Mapping[str, str]
    recommended_size: str | None = None
    quality: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerateRequest:
    """A wish for images. None means: not said; a default or the model decides.

    `size` is `auto` or `WIDTHxHEIGHT` in pixels; in its place `aspect_ratio` is `W:H` and `resolution`
    `512`, `1K`, `2K` or `4K`. `negative_prompt` says what not to show, `output_compression` is 0 to 100,
    `partial_images` 0 to 3 previews while waiting (0: stream without previews).
    """

    prompt: str
    provider: str | None = None
    model: str | None = None
    n: int = 1
    size: str | None = None
    aspect_ratio: str | None = None
    resolution: str | None = None
    quality: str | None = None
    style: str | None = None
    background: str | None = None
    moderation: str | None = None
    output_format: str | None = None
    output_compression: int | None = None
    seed: int | None = None
    negative_prompt: str | None = None
    complexity: str | None = None
    frame_count: int | None = None
    frame_duration_ms: int | None = None
    svg_model: str | None = None
    svg_effort: str | None = None
    partial_images: int | None = None
    safety_identifier: str | None = None
    template: TemplateUse | None = None
    lenient: bool = False
    use_cache: bool = True
    max_cost_usd: Decimal | None = None
    client: str = "shell"
    timeout_seconds: float | None = None

    @property
    def operation(self) -> Operation:
        return Operation.GENERATE


@dataclass(frozen=True, slots=True, kw_only=True)
class EditRequest(GenerateRequest):
    """A wish to change `images` (at least one); `mask` and `markup` apply to the first."""

    images: tuple[InputImage, ...]
    mask: InputImage | None = None
    markup: InputImage | None = None
    input_fidelity: str | None = None

    @property
    def operation(self) -> Operation:
        return Operation.EDIT


NOT_PARAMETERS = frozenset(
    {
        "prompt",
        "provider",
        "model",
        "template",
        "lenient",
        "use_cache",
        "max_cost_usd",
        "client",
        "timeout_seconds",
        "images",
        "mask",
        "markup",
    }
)

PARAMETERS = frozenset(f.name for f in fields(EditRequest)) - NOT_PARAMETERS
"""The names of everything that can be said of a picture."""


def asked_parameters(request: GenerateRequest) -> JSONObject:
    """What was said of the picture beyond prompt, model and inputs, in the Images API's words.

    One image is what everybody gets, so `n` is there only when it is another number.
    """
    named = ((f.name, getattr(request, f.name)) for f in fields(request) if f.name not in NOT_PARAMETERS)
    return {name: value for name, value in named if value is not None and (name, value) != ("n", 1)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """News of a running call. Stage `partial` has a partial image's bytes, `saved` the ids in the history."""

    stage: Literal["sending", "partial", "received", "retrying", "saved"]
    model: str
    image: bytes | None = field(default=None, repr=False)
    index: int = 0
    image_ids: tuple[str, ...] = ()


ProgressCallback = Callable[[Progress], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """A provider's token counts; None where it did not say."""

    input_text_tokens: int = 0
    input_image_tokens: int = 0
    cached_text_tokens: int = 0
    cached_image_tokens: int = 0
    output_image_tokens: int = 0
    output_text_tokens: int = 0
    total_tokens: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What a call will probably cost in USD. `low_usd` and `high_usd` differ where the model decides."""

    low_usd: Decimal | None
    high_usd: Decimal | None
    basis: CostBasis
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CostInfo:
    """What was expected and what it came to, in USD; None where it is not known."""

    estimated_cost_usd: Decimal | None
    cost_usd: Decimal | None
    basis: CostBasis
    tokens_used: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderImage:
    """One image as the provider sent it, byte for byte."""

    data: bytes = field(repr=False)
    revised_prompt: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderResult:
    """A provider's answer. `reported` is what it says it used (size, quality, …), `details` its own facts."""

    images: tuple[ProviderImage, ...]
    usage: Usage | None = None
    request_id: str | None = None
    notes: tuple[str, ...] = ()
    reported: Mapping[str, Any] = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileInfo:
    """What the stored bytes say of themselves. `filename` is relative to the images folder, with `/`."""

    filename: str
    size_bytes: int
    format: str
    width: int | None
    height: int | None
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRecord:
    """All that is kept about one image: the content of its sidecar.

    `parameters` has the keys `asked` and `sent`; `parents` are image ids or `sha256:…` of inputs;
    `extra` keeps keys of a newer version so that a rewrite does not lose them.
    """

    image_id: str
    task_id: str
    created_at: datetime
    operation: Operation
    prompt: str
    provider: str
    model: str
    parameters: Mapping[str, Any]
    notes: tuple[str, ...]
    file_info: FileInfo
    cost_info: CostInfo
    parents: tuple[str, ...] = ()
    template: TemplateUse | None = None
    request_id: str | None = None
    revised_prompt: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryQuery:
    """A page of history, newest first. `since` is inclusive, `until` exclusive; `cursor` continues a page."""

    text: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    model: str | None = None
    provider: str | None = None
    operation: Operation | None = None
    limit: int = 20
    cursor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryPage:
    """Images, newest first, and the cursor of the next page (None: this was the last)."""

    images: tuple[ImageRecord, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SpendRow:
    """One line of the statistics: `key` is a model (`provider/model`) or a UTC day (`YYYY-MM-DD`)."""

    key: str
    images: int
    size_bytes: int
    cost_usd: Decimal
    unknown_cost: int  # images whose cost nobody knows; they are not in cost_usd


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectedAnswer:
    """An answer that was no image, kept aside as `filename` (relative to the images folder)."""

    image_id: str
    filename: str
    created_at: datetime
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanupReport:
    """What a clean-up deleted, or would delete. `reasons` maps image ids to `age` or `size`.

    Of answers that were no images, those beyond the age are in `rejected`.
    """

    ran_at: datetime
    dry_run: bool
    images: tuple[ImageRecord, ...]
    reasons: Mapping[str, str]
    freed_bytes: int
    temporary_files: int
    rejected: tuple[RejectedAnswer, ...] = ()
    already_running: bool = False  # another clean-up was at work, so this one did nothing
    already_done: bool = False  # one ran so recently that this one did nothing
    stopped: bool = False  # before it was through; what it did not reach is left to the next


@dataclass(frozen=True, slots=True, kw_only=True)
class LastCleanup:
    """When clean-up last ran through, and how many images and rejected answers it deleted."""

    ran_at: datetime
    images: int
    freed_bytes: int
    rejected: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreStats:
    """Sums over the history; `days` covers the asked period, the rest the whole store."""

    images: int
    size_bytes: int
    cost_usd: Decimal
    unknown_cost: int
    oldest: datetime | None
    newest: datetime | None
    by_model: tuple[SpendRow, ...]
    by_day: tuple[SpendRow, ...]
    last_cleanup: LastCleanup | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationResult:
    """The answer to one request: the stored images, what was asked, sent and paid.

    `rejected` are the paths of answers that were no images; they were paid for and are kept aside.
    """

    task_id: str
    operation: Operation
    provider: str
    model: str
    images: tuple[ImageRecord, ...]
    cost_info: CostInfo
    notes: tuple[str, ...]
    timings: Mapping[str, float]  # seconds: provider, save, total
    rejected: tuple[str, ...] = ()
    cached: bool = False  # these images were paid for by an earlier or an equal request
    details: Mapping[str, Any] = field(default_factory=dict)
