"""`watermark`: a text or a picture laid over a corner."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self

from imagegen.errors import ConfigurationError, InputImageError, UsageError
from imagegen.imaging import ImageFacts
from imagegen.inputs import decodable, input_from_path
from imagegen.paths import expanded
from imagegen.processors.arguments import one_of, split_options, whole_number
from imagegen.processors.base import Processor
from imagegen.processors.pixels import Pixels, working_on

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageFont import FreeTypeFont

MAX_TEXT_CHARS = 200
PLACE, OPACITY, SIZE = "bottom-right", 60, 25
MARGIN = 0.02  # of the shorter side
_NO_GLYPH = "\U0010fffe"
_ACROSS = {"left": 0.0, "right": 1.0}
_DOWN = {"top": 0.0, "bottom": 1.0}
PLACES = ("top-left", "top", "top-right", "left", "center", "right", "bottom-left", "bottom", "bottom-right")


@dataclass(frozen=True, slots=True, kw_only=True)
class Watermark(Processor):
    """A `text`, or `picture` bytes; `opacity` and `size` (its width of the image's) in percent."""

    name: ClassVar[str] = "watermark"
    usage: ClassVar[str] = (
        "watermark:TEXT or watermark:image=FILE, then [,at=bottom-right][,opacity=60][,size=25][,font=FILE]"
    )
    summary: ClassVar[str] = "lay a text or a picture over a corner"
    still_only: ClassVar[bool] = True

    text: str = ""
    picture: bytes | None = None
    at: str = PLACE
    opacity: int = OPACITY
    size: int = SIZE
    font: Path | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        words, options = split_options(text, ("at", "opacity", "size", "font", "image"))
        image = options.get("image")
        if (image is None) == (not words):
            raise UsageError(
                "watermark wants a text or image=FILE" + (", not both." if words else "."),
                hint=f"Write: {cls.usage}",
            )
        step = cls(
            text=words,
            picture=_picture(image) if image else None,
            at=one_of(options.get("at", PLACE), PLACES, what="The place", usage=cls.usage),
            opacity=_percent(options.get("opacity"), "The opacity", OPACITY, cls.usage),
            size=_percent(options.get("size"), "The size", SIZE, cls.usage),
            font=expanded(options["font"]) if "font" in options else None,
        )
        if words:
            _check_text(words, step.font)
        return step

    def process(self, data: bytes, facts: ImageFacts) -> bytes:
        from PIL import Image

        with working_on(data, facts, self.name) as pixels:
            base = pixels.image.convert("RGBA")
            mark = self._mark(base.width, base.height)
            layer = Image.new("RGBA", base.size)
            layer.paste(mark, self._corner(base.size, mark.size))
            marked = Image.alpha_composite(base, layer).convert(pixels.image.mode)
        return Pixels(marked, pixels.profile).encode(facts.format)

    def _mark(self, width: int, height: int) -> Image:
        """The watermark in its size, as transparent as it is to be."""
        mark = self._drawn(width) if self.picture is None else _scaled(self.picture, width * self.size // 100)
        mark.thumbnail((width, height))
        mark.putalpha(mark.getchannel("A").point(lambda value: value * self.opacity // 100))
        return mark

    def _drawn(self, width: int) -> Image:
        """White letters with a dark edge, to be read on any ground."""
        from PIL import Image, ImageDraw

        wanted = max(1, width * self.size // 100)
        probe = _font(self.font, 100)
        size = max(6.0, 100 * wanted / max(1.0, probe.getlength(self.text)))
        font = _font(self.font, min(size, width / 4))
        edge = max(1, round(font.size / 16))
        left, top, right, bottom = font.getbbox(self.text, stroke_width=edge)
        mark = Image.new("RGBA", (max(1, round(right - left)), max(1, round(bottom - top))))
        ImageDraw.Draw(mark).text(
            (-left, -top), self.text, "white", font, stroke_width=edge, stroke_fill=(0, 0, 0, 160)
        )
        return mark

    def _corner(self, size: tuple[int, int], mark: tuple[int, int]) -> tuple[int, int]:
        margin = round(min(size) * MARGIN)
        words = self.at.split("-")
        across = next((_ACROSS[word] for word in words if word in _ACROSS), 0.5)
        down = next((_DOWN[word] for word in words if word in _DOWN), 0.5)
        return _place(size[0], mark[0], margin, across), _place(size[1], mark[1], margin, down)


def _place(room: int, length: int, margin: int, share: float) -> int:
    margin = min(margin, max(0, room - length) // 2)
    return margin + round((room - length - 2 * margin) * share)


def _percent(text: str | None, what: str, default: int, usage: str) -> int:
    return default if text is None else whole_number(text, what=what, low=1, high=100, usage=usage)


def _picture(path: str) -> bytes:
    image = decodable(input_from_path(expanded(path)))
    if image.format == "svg":
        raise InputImageError(f"The watermark {path} is an svg.", hint="Give a PNG with transparency.")
    return image.data


def _scaled(picture: bytes, width: int) -> Image:
    from PIL import Image

    with Image.open(io.BytesIO(picture)) as image:
        mark = image.convert("RGBA")
    height = round(mark.height * width / mark.width)
    return mark.resize((max(1, width), max(1, height)), Image.Resampling.LANCZOS)


def _check_text(text: str, font: Path | None) -> None:
    """Refuse what the font cannot show, rather than print boxes over a picture."""
    if len(text) > MAX_TEXT_CHARS or not text.isprintable():
        raise UsageError(
            f"A watermark is one line of up to {MAX_TEXT_CHARS} characters.", hint="Shorten the text."
        )
    drawn = _font(font, 40)
    box = bytes(drawn.getmask(_NO_GLYPH))
    lacking = sorted({c for c in text if not c.isspace() and bytes(drawn.getmask(c)) in (box, b"")})
    if lacking:
        raise UsageError(
            f"The font has no {' '.join(lacking)}.", hint="Name another with font=FILE, or use image=FILE."
        )


def _font(path: Path | None, size: float) -> FreeTypeFont:
    from PIL import ImageFont

    try:
        found = ImageFont.truetype(path, size) if path else ImageFont.load_default(size)
    except (OSError, ValueError) as exc:
        raise UsageError(f"The font {path} cannot be used: {exc}.", hint="Give a .ttf or .otf file.") from exc
    if not isinstance(found, ImageFont.FreeTypeFont):
        raise ConfigurationError(
            "This build of Pillow has no scalable font.", hint="Use watermark:image=FILE."
        )
    return found
