"""Bringing the index in line with the disk while other processes save and delete."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from imagegen.store.files import BlobStore, BrokenSidecar, Found
from imagegen.store.repair import BATCH, WorkingIndex
from imagegen.types import ImageRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class ReindexReport:
    """What was found on disk: images indexed, stale entries removed, and what needs a person."""

    indexed: int
    removed: int
    broken: tuple[BrokenSidecar, ...]
    without_sidecar: tuple[Path, ...]


@dataclass(slots=True)
class _Progress:
    """What has been found so far; `pending` waits for the next transaction."""

    seen: set[str] = field(default_factory=set)
    pending: list[ImageRecord] = field(default_factory=list)
    broken: list[BrokenSidecar] = field(default_factory=list)
    without_sidecar: list[Path] = field(default_factory=list)

    def take(self, found: Found, path_of: Callable[[str], Path]) -> None:
        if isinstance(found, BrokenSidecar):
            self.broken.append(found)
        elif not isinstance(found, ImageRecord):
            self.without_sidecar.append(found.path)
        elif found.image_id in self.seen:
            path = path_of(found.file_info.filename)
            self.broken.append(
                BrokenSidecar(path=path, reason=f"{path} is a second image with the id {found.image_id}.")
            )
        else:
            self.seen.add(found.image_id)
            self.pending.append(found)


def rebuild(index: WorkingIndex, blobs: BlobStore, on_progress: Callable[[int], None]) -> ReindexReport:
    """Read every sidecar into the index and forget what is gone. Raises StorageError.

    What is read may be deleted before it is written: each record is looked for once more within the
    transaction that adds it, which a deletion elsewhere has to wait for.
    """
    index.write(lambda opened: opened.check())
    progress = _Progress()

    def flush() -> None:
        index.write(lambda opened: opened.add(progress.pending, only_if=blobs.has))
        progress.pending.clear()
        on_progress(len(progress.seen))

    for found in blobs.scan():
        progress.take(found, blobs.path_of)
        if len(progress.pending) >= BATCH:
            flush()
    flush()
    removed = index.write(
        lambda opened: opened.prune(keep=progress.seen, is_gone=lambda record: not blobs.has(record))
    )
    index.write(lambda opened: opened.recount())
    return ReindexReport(
        indexed=len(progress.seen),
        removed=removed,
        broken=tuple(progress.broken),
        without_sidecar=tuple(progress.without_sidecar),
    )
