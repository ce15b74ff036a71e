"""From the composed SVG to the bytes of an image format."""

from __future__ import annotations

import io

from imagegen.errors import BadResponse


def rasterise(svg: str, width: int, height: int) -> bytes:
    """PNG bytes of a document that holds no text, drawn by resvg."""
    import resvg_py

    try:
        return bytes(
            resvg_py.svg_to_bytes(svg_string=svg, width=width, height=height, skip_system_fonts=True)
        )
    except ValueError as error:
        raise BadResponse(
            f"The drawing could not be rasterised: {error}.",
            hint="If PROVIDERS__LOCAL__MOTIFS_PATH is set, try without it.",
        ) from error


def encode(svg: str, width: int, height: int, output_format: str, quality: int) -> bytes:
    """The drawing as png, jpeg, webp (`quality` 0 to 100) or the svg itself."""
    if output_format == "svg":
        return svg.encode("utf-8")
    png = rasterise(svg, width, height)
    return png if output_format == "png" else _convert(png, output_format, quality)


def _convert(png: bytes, output_format: str, quality: int) -> bytes:
    from PIL import Image

    with Image.open(io.BytesIO(png)) as image:
        mode = "RGB" if output_format == "jpeg" else "RGBA"
        converted = image.convert(mode)
    buffer = io.BytesIO()
    converted.save(buffer, output_format.upper(), quality=quality)
    return buffer.getvalue()
