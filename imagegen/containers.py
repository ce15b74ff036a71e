"""Image files as chunks, segments and blocks: whether a file is whole, and how many frames it has.

Decoders are content with a file that ends early; these walks are not. They look at no pixel, and they
refuse a file of more parts than any honest one, before a decoder would spend its time on them.
"""

from __future__ import annotations

import re
import struct
import zlib

MAX_PARTS = 100_000
MAX_SCANS = 64  # an encoder makes about ten; each one costs a pass over every pixel
MAX_FILLING_BYTES = 4_096  # between a jpeg's segments, where an encoder leaves hardly any

# FF 00 is a stuffed byte, FF D0 to FF D7 are restarts inside a scan, FF FF is filling.
_JPEG_MARKER = re.compile(rb"\xff[\x02-\xcf\xd8-\xfe]")
_START_OF_SCAN, _END_OF_IMAGE = 0xDA, 0xD9
_GIF_IMAGE, _GIF_EXTENSION, _GIF_END = 0x2C, 0x21, 0x3B


def sniff(data: bytes) -> str | None:
    """`png`, `jpeg`, `gif` or `webp` by magic bytes; None for anything else."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if data.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "gif"
    return "webp" if data[:4] == b"RIFF" and data[8:12] == b"WEBP" else None


def count_frames(data: bytes, image_format: str) -> int:
    """Walk the file to its end marker and count its frames. Raises ValueError where it is not whole.

    What follows the end marker is left alone, as every decoder leaves it.
    """
    walks = {"png": _walk_png, "jpeg": _walk_jpeg, "gif": _walk_gif, "webp": _walk_webp}
    try:
        return walks[image_format](data)
    except (IndexError, struct.error) as exc:
        raise ValueError(f"this {image_format} ends too early") from exc


def _walk_png(data: bytes) -> int:
    """Chunks: length, kind, body, checksum of kind and body. An animation has an fcTL for each frame."""
    bytes_of = memoryview(data)
    frames, at = 0, 8
    for _ in range(MAX_PARTS):
        length, kind = struct.unpack_from(">I4s", data, at)
        end = at + 8 + length
        (checksum,) = struct.unpack_from(">I", data, end)
        if zlib.crc32(bytes_of[at + 4 : end]) != checksum:
            raise ValueError(f"a checksum of this png is wrong at byte {at:,}")
        if kind == b"IEND":
            return max(frames, 1)
        frames += kind == b"fcTL"
        at = end + 4
    raise _too_many("png")


def _walk_jpeg(data: bytes) -> int:
    """Segments: marker, length, body; a scan's data goes on until the next marker."""
    at, scans, filling = 2, 0, 0
    for _ in range(MAX_PARTS):
        marker = _JPEG_MARKER.search(data, at)
        if marker is None:
            raise ValueError("this jpeg ends too early")
        kind = data[marker.end() - 1]
        if kind == _END_OF_IMAGE:
            return 1
        filling += 0 if scans else marker.start() - at
        scans += kind == _START_OF_SCAN
        if scans > MAX_SCANS or filling > MAX_FILLING_BYTES:
            raise ValueError(f"a jpeg of more than {MAX_SCANS} scans or {MAX_FILLING_BYTES:,} filling bytes")
        length = int.from_bytes(data[marker.end() : marker.end() + 2], "big")
        at = marker.end() + max(length, 2)
    raise _too_many("jpeg")


def _walk_gif(data: bytes) -> int:
    """Header, colour table, then images and extensions, each followed by sub-blocks up to an empty one."""
    frames, at = 0, 13 + _colour_table_bytes(data[10])
    for _ in range(MAX_PARTS):
        block = data[at]
        if block == _GIF_END:
            return max(frames, 1)
        if block == _GIF_IMAGE:
            frames += 1
            at += 11 + _colour_table_bytes(data[at + 9])
        elif block == _GIF_EXTENSION:
            at += 2
        else:
            raise ValueError(f"a block of this gif is of no known kind at byte {at:,}")
        while data[at]:
            at += data[at] + 1
        at += 1
    raise _too_many("gif")


def _colour_table_bytes(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _walk_webp(data: bytes) -> int:
    """RIFF chunks: kind, length, body padded to an even length. An animation has an ANMF for each frame."""
    end = 8 + int.from_bytes(data[4:8], "little")
    if len(data) < end:
        raise ValueError("this webp ends too early")
    frames, at = 0, 12
    for _ in range(MAX_PARTS):
        if at + 8 > end:
            return max(frames, 1)
        kind, length = struct.unpack_from("<4sI", data, at)
        frames += kind == b"ANMF"
        at += 8 + length + length % 2
    raise _too_many("webp")


def _too_many(image_format: str) -> ValueError:
    return ValueError(f"a {image_format} of more than {MAX_PARTS:,} parts")
