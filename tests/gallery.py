"""The README's pictures, made by the local composer."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image

from imagegen.providers.local.raster import rasterise
from imagegen.providers.local.scene import compose

PICTURES = Path(__file__).parent / "snapshots" / "pictures"
FIRST = "a red fox under pine trees at night, snow"
PROMPTS = (
    "three sailing boats on a calm sea at sunset",
    "a castle on a hill with a rainbow",
    "a cup of coffee on a table",
    "rocket flying to the moon, stars",
    "city skyline at night, rain",
    "hot air balloons over mountains at dawn, fog",
    "a blue cat and two yellow flowers in a meadow",
    "a lighthouse in a storm",
    "an owl in the forest at dusk",
)
COLUMNS, TILE = 3, (420, 280)


def draw(prompt: str, width: int, height: int) -> Image.Image:
    """The picture of a prompt, without alpha."""
    png = rasterise(compose(prompt, None, width, height).svg, width, height)
    with Image.open(io.BytesIO(png)) as image:
        return image.convert("RGB")


def gallery() -> Image.Image:
    """All prompts in rows of three."""
    rows = -(-len(PROMPTS) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * TILE[0], rows * TILE[1]))
    for position, prompt in enumerate(PROMPTS):
        row, column = divmod(position, COLUMNS)
        tile = draw(prompt, 2 * TILE[0], 2 * TILE[1]).resize(TILE, Image.Resampling.LANCZOS)
        sheet.paste(tile, (column * TILE[0], row * TILE[1]))
    return sheet


def difference(one: Image.Image, other: Image.Image) -> float:
    """The mean difference of a channel, 0 to 255: small where only a renderer's rounding differs."""
    from PIL import ImageChops, ImageStat

    return max(ImageStat.Stat(ImageChops.difference(one, other)).mean)
