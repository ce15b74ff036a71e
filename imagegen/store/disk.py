"""Images and sidecars in folders on disk."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from imagegen.errors import StorageError
from imagegen.store.disk_errors import translate_disk_errors
from imagegen.store.files import (
    Blob,
    BrokenSidecar,
    Found,
    ImageWithoutSidecar,
    Recovery,
    make_folder,
)
from imagegen.store.identifiers import (
    EXTENSION_PATTERN,
    IMAGE_ID_PATTERN,
    REJECTED,
    filename_in,
    is_of_rejected,
    likely_folders,
    moment_in,
    sidecar_name,
)
from imagegen.store.sidecar import read_sidecar
from imagegen.store.staging import STAGING, StagedSave
from imagegen.store.sweep import DELETED, Sweep
from imagegen.types import ImageRecord, RejectedAnswer
from imagegen.whole_files import sync_folder

MIN_FREE_BYTES = 16 * 1024 * 1024
MAX_DEPTH = 6  # dated folders are three deep; a symbolic link may lead round in circles


class DiskBlobs:
    """The BlobStore on disk, below the folder `images`."""

    def __init__(self, images: Path, *, file_mode: int) -> None:
        self._images = images
        self._staging = images / STAGING
        self._file_mode = file_mode

    def check_writable(self) -> None:
        """Raise StorageError when a save would fail: no permission, or less than 16 MiB of room."""
        import shutil
        import tempfile

        with translate_disk_errors(self._images, "write into"):
            make_folder(self._staging, self._file_mode)
            with tempfile.TemporaryFile(dir=self._staging) as probe:
                probe.write(b"imagegen")
            free_bytes = shutil.disk_usage(self._staging).free
        if free_bytes < MIN_FREE_BYTES:
            raise StorageError(
                f"Only {free_bytes:,} bytes are free on the disk of {self._images}; "
                f"an image may need {MIN_FREE_BYTES:,}.",
                hint="Free some space, or keep the images elsewhere: set STORAGE__BASE_PATH.",
                path=str(self._images),
                free_bytes=free_bytes,
            )

    def stage(self, blobs: Sequence[Blob]) -> StagedSave:
        """Write blobs aside, whole and fsynced. Raises StorageError."""
        return StagedSave(blobs, images=self._images, file_mode=self._file_mode)

    def recover(self, *, add: Callable[[ImageRecord], None], forget: Callable[[str], None]) -> Recovery:
        """Finish or remove what dead processes left; looks at the staging folder only."""
        return Sweep(self._images, self._file_mode, add=add, forget=forget).run()

    def has(self, record: ImageRecord) -> bool:
        """Whether the image exists with its sidecar; asked in this order, a running save cannot hide it."""
        sidecar = self._images / sidecar_name(record.file_info.filename)
        known = (self._staging / sidecar.name).exists() or sidecar.exists()
        return known and self.path_of(record.file_info.filename).exists()

    def find(self, image_id: str) -> ImageRecord | None:
        """The record in the sidecar where one of that id belongs. Raises StorageError for a bad one."""
        for folder in likely_folders(image_id):
            with contextlib.suppress(FileNotFoundError):
                return self._load(self._images / folder / f"{image_id}.json")
        return None

    def _load(self, sidecar: Path) -> ImageRecord:
        """A record whose filename is where the image really is, though somebody may have moved the pair."""
        try:
            record = read_sidecar(sidecar.read_bytes())
        except FileNotFoundError:
            raise
        except OSError as exc:
            raise StorageError(f"{sidecar} cannot be read: {exc.strerror}.", path=str(sidecar)) from exc
        except StorageError as exc:
            raise StorageError(f"{sidecar} is no sidecar. {exc.message}", path=str(sidecar)) from exc
        folder = PurePosixPath(sidecar.parent.relative_to(self._images).as_posix())
        filename = str(folder / PurePosixPath(record.file_info.filename).name)
        return replace(record, file_info=replace(record.file_info, filename=filename))

    def read(self, filename: str) -> bytes | None:
        """An image's bytes; None when it is gone. Raises StorageError."""
        path = self.path_of(filename)
        with translate_disk_errors(path, "read"):
            try:
                return path.read_bytes()
            except FileNotFoundError:
                return None

    def path_of(self, filename: str) -> Path:
        """The path of an image, whether it exists or not."""
        return self._images / filename

    def delete(self, records: Sequence[ImageRecord], *, forget: Callable[[], None]) -> None:
        """Remove images with their sidecars, calling `forget` before the deletion counts as done."""
        markers = [self._staging / f"{record.image_id}.{DELETED}" for record in records]
        with translate_disk_errors(self._images, "delete from"):
            make_folder(self._staging, self._file_mode)
        for record, marker in zip(records, markers, strict=True):
            image = self.path_of(record.file_info.filename)
            with translate_disk_errors(image, "delete"):
                self._mark(record, marker)
                image.unlink(missing_ok=True)
        forget()
        for marker in markers:
            with translate_disk_errors(marker, "delete"):
                marker.unlink(missing_ok=True)
        self._tidy({self.path_of(record.file_info.filename).parent for record in records})

    def _mark(self, record: ImageRecord, marker: Path) -> None:
        """Turn the sidecar into the deletion's marker; it may be on its way out of staging."""
        sidecar = self._images / sidecar_name(record.file_info.filename)
        for source in (sidecar, self._staging / sidecar.name, sidecar):
            with contextlib.suppress(FileNotFoundError):
                source.replace(marker)
                return

    def _tidy(self, folders: set[Path]) -> None:
        """Make deletions durable and remove dated folders that have become empty."""
        for folder in folders:
            with contextlib.suppress(OSError):  # not empty, or already removed by another process
                sync_folder(folder)
                empty = folder
                while empty != self._images:
                    empty.rmdir()
                    empty = empty.parent

    def has_images(self) -> bool:
        """Whether there may be any image at all: whether the folder exists."""
        return self._images.is_dir()

    def scan(self) -> Iterator[Found]:
        """Every sidecar and every image without one, in no order. Raises StorageError."""
        for folder, names in self._folders():
            yield from self._scan_files(folder, names)

    def rejected(self) -> Iterator[RejectedAnswer]:
        """The answers that were no images, in no order. Raises StorageError."""
        for folder, names in self._folders():
            where = PurePosixPath(folder.relative_to(self._images).as_posix())
            for image_id in {name.partition(".")[0] for name in names if is_of_rejected(name)}:
                created_at = moment_in(image_id)
                if created_at is not None:
                    filename = filename_in(where, image_id, REJECTED)
                    size_bytes = _size_of(self.path_of(filename))
                    yield RejectedAnswer(
                        image_id=image_id, filename=filename, created_at=created_at, size_bytes=size_bytes
                    )

    def discard(self, answers: Sequence[RejectedAnswer]) -> None:
        """Remove answers that were no images, then what is said of them. Raises StorageError."""
        for answer in answers:
            for name in (answer.filename, sidecar_name(answer.filename)):
                path = self.path_of(name)
                with translate_disk_errors(path, "delete"):
                    path.unlink(missing_ok=True)
        self._tidy({self.path_of(answer.filename).parent for answer in answers})

    def _folders(self) -> Iterator[tuple[Path, set[str]]]:
        """Every folder with the names of the files in it."""
        if self._images.is_dir():
            yield from self._folders_below(self._images, depth=0)

    def _folders_below(self, folder: Path, depth: int) -> Iterator[tuple[Path, set[str]]]:
        try:
            with translate_disk_errors(folder, "read"), os.scandir(folder) as entries:
                listed = [(entry.name, entry.is_dir()) for entry in entries if not entry.name.startswith(".")]
        except StorageError as exc:
            if exc.details["errno"] == "ENOENT":  # a deletion has just removed it as empty
                return
            raise
        yield folder, {name for name, is_folder in listed if not is_folder}
        for name, is_folder in listed:
            if is_folder and depth < MAX_DEPTH:
                yield from self._folders_below(folder / name, depth + 1)

    def _scan_files(self, folder: Path, names: set[str]) -> Iterator[Found]:
        for name in names:
            stem, _, extension = name.partition(".")
            if not IMAGE_ID_PATTERN.fullmatch(stem):
                continue
            if extension == "json":
                found = self._examine(folder / name)
                if found is not None:
                    yield found
            elif self._lacks_sidecar(folder / name, names):
                yield ImageWithoutSidecar(path=folder / name)

    def _examine(self, sidecar: Path) -> ImageRecord | BrokenSidecar | None:
        try:
            record = self._load(sidecar)
        except FileNotFoundError:  # deleted since the folder was listed
            return None
        except StorageError as exc:
            return BrokenSidecar(path=sidecar, reason=exc.message)
        if record.image_id != sidecar.stem:
            return BrokenSidecar(
                path=sidecar, reason=f"{sidecar} speaks of another image, {record.image_id}."
            )
        image = self.path_of(record.file_info.filename)
        if not image.exists() and sidecar.exists():
            return BrokenSidecar(
                path=sidecar, reason=f"{sidecar} has no image beside it; {image.name} is missing."
            )
        return record

    def _lacks_sidecar(self, image: Path, names: set[str]) -> bool:
        """Whether a file is an image without its sidecar, and not only while it is being saved or deleted."""
        sidecar = image.with_suffix(".json")
        extension = image.suffix.removeprefix(".")
        if sidecar.name in names or extension == REJECTED or not EXTENSION_PATTERN.fullmatch(extension):
            return False
        staged = (self._staging / f"{image.stem}.{end}" for end in ("json", DELETED))
        return not any(path.exists() for path in staged) and not sidecar.exists() and image.exists()


def _size_of(path: Path) -> int:
    """In bytes; 0 where there is no file (any more)."""
    with translate_disk_errors(path, "read"):
        try:
            return path.stat().st_size
        except FileNotFoundError:
            return 0
