"""What an image's file says of itself: Exif, texts, content credentials, and what we put into copies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from imagegen.metadata import Credentials, Description, ExifFacts, TextChunk, is_origin

SHOWN_CHARS = 400
VERDICTS = {
    "trusted": "valid, and the signer is on a trust list",
    "valid": "valid: the file is as it was signed (no trust list was asked about the signer)",
    "invalid": "NOT VALID",
    "unread": "present, not read",
    "remote": "kept elsewhere, not read",
}


def statement_lines(said: Description, *, gps: bool = False) -> Iterator[tuple[str, str]]:
    """Each thing that the file says, under its name; nothing where it says nothing."""
    if said.exif:
        yield from _exif_lines(said.exif, gps=gps)
    yield from ((f"text {chunk.keyword}", _shortened(chunk)) for chunk in said.texts if not is_origin(chunk))
    if said.has_xmp:
        yield "xmp", "present"
    if said.credentials:
        yield from _credential_lines(said.credentials)
    if said.origin:
        yield "embedded", f"{said.origin.image_id}, {said.origin.model}, {said.origin.created_at}"
        yield "embedded prompt", said.origin.prompt[:SHOWN_CHARS]


def statement_document(said: Description, *, gps: bool = False) -> dict[str, Any]:
    """The same for `--json`, with a null for each thing that the file does not say."""
    return {
        "exif": _exif_document(said.exif, gps=gps) if said.exif else None,
        "texts": [{"keyword": c.keyword, "text": c.text, "is_cut": c.is_cut} for c in said.texts],
        "has_xmp": said.has_xmp,
        "credentials": _credentials_document(said.credentials) if said.credentials else None,
        "embedded": _plain(said.origin, ("image_id", "prompt", "model", "created_at"))
        if said.origin
        else None,
    }


def _exif_lines(exif: ExifFacts, *, gps: bool) -> Iterator[tuple[str, str]]:
    if exif.is_damaged:
        yield "exif", "damaged"
    yield from ((f"exif {name}", value[:SHOWN_CHARS]) for name, value in exif.values.items())
    if exif.has_position:
        yield "exif position", _position(exif) if gps else "present; imagegen inspect --gps shows it"


def _position(exif: ExifFacts) -> str:
    return "present, unreadable" if exif.position is None else f"{exif.position[0]}, {exif.position[1]}"


def _shortened(chunk: TextChunk) -> str:
    text = " ".join(chunk.text.split())
    return text if len(text) <= SHOWN_CHARS else f"{text[:SHOWN_CHARS]}… ({len(chunk.text):,} characters)"


def _credential_lines(credentials: Credentials) -> Iterator[tuple[str, str]]:
    yield "credentials", f"C2PA manifest, {VERDICTS[credentials.state]}"
    values = {
        "signer": ", ".join(filter(None, (credentials.signer, credentials.issuer))),
        "signed at": credentials.signed_at,
        "generator": credentials.generator,
        "actions": ", ".join(credentials.actions),
        "source": ", ".join(credentials.source_types),
        "note": credentials.note,
    }
    yield from ((f"  {name}", value) for name, value in values.items() if value)
    yield from (("  problem", problem) for problem in credentials.problems)


def _exif_document(exif: ExifFacts, *, gps: bool) -> dict[str, Any]:
    document: dict[str, Any] = {
        **exif.values,
        "has_position": exif.has_position,
        "is_damaged": exif.is_damaged,
    }
    return {**document, "position": exif.position} if gps else document


def _credentials_document(credentials: Credentials) -> dict[str, Any]:
    names = ("state", "valid", "signer", "issuer", "signed_at", "generator", "actions", "source_types")
    return _plain(credentials, (*names, "problems", "note"))


def _plain(value: object, names: Sequence[str]) -> dict[str, Any]:
    return {name: getattr(value, name) for name in names}
