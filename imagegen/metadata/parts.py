"""Image files as the parts that they are made of, with where each one begins and ends.

No length in the file is believed beyond the bytes that are there, and a file of more parts than any honest
one is walked no further.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from types import MappingProxyType

from imagegen.containers import MAX_PARTS

HEADER_BYTES: Mapping[str, int] = MappingProxyType({"png": 8, "jpeg": 2, "webp": 12, "gif": 0})

_JPEG_MARKER = re.compile(rb"\xff[\x02-\xcf\xd8-\xfe]")
_START_OF_SCAN, _END_OF_IMAGE = 0xDA, 0xD9
_GIF_IMAGE, _GIF_EXTENSION, _GIF_END = 0x2C, 0x21, 0x3B


@dataclass(frozen=True, slots=True)
class Part:
    """A chunk, segment or block: `start` and `end` in the file, and its body without header and checksum.

    `kind` is the chunk's own name in png and webp, the marker as two hex digits in jpeg (`E1`), and in gif
    `header`, `image`, `end` or the extension's label as two hex digits (`FE`, `FF`).
    """

    kind: str
    start: int
    end: int
    body_start: int
    body_end: int

    def body(self, data: bytes, limit: int | None = None) -> bytes:
        """The body's bytes, `limit` of them at most."""
        end = self.body_end if limit is None else min(self.body_end, self.body_start + limit)
        return data[self.body_start : end]


def walk(data: bytes, image_format: str) -> Iterator[Part]:
    """The parts of a png, jpeg, webp or gif, in order, up to its end marker or to where it is torn.

    Anything else has none.
    """
    walker = _WALKERS.get(image_format)
    if walker is None:
        return
    with suppress(IndexError):  # a file that was cut after it was stored
        for part in islice(walker(data), MAX_PARTS):
            if part.end > len(data):
                return
            yield part


def _png(data: bytes) -> Iterator[Part]:
    at, kind = 8, ""
    while at + 12 <= len(data) and kind != "IEND":
        length = int.from_bytes(data[at : at + 4], "big")
        kind = data[at + 4 : at + 8].decode("latin-1")
        yield Part(kind, at, at + 12 + length, at + 8, at + 8 + length)
        at += 12 + length


def _jpeg(data: bytes) -> Iterator[Part]:
    """A scan is one part with the compressed pixels after its header."""
    marker = _JPEG_MARKER.search(data, 2)
    while marker is not None:
        kind, start, at = data[marker.end() - 1], marker.start(), marker.end()
        if kind == _END_OF_IMAGE:
            yield Part("D9", start, at, at, at)
            return
        end = at + max(int.from_bytes(data[at : at + 2], "big"), 2)
        following = _JPEG_MARKER.search(data, end)
        body_end = end
        if kind == _START_OF_SCAN:
            end = body_end = following.start() if following else len(data)
        yield Part(f"{kind:02X}", start, end, at + 2, body_end)
        marker = following


def _webp(data: bytes) -> Iterator[Part]:
    at, end = 12, min(len(data), 8 + int.from_bytes(data[4:8], "little"))
    while at + 8 <= end:
        kind = data[at : at + 4].decode("latin-1")
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        yield Part(kind, at, min(at + 8 + length + length % 2, end), at + 8, at + 8 + length)
        at += 8 + length + length % 2


def _gif(data: bytes) -> Iterator[Part]:
    """The body of an extension holds its sub-blocks with their lengths."""
    at = 13 + _colour_table_bytes(data[10])
    yield Part("header", 0, at, 0, at)
    while at < len(data):
        start, block = at, data[at]
        if block == _GIF_END:
            yield Part("end", start, start + 1, start + 1, start + 1)
            return
        kind = f"{data[at + 1]:02X}" if block == _GIF_EXTENSION else "image"
        body = at + 2 if block == _GIF_EXTENSION else at + 11 + _colour_table_bytes(data[at + 9])
        at = body
        while at < len(data) and data[at]:
            at += data[at] + 1
        at += 1
        yield Part(kind, start, at, body, at)


def _colour_table_bytes(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def sub_blocks(body: bytes) -> bytes:
    """The bytes in a gif extension's sub-blocks, one after the other."""
    joined, at = bytearray(), 0
    while at < len(body) and body[at]:
        joined += body[at + 1 : at + 1 + body[at]]
        at += body[at] + 1
    return bytes(joined)


_WALKERS: Mapping[str, Callable[[bytes], Iterator[Part]]] = MappingProxyType(
    {"png": _png, "jpeg": _jpeg, "webp": _webp, "gif": _gif}
)
