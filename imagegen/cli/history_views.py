"""How the history looks."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from imagegen.archive import Lineage
from imagegen.cli.facts import hanging
from imagegen.cli.failures import printable
from imagegen.cli.output import (
    cost_text,
    pixels_text,
    print_json,
    print_table,
    rfc3339,
    size_text,
)
from imagegen.cli.preview import show_preview
from imagegen.cli.session import Session
from imagegen.documents import image_document, reindex_document
from imagegen.errors import UsageError
from imagegen.service import ImageService
from imagegen.store import ReindexReport
from imagegen.types import HistoryPage, HistoryQuery, ImageRecord

if TYPE_CHECKING:
    from imagegen.metadata import Description

RELATIVE_CHARS = 60


def show_page(session: Session, query: HistoryQuery, *, as_json: bool) -> None:
    """One page of images."""

    async def find(service: ImageService) -> tuple[HistoryPage, list[dict[str, object]]]:
        page = await service.list_images(query)
        return page, [image_document(record, service.path_of(record)) for record in page.images]

    page, documents = session.run(find)
    if as_json:
        print_json({"images": documents, "next_cursor": page.next_cursor})
        return
    headers = ("image", "created (UTC)", "model", "pixels", "cost", "prompt")
    # The id tells the time too, and `history show` the rest; without its prompt nobody knows an image again.
    print_table(headers, [_row(record) for record in page.images], right=(4,), spare=(1, 3, 4, 2))
    if page.next_cursor and sys.stdout.isatty():
        session.talk.detail(f"more: add --cursor {page.next_cursor}")
    if not page.images:
        session.talk.note(
            "no images match" if query != HistoryQuery(limit=query.limit) else "there are no images yet"
        )


def _row(record: ImageRecord) -> tuple[str, ...]:
    info = record.file_info
    return (
        record.image_id,
        record.created_at.strftime("%Y-%m-%d %H:%M"),
        f"{record.provider}/{record.model}",
        pixels_text(info.width, info.height),
        cost_text(record.cost_info),
        record.prompt,
    )


def show_image(session: Session, image_id: str, *, as_json: bool, preview: bool | None) -> None:
    """The whole record, with lineage and what the file says of itself."""
    from imagegen.cli.statements import statement_document, statement_lines

    async def find(service: ImageService) -> tuple[Lineage, dict[str, object], Description | None]:
        lineage = await service.lineage(image_id)
        document = image_document(lineage.record, service.path_of(lineage.record))
        return lineage, document, await service.workshop.describe(lineage.record)

    lineage, document, said = session.run(find)
    if as_json:
        children = [child.image_id for child in lineage.children]
        print_json({**document, "children": children, "file_says": said and statement_document(said)})
        return
    path = Path(str(document["path"]))
    show_preview([(path, lineage.record.file_info.format)], preview, session.talk)
    statements = statement_lines(said) if said else [("file says", "nothing: it is gone or damaged")]
    for name, value in [*_lines(lineage, str(path)), *statements]:
        typer.echo(f"{printable(name):<14} {hanging(value, 15)}")


def _lines(lineage: Lineage, path: str) -> list[tuple[str, str]]:
    record = lineage.record
    info = record.file_info
    known = {parent.image_id: parent for parent in lineage.parents}
    lines = [
        ("image", record.image_id),
        ("path", path),
        ("prompt", record.prompt),
        ("made by", f"{record.operation} with {record.provider}/{record.model}"),
        ("created", rfc3339(record.created_at)),
        ("file", f"{pixels_text(info.width, info.height)} {info.format}, {size_text(info.size_bytes)}"),
        ("sha256", info.sha256),
        ("cost", cost_text(record.cost_info)),
        ("asked", _pairs(record.parameters.get("asked", {}))),
        ("sent", _pairs(record.parameters.get("sent", {}))),
        ("task", record.task_id),
    ]
    lines += [("request", record.request_id)] if record.request_id else []
    lines += [("revised", record.revised_prompt)] if record.revised_prompt else []
    lines += (
        [("template", f"{record.template.name} {_pairs(record.template.arguments)}")]
        if record.template
        else []
    )
    lines += [(name.replace("_", " "), _pairs(value)) for name, value in record.details.items()]
    lines += [("note", note) for note in record.notes]
    lines += [("made from", _relative(known.get(parent)) or parent) for parent in record.parents]
    lines += [("made into", _relative(child)) for child in lineage.children]
    return lines


def _relative(record: ImageRecord | None) -> str:
    return f"{record.image_id}  {_shortened(record.prompt)}" if record else ""


def _shortened(prompt: str) -> str:
    """Enough of a prompt, on one line, to know it again."""
    text = " ".join(prompt.split())
    return text if len(text) <= RELATIVE_CHARS else f"{text[: RELATIVE_CHARS - 1]}…"


def _pairs(values: object) -> str:
    if not isinstance(values, dict):
        return _value(values)
    return (
        ", ".join(f"{name}={_value(value)}" for name, value in values.items() if name != "prompt")
        or "nothing"
    )


def _value(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list | tuple) and all(isinstance(item, str | int | float) for item in value):
        return ", ".join(map(str, value)) or "nothing"
    return json.dumps(value, ensure_ascii=False, default=str)


def delete_images(session: Session, image_ids: Sequence[str], *, sure: bool, as_json: bool) -> None:
    """Delete after asking; in a pipe `--yes` is needed."""

    async def find(service: ImageService) -> list[ImageRecord]:
        return [await service.get_image(image_id) for image_id in image_ids]

    async def remove(service: ImageService) -> tuple[ImageRecord, ...]:
        return await service.delete([record.image_id for record in found])

    found = session.run(find)
    if not sure:
        if not sys.stdin.isatty():
            raise UsageError(
                f"{len(found)} images would be deleted.", hint="Add --yes to delete without asking."
            )
        for record in found:
            typer.echo(f"{record.image_id}  {record.prompt}", err=True)
        typer.confirm(f"Delete {len(found)} image(s) for good?", abort=True, err=True)
    deleted = session.run(remove)
    if as_json:
        print_json({"deleted": [record.image_id for record in deleted]})
        return
    for record in deleted:
        typer.echo(record.image_id)


def show_reindex(session: Session, *, as_json: bool) -> None:
    """What the new index holds, and what a person has to look at."""

    async def rebuild(service: ImageService) -> ReindexReport:
        return await service.reindex()

    with session.talk.waiting("reading every sidecar"):
        report = session.run(rebuild)
    if as_json:
        print_json(reindex_document(report))
        return
    typer.echo(f"{report.indexed} images indexed, {report.removed} stale entries removed")
    for broken in report.broken:
        session.talk.note(f"{broken.path}: {broken.reason}")
    for path in report.without_sidecar:
        session.talk.note(f"{path} has no sidecar, so nothing is known of it")
