"""`convert`: another format."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

from imagegen.imaging import ImageFacts
from imagegen.processors.arguments import one_of, split_options, whole_number
from imagegen.processors.base import Processor
from imagegen.processors.pixels import QUALITY, working_on

TARGETS = ("png", "jpeg", "webp", "gif")


@dataclass(frozen=True, slots=True)
class Convert(Processor):
    """A format, and for jpeg and webp a quality of 0 to 100."""

    name: ClassVar[str] = "convert"
    usage: ClassVar[str] = "convert:png|jpeg|webp|gif[,quality=90]"
    summary: ClassVar[str] = "write the picture in another format"
    formats: ClassVar[tuple[str, ...]] = ("png", "jpeg", "webp", "gif")
    still_only: ClassVar[bool] = True

    target: str
    quality: int = QUALITY

    @classmethod
    def parse(cls, text: str) -> Self:
        target, options = split_options(text, ("quality",))
        wanted = one_of("jpeg" if target == "jpg" else target, TARGETS, what="The format", usage=cls.usage)
        quality = options.get("quality", str(QUALITY))
        return cls(wanted, whole_number(quality, what="The quality", low=0, high=100, usage=cls.usage))

    def process(self, data: bytes, facts: ImageFacts) -> bytes:
        with working_on(data, facts, self.name) as pixels:
            return pixels.encode(self.target, self.quality)

    def gives(self, image_format: str) -> str:  # noqa: ARG002 - whatever goes in, this comes out
        return self.target
