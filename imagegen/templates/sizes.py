"""Sizes: what shape a recommended one has, and which one a model can really make for it."""

from __future__ import annotations

import math
from collections.abc import Iterator

from imagegen.capabilities import FreeSize, SizeRule, parse_size
from imagegen.errors import UsageError

Pixels = tuple[int, int]

# More pixels cost more: a nearer ratio is worth a quarter of them, never more.
_WORTH = 1.25

# As many widths are tried at most; between them no shape differs that anybody would see.
_WIDTHS = 1000


def aspect_ratio(size: str) -> str:
    """The shape of `WIDTHxHEIGHT`: `16:9`, or like `1.9:1` without small numbers. Raises UsageError."""
    width, height = _pixels(size)
    divisor = math.gcd(width, height)
    if max(width, height) // divisor <= 21:
        return f"{width // divisor}:{height // divisor}"
    long, short = max(width, height), min(width, height)
    number = f"{long / short:.2f}".rstrip("0").rstrip(".")
    return f"{number}:1" if width > height else f"1:{number}"


def nearest_size(recommended: str, rule: SizeRule) -> str:
    """The size within `rule` from which the recommended one is best cut and scaled down.

    That is the nearest aspect ratio (by log distance) among the sizes that cover the recommended pixels and
    cost little more than the smallest of them; where the model makes none as large, the nearest of the
    largest. With fixed sizes only, the nearest ratio. `auto` where the rule names no pixels.
    Raises UsageError for what is no size.
    """
    wanted = _pixels(recommended)
    if rule.accepts(recommended):
        return recommended
    fixed = [pixels for pixels in map(parse_size, rule.fixed) if pixels]
    if not rule.free:
        return _text(_nearest_fixed(wanted, fixed)) if fixed else "auto"
    candidates = [*fixed, *_free_sizes(wanted, rule.free)]
    return _text(_nearest_free(wanted, candidates)) if candidates else "auto"


def _nearest_fixed(wanted: Pixels, sizes: list[Pixels]) -> Pixels:
    return min(sizes, key=lambda size: (round(_distance(size, wanted), 3), *_room(size, wanted)))


def _room(size: Pixels, wanted: Pixels) -> tuple[bool, int]:
    """Sorts sizes that cover the wanted pixels first, the smallest of them foremost; then the largest."""
    area = size[0] * size[1]
    return (False, area) if _covers(size, wanted) else (True, -area)


def _nearest_free(wanted: Pixels, sizes: list[Pixels]) -> Pixels:
    covering = [size for size in sizes if _covers(size, wanted)]
    areas = [width * height for width, height in covering or sizes]
    low, high = (0.0, min(areas) * _WORTH) if covering else (max(areas) / _WORTH, math.inf)
    pool = [size for size in covering or sizes if low <= size[0] * size[1] <= high]
    return min(pool, key=lambda size: (round(_distance(size, wanted), 6), *_room(size, wanted)))


def _free_sizes(wanted: Pixels, free: FreeSize) -> Iterator[Pixels]:
    """For every width the heights around the wanted ratio and the limits of the shape, where possible."""
    step, ratio = free.multiple, wanted[0] / wanted[1]
    narrowest, widest = 1 / free.max_ratio, free.max_ratio
    shapes = {min(max(ratio, narrowest), widest), ratio}
    stride = step * math.ceil(free.max_side / step / _WIDTHS)
    for width in {wanted[0] // step * step, *range(step, free.max_side + 1, stride)} - {0}:
        rows = {math.floor(width / shape / step) * step for shape in shapes}
        for height in {row + more for row in rows for more in (0, step)}:
            if height > 0 and free.problem(width, height) is None:
                yield width, height


def _covers(size: Pixels, wanted: Pixels) -> bool:
    return size[0] >= wanted[0] and size[1] >= wanted[1]


def _distance(size: Pixels, wanted: Pixels) -> float:
    return abs(math.log(size[0] * wanted[1] / (size[1] * wanted[0])))


def _pixels(size: str) -> Pixels:
    pixels = parse_size(size)
    if pixels is None:
        raise UsageError(f"{size} is no size.", hint="A size is written WIDTHxHEIGHT, such as 1200x630.")
    return pixels


def _text(size: Pixels) -> str:
    return f"{size[0]}x{size[1]}"
