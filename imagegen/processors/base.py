"""The door every post-processing step comes through.

A complete step, in a package of your own:

    from imagegen.errors import UsageError
    from imagegen.imaging import ImageFacts
    from imagegen.processors.base import Processor

    class Grayscale(Processor):
        name = "grayscale"
        usage = "grayscale"
        summary = "take the colours out"
        formats = ("png", "jpeg")

        @classmethod
        def parse(cls, text: str) -> "Grayscale":
            if text:
                raise UsageError(f"grayscale takes nothing, not {text!r}.", hint="Write: grayscale")
            return cls()

        def process(self, data: bytes, facts: ImageFacts) -> bytes:
            with Image.open(io.BytesIO(data)) as image:
                buffer = io.BytesIO()
                image.convert("L").save(buffer, facts.format)
            return buffer.getvalue()

Declared in its `pyproject.toml`, it works as `--process grayscale`:

    [project.entry-points."imagegen.processors"]
    grayscale = "your_package:Grayscale"
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, Self

from imagegen.imaging import ImageFacts


class Processor(ABC):
    """One post-processing step with its arguments: makes other image bytes from image bytes.

    Reading the arguments is cheap and comes before any money is spent; `process` runs in a worker thread, as
    often and in as many threads at once as there are images, so it keeps nothing in the object.
    """

    name: ClassVar[str]
    """The word before the colon; that of the entry point."""

    usage: ClassVar[str]
    """How the step is written, such as `resize:WIDTHxHEIGHT`."""

    summary: ClassVar[str]
    """What it does, in a few words."""

    formats: ClassVar[tuple[str, ...]] = ("png", "jpeg", "webp")
    """What it can read, of png, jpeg, webp, gif and svg; anything else is refused in its name."""

    still_only: ClassVar[bool] = False
    """Whether it refuses animations; then a call that will bring one is not made."""

    @classmethod
    @abstractmethod
    def parse(cls, text: str) -> Self:
        """Build the step from what follows the colon (nothing: an empty text). Raises UsageError."""

    @abstractmethod
    def process(self, data: bytes, facts: ImageFacts) -> bytes:
        """The bytes of another image, in the format that `gives` names. Raises errors of imagegen.errors."""

    def gives(self, image_format: str) -> str:
        """The format that comes out of one that goes in; the same, unless the step says otherwise."""
        return image_format
