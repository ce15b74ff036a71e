"""Path data for organic lines: smooth curves, undulating ridges, jagged crests."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from random import Random

from imagegen.providers.local.canvas import Point, number

PAIR = re.compile(r"(-?[\d.]+),(-?[\d.]+)")


def polyline(points: Sequence[Point]) -> str:
    """Straight path data through the points."""
    return "M" + "L".join(f"{number(x)},{number(y)}" for x, y in points)


def outline(template: str, *values: float) -> str:
    """Path data: the template with each `?` replaced by the next number."""
    commands = template.split("?")
    return commands[0] + "".join(f"{number(v)}{after}" for v, after in zip(values, commands[1:], strict=True))


def stencil(template: str, x: float, y: float, wide: float, high: float) -> str:
    """Absolute path data written as `x,y` pairs in units of `wide` and `high`, with its origin at (x, y)."""
    return PAIR.sub(
        lambda pair: f"{number(x + float(pair[1]) * wide)},{number(y + float(pair[2]) * high)}", template
    )


def smooth(points: Sequence[Point]) -> str:
    """Curved path data through the points (Catmull-Rom, as cubic Béziers)."""
    data = f"M{number(points[0][0])},{number(points[0][1])}"
    padded = [points[0], *points, points[-1]]
    for before, start, end, after in zip(padded, padded[1:], padded[2:], padded[3:], strict=False):
        first = (start[0] + (end[0] - before[0]) / 6, start[1] + (end[1] - before[1]) / 6)
        second = (end[0] - (after[0] - start[0]) / 6, end[1] - (after[1] - start[1]) / 6)
        data += "C" + " ".join(f"{number(x)},{number(y)}" for x, y in (first, second, end))
    return data


def closed_down(data: str, right: float, bottom: float, left: float = 0) -> str:
    """The area under a line that runs from `left` to `right`."""
    return f"{data}L{number(right)},{number(bottom)}L{number(left)},{number(bottom)}Z"


def undulation(random: Random, width: float, base: float, height: float, waves: float) -> list[Point]:
    """A gentle line across the width: about `waves` swells of up to `height` above and below `base`."""
    phases = [random.uniform(0, math.tau) for _ in range(3)]
    steps = max(10, int(waves * 7))
    return [
        (width * step / steps, base + height * _swell(step / steps * waves, phases))
        for step in range(steps + 1)
    ]


def _swell(place: float, phases: Sequence[float]) -> float:
    return (
        0.62 * math.sin(math.tau * place + phases[0])
        + 0.27 * math.sin(math.tau * place * 1.9 + phases[1])
        + 0.11 * math.sin(math.tau * place * 3.7 + phases[2])
    )


def jagged(random: Random, start: Point, end: Point, roughness: float, depth: int) -> list[Point]:
    """A broken line between two points by midpoint displacement, `end` left out."""
    if depth == 0:
        return [start]
    middle = (
        (start[0] + end[0]) / 2 + random.uniform(-0.25, 0.25) * roughness,
        (start[1] + end[1]) / 2 + random.uniform(-1, 1) * roughness,
    )
    return [
        *jagged(random, start, middle, roughness * 0.52, depth - 1),
        *jagged(random, middle, end, roughness * 0.52, depth - 1),
    ]


def dots(places: Sequence[tuple[float, float, float]]) -> str:
    """Path data of many circles (x, y, radius) in one path: far cheaper than one element each."""
    return "".join(_dot(x, y, r) for x, y, r in places)


def scattered_dots(random: Random, width: float, height: float, *, size: float, count: int) -> str:
    """Path data of `count` circles of about the radius `size`, anywhere from 0,0 to `width`,`height`."""
    return dots(
        [
            (random.uniform(0, width), random.uniform(0, height), size * random.uniform(0.7, 1.3))
            for _ in range(count)
        ]
    )


def _dot(x: float, y: float, r: float) -> str:
    half = f"a{r:.2f},{r:.2f} 0 1 0"
    return f"M{number(x - r)},{number(y)}{half} {2 * r:.2f},0{half} {-2 * r:.2f},0"
