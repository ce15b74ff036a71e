"""Small images of every kind, made with Pillow or byte by byte."""

from __future__ import annotations

import io
import random
import struct
import zlib
from typing import Any

from PIL import Image

from imagegen.inputs import input_from_bytes
from imagegen.types import InputImage

FORMATS = ("png", "jpeg", "webp", "gif")


def noise(width: int = 24, height: int = 16, mode: str = "RGB", *, seed: int = 0) -> Image.Image:
    """A picture that does not compress away, so that a cut hits its pixels."""
    grain = Image.frombytes("RGB", (width, height), random.Random(seed).randbytes(width * height * 3))
    return grain.quantize(16) if mode == "P" else grain.convert(mode)


def encoded(image: Image.Image, image_format: str, **options: Any) -> bytes:
    """The bytes of an image file."""
    file = io.BytesIO()
    image.save(file, image_format.upper(), **options)
    return file.getvalue()


def picture(image_format: str = "png", width: int = 24, height: int = 16, mode: str = "RGB") -> bytes:
    """A whole image file; an SVG is a rectangle."""
    if image_format == "svg":
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}"><g/></svg>'.encode()
        )
    return encoded(noise(width, height, "P" if image_format == "gif" else mode), image_format)


def animation(image_format: str, frames: int = 3) -> bytes:
    """A moving PNG, WebP or GIF."""
    first, *rest = [noise(mode="P" if image_format == "gif" else "RGB", seed=n) for n in range(frames)]
    return encoded(first, image_format, save_all=True, append_images=rest, duration=50)


def chunk(kind: bytes, body: bytes) -> bytes:
    """A PNG chunk with its checksum."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def plain_png(width: int, height: int, *, stated: tuple[int, int] | None = None) -> bytes:
    """A black one-bit PNG, tiny however many pixels it has; `stated` is the size that its header claims."""
    rows = zlib.compress(bytes(((width + 7) // 8 + 1) * height))
    header = struct.pack(">IIBBBBB", *(stated or (width, height)), 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def input_image(
    image_format: str = "png", width: int = 24, height: int = 16, mode: str = "RGB", source: str = "photo.png"
) -> InputImage:
    """A verified input."""
    return input_from_bytes(picture(image_format, width, height, mode), source=source)
