"""What the real service refuses although the SDK's types allow it: by model, by range, by combination."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import Any

from PIL import Image

# The generation of each model that answers; the others are unknown to the service or gone.
GENERATION = {
    "gpt-image-1-mini": 1.0,
    "gpt-image-1.5": 1.5,
    "gpt-image-1.5-2025-12-16": 1.5,
    "chatgpt-image-latest": 1.2,
    "gpt-image-2": 2.0,
    "gpt-image-2-2026-04-21": 2.0,
    "gpt-image-2.5-sunburst": 2.5,
    "gpt-image-2.5-sunburst-2026-09-08": 2.5,
    "gpt-image-2.5-flare": 2.5,
    "gpt-image-2.5-flare-2026-09-08": 2.5,
    "gpt-image-2.6-sunburst": 2.6,
    "gpt-image-2.6-flare": 2.6,
}
FIXED_SIZES = ("auto", "1024x1024", "1536x1024", "1024x1536")
SINCE = {
    "complexity": 2.5,
    "frame_count": 2.6,
    "frame_duration_ms": 2.6,
    "svg": 2.6,
    "markup": 2.5,
    "style": 99,
    "response_format": 99,
}
RANGES = {
    "n": (1, 10),
    "output_compression": (0, 100),
    "partial_images": (0, 3),
    "frame_count": (2, 16),
}

Refusal = tuple[int, dict[str, Any]]


def refusal(status: int, code: str | None, message: str, param: str | None = None, kind: str = "") -> Refusal:
    """A status and an error body as the service writes them."""
    error = {"message": message, "type": kind or "invalid_request_error", "param": param, "code": code}
    return status, {"error": error}


def find_refusal(fields: dict[str, Any]) -> Refusal | None:
    """The first thing the service would object to, or None."""
    model = fields.get("model")
    generation = GENERATION.get(str(model))
    if generation is None:
        message = f"The model '{model}' does not exist or has been deprecated."
        return refusal(404, "model_not_found", message, "model")
    for name, since in SINCE.items():
        if name in fields and generation < since:
            return refusal(400, "unknown_parameter", f"Unknown parameter: '{name}'.", name)
    if "input_fidelity" in fields and generation >= 2:
        return refusal(400, "unknown_parameter", "Unknown parameter: 'input_fidelity'.", "input_fidelity")
    for name, problem in _bad_values(fields, generation):
        return refusal(400, "invalid_value", f"Invalid value for '{name}': {problem}", name)
    return None


def _bad_values(fields: dict[str, Any], generation: float) -> Iterator[tuple[str, str]]:
    yield from _bad_numbers(fields)
    yield from _bad_words(fields, generation)
    yield from _bad_combinations(fields)
    yield from _bad_inputs(fields)


def _bad_numbers(fields: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name, (low, high) in RANGES.items():
        if not low <= fields.get(name, low) <= high:
            yield name, f"it must be {low} to {high}"
    if not 1 <= len(fields["prompt"]) <= 32_000:
        yield "prompt", "it must have 1 to 32000 characters"


def _bad_words(fields: dict[str, Any], generation: float) -> Iterator[tuple[str, str]]:
    quality = fields.get("quality")
    if quality in ("standard", "hd") or (quality in ("xhigh", "max") and generation < 2.5):
        yield "quality", "this model does not have it"
    if fields.get("output_format") in ("gif", "svg") and generation < 2.6:
        yield "output_format", "this model does not make it"
    if fields.get("input_fidelity") == "high" and generation < 1.5:
        yield "input_fidelity", "this model takes low only"
    size = fields.get("size", "auto")
    if size not in FIXED_SIZES and (generation < 2 or not _is_free_size(size)):
        yield "size", "this model does not make it"


def _is_free_size(size: str) -> bool:
    match = re.fullmatch(r"(\d+)x(\d+)", size)
    width, height = (int(match[1]), int(match[2])) if match else (1, 1)
    long, short = max(width, height), min(width, height)
    fits = width % 16 == 0 and height % 16 == 0 and long <= 3 * short and long <= 3840
    return fits and 655_360 <= width * height <= 8_294_400


def _bad_combinations(fields: dict[str, Any]) -> Iterator[tuple[str, str]]:
    output_format = fields.get("output_format", "png")
    animated_or_vector = output_format in ("gif", "svg")
    if "output_compression" in fields and output_format not in ("jpeg", "webp"):
        yield "output_compression", "it needs jpeg or webp output"
    if fields.get("background") == "transparent" and output_format not in ("png", "webp"):
        yield "background", "transparency needs png or webp output"
    if ("frame_count" in fields or "frame_duration_ms" in fields) and output_format != "gif":
        yield "frame_count", "it needs gif output"
    if "svg" in fields and output_format != "svg":
        yield "svg", "it needs svg output"
    if animated_or_vector and (fields.get("stream") or "partial_images" in fields):
        yield "stream", "this output format cannot be streamed"
    if "partial_images" in fields and not fields.get("stream"):
        yield "partial_images", "it needs stream"
    if output_format == "svg" and fields.get("n", 1) != 1:
        yield "n", "svg needs n=1"


def _bad_inputs(fields: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if "image" not in fields:
        return
    images = fields["image"] if isinstance(fields["image"], list) else [fields["image"]]
    if not 1 <= len(images) <= 16:
        yield "image", "1 to 16 images are taken"
    if "mask" in fields and "markup" in fields:
        yield "markup", "it cannot be combined with mask"
    for name in ("mask", "markup"):
        if name in fields:
            yield from _bad_overlay(name, fields[name][1], images[0][1])


def _bad_overlay(name: str, overlay: bytes, first: bytes) -> Iterator[tuple[str, str]]:
    with Image.open(io.BytesIO(overlay)) as over, Image.open(io.BytesIO(first)) as under:
        if over.format != "PNG" or "A" not in over.getbands():
            yield name, "it must be a PNG with an alpha channel"
        if over.size != under.size:
            yield name, "it must have the first image's size"
