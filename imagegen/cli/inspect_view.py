"""How an inspected image looks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import typer

from imagegen.cli.facts import hanging
from imagegen.cli.failures import printable
from imagegen.cli.output import pixels_text, print_json, quoted, size_text
from imagegen.cli.session import Session
from imagegen.cli.sources import load_source
from imagegen.inputs import decodable
from imagegen.metadata import Credentials, ExifFacts, TextChunk, is_origin
from imagegen.service import ImageService
from imagegen.types import InputImage
from imagegen.workshop import Inspection

SHOWN_CHARS = 400
AGAIN = "make it again"
VERDICTS = {
    "trusted": "valid, and the signer is on a trust list",
    "valid": "valid: the file is as it was signed (no trust list was asked about the signer)",
    "invalid": "NOT VALID",
    "unread": "present, not read",
    "remote": "kept elsewhere, not read",
}


def show_inspection(session: Session, source: str, *, gps: bool, as_json: bool) -> None:
    """Everything about one image."""

    async def look(service: ImageService) -> tuple[InputImage, Inspection]:
        image = decodable(await load_source(service, source))
        return image, await service.workshop.inspect(image)

    image, inspection = session.run(look)
    if as_json:
        print_json(_document(image, inspection, gps=gps))
        return
    for name, value in _lines(image, inspection, gps=gps):
        # What is to be pasted is not broken into lines.
        shown = printable(value) if name == AGAIN else hanging(value, 18)
        typer.echo(f"{printable(name):<17} {shown}")


def _lines(image: InputImage, inspection: Inspection, *, gps: bool) -> Iterator[tuple[str, str]]:
    said = inspection.description
    frames = f", {said.facts.frames} frames" if said.facts.frames > 1 else ""
    yield "image", image.source
    yield (
        "file",
        f"{pixels_text(image.width, image.height)} {image.format}{frames}, {size_text(len(image.data))}",
    )
    yield "sha256", image.sha256
    if said.exif:
        yield from _exif_lines(said.exif, gps=gps)
    yield from ((f"text {chunk.keyword}", _shortened(chunk)) for chunk in said.texts if not is_origin(chunk))
    if said.has_xmp:
        yield "xmp", "present"
    yield from _credential_lines(said.credentials)
    if said.origin:
        yield "embedded", f"{said.origin.image_id}, {said.origin.model}, {said.origin.created_at}"
        yield "embedded prompt", said.origin.prompt[:SHOWN_CHARS]
    yield from _history_lines(inspection)


def _exif_lines(exif: ExifFacts, *, gps: bool) -> Iterator[tuple[str, str]]:
    if exif.is_damaged:
        yield "exif", "damaged"
    yield from ((f"exif {name}", value[:SHOWN_CHARS]) for name, value in exif.values.items())
    if exif.has_position:
        yield "exif position", _position(exif) if gps else "present; --gps shows it"


def _position(exif: ExifFacts) -> str:
    return "present, unreadable" if exif.position is None else f"{exif.position[0]}, {exif.position[1]}"


def _shortened(chunk: TextChunk) -> str:
    text = " ".join(chunk.text.split())
    return text if len(text) <= SHOWN_CHARS else f"{text[:SHOWN_CHARS]}… ({len(chunk.text):,} characters)"


def _credential_lines(credentials: Credentials | None) -> Iterator[tuple[str, str]]:
    if credentials is None:
        yield "credentials", "none (no C2PA manifest)"
        return
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


def _history_lines(inspection: Inspection) -> Iterator[tuple[str, str]]:
    record = inspection.record
    if record is None:
        yield "history", "not one of ours, as far as this history knows"
        return
    claim = "says it is a copy of " if inspection.is_claimed else ""
    yield "history", f"{claim}{record.image_id}, made by {record.provider}/{record.model}"
    yield "prompt", record.prompt
    if inspection.command:
        yield AGAIN, quoted(inspection.command)
    else:
        yield AGAIN, f"not possible: {inspection.no_command}"


def _document(image: InputImage, inspection: Inspection, *, gps: bool) -> dict[str, Any]:
    said = inspection.description
    return {
        "source": image.source,
        "file_info": {
            "format": image.format,
            "width": image.width,
            "height": image.height,
            "frames": said.facts.frames,
            "size_bytes": len(image.data),
            "sha256": image.sha256,
        },
        "exif": _exif_document(said.exif, gps=gps) if said.exif else None,
        "texts": [{"keyword": c.keyword, "text": c.text, "is_cut": c.is_cut} for c in said.texts],
        "has_xmp": said.has_xmp,
        "credentials": _credentials_document(said.credentials) if said.credentials else None,
        "embedded": _plain(said.origin, ("image_id", "prompt", "model", "created_at"))
        if said.origin
        else None,
        "image_id": inspection.record.image_id if inspection.record else None,
        "is_claimed": inspection.is_claimed,
        "prompt": inspection.record.prompt if inspection.record else None,
        "command": quoted(inspection.command) if inspection.command else None,
        "no_command": inspection.no_command,
    }


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
