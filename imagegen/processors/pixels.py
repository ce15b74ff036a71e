"""Opening an image for work on its pixels, and writing it down again."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imagegen.errors import InputImageError
from imagegen.imaging import ImageFacts, probe

if TYPE_CHECKING:
    from PIL.Image import Image

QUALITY = 90  # of jpeg and webp: hardly a difference to the eye
MAX_SIDES = {"png": 65_535, "jpeg": 65_535, "webp": 16_383, "gif": 65_535}
_DAMAGE = (OSError, SyntaxError, ValueError, LookupError, ArithmeticError, struct.error, zlib.error)


@dataclass(frozen=True, slots=True)
class Pixels:
    """A still image, upright, as RGB or RGBA, with its colour profile."""

    image: Image
    profile: bytes | None

    def encode(self, image_format: str, quality: int = QUALITY) -> bytes:
        """The bytes in a format; transparent pixels become white in jpeg, which has none."""
        from PIL import Image

        image = self.image
        if image_format == "jpeg" and image.mode == "RGBA":
            image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
        buffer = io.BytesIO()
        profile = {"icc_profile": self.profile} if self.profile else {}
        image.save(buffer, image_format.upper(), quality=quality, **profile)
        return buffer.getvalue()


@contextmanager
def working_on(data: bytes, facts: ImageFacts, name: str) -> Iterator[Pixels]:
    """The pixels of a png, jpeg, webp or gif, for the step called `name`.

    Raises InputImageError for an animation, whose other frames would be lost, and for a damaged file.
    """
    if facts.frames > 1:
        raise InputImageError(
            f"{name} works on still images, and this {facts.format} has {facts.frames} frames.",
            hint="Leave the step out.",
        )
    try:
        pixels = _opened(data)
    except _DAMAGE as exc:
        raise InputImageError(f"{name} cannot read this {facts.format}: {exc}.") from exc
    yield pixels


def _opened(data: bytes) -> Pixels:
    from PIL import Image, ImageOps

    image_format = probe(data).format
    with Image.open(io.BytesIO(data), formats=[image_format]) as image:
        image.load()
        profile = image.info.get("icc_profile")
        upright = ImageOps.exif_transpose(image)
    if upright.mode.startswith("I;16"):
        upright = upright.point(lambda value: value / 256).convert("L")
    # The profile of a CMYK or grey image says nothing true of RGB.
    kept = profile if upright.mode in ("RGB", "RGBA", "P") and isinstance(profile, bytes) else None
    return Pixels(upright.convert("RGBA" if upright.has_transparency_data else "RGB"), kept)
