"""`resize`: another size in pixels."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar, Self

from imagegen.errors import UsageError
from imagegen.imaging import MAX_PIXELS, ImageFacts
from imagegen.processors.arguments import split_options
from imagegen.processors.base import Processor
from imagegen.processors.pixels import MAX_SIDES, Pixels, working_on

_SIZE = re.compile(r"(?P<width>[1-9]\d{0,5})?x(?P<height>[1-9]\d{0,5})?", re.ASCII)
_PERCENT = re.compile(r"([1-9]\d{0,3})%", re.ASCII)
MODES = ("fit", "cover", "stretch")


@dataclass(frozen=True, slots=True)
class Resize(Processor):
    """A box of pixels (a missing side follows the other) or percent, and how to get into the box."""

    name: ClassVar[str] = "resize"
    usage: ClassVar[str] = "resize:WIDTHxHEIGHT[,mode=fit|cover|stretch], resize:WIDTHx, resize:50%"
    summary: ClassVar[str] = "scale; fit keeps the whole picture inside, cover fills the size and crops"
    formats: ClassVar[tuple[str, ...]] = ("png", "jpeg", "webp", "gif")
    still_only: ClassVar[bool] = True

    width: int | None = None
    height: int | None = None
    percent: int | None = None
    mode: str = "fit"

    @classmethod
    def parse(cls, text: str) -> Self:
        size, options = split_options(text, ("mode",))
        mode = options.get("mode", "fit")
        if mode not in MODES:
            raise UsageError(f"resize has no mode {mode!r}.", hint=f"It has {', '.join(MODES)}.")
        percent = _PERCENT.fullmatch(size)
        if percent:
            return cls(percent=int(percent[1]), mode=mode)
        match = _SIZE.fullmatch(size)
        if match is None or match["width"] is match["height"] is None:
            raise UsageError(f"resize cannot read {text!r}.", hint=f"Write: {cls.usage}")
        width, height = (int(match[side]) if match[side] else None for side in ("width", "height"))
        step = cls(width=width, height=height, mode=mode)
        step.check(width or 1, height or 1, max(MAX_SIDES.values()))
        return step

    def process(self, data: bytes, facts: ImageFacts) -> bytes:
        with working_on(data, facts, self.name) as pixels:
            width, height = self.target(*pixels.image.size)
            self.check(width, height, MAX_SIDES[facts.format])
            return self._scaled(pixels, width, height).encode(facts.format)

    def target(self, width: int, height: int) -> tuple[int, int]:
        """The size that an image of this width and height becomes."""
        if self.percent is not None:
            factor = self.percent / 100
        elif self.width is not None and self.height is not None:
            if self.mode != "fit":
                return self.width, self.height
            factor = min(self.width / width, self.height / height)
        else:
            factor = self.width / width if self.width is not None else (self.height or height) / height
        return max(1, round(width * factor)), max(1, round(height * factor))

    def check(self, width: int, height: int, max_side: int) -> None:
        """Refuse a size that cannot be stored. Raises UsageError."""
        if width * height > MAX_PIXELS or max(width, height) > max_side:
            raise UsageError(
                f"resize to {width}x{height} is too large.",
                hint=f"Ask for {MAX_PIXELS:,} pixels and {max_side:,} a side at most.",
            )

    def _scaled(self, pixels: Pixels, width: int, height: int) -> Pixels:
        from PIL import Image, ImageOps

        if self.mode == "cover":
            return Pixels(
                ImageOps.fit(pixels.image, (width, height), Image.Resampling.LANCZOS), pixels.profile
            )
        return Pixels(pixels.image.resize((width, height), Image.Resampling.LANCZOS), pixels.profile)
