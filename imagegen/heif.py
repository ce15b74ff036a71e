"""HEIC and HEIF: what a file says it is and how large its picture is, read from its boxes alone.

Nothing here decodes a pixel: such a file is sent on to models that take it. The boxes are those of
ISO/IEC 14496-12 (`ftyp`, `meta`, `pitm`, `iprp`) and 23008-12 (`ispe`, brands). No size in the file is
believed beyond the bytes that are there, and a file of more parts than any honest one is refused.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

FORMATS = ("heic", "heif")
HOW_TO_CONVERT = (
    "Convert it to PNG or JPEG first, for instance: sips -s format jpeg IN --out OUT.jpg (macOS), "
    "or heif-convert IN OUT.jpg."
)

MAX_BOXES = 10_000  # side by side; a picture in tiles has some hundred properties
MAX_ITEMS = 100_000
_MAX_BRAND_BYTES = 1_024
_AVIF = frozenset({b"avif", b"avis"})
_HEIC = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"})
_HEIF = frozenset({b"mif1", b"mif2", b"msf1", b"heif"})


@dataclass(frozen=True, slots=True)
class _Box:
    kind: bytes
    body: memoryview


def sniff_boxes(data: bytes) -> str | None:
    """`heic`, `heif` or `avif` by the brands of a file that begins with `ftyp`; None for anything else.

    A file names several brands: HEIF is the container, the others say how the picture in it is coded.
    """
    if data[4:8] != b"ftyp":
        return None
    end = min(int.from_bytes(data[:4], "big"), len(data), _MAX_BRAND_BYTES)
    brands = {data[8:12], *(data[at : at + 4] for at in range(16, end - 3, 4))}
    for image_format, known in (("avif", _AVIF), ("heic", _HEIC), ("heif", _HEIF)):
        if brands & known:
            return image_format
    return None


def heif_size(data: bytes) -> tuple[int, int]:
    """Width and height in pixels of the primary picture, as stored: before any rotation that it names.

    Raises ValueError where the file is cut off, is put together wrongly, or states no size.
    """
    try:
        outside = list(_boxes(memoryview(data)))
        inside = list(_boxes(_only(outside, b"meta")[4:]))
        if not any(box.kind in (b"mdat", b"idat") for box in (*outside, *inside)):
            raise ValueError("the picture itself is missing")
        properties = list(_boxes(_only(inside, b"iprp")))
        container = list(_boxes(_only(properties, b"ipco")))
        primary = _primary_item(_only(inside, b"pitm"))
        for table in (box.body for box in properties if box.kind == b"ipma"):
            for index in _associated(table, primary):
                if 1 <= index <= len(container) and container[index - 1].kind == b"ispe":
                    return _extents(container[index - 1].body)
    except (IndexError, struct.error) as exc:
        raise ValueError("one of its boxes ends too early") from exc
    raise ValueError("it states no size of its picture")


def _boxes(data: memoryview) -> Iterator[_Box]:
    """Boxes side by side, each within `data`: size, kind, then, for a size of 1, the size in 64 bits."""
    at = 0
    for _ in range(MAX_BOXES):
        if at == len(data):
            return
        size, kind = struct.unpack_from(">I4s", data, at)
        header = 8
        if size == 1:
            (size,) = struct.unpack_from(">Q", data, at + 8)
            header = 16
        elif size == 0:  # up to the end
            size = len(data) - at
        if size < header or at + size > len(data):
            raise ValueError(f"it is cut off, or a box is of a wrong size, at byte {at:,} of {len(data):,}")
        yield _Box(kind, data[at + header : at + size])
        at += size
    raise ValueError(f"it has more than {MAX_BOXES:,} boxes side by side")


def _only(boxes: list[_Box], kind: bytes) -> memoryview:
    found = [box.body for box in boxes if box.kind == kind]
    if len(found) != 1:
        raise ValueError(f"it has {len(found)} boxes {kind.decode()} where one belongs")
    return found[0]


def _primary_item(body: memoryview) -> int:
    item: int = struct.unpack_from(">H" if body[0] == 0 else ">I", body, 4)[0]
    return item


def _associated(body: memoryview, item: int) -> Iterator[int]:
    """The numbers, from 1, of the properties that belong to the item."""
    name, name_bytes = (">H", 2) if body[0] == 0 else (">I", 4)
    wide = body[3] & 1
    count, at = struct.unpack_from(">I", body, 4)[0], 8
    if count > MAX_ITEMS:
        raise ValueError(f"it has more than {MAX_ITEMS:,} items")
    for _ in range(count):
        (named,) = struct.unpack_from(name, body, at)
        number = body[at + name_bytes]
        at += name_bytes + 1
        if named == item:
            width, mask = (2, 0x7FFF) if wide else (1, 0x7F)
            yield from (index & mask for index in struct.unpack_from(f">{number}{'BH'[width - 1]}", body, at))
        at += number * (2 if wide else 1)


def _extents(body: memoryview) -> tuple[int, int]:
    width, height = struct.unpack_from(">II", body, 4)
    if not width or not height:
        raise ValueError("it states no size of its picture")
    return width, height
