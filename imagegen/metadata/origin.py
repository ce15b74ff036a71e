"""What `--embed-metadata` writes into a copy, and how it is found again.

One JSON object under our own name: in a png as a text chunk, in a jpeg and a webp as a property of the XMP
packet. Beside it stand the words that other programs look for: description, software, date.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from imagegen.metadata.texts import TextChunk

KEYWORD = "imagegen"
NAMESPACE = "urn:imagegen:1"
PROPERTY = "origin"
NAMES = ("image_id", "prompt", "model", "created_at")
MAX_CHARS = 400_000
NOT_IN_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a copy comes from. `created_at` is RFC 3339 in UTC; `model` is `provider/model`."""

    image_id: str
    prompt: str
    model: str
    created_at: str

    def to_json(self) -> str:
        """One line, in which no character stands that XML could not hold."""
        text = json.dumps({name: getattr(self, name) for name in NAMES}, ensure_ascii=False)
        return NOT_IN_XML.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def parse_origin(text: str) -> Origin | None:
    """The origin in a file's JSON text; None where it is none of ours. Anybody may have written it."""
    try:
        document: Any = json.loads(text[:MAX_CHARS])
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, Mapping) or not all(isinstance(document.get(name), str) for name in NAMES):
        return None
    return Origin(**{name: document[name] for name in NAMES})


def is_origin(chunk: TextChunk) -> bool:
    """Whether a text chunk of a png holds an origin."""
    return chunk.keyword == KEYWORD and parse_origin(chunk.text) is not None


def find_origin(texts: tuple[TextChunk, ...], packet: bytes | None) -> Origin | None:
    """The origin in text chunks or in an XMP packet."""
    for chunk in texts:
        if is_origin(chunk):
            return parse_origin(chunk.text)
    text = _property_of(packet) if packet else None
    return parse_origin(text) if text else None


def _property_of(packet: bytes) -> str | None:
    """Our property, as an attribute or, as other programs write it back, as an element."""
    from xml.parsers import expat

    reader = _PropertyReader()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = reader.on_start
    parser.EndElementHandler = reader.on_end
    parser.CharacterDataHandler = reader.on_text
    parser.EntityDeclHandler = reader.on_entity
    try:
        parser.Parse(packet, True)
    except (expat.ExpatError, LookupError, ValueError):
        return None
    return reader.value


class _PropertyReader:
    """Keeps the last value of our property and refuses what makes a small file grow without bound."""

    _NAME = f"{NAMESPACE} {PROPERTY}"

    def __init__(self) -> None:
        self.value: str | None = None
        self._inside = False

    def on_start(self, name: str, attributes: dict[str, str]) -> None:
        self._inside = name == self._NAME
        self.value = "" if self._inside else attributes.get(self._NAME, self.value)

    def on_end(self, _: str) -> None:
        self._inside = False

    def on_text(self, text: str) -> None:
        if self._inside and len(self.value or "") < MAX_CHARS:
            self.value = f"{self.value or ''}{text}"

    def on_entity(self, *_: object) -> None:
        raise ValueError("XML entities are not accepted")
