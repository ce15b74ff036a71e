"""Shapes: what an aspect ratio (`W:H`) and a resolution (`512`, `1K`, `2K`, `4K`) are in pixels."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator

from imagegen.capabilities import FreeSize, parse_size

Pixels = tuple[int, int]

SHAPE = ("aspect_ratio", "resolution")
"""The parameters that together say what a size says."""

RATIO_PATTERN = re.compile(r"([1-9]\d{0,3}):([1-9]\d{0,3})", re.ASCII)
COMMON_RATIOS = ("1:1", "4:3", "3:4", "3:2", "2:3", "5:4", "4:5", "16:9", "9:16", "21:9")

# The area in pixels that each stands for: that of the square of its name.
RESOLUTIONS = {"512": 512**2, "1K": 1024**2, "2K": 2048**2, "4K": 4096**2}
DEFAULT_RESOLUTION = "1K"  # Gemini's own default, so the same words are as large everywhere

# The area in pixels up to which a size is asked for as this resolution; above it is 4K.
RESOLUTION_AREAS = (("1K", 1_600_000), ("2K", 6_000_000))
_UP_TO_512 = 400_000
_SIDE_OF_4K = 3840

# An exact shape is worth a fifth of the pixels, never more.
LEAST_SHARE = 0.8
# What encoders and screens like, and most models demand.
_STEP = 16

_NEAR_RATIO = re.compile(r"([1-9]\d{0,4}) ?(?:[xX*/;,_-]|by|to| |:) ?([1-9]\d{0,4})", re.ASCII)
_NAMED_RATIOS = {
    "square": "1:1",
    "landscape": "3:2",
    "portrait": "2:3",
    "wide": "16:9",
    "widescreen": "16:9",
    "vertical": "9:16",
    "story": "9:16",
}
_NEAR_RESOLUTIONS = {
    **dict.fromkeys(("0.5K", "512PX", "512X512"), "512"),
    **dict.fromkeys(("1", "1024", "1024PX", "1024X1024"), "1K"),
    **dict.fromkeys(("2", "2048", "2048PX", "2048X2048", "1440P", "QHD"), "2K"),
    **dict.fromkeys(("4", "4096", "4096PX", "4096X4096", "2160P", "UHD"), "4K"),
}


def parse_ratio(text: str) -> Pixels | None:
    """Width and height of `W:H`; None for anything else."""
    match = RATIO_PATTERN.fullmatch(text)
    return (int(match[1]), int(match[2])) if match else None


def ratio_text(width: int, height: int) -> str:
    """The shape of a size in its smallest whole numbers."""
    divisor = math.gcd(width, height)
    return f"{width // divisor}:{height // divisor}"


def ratio_meant(text: str) -> str | None:
    """The ratio that somebody who wrote this probably means; None for no idea."""
    known = _NAMED_RATIOS.get(text.strip().lower())
    match = _NEAR_RATIO.fullmatch(text.strip())
    if known or not match:
        return known
    meant = ratio_text(int(match[1]), int(match[2]))
    return meant if parse_ratio(meant) and meant != text else None


def resolution_meant(text: str) -> str | None:
    """The resolution that somebody who wrote this probably means; None for no idea."""
    word = "".join(text.split()).upper()
    if word in RESOLUTIONS:
        return word
    return _NEAR_RESOLUTIONS.get(word)


def distance(one: Pixels, other: Pixels) -> float:
    """How far two shapes are apart, as a factor: 2:1 is as far from 1:1 as 1:2 is."""
    return abs(math.log(one[0] * other[1] / (one[1] * other[0])))


def nearest_ratio(width: int, height: int, ratios: Iterable[str]) -> str:
    """The one of the ratios that the sides are nearest to. Raises ValueError where there is none."""
    return min(ratios, key=lambda ratio: distance(parse_ratio(ratio) or (1, 1), (width, height)))


def nearest_resolution(resolution: str, among: Iterable[str]) -> str:
    """The nearest of some resolutions. Raises ValueError where there is none."""
    wanted = math.log(RESOLUTIONS[resolution])
    known = [name for name in among if name in RESOLUTIONS]
    return min(known, key=lambda name: abs(math.log(RESOLUTIONS[name]) - wanted))


def resolution_of(width: int, height: int) -> str:
    """The resolution that an area in pixels is asked for as."""
    return next((name for name, limit in RESOLUTION_AREAS if width * height <= limit), "4K")


def fitted_size(ratio: Pixels, resolution: str, free: FreeSize) -> Pixels | None:
    """The size of this shape within the bounds that has the resolution; None where there is none.

    It is never larger than the resolution's area. The exact shape goes before a few more pixels, and
    multiples of 16 go before others. Where the bounds end below the resolution's area, it is the largest
    that still counts as the resolution: from 6 megapixels, or 3840 pixels a side, on as 4K.
    An upright size is the lying one turned.
    """
    if ratio[0] < ratio[1]:
        lying = fitted_size((ratio[1], ratio[0]), resolution, free)
        return (lying[1], lying[0]) if lying else None
    most = min(RESOLUTIONS[resolution], free.max_area, free.max_side**2 * ratio[1] // ratio[0])
    step = math.lcm(_STEP, free.multiple)
    sizes = _sizes(ratio, most, step, free)
    best = min(sizes, key=lambda size: _rank(size, ratio), default=None)
    if best is None or not is_exact(best, ratio):
        finer = _sizes(ratio, most, free.multiple, free)
        best = min((*sizes, *finer), key=lambda size: _rank(size, ratio), default=None)
    return best if best and _counts_as(best, resolution) else None


def possible_sizes(ratio: Pixels, free: FreeSize) -> dict[str, Pixels]:
    """The size of this shape within the bounds for each resolution that there is of it."""
    fitted = {name: fitted_size(ratio, name, free) for name in RESOLUTIONS}
    return {name: size for name, size in fitted.items() if size}


def is_exact(size: Pixels, ratio: Pixels) -> bool:
    """Whether the size has just this shape."""
    return size[0] * ratio[1] == size[1] * ratio[0]


def fixed_size(ratio: Pixels, resolution: str | None, sizes: Iterable[str]) -> tuple[str, bool] | None:
    """The nearest of fixed sizes, and whether it has just this shape and resolution; None: there is none."""
    pixels = [size for size in map(parse_size, sizes) if size]
    if not pixels:
        return None
    area = RESOLUTIONS[resolution or DEFAULT_RESOLUTION]
    width, height = min(
        pixels,
        key=lambda size: (round(distance(size, ratio), 3), abs(math.log(size[0] * size[1] / area))),
    )
    is_as_large = resolution is None or _class_of(width, height) == resolution
    return f"{width}x{height}", is_as_large and is_exact((width, height), ratio)


def _sizes(ratio: Pixels, most: int, step: int, free: FreeSize) -> list[Pixels]:
    """Sizes of about this shape in steps, of at most `most` pixels and not much less."""
    return [size for size in _around(ratio, most, step) if free.problem(*size) is None]


def _around(ratio: Pixels, most: int, step: int) -> Iterator[Pixels]:
    across = ratio[0] / ratio[1]
    first = int(math.sqrt(most * LEAST_SHARE * across)) // step * step
    last = int(math.sqrt(most * across)) + step
    for width in range(max(step, first), last + 1, step):
        row = int(width / across) // step * step
        for height in (row, row + step):
            if height and most * LEAST_SHARE <= width * height <= most:
                yield width, height


def _rank(size: Pixels, ratio: Pixels) -> tuple[float, int]:
    return round(distance(size, ratio), 4), -size[0] * size[1]


def _counts_as(size: Pixels, resolution: str) -> bool:
    area = size[0] * size[1]
    is_long = resolution == "4K" and max(size) >= _SIDE_OF_4K
    return is_long or area >= RESOLUTIONS[resolution] * LEAST_SHARE or _class_of(*size) == resolution


def _class_of(width: int, height: int) -> str:
    return "512" if width * height <= _UP_TO_512 else resolution_of(width, height)
