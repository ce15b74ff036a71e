"""Taking parts out of an image file: every pixel stays as it was encoded."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable

from imagegen.imaging import probe
from imagegen.metadata.exif import orientation_block, read_orientation
from imagegen.metadata.parts import HEADER_BYTES, Part, walk
from imagegen.metadata.signatures import exif_block

# What draws the picture. Colour profiles (iCCP, E2, ICCP) are among it: without them colours change.
_PNG_KEPT = frozenset(
    ("IHDR", "PLTE", "IDAT", "IEND", "tRNS", "bKGD", "hIST", "pHYs", "sPLT", "acTL", "fcTL", "fdAT")
)
_PNG_COLOURS = frozenset(("cHRM", "gAMA", "iCCP", "sBIT", "sRGB", "cICP", "mDCV", "cLLI"))
_WEBP_KEPT = frozenset(("VP8X", "VP8 ", "VP8L", "ALPH", "ICCP", "ANIM", "ANMF"))
_GIF_KEPT = frozenset(("header", "image", "end", "F9", "01"))
_GIF_LOOPS = (b"\x0bNETSCAPE2.0", b"\x0bANIMEXTS1.0")
_ICC_IN_JPEG, _ADOBE_IN_JPEG = b"ICC_PROFILE\0", b"Adobe"
_EXIF_FLAG, _XMP_FLAG = 0x08, 0x04


def rebuilt(data: bytes, image_format: str, keep: Callable[[Part], bool]) -> bytes:
    """The file without the parts that `keep` refuses, and without what follows its end marker."""
    parts = [data[part.start : part.end] for part in walk(data, image_format) if keep(part)]
    content = data[: HEADER_BYTES[image_format]] + b"".join(parts)
    if image_format != "webp":
        return content
    return content[:4] + struct.pack("<I", len(content) - 8) + content[8:]


def strip_metadata(data: bytes) -> bytes:
    """A png, jpeg, webp or gif without Exif, XMP, texts, comments and content credentials.

    Only an orientation other than upright stays, as the one entry of a new Exif block: without it the picture
    would lie on its side. Raises UnreadableImage, and ValueError for another format.
    """
    image_format = probe(data).format
    if image_format not in HEADER_BYTES:
        raise ValueError(f"a {image_format} is not taken apart here")
    block = exif_block(data, image_format)
    orientation = read_orientation(block) if block else 1
    stripped = rebuilt(data, image_format, lambda part: _draws(part, data, image_format))
    if image_format == "webp":
        stripped = _with_flags_cleared(stripped)
    return stripped if orientation == 1 else _oriented(stripped, image_format, orientation)


def _draws(part: Part, data: bytes, image_format: str) -> bool:
    """Whether the part is needed to show the picture as it is."""
    if image_format == "png":
        return part.kind in _PNG_KEPT | _PNG_COLOURS
    if image_format == "webp":
        return part.kind in _WEBP_KEPT
    if image_format == "gif":
        return part.kind in _GIF_KEPT or (part.kind == "FF" and part.body(data, 12) in _GIF_LOOPS)
    if part.kind == "E2":
        return part.body(data, len(_ICC_IN_JPEG)) == _ICC_IN_JPEG
    if part.kind == "EE":
        return part.body(data, len(_ADOBE_IN_JPEG)) == _ADOBE_IN_JPEG
    return part.kind == "E0" or not (part.kind == "FE" or part.kind.startswith("E"))


def _with_flags_cleared(webp: bytes) -> bytes:
    """An extended webp says in its first chunk what follows; Exif and XMP no longer do."""
    header = next((part for part in walk(webp, "webp") if part.kind == "VP8X"), None)
    if header is None:
        return webp
    flags = bytes([webp[header.body_start] & ~(_EXIF_FLAG | _XMP_FLAG)])
    return webp[: header.body_start] + flags + webp[header.body_start + 1 :]


def _oriented(data: bytes, image_format: str, orientation: int) -> bytes:
    """The file with an Exif block that holds the orientation alone."""
    block = orientation_block(orientation)
    if image_format == "jpeg":
        body = b"Exif\0\0" + block
        segment = b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body
        first = next(walk(data, "jpeg"))
        at = first.end if first.kind == "E0" else HEADER_BYTES["jpeg"]
        return data[:at] + segment + data[at:]
    if image_format == "png":
        body = b"eXIf" + block
        chunk = struct.pack(">I", len(block)) + body + struct.pack(">I", zlib.crc32(body))
        at = next(walk(data, "png")).end
        return data[:at] + chunk + data[at:]
    header = next((part for part in walk(data, "webp") if part.kind == "VP8X"), None)
    if header is None:
        return data
    flags = bytes([data[header.body_start] | _EXIF_FLAG])
    content = data[12 : header.body_start] + flags + data[header.body_start + 1 :]
    content += b"EXIF" + struct.pack("<I", len(block)) + block
    return b"RIFF" + struct.pack("<I", len(content) + 4) + b"WEBP" + content
