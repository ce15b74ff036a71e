"""When a clean-up is due, and the note of when it last ran."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

from imagegen.errors import StorageError
from imagegen.store.disk_errors import translate_disk_errors
from imagegen.store.files import replace_file
from imagegen.store.sidecar import dump_object, load_object, write_time
from imagegen.types import LastCleanup

LAST_CLEANUP_NAME = "last-cleanup.json"
LOCK_NAME = "cleanup.lock"


def time_until_due(runs: Iterable[datetime], interval: timedelta, now: datetime) -> timedelta:
    """How long until the next clean-up after these; none where one is due, or none has run.

    A run that lies further in the future than an interval was noted by a clock that was wrong: it does not
    count.
    """
    believed = [run for run in runs if run - now <= interval]
    return max(timedelta(0), max(believed) + interval - now) if believed else timedelta(0)


def write_last_cleanup(base: Path, last: LastCleanup, file_mode: int) -> None:
    """Record a run. Raises StorageError."""
    document = {
        "ran_at": write_time(last.ran_at),
        "images": last.images,
        "rejected": last.rejected,
        "freed_bytes": last.freed_bytes,
    }
    replace_file(base / LAST_CLEANUP_NAME, dump_object(document), file_mode)


def look_at_last_cleanup(base: Path) -> tuple[int, int] | None:
    """What has changed when another run was recorded; None where none was."""
    try:
        found = (base / LAST_CLEANUP_NAME).stat()
    except OSError:
        return None
    return (found.st_ino, found.st_mtime_ns)


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
            rejected=int(document.get("rejected", 0)),  # older versions had no such count
        )
    except (StorageError, KeyError, TypeError, ValueError):
        return None
