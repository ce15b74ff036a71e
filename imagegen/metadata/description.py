"""The whole of what a file says about itself."""

from __future__ import annotations

from dataclasses import dataclass

from imagegen.imaging import ImageFacts, probe
from imagegen.metadata.credentials import Credentials, read_credentials
from imagegen.metadata.exif import ExifFacts, read_exif
from imagegen.metadata.origin import Origin, find_origin
from imagegen.metadata.signatures import exif_block, xmp_packet
from imagegen.metadata.texts import TextChunk, read_texts


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What a file says. `origin` is what `--embed-metadata` wrote; `exif` is None where there is none."""

    facts: ImageFacts
    exif: ExifFacts | None
    texts: tuple[TextChunk, ...]
    has_xmp: bool
    credentials: Credentials | None
    origin: Origin | None


def describe(data: bytes) -> Description:
    """Read all of it, without decoding pixels. Blocking.

    Raises UnreadableImage.
    """
    facts = probe(data)
    block, packet = exif_block(data, facts.format), xmp_packet(data, facts.format)
    texts = read_texts(data, facts.format)
    return Description(
        facts=facts,
        exif=read_exif(block) if block else None,
        texts=texts,
        has_xmp=packet is not None,
        credentials=read_credentials(data, facts.format),
        origin=find_origin(texts, packet),
    )
