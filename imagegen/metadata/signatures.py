"""Which part of a file carries which metadata, in every format that is known here."""

from __future__ import annotations

from collections.abc import Iterator

from imagegen.metadata.parts import Part, walk

XMP_IN_JPEG = b"http://ns.adobe.com/xap/1.0/\0"
XMP_IN_PNG = b"XML:com.adobe.xmp\0"
XMP_IN_GIF = b"\x0bXMP DataXMP"
EXIF_IN_JPEG = b"Exif\0\0"
MAX_XMP_BYTES = 1_000_000
_XMP_END = b"</x:xmpmeta>"

_C2PA_IN_GIF = b"\x0bC2PA_GIF"
_LABEL_WITHIN_BYTES = 256  # the box that a manifest begins with names itself early


def has_manifest(data: bytes, image_format: str) -> bool:
    """Whether the file holds a C2PA manifest, by the parts that C2PA 2 names for its format."""
    if image_format == "svg":
        return b"c2pa:manifest" in data
    found = (part for part in walk(data, image_format) if is_manifest(part, data, image_format))
    if image_format == "jpeg":
        return any(b"c2pa" in part.body(data, _LABEL_WITHIN_BYTES) for part in found)
    return any(True for _ in found)


def is_manifest(part: Part, data: bytes, image_format: str) -> bool:
    """Whether the part belongs to a C2PA manifest; in jpeg, to any structure of the kind that one has."""
    if image_format == "jpeg":
        return part.kind == "EB" and part.body(data, 2) == b"JP"
    if image_format == "gif":
        return part.kind == "FF" and part.body(data, 9) == _C2PA_IN_GIF
    return part.kind == {"png": "caBX", "webp": "C2PA"}.get(image_format)


def exif_block(data: bytes, image_format: str) -> bytes | None:
    """The first Exif block, as a TIFF file in itself."""
    for part in walk(data, image_format):
        if part.kind in ("eXIf", "EXIF"):
            return part.body(data).removeprefix(EXIF_IN_JPEG)
        if part.kind == "E1" and image_format == "jpeg" and part.body(data, 6) == EXIF_IN_JPEG:
            return part.body(data)[6:]
    return None


def xmp_packet(data: bytes, image_format: str) -> bytes | None:
    """The first XMP packet, MAX_XMP_BYTES of it at most."""
    if image_format == "svg":
        start = data.find(b"<x:xmpmeta")
        return None if start < 0 else data[start : start + MAX_XMP_BYTES].partition(_XMP_END)[0] + _XMP_END
    return next((xmp for _, xmp in xmp_parts(data, image_format)), None)


def xmp_parts(data: bytes, image_format: str) -> Iterator[tuple[Part, bytes]]:
    """Each part that holds XMP, with the packet."""
    for part in walk(data, image_format):
        packet = _xmp_of(part, data, image_format)
        if packet is not None:
            yield part, packet[:MAX_XMP_BYTES]


def _xmp_of(part: Part, data: bytes, image_format: str) -> bytes | None:
    if image_format == "webp":
        return part.body(data, MAX_XMP_BYTES) if part.kind == "XMP " else None
    if image_format == "jpeg":
        is_xmp = part.kind == "E1" and part.body(data, len(XMP_IN_JPEG)) == XMP_IN_JPEG
        return part.body(data)[len(XMP_IN_JPEG) :] if is_xmp else None
    if image_format == "gif":
        is_xmp = part.kind == "FF" and part.body(data, len(XMP_IN_GIF)) == XMP_IN_GIF
        # The packet lies there as it is, without the lengths of sub-blocks, before a tail of 258 bytes.
        return part.body(data, MAX_XMP_BYTES)[len(XMP_IN_GIF) :] if is_xmp else None
    is_xmp = part.kind == "iTXt" and part.body(data, len(XMP_IN_PNG)) == XMP_IN_PNG
    # After the keyword: compression flag and method, an empty language, an empty translation.
    return part.body(data)[len(XMP_IN_PNG) + 4 :] if is_xmp else None
