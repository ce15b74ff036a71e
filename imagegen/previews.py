"""Small pictures of large ones, for whoever has to look at an image through a narrow door."""

from __future__ import annotations

import io
import math
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imagegen.imaging import UnreadableImage, probe

if TYPE_CHECKING:
    from PIL.Image import Image

QUALITIES = (80, 60, 40)
SHRINK = 0.7
SMALLEST_SIDE = 16
ROW = 4  # images side by side on a sheet
GAP = 1 / 25  # between two of them, of their side
CHECKS = 40  # along a side, behind what is transparent
CHECK_GREYS = (190, 230)
# The renderer would open the file of a path in here, and the SVG may come from strangers.
OUTSIDE = re.compile(rb"""href\s*=\s*["']\s*(?!data:|\#)""")


@dataclass(frozen=True, slots=True)
class Preview:
    """A WebP rendition, its sides in pixels."""

    data: bytes
    width: int
    height: int


def load_codecs() -> None:
    """Import what `make_preview` needs, for who has time before the first."""
    from PIL import Image, WebPImagePlugin  # noqa: F401

    Image.preinit()


def make_preview(data: bytes, image_format: str, *, side: int, max_bytes: int) -> Preview:
    """The image (an animation's first frame) as WebP, `side` pixels long at most, within `max_bytes`.

    Gives up quality first, then pixels. Blocking. Raises UnreadableImage.
    """
    image = _opened(data, image_format, side)
    while True:
        for quality in QUALITIES:
            encoded = _encoded(image, quality)
            if len(encoded) <= max_bytes or max(image.size) <= SMALLEST_SIDE:
                return Preview(encoded, *image.size)
        image = image.resize((_shrunk(image.width), _shrunk(image.height)))


def make_sheet(images: Sequence[tuple[bytes, str]], *, side: int) -> bytes:
    """The images, each with its format, in rows on one PNG; each is `side` pixels long at most.

    Transparent pixels get a checkered ground; what lies between images is transparent black. Blocking.
    Raises UnreadableImage.
    """
    from PIL import Image

    pictures = [_on_checks(_opened(data, image_format, side), side) for data, image_format in images]
    rows = math.ceil(len(pictures) / ROW)
    columns = math.ceil(len(pictures) / rows)
    gap = round(side * GAP)
    width, height = (max(sides) for sides in zip(*(picture.size for picture in pictures), strict=True))
    sheet = Image.new("RGBA", (columns * (width + gap) - gap, rows * (height + gap) - gap))
    for position, picture in enumerate(pictures):
        row, column = divmod(position, columns)
        sheet.paste(picture, (column * (width + gap), row * (height + gap)))
    buffer = io.BytesIO()
    sheet.save(buffer, "PNG", compress_level=1)  # it is read again at once
    return buffer.getvalue()


def _on_checks(image: Image, side: int) -> Image:
    from PIL import Image

    if image.mode != "RGBA":
        return image
    square = max(1, side // CHECKS)
    across, down = (math.ceil(length / square) for length in image.size)
    board = Image.frombytes(
        "L", (across, down), bytes(CHECK_GREYS[(x + y) % 2] for y in range(down) for x in range(across))
    )
    ground = board.resize((across * square, down * square), Image.Resampling.NEAREST)
    return Image.alpha_composite(ground.crop((0, 0, *image.size)).convert("RGBA"), image)


def _opened(data: bytes, image_format: str, side: int) -> Image:
    from PIL import Image

    warnings.filterwarnings("ignore", module=r"PIL\.")  # metadata of strangers is nobody's concern here
    if image_format == "svg":
        data, image_format = _drawn(data, side), "png"
    try:
        with Image.open(io.BytesIO(data), formats=[image_format]) as image:
            image.draft("RGB", (side, side))  # a JPEG is decoded no larger than needed
            # Averaging whole pixels first is five times faster, and leaves little for the finer filter to do.
            image.thumbnail((side, side), Image.Resampling.BILINEAR, reducing_gap=1)
            return image.convert("RGBA" if image.has_transparency_data else "RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as exc:
        raise UnreadableImage(f"it cannot be shown small ({exc})") from exc


def _drawn(svg: bytes, side: int) -> bytes:
    """An SVG as PNG, its long side that many pixels."""
    import resvg_py

    if OUTSIDE.search(svg):
        raise UnreadableImage("the SVG refers to something outside itself")
    facts = probe(svg)
    is_tall = (facts.height or 1) > (facts.width or 1)
    width, height = (None, side) if is_tall else (side, None)
    try:
        drawn = resvg_py.svg_to_bytes(
            svg_string=svg.decode("utf-8"), width=width, height=height, skip_system_fonts=True
        )
        return bytes(drawn)
    except (ValueError, UnicodeDecodeError) as exc:
        raise UnreadableImage(f"the SVG cannot be drawn ({exc})") from exc


def _encoded(image: Image, quality: int) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", quality=quality, method=0)
    return buffer.getvalue()


def _shrunk(side: int) -> int:
    return max(SMALLEST_SIDE, int(side * SHRINK))
