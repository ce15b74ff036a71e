"""How a save survives a crash at any instant.

A save writes sidecar and image into the staging folder, the sidecar first, and fsyncs both; then it renames
the image to its place, adds the index row, and renames the sidecar last. So at every instant either the image
is not whole yet, or its sidecar stands in staging (the sweep carries the save to its end), or both are in
their places. A deletion goes the other way: its first step renames the sidecar into staging as `….deleted`.

The sidecar in staging is locked while its save runs, which tells the sweep that its process is alive. Where
locks do not exist, what is younger than an hour counts as alive.
"""

from __future__ import annotations

import contextlib
import errno
import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Self

from imagegen.file_locks import LOCKS_SURVIVE_RENAME, LockState, is_at, try_lock
from imagegen.store.disk_errors import translate_disk_errors
from imagegen.store.files import PATIENCE, Blob, make_folder, open_new, write_all
from imagegen.store.identifiers import sidecar_name
from imagegen.whole_files import sync_folder

STAGING = ".staging"
STALE_AFTER_SECONDS = 3600
FSYNC_THREADS = 8


@dataclass(slots=True)
class _Pair:
    """One image and its sidecar, in staging and in their places, and what is open of them."""

    blob: Blob
    staged_image: Path
    staged_sidecar: Path
    image: Path
    sidecar: Path
    descriptors: list[int]  # the sidecar's comes first: it holds the lock
    placed: bool = False

    def close(self, keep: int = 0) -> None:
        while len(self.descriptors) > keep:
            os.close(self.descriptors.pop())


class StagedSave:
    """Some images between being whole on disk and being saved; see the module for the order of steps."""

    def __init__(self, blobs: Sequence[Blob], *, images: Path, file_mode: int) -> None:
        self._staging = images / STAGING
        self._file_mode = file_mode
        self._pairs = [self._pair(blob, images) for blob in blobs]
        self._placed = False

    def _pair(self, blob: Blob, images: Path) -> _Pair:
        image, sidecar = images / blob.filename, images / sidecar_name(blob.filename)
        return _Pair(blob, self._staging / image.name, self._staging / sidecar.name, image, sidecar, [])

    def __enter__(self) -> Self:
        try:
            for folder in {self._staging, *(pair.image.parent for pair in self._pairs)}:
                with translate_disk_errors(folder, "write into"):
                    make_folder(folder, self._file_mode)
            for pair in self._pairs:
                self._write(pair)
            with translate_disk_errors(self._staging, "write into"):
                _fsync_all([descriptor for pair in self._pairs for descriptor in pair.descriptors])
            for pair in self._pairs:
                pair.close(keep=1 if LOCKS_SURVIVE_RENAME else 0)
        except BaseException:
            self._undo()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._placed:
            self._undo()
        for pair in self._pairs:
            pair.close()

    def _write(self, pair: _Pair) -> None:
        with translate_disk_errors(pair.image, "write"):
            pair.descriptors.append(_open_locked(pair.staged_sidecar, self._file_mode))
            write_all(pair.descriptors[0], pair.blob.sidecar)
            pair.descriptors.append(open_new(pair.staged_image, self._file_mode))
            write_all(pair.descriptors[1], pair.blob.data)

    def place(self) -> None:
        """Move every image to its place. Raises StorageError and leaves nothing behind when one cannot."""
        try:
            for pair in self._pairs:
                with translate_disk_errors(pair.image, "write"):
                    move(pair.staged_image, pair.image, self._file_mode)
                pair.placed = True
        except BaseException:
            self._undo()
            raise
        self._placed = True

    def publish(self) -> None:
        """Move every sidecar beside its image. Raises StorageError; the next sweep then does it."""
        for pair in self._pairs:
            with translate_disk_errors(pair.sidecar, "write"), contextlib.suppress(SourceGone):
                move(pair.staged_sidecar, pair.sidecar, self._file_mode)  # gone: it was deleted meanwhile
        for folder in {pair.image.parent for pair in self._pairs}:
            with translate_disk_errors(folder, "write into"), contextlib.suppress(FileNotFoundError):
                sync_folder(folder)

    def _undo(self) -> None:
        """Remove images before their sidecars: no sweep may finish a save that is reported as failed."""
        for pair in self._pairs:
            pair.close(keep=1 if LOCKS_SURVIVE_RENAME else 0)
            for path in (pair.image if pair.placed else pair.staged_image, pair.staged_sidecar):
                with contextlib.suppress(OSError):
                    path.unlink()
            pair.close()


class SourceGone(FileNotFoundError):
    """What was to be moved is no longer there."""


def move(source: Path, target: Path, file_mode: int) -> None:
    """Rename, into a folder that a deletion may just have removed as empty. Raises SourceGone, OSError."""
    for _ in range(PATIENCE):
        with contextlib.suppress(FileNotFoundError):
            source.replace(target)
            return
        if not source.exists():
            raise SourceGone(errno.ENOENT, os.strerror(errno.ENOENT), str(source))
        make_folder(target.parent, file_mode)
    source.replace(target)


def _open_locked(path: Path, file_mode: int) -> int:
    """Create a file under lock; again, when a sweep took it for a leftover before it was locked."""
    while True:
        descriptor = open_new(path, file_mode)
        try:
            if not LOCKS_SURVIVE_RENAME or _locked_in_place(descriptor, path):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _locked_in_place(descriptor: int, path: Path) -> bool:
    return try_lock(descriptor) is not LockState.BUSY and is_at(path, descriptor)


def is_old(path: Path) -> bool:
    """Whether a staged file is so old that no save can still be writing it. Raises OSError."""
    return time.time() - path.stat().st_mtime > STALE_AFTER_SECONDS


def _fsync_all(descriptors: Sequence[int]) -> None:
    """Together they cost little more than one: the disk flushes once for all that wait."""
    *others, last = descriptors
    pending = [_fsync_threads().submit(os.fsync, descriptor) for descriptor in others]
    try:
        os.fsync(last)
    finally:
        wait(pending)  # whoever closes a file under a thread may have it flush another
    for flushed in pending:
        flushed.result()


@cache
def _fsync_threads() -> ThreadPoolExecutor:
    """For all saves of the process: starting a thread costs as much as a flush."""
    return ThreadPoolExecutor(FSYNC_THREADS, thread_name_prefix="imagegen-fsync")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_fsync_threads.cache_clear)  # threads are not inherited
