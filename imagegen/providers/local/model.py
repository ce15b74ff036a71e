"""The composer as a row of the model table."""

from __future__ import annotations

from imagegen.capabilities import Choice, FreeSize, ModelInfo, Range, SizeRule
from imagegen.types import Operation

TITLE = "local composer (vector drawing, no AI model)"
AUTO_SIZE = (1536, 1024)
MAX_SEED = 2**31 - 1
FORMATS = ("png", "jpeg", "webp", "svg")

COMPOSER = ModelInfo(
    id="composer",
    provider="local",
    title=TITLE,
    operations=frozenset(Operation),
    parameters={
        "n": Range(1, 10),
        "size": SizeRule(
            fixed=("auto", "1024x1024", "1536x1024", "1024x1536", "1920x1080", "1080x1920", "512x512"),
            free=FreeSize(min_side=64, max_side=4096, min_area=64 * 64, max_area=4096 * 4096, max_ratio=4),
        ),
        "background": Choice(("auto", "opaque", "transparent")),
        "output_format": Choice(FORMATS),
        "output_compression": Range(0, 100),
        "seed": Range(0, MAX_SEED),
    },
    max_prompt_chars=32_000,
    max_input_images=1,
    notes=(
        "Draws a scene from the words that it knows and says which it did not draw.",
        "Leaves out what the prompt denies: no moon, without clouds. It has no negative prompt.",
        "Edits: crop, resize, rotate, flip, grayscale, blur, brightness, contrast, text.",
    ),
    transparent_formats=("png", "webp", "svg"),
    single_formats=(),
    generate_only=("size", "background", "seed"),
)
