"""Colour arithmetic on `#rrggbb` texts, and grades that turn a whole drawing monochrome, sepia or pastel."""

from __future__ import annotations

import colorsys
import math
import re
from collections.abc import Callable

RGB = tuple[float, float, float]
HEX_COLOUR = re.compile(r"#[0-9a-fA-F]{6}\b")
HUE_TOLERANCE_DEGREES = 32.0
COLOURFUL_CHROMA = 28.0


def parse(colour: str) -> RGB:
    """Red, green and blue, 0 to 255, of `#rrggbb`."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def to_hex(rgb: RGB) -> str:
    """`#rrggbb` of three channels, clipped to 0..255."""
    red, green, blue = (max(0, min(255, round(channel))) for channel in rgb)
    return f"#{red:02x}{green:02x}{blue:02x}"


def mix(first: str, second: str, share: float) -> str:
    """The colour `share` (0 to 1) of the way from `first` to `second`."""
    a, b = parse(first), parse(second)
    return to_hex((a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share, a[2] + (b[2] - a[2]) * share))


def multiply(colour: str, tint: str) -> str:
    """The colour as it looks under light of colour `tint`."""
    a, b = parse(colour), parse(tint)
    return to_hex((a[0] * b[0] / 255, a[1] * b[1] / 255, a[2] * b[2] / 255))


def lighter(colour: str, share: float = 0.22) -> str:
    """The colour's light side."""
    return mix(colour, "#fffaf0", share)


def darker(colour: str, share: float = 0.24) -> str:
    """The colour's shade side: towards a deep blue, as shade is outdoors."""
    return mix(colour, "#141032", share)


def luminance(colour: str) -> float:
    """Perceived lightness, 0 (black) to 1 (white); ITU-R BT.601 weights."""
    red, green, blue = parse(colour)
    return (0.299 * red + 0.587 * green + 0.114 * blue) / 255


def _linear(channel: float) -> float:
    share = channel / 255
    return share / 12.92 if share <= 0.04045 else float(((share + 0.055) / 1.055) ** 2.4)


def _lab_curve(value: float) -> float:
    return math.cbrt(value) if value > 0.008856 else 7.787 * value + 16 / 116


def lab(colour: str) -> RGB:
    """CIE L*a*b* (D65) of an sRGB colour; formulas of CIE 15 and IEC 61966-2-1."""
    red, green, blue = (_linear(channel) for channel in parse(colour))
    x = _lab_curve((0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.95047)
    y = _lab_curve(0.2126 * red + 0.7152 * green + 0.0722 * blue)
    z = _lab_curve((0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.08883)
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def is_near(first: str, second: str) -> bool:
    """Whether people would call both colours by one word: a fox's rust is the red of "red fox"."""
    a, b = lab(first), lab(second)
    distance = math.dist(a, b)
    if min(math.hypot(a[1], a[2]), math.hypot(b[1], b[2])) < COLOURFUL_CHROMA:
        return distance < 16
    turn = math.degrees(math.atan2(a[2], a[1]) - math.atan2(b[2], b[1]))
    hue_apart = abs((turn + 180) % 360 - 180)
    return hue_apart < HUE_TOLERANCE_DEGREES and distance < 38


def from_hue(hue: float, saturation: float, lightness: float) -> str:
    """The colour at a hue (0 to 1), saturation and lightness (both 0 to 1)."""
    red, green, blue = colorsys.hls_to_rgb(hue % 1, lightness, saturation)
    return to_hex((red * 255, green * 255, blue * 255))


def _monochrome(colour: str) -> str:
    grey = 255 * luminance(colour)
    return to_hex((grey, grey, grey))


def _sepia(colour: str) -> str:
    share = luminance(colour)
    dark_to_mid = mix("#1f1208", "#a9804f", min(1.0, share * 2))
    return dark_to_mid if share < 0.5 else mix("#a9804f", "#fbf1dc", share * 2 - 1)


def _pastel(colour: str) -> str:
    return mix(colour, "#fff4f6", 0.46)


def grade(svg: str, style: str | None) -> str:
    """The drawing with every colour in the style `monochrome`, `sepia` or `pastel`; None leaves it."""
    grades: dict[str, Callable[[str], str]] = {
        "monochrome": _monochrome,
        "sepia": _sepia,
        "pastel": _pastel,
    }
    if style is None:
        return svg
    change = grades[style]
    return HEX_COLOUR.sub(lambda match: change(match[0].lower()), svg)
