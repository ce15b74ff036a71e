"""Which images a clean-up takes, and the note of when it last ran."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

from imagegen.errors import StorageError
from imagegen.store.disk_errors import translate_disk_errors
from imagegen.store.files import replace_file
from imagegen.store.sidecar import dump_object, load_object, write_time
from imagegen.types import ImageRecord, LastCleanup

LAST_CLEANUP_NAME = "last-cleanup.json"
LOCK_NAME = "cleanup.lock"


def choose(
    oldest_first: Iterable[ImageRecord],
    *,
    total_bytes: int,
    now: datetime,
    older_than: timedelta | None,
    max_size_bytes: int | None,
) -> Iterator[tuple[ImageRecord, str]]:
    """The images to delete, oldest first, each with its reason: `age` or `size`."""
    for record in oldest_first:
        if older_than is not None and now - record.created_at > older_than:
            reason = "age"
        elif max_size_bytes is not None and total_bytes > max_size_bytes:
            reason = "size"
        else:
            return
        total_bytes -= record.file_info.size_bytes
        yield record, reason


def write_last_cleanup(base: Path, last: LastCleanup, file_mode: int) -> None:
    """Record a run. Raises StorageError."""
    document = {"ran_at": write_time(last.ran_at), "images": last.images, "freed_bytes": last.freed_bytes}
    replace_file(base / LAST_CLEANUP_NAME, dump_object(document), file_mode)


def load_last_cleanup(base: Path) -> LastCleanup | None:
    """The last run; None when there was none, or when its note cannot be read."""
    path = base / LAST_CLEANUP_NAME
    try:
        with translate_disk_errors(path, "read"):
            document = load_object(path.read_bytes())
        return LastCleanup(
            ran_at=datetime.fromisoformat(document["ran_at"]),
            images=int(document["images"]),
            freed_bytes=int(document["freed_bytes"]),
        )
    except (StorageError, KeyError, TypeError, ValueError):
        return None
