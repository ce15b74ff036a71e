"""What the fake OpenAI makes: real image files, and token counts as the published tables give them."""

from __future__ import annotations

import io
from functools import lru_cache
from math import ceil, floor
from typing import Any

from PIL import Image

FACTORS = {
    "gpt-image-2": {"low": 16, "medium": 48, "high": 96},
    "gpt-image-2.5": {"low": 16, "medium": 24, "high": 48, "xhigh": 64, "max": 96},
}
FIRST_GENERATION = {
    "low": {(1024, 1024): 272, (1024, 1536): 408, (1536, 1024): 400},
    "medium": {(1024, 1024): 1056, (1024, 1536): 1584, (1536, 1024): 1568},
    "high": {(1024, 1024): 4160, (1024, 1536): 6240, (1536, 1024): 6208},
}
DEAR_AT_LOW_AND_MEDIUM = 4  # gpt-image-2.6 against 2.5, as measured by a reseller
PARTIAL_TOKENS = 100


@lru_cache(maxsize=64)
def picture(
    image_format: str, width: int, height: int, number: int = 0, *, transparent: bool = False
) -> bytes:
    """A whole file of one flat colour; `number` varies the colour."""
    colour = (40 * number % 256, 90, 160)
    if image_format == "svg":
        fill = "#{:02x}{:02x}{:02x}".format(*colour)
        shape = f'<rect width="{width}" height="{height}" fill="{fill}"/>'
        root = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}">'
        return f"{root}{shape}</svg>".encode()
    mode = "RGBA" if transparent else "RGB"
    image = Image.new(mode, (width, height), (*colour, 0) if transparent else colour)
    options: dict[str, Any] = {}
    if image_format == "png":
        options = {"compress_level": 1}
    if image_format == "gif":
        options = {
            "save_all": True,
            "append_images": [Image.new(mode, (width, height), "white")],
            "duration": 200,
        }
    buffer = io.BytesIO()
    image.save(buffer, image_format, **options)
    return buffer.getvalue()


def output_tokens(model: str, quality: str, width: int, height: int) -> int:
    """Image tokens of one picture."""
    if not model.startswith("gpt-image-2"):
        sizes = FIRST_GENERATION.get(quality, FIRST_GENERATION["medium"])
        return sizes.get((width, height), sizes[1024, 1024])
    generation = "gpt-image-2" if model in ("gpt-image-2", "gpt-image-2-2026-04-21") else "gpt-image-2.5"
    factor = FACTORS[generation][quality]
    long, short = max(width, height), min(width, height)
    side = floor(factor * short / long + 0.5)
    tokens = ceil(factor * side * (2_000_000 + width * height) / 4_000_000)
    dear = model.startswith("gpt-image-2.6") and quality in ("low", "medium")
    return tokens * DEAR_AT_LOW_AND_MEDIUM if dear else tokens


def usage(
    text_tokens: int, image_tokens: int, tokens_out: int, *, with_details: bool = True
) -> dict[str, Any]:
    """A `usage` object. `with_details` False: without `output_tokens_details`, as is common."""
    details = (
        {"output_tokens_details": {"image_tokens": tokens_out, "text_tokens": 0}} if with_details else {}
    )
    return {
        "input_tokens": text_tokens + image_tokens,
        "input_tokens_details": {"text_tokens": text_tokens, "image_tokens": image_tokens},
        "output_tokens": tokens_out,
        **details,
        "total_tokens": text_tokens + image_tokens + tokens_out,
    }


def slow_drawing() -> bytes:
    """A small SVG of a hundred thousand transparent circles, which takes minutes to draw."""
    groups = ['<g id="g0"><circle cx="50" cy="50" r="40" opacity=".5"/></g>']
    groups += [f'<g id="g{level}">{10 * f"""<use href="#g{level - 1}"/>"""}</g>' for level in range(1, 6)]
    root = '<svg xmlns="http://www.w3.org/2000/svg" width="100" height="100">'
    return f'{root}<defs>{"".join(groups)}</defs><use href="#g5"/></svg>'.encode()
