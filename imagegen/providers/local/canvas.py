"""The SVG document under construction: elements in painting order, shared gradients and symbols."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

SHORT_SIDE = 1000.0

Point = tuple[float, float]
Stop = tuple[float, str] | tuple[float, str, float]


def number(value: float) -> str:
    """A coordinate with one decimal, as short as it goes."""
    return (
        f"{value:.1f}".removesuffix(".0").replace("-0", "0")
        if abs(value) < 0.05
        else f"{value:.1f}".removesuffix(".0")
    )


def _opacity(value: float, kind: str = "fill") -> str:
    # Not `opacity`: it would make the renderer paint every such element on a layer of its own.
    return "" if value >= 1 else f' {kind}-opacity="{value:.3g}"'


def path(data: str, fill: str, *, opacity: float = 1) -> str:
    """A filled path."""
    return f'<path d="{data}" fill="{fill}"{_opacity(opacity)}/>'


def circle(x: float, y: float, radius: float, fill: str, *, opacity: float = 1) -> str:
    """A filled circle."""
    return (
        f'<circle cx="{number(x)}" cy="{number(y)}" r="{number(radius)}" fill="{fill}"{_opacity(opacity)}/>'
    )


def ellipse(x: float, y: float, rx: float, ry: float, fill: str, *, opacity: float = 1) -> str:
    """A filled ellipse."""
    return (
        f'<ellipse cx="{number(x)}" cy="{number(y)}" rx="{number(rx)}" ry="{number(ry)}" '
        f'fill="{fill}"{_opacity(opacity)}/>'
    )


def rect(
    x: float, y: float, width: float, height: float, fill: str, *, radius: float = 0, opacity: float = 1
) -> str:
    """A filled rectangle, with round corners where `radius` is given."""
    corner = f' rx="{number(radius)}"' if radius else ""
    return (
        f'<rect x="{number(x)}" y="{number(y)}" width="{number(width)}" height="{number(height)}"'
        f'{corner} fill="{fill}"{_opacity(opacity)}/>'
    )


def stroke(data: str, colour: str, width: float, *, opacity: float = 1, round_ends: bool = True) -> str:
    """An open path drawn as a line."""
    cap = ' stroke-linecap="round"' if round_ends else ""
    line = f'stroke="{colour}" stroke-width="{number(width)}"{cap}{_opacity(opacity, "stroke")}'
    return f'<path d="{data}" fill="none" {line}/>'


class Canvas:
    """A drawing whose short side is 1000 units, whatever its pixels; y grows downwards."""

    def __init__(self, pixel_width: int, pixel_height: int) -> None:
        scale = SHORT_SIDE / min(pixel_width, pixel_height)
        self.pixel_size = (pixel_width, pixel_height)
        self.width = pixel_width * scale
        self.height = pixel_height * scale
        self._elements: list[str] = []
        self._definitions: dict[str, str] = {}

    def add(self, *elements: str) -> None:
        """Paint on top of what is there."""
        self._elements.extend(elements)

    def define(self, markup: str, prefix: str = "d") -> str:
        """The id of a definition; equal markup shares one. `markup` holds `{id}` where the id goes."""
        return self._definitions.setdefault(markup, f"{prefix}-{len(self._definitions)}")

    def linear(
        self, stops: Sequence[Stop], *, end: Point = (0, 1), span: Sequence[float] | None = None
    ) -> str:
        """A linear gradient's `url(#…)`: down the shape, towards `end`, or `span` = x1, y1, x2, y2."""
        if span is None:
            line = f'x1="0" y1="0" x2="{end[0]:g}" y2="{end[1]:g}"'
        else:
            x1, y1, x2, y2 = (number(value) for value in span)
            line = f'gradientUnits="userSpaceOnUse" x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}"'
        identifier = self.define(f'<linearGradient id="{{id}}" {line}>{_stops(stops)}</linearGradient>')
        return f"url(#{identifier})"

    def radial(self, stops: Sequence[Stop], *, centre: Point = (0.5, 0.5), radius: float = 0.5) -> str:
        """A radial gradient's `url(#…)`, in shares of the shape it fills."""
        place = f'cx="{centre[0]:.3g}" cy="{centre[1]:.3g}" r="{radius:.3g}"'
        identifier = self.define(f'<radialGradient id="{{id}}" {place}>{_stops(stops)}</radialGradient>')
        return f"url(#{identifier})"

    def radial_in_units(self, stops: Sequence[Stop], transform: str) -> str:
        """A radial gradient's `url(#…)`: the unit circle under `transform`, in units of the canvas."""
        place = f'gradientUnits="userSpaceOnUse" cx="0" cy="0" r="1" gradientTransform="{transform}"'
        identifier = self.define(f'<radialGradient id="{{id}}" {place}>{_stops(stops)}</radialGradient>')
        return f"url(#{identifier})"

    def use(
        self,
        identifier: str,
        x: float,
        y: float,
        scale: float,
        *,
        mirrored: bool = False,
        scale_y: float | None = None,
    ) -> str:
        """A defined symbol with its origin at (x, y)."""
        across = -scale if mirrored else scale
        down = scale if scale_y is None else scale_y
        return (
            f'<use xlink:href="#{identifier}" '
            f'transform="translate({number(x)} {number(y)}) scale({across:.4g} {down:.4g})"/>'
        )

    def to_svg(self, title: str) -> str:
        """The whole document, self-contained; `title` is escaped here."""
        width, height = self.pixel_size
        definitions = "".join(markup.replace("{id}", name) for markup, name in self._definitions.items())
        body = "\n".join(self._elements)
        return (
            '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
            f'width="{width}" height="{height}" viewBox="0 0 {number(self.width)} {number(self.height)}">\n'
            f"<title>{escape(title)}</title>\n<defs>{definitions}</defs>\n{body}\n</svg>\n"
        )


def escape(text: str) -> str:
    """Text as XML character data; characters that XML 1.0 forbids are left out."""
    allowed = (
        c
        for c in text
        if c in "\t\n" or 0x20 <= ord(c) < 0xD800 or 0xE000 <= ord(c) < 0xFFFE or ord(c) > 0xFFFF
    )
    return "".join(allowed).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _stops(stops: Iterable[Stop]) -> str:
    return "".join(_stop(*stop) for stop in stops)


def _stop(offset: float, colour: str, opacity: float = 1) -> str:
    faded = "" if opacity >= 1 else f' stop-opacity="{opacity:.3g}"'
    return f'<stop offset="{offset:.3g}" stop-color="{colour}"{faded}/>'
