"""What a model can do, as data: rules for its parameters, its life cycle, its limits.

A parameter that stands in `ModelInfo.parameters` is taken by the model, within its rule; one that does
not is not taken. The tables behind this are the TOML files in `imagegen/providers/models/`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any, Protocol

from imagegen.types import Operation

SIZE_PATTERN = re.compile(r"([1-9]\d{0,5})x([1-9]\d{0,5})", re.ASCII)


def parse_size(text: str) -> tuple[int, int] | None:
    """Width and height in pixels of `WIDTHxHEIGHT`; None for anything else."""
    match = SIZE_PATTERN.fullmatch(text)
    return (int(match[1]), int(match[2])) if match else None


class Rule(Protocol):
    """The values a parameter may have."""

    def accepts(self, value: Any) -> bool:
        """Whether the model honours `value`."""

    def describe(self) -> str:
        """The values for a person, as the end of "… takes "."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few words."""

    values: tuple[str, ...]

    def accepts(self, value: Any) -> bool:
        return value in self.values

    def describe(self) -> str:
        return ", ".join(self.values)


@dataclass(frozen=True, slots=True)
class Range:
    """A whole number between two bounds, both included."""

    minimum: int
    maximum: int

    def accepts(self, value: Any) -> bool:
        return (
            isinstance(value, int) and not isinstance(value, bool) and self.minimum <= value <= self.maximum
        )

    def describe(self) -> str:
        return f"{self.minimum} to {self.maximum}"


@dataclass(frozen=True, slots=True)
class AnyText:
    """Any text up to a length in characters."""

    max_length: int = 512

    def accepts(self, value: Any) -> bool:
        return isinstance(value, str) and 0 < len(value) <= self.max_length

    def describe(self) -> str:
        return f"text of 1 to {self.max_length} characters"


@dataclass(frozen=True, slots=True, kw_only=True)
class FreeSize:
    """Bounds on WIDTHxHEIGHT: sides in pixels, areas in pixels, `max_ratio` long side over short side."""

    multiple: int = 1
    min_side: int = 1
    max_side: int
    min_area: int = 1
    max_area: int
    max_ratio: float

    def problem(self, width: int, height: int) -> str | None:
        """Why the size is impossible, or None."""
        if width % self.multiple or height % self.multiple:
            return f"both sides must be divisible by {self.multiple}"
        if min(width, height) < self.min_side or max(width, height) > self.max_side:
            return f"each side must be {self.min_side} to {self.max_side} pixels"
        if max(width, height) > self.max_ratio * min(width, height):
            return f"the sides may differ by {self.max_ratio:g}:1 at most"
        if not self.min_area <= width * height <= self.max_area:
            return f"the area must be {self.min_area:,} to {self.max_area:,} pixels"
        return None


@dataclass(frozen=True, slots=True)
class SizeRule:
    """Fixed sizes (`auto` among them where the model may choose), and bounds for free ones."""

    fixed: tuple[str, ...]
    free: FreeSize | None = None

    def accepts(self, value: Any) -> bool:
        return isinstance(value, str) and self.problem(value) is None

    def problem(self, value: str) -> str | None:
        """Why the size is impossible, or None."""
        if value in self.fixed:
            return None
        pixels = parse_size(value)
        if pixels is None:
            return "a size is written WIDTHxHEIGHT" + (", or auto" if "auto" in self.fixed else "")
        return self.free.problem(*pixels) if self.free else "this model has fixed sizes only"

    def describe(self) -> str:
        fixed = ", ".join(self.fixed)
        if not self.free:
            return fixed
        free = self.free
        step = f" in multiples of {free.multiple}" if free.multiple > 1 else ""
        area = f"area {free.min_area:,} to {free.max_area:,} pixels"
        side = f"sides up to {free.max_side}, ratio up to {free.max_ratio:g}:1"
        return f"{fixed}, or WIDTHxHEIGHT{step} ({side}, {area})"


class Status(StrEnum):
    """Where a model stands in its life."""

    ACTIVE = "active"
    DEPRECATED = "deprecated"  # still answers; `shutdown_date` says until when
    RETIRED = "retired"
    UNKNOWN = "unknown"  # not in the table: passed through as it is


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelInfo:
    """One model: what it does, what it takes, how long it lives."""

    id: str
    provider: str
    title: str
    operations: frozenset[Operation]
    parameters: Mapping[str, Rule]
    max_prompt_chars: int
    max_input_images: int = 0
    takes_mask: bool = False
    takes_markup: bool = False
    input_formats: tuple[str, ...] = ("png", "jpeg", "webp")
    transparent_formats: tuple[str, ...] = ("png", "webp")
    single_formats: tuple[str, ...] = ("svg",)  # made one image at a time
    generate_only: tuple[str, ...] = ()  # parameters that an edit does not take
    status: Status = Status.ACTIVE
    shutdown_date: date | None = None
    replacement: str | None = None
    notes: tuple[str, ...] = ()
    converts_locally: bool = False  # formats are made here from what it sends, and only when asked for
    style_in_prompt: bool = False  # a style that it does not take may be said in its prompt
    avoid_in_prompt: bool = False  # a negative prompt that it does not take is said in its prompt
    unwished: frozenset[str] = frozenset()  # parameters that no default fills in: sent only when said
    takes_anything: bool = False  # unknown models: what the user set is passed through unchecked
    unsendable: tuple[str, ...] = ()  # parameters that even then have no place in its provider's requests
    extra: Mapping[str, Any] = field(default_factory=dict)  # facts for the provider's own adapter

    @property
    def full_name(self) -> str:
        """`provider/model`."""
        return f"{self.provider}/{self.id}"

    def status_on(self, today: date) -> Status:
        """The status on a day: a deprecated model is retired from its shutdown date on."""
        if self.shutdown_date is not None and today >= self.shutdown_date:
            return Status.RETIRED
        return self.status
