"""What a file says in plain words: the text chunks of a png, the comments of a jpeg and a gif."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from imagegen.metadata.parts import Part, sub_blocks, walk
from imagegen.metadata.signatures import XMP_IN_PNG

MAX_TEXTS = 100
MAX_TEXT_CHARS = 100_000
_MAX_KEYWORD_BYTES = 79
_MAX_BODY_BYTES = 4 * MAX_TEXT_CHARS


@dataclass(frozen=True, slots=True)
class TextChunk:
    """A keyword (`comment` where the format has none) and its text, the first MAX_TEXT_CHARS of it."""

    keyword: str
    text: str
    is_cut: bool = False


def read_texts(data: bytes, image_format: str) -> tuple[TextChunk, ...]:
    """The first MAX_TEXTS texts; what cannot be unpacked is left out."""
    return tuple(islice(_texts(data, image_format), MAX_TEXTS))


def _texts(data: bytes, image_format: str) -> Iterator[TextChunk]:
    for part in walk(data, image_format):
        found = _png_text(part, data) if image_format == "png" else _comment(part, data, image_format)
        if found is not None:
            yield found


def _comment(part: Part, data: bytes, image_format: str) -> TextChunk | None:
    if part.kind != "FE" or image_format not in ("jpeg", "gif"):
        return None
    body = part.body(data, _MAX_BODY_BYTES)
    raw = sub_blocks(body) if image_format == "gif" else body
    return _cut("comment", raw.decode("utf-8", errors="replace"))


def _png_text(part: Part, data: bytes) -> TextChunk | None:
    """tEXt is Latin-1, zTXt the same compressed, iTXt UTF-8 and perhaps compressed (PNG, 11.3.4)."""
    if part.kind not in ("tEXt", "zTXt", "iTXt"):
        return None
    body = part.body(data, _MAX_BODY_BYTES)
    keyword, separator, rest = body.partition(b"\0")
    if not separator or len(keyword) > _MAX_KEYWORD_BYTES or body.startswith(XMP_IN_PNG):
        return None
    raw = _unpacked(part.kind, rest)
    if raw is None:
        return None
    encoding = "utf-8" if part.kind == "iTXt" else "latin-1"
    return _cut(keyword.decode("latin-1"), raw.decode(encoding, errors="replace"))


def _unpacked(kind: str, rest: bytes) -> bytes | None:
    if kind == "tEXt":
        return rest
    if kind == "zTXt":
        return _inflated(rest[1:])
    is_packed, rest = rest[:1] == b"\1", rest[2:]
    text = rest.partition(b"\0")[2].partition(b"\0")[2]
    return _inflated(text) if is_packed else text


def _inflated(packed: bytes) -> bytes | None:
    """The first _MAX_BODY_BYTES of what is packed: a small chunk may unpack to gigabytes."""
    try:
        return zlib.decompressobj().decompress(packed, _MAX_BODY_BYTES)
    except zlib.error:
        return None


def _cut(keyword: str, text: str) -> TextChunk:
    return TextChunk(keyword, text[:MAX_TEXT_CHARS], len(text) > MAX_TEXT_CHARS)
