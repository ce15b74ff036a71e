"""Writing an `Origin` into a copy of an image, without touching a pixel.

A file that is signed (C2PA) would no longer match its signature, so the copy goes without the manifest.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from xml.sax.saxutils import escape, quoteattr

from imagegen.imaging import ImageFacts, probe
from imagegen.metadata.origin import KEYWORD, NAMESPACE, NOT_IN_XML, PROPERTY, Origin, find_origin
from imagegen.metadata.parts import HEADER_BYTES, walk
from imagegen.metadata.signatures import XMP_IN_JPEG, has_manifest, is_manifest, xmp_packet
from imagegen.metadata.stripping import rebuilt

SOFTWARE = "imagegen"
SEGMENT_BYTES = 65_533  # what fits into one segment of a jpeg beside its length
# It stands twice in the packet, where an escape may take six bytes for a character.
_LONG_PROMPT_CHARS = 2_000
_END_OF_RDF = b"</rdf:RDF>"
_XMP_FLAG, _ALPHA_FLAG = 0x04, 0x10

NO_CREDENTIALS = (
    "the copy is without the content credentials, which would not match a changed file; "
    "the stored image has them"
)


@dataclass(frozen=True, slots=True)
class Embedded:
    """The copy's bytes, and what had to be left out."""

    data: bytes
    notes: tuple[str, ...] = ()


def embed_origin(data: bytes, origin: Origin) -> Embedded:
    """A copy of a png, jpeg or webp that says where it comes from; of another format, the bytes and a note.

    Raises UnreadableImage.
    """
    facts = probe(data)
    writer = WRITERS.get(facts.format)
    if writer is None:
        return Embedded(data, (f"a {facts.format} takes no embedded metadata; the copy is without it",))
    unsigned = rebuilt(data, facts.format, lambda part: not is_manifest(part, data, facts.format))
    notes = (NO_CREDENTIALS,) if has_manifest(data, facts.format) else ()
    fitting, cut = _fitting(origin, facts.format)
    return Embedded(writer(unsigned, facts, fitting), (*notes, *cut))


def _fitting(origin: Origin, image_format: str) -> tuple[Origin, tuple[str, ...]]:
    """The origin with its prompt cut to what one segment of a jpeg can hold."""
    if image_format != "jpeg" or len(origin.prompt) <= _LONG_PROMPT_CHARS:
        return origin, ()
    if len(_packet(origin)) + len(XMP_IN_JPEG) <= SEGMENT_BYTES:
        return origin, ()
    cut = replace(origin, prompt=origin.prompt[:_LONG_PROMPT_CHARS])
    return cut, (
        f"the prompt in the jpeg is cut to {_LONG_PROMPT_CHARS:,} characters, which is all it holds",
    )


def _into_png(data: bytes, _: ImageFacts, origin: Origin) -> bytes:
    """International text chunks after the header chunk, under the keywords of the PNG specification."""
    texts = {
        "Description": origin.prompt,
        "Software": SOFTWARE,
        "Creation Time": origin.created_at,
        KEYWORD: origin.to_json(),
    }
    chunks = b"".join(_png_text(keyword, text) for keyword, text in texts.items())
    at = next(part.end for part in walk(data, "png") if part.kind == "IHDR")
    return data[:at] + chunks + data[at:]


def _png_text(keyword: str, text: str) -> bytes:
    """Keyword, no compression, no language, no translated keyword, then UTF-8 (PNG, section 11.3.4.5)."""
    body = b"iTXt" + keyword.encode("latin-1") + b"\0\0\0\0\0" + text.encode("utf-8", errors="replace")
    return struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))


def _into_jpeg(data: bytes, _: ImageFacts, origin: Origin) -> bytes:
    """One APP1 segment, after the JFIF and Exif ones that have to come first."""
    packet = _merged(xmp_packet(data, "jpeg"), origin, SEGMENT_BYTES - len(XMP_IN_JPEG))
    kept = rebuilt(data, "jpeg", lambda part: part.body(data, len(XMP_IN_JPEG)) != XMP_IN_JPEG)
    body = XMP_IN_JPEG + packet
    segment = b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body
    at = HEADER_BYTES["jpeg"]
    for part in walk(kept, "jpeg"):
        if part.kind not in ("E0", "E1"):
            break
        at = part.end
    return kept[:at] + segment + kept[at:]


def _into_webp(data: bytes, facts: ImageFacts, origin: Origin) -> bytes:
    """An XMP chunk at the end; a simple file becomes an extended one (RFC 9649, section 2.7)."""
    packet = _merged(xmp_packet(data, "webp"), origin, None)
    chunks = [part for part in walk(data, "webp") if part.kind not in ("XMP ", "VP8X")]
    bodies = b"".join(_riff(part.kind, part.body(data)) for part in chunks)
    header = next((part.body(data) for part in walk(data, "webp") if part.kind == "VP8X"), None)
    content = _riff("VP8X", _extended(header, facts)) + bodies + _riff("XMP ", packet)
    return b"RIFF" + struct.pack("<I", len(content) + 4) + b"WEBP" + content


def _extended(header: bytes | None, facts: ImageFacts) -> bytes:
    if header:
        return bytes([header[0] | _XMP_FLAG]) + header[1:]
    flags = _XMP_FLAG | (_ALPHA_FLAG if facts.has_alpha else 0)
    width, height = (((side or 1) - 1).to_bytes(3, "little") for side in (facts.width, facts.height))
    return bytes([flags, 0, 0, 0]) + width + height


def _riff(kind: str, body: bytes) -> bytes:
    return kind.encode("latin-1") + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def _merged(packet: bytes | None, origin: Origin, limit: int | None) -> bytes:
    """Our packet, or the file's own one with our property added where it can be read and has room."""
    if packet is None or _END_OF_RDF not in packet:
        return _packet(origin)
    head, end, tail = packet.rpartition(_END_OF_RDF)
    merged = head + _description(origin, b"") + end + tail
    fits = limit is None or len(merged) <= limit
    return merged if fits and find_origin((), merged) == origin else _packet(origin)


def _packet(origin: Origin) -> bytes:
    prompt = escape(NOT_IN_XML.sub("", origin.prompt))
    words = (
        f'<dc:description><rdf:Alt><rdf:li xml:lang="x-default">{prompt}</rdf:li></rdf:Alt></dc:description>'
        f"<xmp:CreatorTool>{SOFTWARE}</xmp:CreatorTool>"
        f"<xmp:CreateDate>{escape(origin.created_at)}</xmp:CreateDate>"
    )
    return (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/">'
        b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        + _description(origin, words.encode())
        + b"</rdf:RDF></x:xmpmeta>"
    )


def _description(origin: Origin, words: bytes) -> bytes:
    ours = (
        '<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" '
        f'xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:imagegen="{NAMESPACE}" '
        f"imagegen:{PROPERTY}={quoteattr(origin.to_json())}>"
    )
    return ours.encode() + words + b"</rdf:Description>"


Writer = Callable[[bytes, ImageFacts, Origin], bytes]
WRITERS: Mapping[str, Writer] = MappingProxyType({"png": _into_png, "jpeg": _into_jpeg, "webp": _into_webp})
