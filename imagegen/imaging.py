"""Pillow at the edge: what bytes are, by their content alone, within limits that hostile files meet."""

from __future__ import annotations

import io
import re
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imagegen.containers import count_frames, sniff
from imagegen.heif import FORMATS as HEIF_FORMATS
from imagegen.heif import heif_size, sniff_boxes

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_PIXELS = 40_000_000
MAX_INPUT_BYTES = 50_000_000
MAX_SVG_BYTES = 20_000_000

MIME_TYPES = {
    "png": "image/png",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
    "gif": "image/gif",
    "svg": "image/svg+xml",
}
EXTENSIONS = {"png": "png", "jpeg": "jpg", "webp": "webp", "gif": "gif", "svg": "svg"}
FORMATS_BY_SUFFIX = {
    ".png": "png",
    ".jpg": "jpeg",
    ".jpeg": "jpeg",
    ".webp": "webp",
    ".gif": "gif",
    ".svg": "svg",
}
# Pillow reports damage through all of these, depending on the plugin and on where the damage is.
_DAMAGE = (
    OSError,
    SyntaxError,
    EOFError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    AssertionError,
    ArithmeticError,
    struct.error,
    zlib.error,
)
_MAX_SVG_DEPTH = 1_000
_SVG_PIXELS = re.compile(r"\s*\+?(\d{1,9}(?:\.\d*)?)(?:px)?\s*", re.ASCII)
_SVG_STARTS = (b"<svg", b"<?xml", b"<!DOCTYPE svg")
_OTHER_KINDS = (
    (b"<!doctype html", "a web page"),
    (b"<html", "a web page"),
    (b"%pdf", "a PDF"),
    (b"bm", "a BMP image"),
    (b"ii*\x00", "a TIFF image"),
    (b"mm\x00*", "a TIFF image"),
    (b"\x1f\x8b", "compressed with gzip"),
    (b"pk\x03\x04", "a ZIP archive"),
)


class UnreadableImage(ValueError):
    """Bytes that are no whole image of a known format; the text says why."""


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """What image bytes are. Width and height in pixels as stored; None for an SVG that states none."""

    format: str
    width: int | None
    height: int | None
    has_alpha: bool
    frames: int = 1


def probe(data: bytes) -> ImageFacts:
    """Read format and pixels from the header and check that the file is whole, without decoding pixels.

    Raises UnreadableImage.
    """
    if _looks_like_svg(data):
        return _probe_svg(data)
    with _opened(data) as (_, facts):
        return facts


def decode_fully(data: bytes) -> ImageFacts:
    """Like `probe`, and decode every pixel (of an animation's first frame): for images from strangers.

    An SVG is not drawn, but one that states more than MAX_PIXELS is refused. Raises UnreadableImage.
    """
    if _looks_like_svg(data):
        facts = _probe_svg(data)
        _check_pixels(facts.width or 0, facts.height or 0)
        return facts
    with _opened(data) as (image, facts):
        image.load()
    return facts


def look_into_input(data: bytes) -> ImageFacts:
    """What an input image is: one that can be read here is decoded, a HEIC or HEIF is only measured.

    Whether a HEIC has transparency is not looked into. Raises UnreadableImage.
    """
    image_format = sniff_boxes(data)
    if image_format not in HEIF_FORMATS:
        return decode_fully(data)
    try:
        width, height = heif_size(data)
    except ValueError as exc:
        raise UnreadableImage(f"this {image_format} is damaged or cut off ({exc})") from exc
    _check_pixels(width, height)
    return ImageFacts(image_format, width, height, has_alpha=False)


def convert(data: bytes, image_format: str, quality: int) -> bytes:
    """Another format of the same pixels; `quality` is 0 to 100, for jpeg and webp. Raises UnreadableImage.

    Transparent pixels become white in jpeg, which has none.
    """
    from PIL import Image

    with _opened(data) as (image, facts):
        image.load()
        pixels = image.convert("RGBA" if facts.has_alpha else "RGB")
    if image_format == "jpeg" and facts.has_alpha:
        white = Image.new("RGBA", pixels.size, "white")
        pixels = Image.alpha_composite(white, pixels).convert("RGB")
    buffer = io.BytesIO()
    pixels.save(buffer, image_format.upper(), quality=quality)
    return buffer.getvalue()


@contextmanager
def _opened(data: bytes) -> Iterator[tuple[Image, ImageFacts]]:
    """Walk the file, then open it as what its magic bytes say; every failure becomes UnreadableImage."""
    from PIL import Image, UnidentifiedImageError

    # Pillow warns programmers of odd metadata; catch_warnings would not be safe in threads.
    warnings.filterwarnings("ignore", module=r"PIL\.")
    image_format = sniff(data)
    if image_format is None:
        raise UnreadableImage(f"no PNG, JPEG, WebP, GIF or SVG image ({_other_kind(data)})")
    try:
        frames = count_frames(data, image_format)
        with Image.open(io.BytesIO(data), formats=[image_format]) as image:
            _check_pixels(image.width, image.height)
            yield image, ImageFacts(image_format, *image.size, image.has_transparency_data, frames)
    except UnreadableImage:
        raise
    except Image.DecompressionBombError as exc:
        raise UnreadableImage(f"it is over the limit of {MAX_PIXELS:,} pixels") from exc
    except UnidentifiedImageError as exc:
        raise UnreadableImage(f"the header of this {image_format} is damaged") from exc
    except _DAMAGE as exc:
        raise UnreadableImage(f"damaged or cut off ({exc})") from exc


def _check_pixels(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise UnreadableImage(f"{width}x{height} is over the limit of {MAX_PIXELS:,} pixels")


def _other_kind(data: bytes) -> str:
    """What the bytes are instead. Nothing of them is shown: they may be a secret."""
    head = data[:256].lstrip().lower()
    if data[4:8] == b"ftyp":
        boxed = sniff_boxes(data)
        return f"it is {'an AVIF' if boxed == 'avif' else 'a HEIC'} image" if boxed else "it is a video"
    kind = next((kind for start, kind in _OTHER_KINDS if head.startswith(start)), None)
    if kind is not None:
        return f"it is {kind}"
    return "its content is unknown" if re.search(rb"[^\t\n\r -~\x80-\xff]", head) else "it is text"


def _looks_like_svg(data: bytes) -> bool:
    head = data[:65_536].lstrip(b"\xef\xbb\xbf \t\r\n")
    return head.startswith(_SVG_STARTS) or (head.startswith(b"<!--") and b"<svg" in head)


def _probe_svg(data: bytes) -> ImageFacts:
    """Size from `width` and `height` in pixels, else from `viewBox`."""
    attributes = _svg_root(data)
    width, height = (_svg_pixels(attributes.get(side)) for side in ("width", "height"))
    box = re.split(r"[\s,]+", attributes.get("viewBox", "").strip())
    if (width is None or height is None) and len(box) == 4:
        width, height = _svg_pixels(box[2]), _svg_pixels(box[3])
    return ImageFacts(format="svg", width=width, height=height, has_alpha=True)


def _svg_root(data: bytes) -> dict[str, str]:
    """The root element's attributes; the whole document is parsed, so a torn one is refused."""
    from xml.parsers import expat

    if len(data) > MAX_SVG_BYTES:
        raise UnreadableImage(f"an SVG of {len(data):,} bytes is over the limit of {MAX_SVG_BYTES:,}")
    reader = _SvgReader()
    try:
        parser = expat.ParserCreate()
        parser.StartElementHandler = reader.on_start
        parser.EndElementHandler = reader.on_end
        parser.EntityDeclHandler = reader.on_entity
        parser.Parse(data, True)
    except (expat.ExpatError, LookupError, ValueError) as exc:  # the last two: an encoding that nobody knows
        if isinstance(exc, UnreadableImage):
            raise
        raise UnreadableImage(f"not well-formed SVG ({exc})") from exc
    return reader.attributes


class _SvgReader:
    """Keeps the root's attributes and refuses what makes a small file grow without bound."""

    def __init__(self) -> None:
        self.attributes: dict[str, str] = {}
        self._depth = 0

    def on_start(self, name: str, attributes: dict[str, str]) -> None:
        if self._depth == 0:
            if name.rpartition(":")[2] != "svg":
                raise UnreadableImage(f"not an SVG: its root element is <{name[:40]}>")
            self.attributes = attributes
        self._depth += 1
        if self._depth > _MAX_SVG_DEPTH:
            raise UnreadableImage(f"this SVG is nested more than {_MAX_SVG_DEPTH:,} deep")

    def on_end(self, _: str) -> None:
        self._depth -= 1

    def on_entity(self, *_: object) -> None:
        raise UnreadableImage("this SVG declares XML entities, which are not accepted")


def _svg_pixels(text: str | None) -> int | None:
    """Whole pixels; None for no size, a relative one, or none that can be drawn."""
    match = _SVG_PIXELS.fullmatch(text or "")
    return round(float(match[1])) or None if match else None
