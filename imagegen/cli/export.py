"""`imagegen history export`: the history, or a part of it, in one file that other programs read."""

from __future__ import annotations

import csv
import io
import sys
import zipfile
from collections.abc import AsyncIterator, Callable
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, BinaryIO

from imagegen.cli.output import print_json, rfc3339
from imagegen.cli.session import Session
from imagegen.errors import NotFound, StorageError, UsageError
from imagegen.store.sidecar import write_row, write_sidecar
from imagegen.types import HistoryQuery, ImageRecord
from imagegen.whole_files import whole_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagegen.service import ImageService

PAGE = 1000
CSV_COLUMNS = (
    "image_id",
    "created_at",
    "operation",
    "provider",
    "model",
    "format",
    "width",
    "height",
    "size_bytes",
    "cost_usd",
    "filename",
    "prompt",
)


def export_history(session: Session, target: str, query: HistoryQuery, *, as_json: bool) -> None:
    """Write what `query` finds, newest first, in the form that the file's suffix names."""
    if target == "-":
        session.run(lambda service: _write_lines(service, query, sys.stdout))
        return
    path = Path(target)
    writers: dict[str, Callable[[ImageService], Any]] = {
        ".zip": lambda service: _write_zip(service, query, path),
        ".jsonl": lambda service: _write_file(service, query, path, _write_lines),
        ".csv": lambda service: _write_file(service, query, path, _write_csv),
    }
    if path.suffix.lower() not in writers:
        raise UsageError(
            f"{target} is no .zip, .jsonl or .csv file.", hint="Name one, or - for JSON lines on stdout."
        )
    with session.talk.waiting("exporting"):
        count, missing = session.run(writers[path.suffix.lower()])
    if missing:
        session.talk.note(f"{missing} images are in the index but not on disk; see: imagegen history reindex")
    if as_json:
        print_json({"path": str(path.absolute()), "images": count, "missing": missing})
    else:
        session.talk.detail(f"{count} images written to {path}")


async def _records(service: ImageService, query: HistoryQuery) -> AsyncIterator[ImageRecord]:
    cursor: str | None = None
    while True:
        page = await service.list_images(replace(query, limit=PAGE, cursor=cursor))
        for record in page.images:
            yield record
        cursor = page.next_cursor
        if cursor is None:
            return


async def _write_lines(service: ImageService, query: HistoryQuery, file: IO[str]) -> int:
    count = 0
    async for record in _records(service, query):
        file.write(write_row(record) + "\n")
        count += 1
    return count


async def _write_csv(service: ImageService, query: HistoryQuery, file: IO[str]) -> int:
    writer = csv.writer(file)
    writer.writerow(CSV_COLUMNS)
    count = 0
    async for record in _records(service, query):
        writer.writerow(_csv_row(record))
        count += 1
    return count


def _csv_row(record: ImageRecord) -> tuple[Any, ...]:
    info = record.file_info
    cost = record.cost_info.cost_usd
    return (
        record.image_id,
        rfc3339(record.created_at),
        record.operation.value,
        record.provider,
        record.model,
        info.format,
        info.width,
        info.height,
        info.size_bytes,
        "" if cost is None else f"{cost:f}",
        info.filename,
        _inert(record.prompt),
    )


def _inert(text: str) -> str:
    """A prompt that a spreadsheet would take for a formula gets a quote in front, so that it stays text."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


async def _write_file(
    service: ImageService,
    query: HistoryQuery,
    path: Path,
    write: Callable[[ImageService, HistoryQuery, IO[str]], Any],
) -> tuple[int, int]:
    with _target(path) as file:
        text = io.TextIOWrapper(file, encoding="utf-8", newline="")
        count = await write(service, query, text)
        text.detach()  # closing it would close the file, which is not in its place yet
        return count, 0


async def _write_zip(service: ImageService, query: HistoryQuery, path: Path) -> tuple[int, int]:
    """Images and sidecars under the names that they have in the store, so that an import is a copy."""
    count = missing = 0
    with _target(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        async for record in _records(service, query):
            name = record.file_info.filename
            try:
                archive.writestr(name, await service.read_bytes(record))
            except NotFound:
                missing += 1
                continue
            archive.writestr(str(Path(name).with_suffix(".json").as_posix()), write_sidecar(record))
            count += 1
    return count, missing


@contextmanager
def _target(path: Path) -> Iterator[BinaryIO]:
    try:
        with whole_file(path) as file:
            yield file
    except OSError as exc:
        raise StorageError(f"Cannot write {path}: {exc.strerror}.", hint="Name another place.") from exc
