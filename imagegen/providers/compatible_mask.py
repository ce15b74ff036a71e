"""Masks for servers that look for white in place of transparency."""

from __future__ import annotations

import io

from imagegen.types import InputImage


def white_mask(mask: InputImage) -> bytes:
    """A grey PNG of the same size: white where `mask` is fully transparent, black where it is opaque."""
    from PIL import Image, ImageChops

    with Image.open(io.BytesIO(mask.data)) as image:
        inverted = ImageChops.invert(image.convert("RGBA").getchannel("A"))
    buffer = io.BytesIO()
    inverted.save(buffer, "png")
    return buffer.getvalue()
