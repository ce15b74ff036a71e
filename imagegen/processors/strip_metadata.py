"""`strip-metadata`: the same pixels, and nothing said about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

from imagegen.errors import UsageError
from imagegen.imaging import ImageFacts
from imagegen.metadata import strip_metadata
from imagegen.processors.base import Processor


@dataclass(frozen=True, slots=True)
class StripMetadata(Processor):
    """Takes parts out of the file; what is left is as it was encoded, animations too."""

    name: ClassVar[str] = "strip-metadata"
    usage: ClassVar[str] = "strip-metadata"
    summary: ClassVar[str] = (
        "drop Exif, XMP, texts, comments and content credentials; pixels stay as they are"
    )
    formats: ClassVar[tuple[str, ...]] = ("png", "jpeg", "webp", "gif")

    @classmethod
    def parse(cls, text: str) -> Self:
        if text:
            raise UsageError(f"strip-metadata takes nothing, not {text!r}.", hint=f"Write: {cls.usage}")
        return cls()

    def process(self, data: bytes, facts: ImageFacts) -> bytes:  # noqa: ARG002 - the bytes say it all
        return strip_metadata(data)
