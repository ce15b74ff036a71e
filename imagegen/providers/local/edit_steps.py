"""The closed set of edits, as data: what each one does to an image and to its size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Size = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Crop:
    """Keep a part: a box, a size around the middle, or the largest middle part of a ratio."""

    box: tuple[int, int, int, int] | None = None  # x, y, width, height in pixels
    size: Size | None = None
    ratio: tuple[int, int] | None = None

    def region(self, width: int, height: int) -> tuple[int, int, int, int]:
        """Left, upper, right and lower pixel of the part that is kept."""
        if self.box:
            x, y, wide, high = self.box
            return x, y, x + wide, y + high
        wide, high = self.size or self._largest(width, height)
        left, upper = (width - wide) // 2, (height - high) // 2
        return left, upper, left + wide, upper + high

    def _largest(self, width: int, height: int) -> Size:
        across, down = self.ratio or (1, 1)
        if width * down >= height * across:
            return max(1, height * across // down), height
        return width, max(1, width * down // across)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resize:
    """A new size in pixels, one side of it (the other follows), or percent."""

    width: int | None = None
    height: int | None = None
    percent: float | None = None

    def target(self, width: int, height: int) -> Size:
        """The size that an image of this width and height becomes."""
        if self.percent is not None:
            return round(width * self.percent / 100), round(height * self.percent / 100)
        if self.width is None:
            wanted = self.height or height
            return max(1, round(width * wanted / height)), wanted
        return self.width, self.height or max(1, round(height * self.width / width))


@dataclass(frozen=True, slots=True)
class Rotate:
    """Turn clockwise by degrees; the canvas grows to hold the corners."""

    degrees: float


@dataclass(frozen=True, slots=True)
class Flip:
    """Swap left and right (horizontally) or top and bottom (vertically)."""

    direction: Literal["horizontally", "vertically"]


@dataclass(frozen=True, slots=True)
class Grayscale:
    """Take the colours out."""


@dataclass(frozen=True, slots=True)
class Blur:
    """Gaussian blur with a radius in pixels."""

    radius: float


@dataclass(frozen=True, slots=True)
class Brightness:
    """Lighter or darker; 1 leaves the image as it is."""

    factor: float


@dataclass(frozen=True, slots=True)
class Contrast:
    """More or less contrast; 1 leaves the image as it is."""

    factor: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """Words on the image, at its top, center or bottom, in a colour `#rrggbb`."""

    text: str
    place: Literal["top", "center", "bottom"] = "bottom"
    colour: str = "#ffffff"


Step = Crop | Resize | Rotate | Flip | Grayscale | Blur | Brightness | Contrast | Text


def describe(step: Step) -> dict[str, Any]:
    """The step as a JSON object: its name and the values it was given."""
    values = {name: getattr(step, name) for name in step.__slots__}
    said = {name: list(v) if isinstance(v, tuple) else v for name, v in values.items() if v is not None}
    return {"edit": type(step).__name__.lower(), **said}
