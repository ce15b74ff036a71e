"""The index in working order: opened when first asked for, replaced when missing, damaged or foreign."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import TypeVar

from imagegen.errors import StorageError
from imagegen.store.disk_errors import translate_disk_errors
from imagegen.store.files import BlobStore, BrokenSidecar, make_folder
from imagegen.store.index import Index, IndexDamaged, IndexReadOnly
from imagegen.store.locks import lock_in_turn
from imagegen.store.sqlite_index import SqliteIndex
from imagegen.types import ImageRecord
from imagegen.whole_files import sync_folder

INDEX_NAME = "index.sqlite3"
BATCH = 500
DATABASE_FILES = ("-wal", "-shm", "")  # the log goes first: it must never meet another database

T = TypeVar("T")


class WorkingIndex:
    """Runs work on the index of a folder, from any thread, and repairs it from the sidecars when need be.

    A file that another process has replaced is noticed and opened anew. Where nothing may be written, an
    index that cannot be read is built in memory. `note` is told of every repair.
    """

    def __init__(self, base: Path, blobs: BlobStore, *, file_mode: int, note: Callable[[str], None]) -> None:
        self._base = base
        self._path = base / INDEX_NAME
        self._blobs = blobs
        self._file_mode = file_mode
        self._note = note
        self._lock = threading.RLock()
        self._index: SqliteIndex | None = None
        self._identity: tuple[int, int] | None = None
        self._in_memory = False

    def read(self, work: Callable[[Index], T]) -> T:
        """Ask something. Creates no file where there are no images. Raises StorageError."""
        return self._run(work, writing=False)

    def write(self, work: Callable[[Index], T]) -> T:
        """Change something. Raises StorageError."""
        return self._run(work, writing=True)

    def is_current(self) -> bool:
        """Whether the file that was last used still is the index."""
        with self._lock:
            return self._identity is not None and self._identity == self._identity_on_disk()

    def look(self) -> tuple[tuple[int, int], int] | None:
        """What has changed when the index was, other than through this object; None where there is none."""
        with self._lock:
            if self._identity_on_disk() is None:
                return None
            version = self.read(lambda index: index.data_version())
            return (self._identity, version) if self._identity else None

    def close(self) -> None:
        """Release the file."""
        with self._lock:
            if self._index is not None:
                self._index.close()
            self._index, self._identity, self._in_memory = None, None, False

    def _run(self, work: Callable[[Index], T], *, writing: bool) -> T:
        with self._lock:
            try:
                return work(self._opened(writing=writing))
            except IndexDamaged as exc:
                return work(self._repaired(exc, writing=writing))

    def _identity_on_disk(self) -> tuple[int, int] | None:
        with translate_disk_errors(self._path, "read"):
            try:
                found = self._path.stat()
            except (FileNotFoundError, NotADirectoryError):
                return None
        return (found.st_dev, found.st_ino)

    def _opened(self, *, writing: bool) -> Index:
        identity = self._identity_on_disk()
        outgrown = self._in_memory and (writing or self._is_writable())
        if self._index is None or identity != self._identity or outgrown:
            self.close()
            self._identity = identity
            self._index = self._open_file(writing) if identity else self._open_missing(writing)
        return self._index

    def _open_file(self, writing: bool) -> SqliteIndex:
        try:
            return SqliteIndex.open(self._path, writable=self._is_writable())
        except IndexReadOnly:
            if writing:
                raise
            return self._read_sidecars()

    def _open_missing(self, writing: bool) -> SqliteIndex:
        if not writing and not (self._blobs.has_images() and self._is_writable()):
            return self._read_sidecars()
        return self._open_built(lambda: self._identity_on_disk() is None, writing=writing)

    def _is_writable(self) -> bool:
        return os.access(self._base, os.W_OK) and (not self._path.exists() or os.access(self._path, os.W_OK))

    def _read_sidecars(self) -> SqliteIndex:
        """An index in memory, where none can be kept."""
        index = SqliteIndex.in_memory(self._path)
        try:
            self._load(index)
        except BaseException:
            index.close()
            raise
        self._in_memory = True
        return index

    def _repaired(self, damage: IndexDamaged, *, writing: bool) -> Index:
        """Another index in place of a damaged one, unless a process has replaced it since it was opened."""
        damaged = self._identity
        self.close()
        self._note(f"{damage.message} The sidecars replace it; no image is lost.")
        if self._is_writable():
            self._index = self._open_built(lambda: self._identity_on_disk() == damaged, writing=writing)
        elif writing:
            raise damage
        else:
            self._index, self._identity = self._read_sidecars(), damaged
        return self._index

    def _open_built(self, still_needed: Callable[[], bool], *, writing: bool) -> SqliteIndex:
        try:
            self._build(still_needed)
        except StorageError:
            if writing:
                raise
            return self._read_sidecars()  # no room for an index is no reason to hide the history
        self._identity = self._identity_on_disk()
        return SqliteIndex.open(self._path, writable=True)

    def _build(self, still_needed: Callable[[], bool]) -> None:
        """Put an index built from the sidecars in place, unless another process does it first."""
        with translate_disk_errors(self._base, "write into"):
            make_folder(self._base, self._file_mode)
        building = self._path.with_name(f"{INDEX_NAME}.building")
        with lock_in_turn(self._base / "index.lock", self._file_mode):
            if still_needed():
                with translate_disk_errors(building, "write"):
                    # First, so that whoever saves or deletes from here on waits and then uses the new one.
                    self._set_aside()
                    self._build_file(building)
                    building.replace(self._path)
                    sync_folder(self._base)

    def _build_file(self, building: Path) -> None:
        building.unlink(missing_ok=True)
        try:
            index = SqliteIndex.create(building)
            try:
                self._load(index)
                index.finish()
            finally:
                index.close()
            building.chmod(self._file_mode | 0o600)  # images may be read-only, the index never
            _sync_file(building)
        except BaseException:
            building.unlink(missing_ok=True)
            raise

    def _set_aside(self) -> None:
        """Keep a damaged file for whoever wants to know why; an empty one tells nothing."""
        kept = f"{INDEX_NAME}.corrupt-{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}"
        worth_keeping = self._path.exists() and self._path.stat().st_size > 0
        for suffix in DATABASE_FILES:
            part = self._path.with_name(INDEX_NAME + suffix)
            with contextlib.suppress(FileNotFoundError):
                if worth_keeping and suffix != "-shm":
                    part.replace(part.with_name(kept + suffix))
                else:
                    part.unlink()
        if worth_keeping:
            self._note(f"The former index is kept as {self._path.with_name(kept)}.")

    def _load(self, index: SqliteIndex) -> None:
        broken = []

        def records() -> Iterator[ImageRecord]:
            for found in self._blobs.scan():
                if isinstance(found, ImageRecord):
                    yield found
                elif isinstance(found, BrokenSidecar):
                    broken.append(found)

        for batch in batches(records()):
            index.add(batch)
        if broken:
            self._note(
                f"{len(broken)} sidecars could not be read, the first: {broken[0].reason} "
                "See them all with: imagegen history reindex"
            )


def batches(items: Iterable[T], size: int = BATCH) -> Iterator[list[T]]:
    """The items in lists of `size`."""
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch


def _sync_file(path: Path) -> None:
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
