"""The image store: every image that was made, its sidecar beside it, and an index to find it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Any, Self

from imagegen.errors import NotFound, StorageError
from imagegen.store import identifiers
from imagegen.store.cleanup import Rule, Taken, doomed_by, never, nothing_done, take
from imagegen.store.disk import DiskBlobs
from imagegen.store.disk_errors import translate_disk_errors
from imagegen.store.files import Blob, BlobStore, make_folder
from imagegen.store.identifiers import REJECTED, dated_folder, filename_in, likely_folders, parse_image_id
from imagegen.store.locks import lock_or_skip
from imagegen.store.reindex import ReindexReport, rebuild
from imagegen.store.repair import WorkingIndex
from imagegen.store.retention import (
    LOCK_NAME,
    load_last_cleanup,
    look_at_last_cleanup,
    time_until_due,
    write_last_cleanup,
)
from imagegen.store.sidecar import SCHEMA_VERSION, dump_object, write_sidecar
from imagegen.types import CleanupReport, HistoryPage, HistoryQuery, ImageRecord, LastCleanup, StoreStats

PAGE = 500


def _unheard(_: int) -> None:
    return None


def open_store(base: Path, *, create_subdirectories: bool, file_permissions: int) -> ImageStore:
    """The store below `base`, with what dead processes left half done carried to its end.

    Nothing is created before something is saved. `create_subdirectories` sorts new images into `YYYY/MM/DD`;
    `file_permissions` is the mode of new files, folders get the x bits to match.
    """
    store = ImageStore(
        base,
        DiskBlobs(base / "images", file_mode=file_permissions),
        create_subdirectories=create_subdirectories,
        file_mode=file_permissions,
    )
    store.sweep()
    return store


@dataclass(frozen=True, slots=True)
class StoreMark:
    """How the store looked at a moment; only good for comparing.

    `images` differs after another process, or another store in this one, has saved or deleted images;
    `cleanup` after any clean-up.
    """

    images: Hashable
    cleanup: Hashable


class ImageStore:
    """Keeps images and finds them again; from any thread. Every method raises StorageError."""

    def __init__(self, base: Path, blobs: BlobStore, *, create_subdirectories: bool, file_mode: int) -> None:
        self._base = base
        self._blobs = blobs
        self._dated = create_subdirectories
        self._file_mode = file_mode
        self._index = WorkingIndex(base, blobs, file_mode=file_mode, note=self._note)
        self._lock = threading.Lock()
        self._notes: list[str] = []
        self._temporary_files = 0  # removed since the last clean-up

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Release the index; the next use opens it again."""
        self._index.close()

    @property
    def notes(self) -> tuple[str, ...]:
        """What had to be repaired so far, in sentences for the user."""
        with self._lock:
            return tuple(self._notes)

    def _note(self, sentence: str) -> None:
        with self._lock:
            if sentence not in self._notes:
                self._notes.append(sentence)

    # Saving

    def check_writable(self) -> None:
        """Raise StorageError when a save would fail, before anything is paid for."""
        self._blobs.check_writable()

    @staticmethod
    def new_image_id(now: datetime) -> str:
        """`img_{YYYYMMDDHHMMSS}_{12 hex}` in UTC, unique across processes."""
        return identifiers.new_image_id(now)

    def filename_for(self, image_id: str, extension: str, created_at: datetime) -> str:
        """Where an image will be, relative to the images folder; for `FileInfo.filename`."""
        folder = dated_folder(created_at) if self._dated else PurePosixPath()
        return filename_in(folder, parse_image_id(image_id), extension)

    def save(self, record: ImageRecord, data: bytes) -> ImageRecord:
        """Keep an image; see `save_all`."""
        return self.save_all([(record, data)])[0]

    def save_all(self, images: Sequence[tuple[ImageRecord, bytes]]) -> tuple[ImageRecord, ...]:
        """Keep images with their sidecars, durably, and enter them into the index in one go.

        `file_info` must be true of the bytes. All of them are kept or none. An index that cannot be written
        does not fail a save: the files are the truth, a note says so and the next run enters them.
        """
        if not images:
            return ()
        records = [record for record, _ in images]
        with self._blobs.stage([_blob(record, data) for record, data in images]) as staged:
            staged.place()
            try:
                self._add(records)
                staged.publish()
                if not self._index.is_current():  # it was built anew meanwhile, perhaps without these
                    self._add(records)
            except StorageError as exc:
                kept = ", ".join(str(self.path_of(record)) for record in records)
                self._note(
                    f"{exc.message} The image is safe in {kept}; the next run enters it into the history."
                )
        return tuple(records)

    def _add(self, records: Sequence[ImageRecord]) -> None:
        self._index.write(lambda index: index.add(records, only_if=self._blobs.has))

    def reject(self, image_id: str, data: bytes, reason: str, facts: Mapping[str, Any]) -> Path:
        """Keep an answer that is no image as `{image_id}.rejected`, and why as `{image_id}.rejected.json`."""
        import hashlib

        folder = likely_folders(parse_image_id(image_id))[0] if self._dated else PurePosixPath()
        filename = filename_in(folder, image_id, REJECTED)
        sha256 = hashlib.sha256(data).hexdigest()
        document = {
            "schema_version": SCHEMA_VERSION,
            "image_id": image_id,
            "reason": reason,
            "facts": facts,
            "file_info": {"filename": filename, "size_bytes": len(data), "sha256": sha256},
        }
        blob = Blob(filename=filename, data=data, sidecar=dump_object(document))
        with self._blobs.stage([blob]) as staged:
            staged.place()
            staged.publish()
        return self._blobs.path_of(filename)

    # Finding

    def get(self, image_id: str) -> ImageRecord:
        """One record. Raises UsageError for a malformed id, NotFound."""
        parse_image_id(image_id)
        record = self._index.read(lambda index: index.get(image_id)) or self._blobs.find(image_id)
        if record is None:
            raise NotFound(
                f"There is no image {image_id}.",
                hint="List them with: imagegen history list",
                image_id=image_id,
            )
        return record

    def latest(self) -> ImageRecord | None:
        """The newest record."""
        return next(iter(self.list(HistoryQuery(limit=1)).images), None)

    def read_bytes(self, record: ImageRecord) -> bytes:
        """An image's bytes as they were saved. Raises NotFound when the file is gone."""
        data = self._blobs.read(record.file_info.filename)
        if data is None:
            raise NotFound(
                f"The file of {record.image_id} is gone: {self.path_of(record)}.",
                hint=f"Put it back, or forget it: imagegen history delete {record.image_id}",
                image_id=record.image_id,
            )
        return data

    def path_of(self, record: ImageRecord) -> Path:
        """Where an image's file is, or was."""
        return self._blobs.path_of(record.file_info.filename)

    def list(self, query: HistoryQuery) -> HistoryPage:
        """One page of the history. `model` may be `provider/model`. Raises UsageError for a bad cursor."""
        return self._page(query, oldest_first=False)

    def _page(self, query: HistoryQuery, *, oldest_first: bool) -> HistoryPage:
        return self._index.read(lambda index: index.page(query, oldest_first=oldest_first))

    def iter_records(self, query: HistoryQuery) -> Iterator[ImageRecord]:
        """Everything that matches, newest first, a page in memory at a time; `limit` is not applied."""
        return self._pages(query, oldest_first=False)

    def _pages(self, query: HistoryQuery, *, oldest_first: bool) -> Iterator[ImageRecord]:
        cursor = query.cursor
        while True:
            wanted = replace(query, limit=PAGE, cursor=cursor)
            page = self._page(wanted, oldest_first=oldest_first)
            yield from page.images
            cursor = page.next_cursor
            if cursor is None:
                return

    def ids_starting_with(self, prefix: str, limit: int) -> tuple[str, ...]:
        """Image ids for completion, newest first."""
        return self._index.read(lambda index: index.ids_starting_with(prefix, limit))

    def find_sha256(self, sha256: str) -> tuple[ImageRecord, ...]:
        """The records whose bytes have this hash (hex), newest first."""
        return self._index.read(lambda index: index.find_sha256(sha256))

    def parents_of(self, record: ImageRecord) -> tuple[ImageRecord, ...]:
        """The images that went into this one, as far as the history knows them."""
        found: dict[str, ImageRecord] = {}
        for parent in record.parents:
            for image in self._named(parent):
                found.setdefault(image.image_id, image)
        return tuple(found.values())

    def _named(self, parent: str) -> Iterable[ImageRecord]:
        scheme, _, sha256 = parent.partition("sha256:")
        if sha256 and not scheme:
            return self.find_sha256(sha256)[-1:]
        image = self._index.read(lambda index: index.get(parent))
        return [image] if image else []

    def children_of(self, image_id: str) -> tuple[ImageRecord, ...]:
        """The images that this one went into, by its id or by its bytes, oldest first."""
        record = self._index.read(lambda index: index.get(image_id))
        names = [image_id, f"sha256:{record.file_info.sha256}"] if record else [image_id]
        return self._index.read(lambda index: index.made_from(names))

    def stats(self, since: datetime | None = None) -> StoreStats:
        """Totals of everything; the rows by model and by day cover the UTC day of `since` and later."""
        sums = self._index.read(lambda index: index.sums(since))
        return StoreStats(
            images=sums.images,
            size_bytes=sums.size_bytes,
            cost_usd=sums.cost_usd,
            unknown_cost=sums.unknown_cost,
            oldest=sums.oldest,
            newest=sums.newest,
            by_model=sums.by_model,
            by_day=sums.by_day,
            last_cleanup=self.last_cleanup(),
        )

    def look(self) -> StoreMark:
        """How the store looks now; cheap enough to be asked every other second."""
        return StoreMark(images=self._index.look(), cleanup=look_at_last_cleanup(self._base))

    # Keeping house

    def delete(self, image_ids: Sequence[str]) -> tuple[ImageRecord, ...]:
        """Delete images with their sidecars. Every id is looked up before the first goes."""
        records = tuple(self.get(image_id) for image_id in dict.fromkeys(image_ids))
        self._delete(records)
        return records

    def _delete(self, records: Sequence[ImageRecord]) -> None:
        ids = [record.image_id for record in records]
        self._blobs.delete(records, forget=lambda: self._index.write(lambda index: index.remove(ids)))

    def reindex(self, on_progress: Callable[[int], None] = _unheard) -> ReindexReport:
        """Bring the index in line with the disk; `on_progress` hears how many images were read so far."""
        return rebuild(self._index, self._blobs, on_progress)

    def sweep(self) -> None:
        """Finish or remove what dead processes left half done."""
        recovery = self._blobs.recover(
            add=lambda record: self._add([record]),
            forget=lambda image_id: self._index.write(lambda index: index.remove([image_id])),
        )
        with self._lock:
            self._temporary_files += recovery.removed
        if recovery.saved:
            self._note(f"Finished a save that was interrupted earlier: {', '.join(recovery.saved)}.")
        for problem in recovery.problems:
            self._note(problem)

    def cleanup(
        self,
        *,
        older_than: timedelta | None,
        max_size_bytes: int | None,
        dry_run: bool,
        now: datetime,
        unless_within: timedelta | None = None,
        is_stopped: Callable[[], bool] = never,
    ) -> CleanupReport:
        """Delete the oldest images beyond an age or a total size, old rejected answers and temporary files.

        None means no such bound. At most one clean-up runs at a time: a second one does nothing and reports
        `already_running`, and `already_done` where one has run `unless_within` that time. A real run is
        recorded, also when it found nothing to delete. `is_stopped` is asked in between from this thread; a
        run that it ends reports `stopped` and is not recorded.
        """
        rule = Rule(now=now, older_than=older_than, max_size_bytes=max_size_bytes, is_stopped=is_stopped)
        if dry_run:
            return self._doomed(rule).report(now, dry_run=True)
        with translate_disk_errors(self._base, "write into"):
            make_folder(self._base, self._file_mode)
        with lock_or_skip(self._base / LOCK_NAME, self._file_mode) as ours:
            if not ours:
                return nothing_done(now, already_running=True)
            if unless_within is not None and self._is_done(unless_within, now):
                return nothing_done(now, already_done=True)
            self.sweep()
            taken = take(self._doomed(rule), rule, delete=self._delete, blobs=self._blobs)
            report = taken.report(now, temporary_files=self._take_temporary_files(), stopped=is_stopped())
            if not report.stopped:
                self._record_cleanup(report)
            return report

    def last_cleanup(self) -> LastCleanup | None:
        """The last clean-up that ran through, whoever ran it."""
        return load_last_cleanup(self._base)

    def _is_done(self, interval: timedelta, now: datetime) -> bool:
        last = self.last_cleanup()
        return last is not None and time_until_due([last.ran_at], interval, now) > timedelta(0)

    def _record_cleanup(self, report: CleanupReport) -> None:
        last = LastCleanup(
            ran_at=report.ran_at,
            images=len(report.images),
            freed_bytes=report.freed_bytes,
            rejected=len(report.rejected),
        )
        write_last_cleanup(self._base, last, self._file_mode)

    def _doomed(self, rule: Rule) -> Taken:
        oldest_first = self._pages(HistoryQuery(), oldest_first=True)
        total_bytes = self._index.read(lambda index: index.sums(rule.now)).size_bytes
        return doomed_by(rule, oldest_first, total_bytes=total_bytes, blobs=self._blobs)

    def _take_temporary_files(self) -> int:
        with self._lock:
            count, self._temporary_files = self._temporary_files, 0
            return count


def _blob(record: ImageRecord, data: bytes) -> Blob:
    file = record.file_info
    problem = identifiers.filename_problem(file.filename, parse_image_id(record.image_id))
    if problem:
        raise StorageError(f"An image cannot be kept as {file.filename!r}: {problem}.")
    return Blob(filename=file.filename, data=data, sidecar=write_sidecar(record))
