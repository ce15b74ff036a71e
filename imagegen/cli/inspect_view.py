"""How an inspected image looks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer

from imagegen.cli.facts import hanging
from imagegen.cli.failures import printable
from imagegen.cli.output import pixels_text, print_json, quoted, size_text
from imagegen.cli.session import Session
from imagegen.cli.sources import load_source
from imagegen.cli.statements import statement_document, statement_lines
from imagegen.inputs import decodable
from imagegen.service import ImageService
from imagegen.types import InputImage
from imagegen.workshop import Inspection

AGAIN = "make it again"


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
    yield from statement_lines(said, gps=gps)
    if said.credentials is None:
        yield "credentials", "none (no C2PA manifest)"
    yield from _history_lines(inspection)


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
        **statement_document(said, gps=gps),
        "image_id": inspection.record.image_id if inspection.record else None,
        "is_claimed": inspection.is_claimed,
        "prompt": inspection.record.prompt if inspection.record else None,
        "command": quoted(inspection.command) if inspection.command else None,
        "no_command": inspection.no_command,
    }
