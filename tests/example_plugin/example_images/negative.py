"""A processing step: every colour becomes its opposite."""

from __future__ import annotations

import io
from typing import ClassVar, Self

from imagegen.errors import UsageError
from imagegen.imaging import ImageFacts
from imagegen.processors.base import Processor


class Negative(Processor):
    """Takes no arguments."""

    name: ClassVar[str] = "negative"
    usage: ClassVar[str] = "negative"
    summary: ClassVar[str] = "turn every colour into its opposite"

    @classmethod
    def parse(cls, text: str) -> Self:
        if text:
            raise UsageError(f"negative takes nothing, not {text!r}.", hint="Write: negative")
        return cls()

    def process(self, data: bytes, facts: ImageFacts) -> bytes:
        from PIL import Image, ImageOps

        buffer = io.BytesIO()
        with Image.open(io.BytesIO(data)) as image:
            ImageOps.invert(image.convert("RGB")).save(buffer, facts.format.upper())
        return buffer.getvalue()
