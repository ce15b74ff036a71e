"""Carrying out the closed set of edits with Pillow."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from imagegen.errors import InputImageError, UnsupportedParameter
from imagegen.providers.local.colours import luminance
from imagegen.providers.local.edit_steps import (
    Blur,
    Brightness,
    Contrast,
    Crop,
    Flip,
    Grayscale,
    Resize,
    Rotate,
    Size,
    Step,
    Text,
)
from imagegen.types import InputImage

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageFont import FreeTypeFont

MAX_SIDE = 8192
MAX_BLUR = 250.0
MAX_TEXT = 200
NO_GLYPH = "\U0010fffe"


def apply_edits(source: InputImage, steps: Sequence[Step], output_format: str, quality: int) -> bytes:
    """The edited image in png, jpeg or webp; all steps are checked before the first is taken."""
    with _readable(source):
        image = _open(source)
    _check_steps(steps, image.size)
    for step in steps:
        image = _take(image, step)
    return _save(image, output_format, quality)


@contextmanager
def _readable(source: InputImage) -> Iterator[None]:
    from PIL import Image, UnidentifiedImageError

    try:
        yield
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, ValueError) as error:
        raise InputImageError(
            f"The image {source.source} cannot be read: {error}.", hint="Give a whole png, jpeg or webp file."
        ) from error


def _open(source: InputImage) -> Image:
    from PIL import Image, ImageOps

    if source.format == "svg":
        raise InputImageError(
            f"The image {source.source} is an svg drawing.",
            hint="The local composer edits png, jpeg and webp; convert it first.",
        )
    image = Image.open(io.BytesIO(source.data))
    frames = getattr(image, "n_frames", 1)
    if frames > 1:
        raise InputImageError(
            f"The image {source.source} is animated ({frames} frames).",
            hint="The local composer edits still images; extract one frame first.",
        )
    upright: Image.Image = ImageOps.exif_transpose(image)
    if upright.mode.startswith("I;16"):
        upright = upright.point(lambda value: value / 256).convert("L")
    return upright.convert("RGBA" if upright.has_transparency_data else "RGB")


def _check_steps(steps: Sequence[Step], size: Size) -> None:
    for step in steps:
        problem = _problem(step, size)
        if problem:
            raise UnsupportedParameter(
                f"{problem} Nothing was changed.", hint="Correct the prompt.", parameter="prompt"
            )
        size = _size_after(step, size)


def _problem(step: Step, size: Size) -> str | None:
    width, height = size
    if isinstance(step, Crop):
        if step.ratio and min(step.ratio) < 1:
            return f"The ratio {step.ratio[0]}:{step.ratio[1]} is none."
        left, upper, right, lower = step.region(width, height)
        if left < 0 or upper < 0 or right > width or lower > height or right <= left or lower <= upper:
            place = f" at {left},{upper}" if step.box else ""
            return f"A crop of {right - left}x{lower - upper}{place} does not fit into {width}x{height}."
    if isinstance(step, Resize):
        target = step.target(width, height)
        if not (min(target) >= 1 and max(target) <= MAX_SIDE):
            return f"The size {target[0]}x{target[1]} is outside 1 to {MAX_SIDE} pixels a side."
    if isinstance(step, Rotate) and max(_size_after(step, size)) > MAX_SIDE * 2:
        return f"An image of {width}x{height} is too large to rotate by {step.degrees:g} degrees."
    if isinstance(step, Blur) and not 0 < step.radius <= MAX_BLUR:
        return f"The blur radius {step.radius:g} is outside 0 to {MAX_BLUR:g} pixels."
    return _text_problem(step) if isinstance(step, Text) else None


def _text_problem(step: Text) -> str | None:
    if len(step.text) > MAX_TEXT:
        return f"The text has {len(step.text)} characters, more than {MAX_TEXT}."
    font = _font(40)
    box = bytes(font.getmask(NO_GLYPH))
    lacking = sorted({c for c in step.text if not c.isspace() and bytes(font.getmask(c)) in (box, b"")})
    return f"The built-in font lacks: {' '.join(lacking)}." if lacking else None


def _size_after(step: Step, size: Size) -> Size:
    import math

    width, height = size
    if isinstance(step, Crop):
        left, upper, right, lower = step.region(width, height)
        return right - left, lower - upper
    if isinstance(step, Resize):
        return step.target(width, height)
    if isinstance(step, Rotate):
        turn = math.radians(step.degrees)
        across, down = abs(math.cos(turn)), abs(math.sin(turn))
        return math.ceil(width * across + height * down - 1e-6), math.ceil(
            width * down + height * across - 1e-6
        )
    return size


def _take(image: Image, step: Step) -> Image:
    from PIL import Image, ImageFilter

    match step:
        case Crop():
            return image.crop(step.region(*image.size))
        case Resize():
            return image.resize(step.target(*image.size), Image.Resampling.LANCZOS)
        case Rotate():
            return _rotated(image, step.degrees)
        case Flip("horizontally"):
            return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        case Flip():
            return image.transpose(Image.Transpose.FLIP_TOP_BOTTOM)
        case Blur():
            return image.filter(ImageFilter.GaussianBlur(step.radius))
        case Text():
            return _with_text(image, step)
        case Grayscale() | Brightness() | Contrast():
            return _toned(image, step)


def _rotated(image: Image, degrees: float) -> Image:
    from PIL import Image

    if degrees % 90 == 0:
        return image.rotate(-degrees, expand=True)
    # The new corners show nothing, so the image needs an alpha channel to say so.
    return image.convert("RGBA").rotate(-degrees, resample=Image.Resampling.BICUBIC, expand=True)


def _toned(image: Image, step: Grayscale | Brightness | Contrast) -> Image:
    from PIL import ImageEnhance

    colour = image.convert("RGB")
    if isinstance(step, Grayscale):
        toned = colour.convert("L").convert("RGB")
    elif isinstance(step, Brightness):
        toned = ImageEnhance.Brightness(colour).enhance(step.factor)
    else:
        toned = ImageEnhance.Contrast(colour).enhance(step.factor)
    if image.mode == "RGBA":
        toned.putalpha(image.getchannel("A"))
    return toned


def _font(size: float) -> FreeTypeFont:
    from PIL import ImageFont

    font = ImageFont.load_default(size)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise UnsupportedParameter(
            "This build of Pillow has no scalable font.",
            hint="Install Pillow with FreeType.",
            parameter="prompt",
        )
    return font


def _with_text(image: Image, step: Text) -> Image:
    from PIL import ImageDraw

    width, height = image.size
    size = max(8.0, height * 0.09)
    length = _font(size).getlength(step.text)
    font = _font(max(6.0, size * min(1.0, 0.9 * width / max(1.0, length))))
    anchor = {"top": "ma", "center": "mm", "bottom": "md"}[step.place]
    y = {"top": height * 0.05, "center": height * 0.5, "bottom": height * 0.95}[step.place]
    outline = "#101018" if luminance(step.colour) > 0.45 else "#ffffff"
    drawn = image.copy()
    thickness = max(1, round(font.size * 0.06))
    ImageDraw.Draw(drawn).text(
        (width / 2, y), step.text, step.colour, font, anchor, stroke_width=thickness, stroke_fill=outline
    )
    return drawn


def _save(image: Image, output_format: str, quality: int) -> bytes:
    from PIL import Image

    if output_format == "jpeg" and image.mode == "RGBA":
        paper = Image.new("RGB", image.size, "#ffffff")
        paper.paste(image, mask=image.getchannel("A"))
        image = paper
    buffer = io.BytesIO()
    options = {} if output_format == "png" else {"quality": quality}
    image.save(buffer, output_format.upper(), **options)
    return buffer.getvalue()
