"""Processing an image, and how the result looks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import typer

from imagegen.cli.aftercare import check_steps
from imagegen.cli.output import pixels_text, print_json, size_text
from imagegen.cli.session import Session
from imagegen.cli.sources import load_source
from imagegen.cli.targets import check_target
from imagegen.documents import image_document
from imagegen.inputs import decodable
from imagegen.processors import parse_steps
from imagegen.service import ImageService
from imagegen.types import ImageRecord


def show_processed(
    session: Session, source: str, texts: Sequence[str], *, output: str | None, as_json: bool
) -> None:
    """Take the steps; print where the last one's image is, and what each one made."""
    steps = parse_steps(texts)

    async def work(service: ImageService) -> tuple[tuple[ImageRecord, ...], Path, list[Path]]:
        image = decodable(await load_source(service, source))
        check_steps(texts, output, image.format)
        target = check_target(output, 1) if output else None
        with session.talk.waiting("processing"):
            made = await service.workshop.process(image, steps)
        copies = target.write([(made[-1], await service.read_bytes(made[-1]))]) if target else []
        return made, service.path_of(made[-1]), copies

    made, path, copies = session.run(work)
    if as_json and output != "-":
        document = image_document(made[-1], path) | {"steps": [record.image_id for record in made]}
        print_json(document | ({"copy": str(copies[0].absolute())} if copies else {}))
    elif output != "-":
        typer.echo(str((copies or [path])[0]))
    for record in made:
        session.talk.detail(_line(record))


def _line(record: ImageRecord) -> str:
    info = record.file_info
    pixels = f"{pixels_text(info.width, info.height)} {info.format}"
    return "  ".join((record.image_id, pixels, size_text(info.size_bytes), record.details["processed"]))
