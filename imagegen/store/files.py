"""Bytes on their way to the disk: whole, fsynced and with the right permissions, or not at all.

`BlobStore` is what the store needs of a place for bytes; `imagegen.store.disk` is the one on disk.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from imagegen.store.disk_errors import translate_disk_errors
from imagegen.types import ImageRecord, RejectedAnswer
from imagegen.whole_files import sync_folder, write_whole

PATIENCE = 20  # how often to make a folder that other processes keep removing as empty
_BINARY = getattr(os, "O_BINARY", 0)  # Windows would otherwise translate line ends


@dataclass(frozen=True, slots=True, kw_only=True)
class Blob:
    """An image (or a rejected answer) and its sidecar; `filename` is relative to the images folder."""

    filename: str
    data: bytes = field(repr=False)
    sidecar: bytes = field(repr=False)


class StagedBlobs(Protocol):
    """Blobs that are whole and durable, but not yet in their places."""

    def place(self) -> None:
        """Move every image to its place. Raises StorageError and leaves nothing behind when one cannot."""

    def publish(self) -> None:
        """Move every sidecar beside its image: the save is done. Only after `place`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenSidecar:
    """A sidecar that cannot be used, and why."""

    path: Path
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageWithoutSidecar:
    """An image file about which nothing is known."""

    path: Path


Found = ImageRecord | BrokenSidecar | ImageWithoutSidecar


@dataclass(slots=True)
class Recovery:
    """What a sweep did: images whose save it finished, leftovers it removed, and what it could not do."""

    saved: list[str] = field(default_factory=list)
    removed: int = 0
    problems: list[str] = field(default_factory=list)


class BlobStore(Protocol):
    """A place for images and sidecars in which a sidecar never stands without its image."""

    def check_writable(self) -> None:
        """Raise StorageError when a save would fail: no permission, no room."""

    def stage(self, blobs: Sequence[Blob]) -> AbstractContextManager[StagedBlobs]:
        """Write blobs aside; what is not placed when the context ends is removed, what is not published
        stays for `recover`. Raises StorageError."""

    def recover(self, *, add: Callable[[ImageRecord], None], forget: Callable[[str], None]) -> Recovery:
        """Finish or remove what dead processes left. `add` and `forget` bring the index along."""

    def has(self, record: ImageRecord) -> bool:
        """Whether the image exists with its sidecar, published or about to be."""

    def find(self, image_id: str) -> ImageRecord | None:
        """The record read from its sidecar, without an index; None where none is. Raises StorageError."""

    def read(self, filename: str) -> bytes | None:
        """An image's bytes; None when it is gone. Raises StorageError."""

    def path_of(self, filename: str) -> Path:
        """The local path of an image."""

    def delete(self, records: Sequence[ImageRecord], *, forget: Callable[[], None]) -> None:
        """Remove images with their sidecars, calling `forget` before the deletion counts as done."""

    def rejected(self) -> Iterator[RejectedAnswer]:
        """The answers that were no images, in no order; looks into every folder. Raises StorageError."""

    def discard(self, answers: Sequence[RejectedAnswer]) -> None:
        """Remove answers that were no images, with what is said of them. Raises StorageError."""

    def has_images(self) -> bool:
        """Whether there may be any image at all; cheap."""

    def scan(self) -> Iterator[Found]:
        """Everything there is, in no order."""


def folder_mode(file_mode: int) -> int:
    """A folder's mode to go with a file's: who may read a file may enter the folder, its owner may write."""
    return file_mode | (file_mode & 0o444) >> 2 | 0o700


def make_folder(folder: Path, file_mode: int) -> None:
    """Create a folder with its missing parents, durably. Raises OSError."""
    for _ in range(PATIENCE):
        try:
            for new in _missing(folder):
                _make_one(new, file_mode)
        except FileNotFoundError:  # a deletion has just removed a parent as empty
            continue
        return
    folder.mkdir(exist_ok=True)


def _missing(folder: Path) -> list[Path]:
    """The folders to create, outermost first."""
    missing: list[Path] = []
    while not folder.is_dir() and folder != folder.parent:
        missing.insert(0, folder)
        folder = folder.parent
    return missing


def _make_one(folder: Path, file_mode: int) -> None:
    try:
        folder.mkdir()
    except FileExistsError:
        if folder.is_dir():  # another process was faster
            return
        raise
    folder.chmod(folder_mode(file_mode))  # mkdir's own mode would be cut by the umask
    sync_folder(folder.parent)


def open_new(path: Path, file_mode: int) -> int:
    """A descriptor for writing an empty file with exactly these permissions. Raises OSError."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | _BINARY, file_mode)
    if sys.platform != "win32":
        os.fchmod(descriptor, file_mode)
    return descriptor


def write_all(descriptor: int, data: bytes) -> None:
    """Make `data` the file's whole content, without copying it. Raises OSError."""
    os.ftruncate(descriptor, 0)
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def replace_file(path: Path, data: bytes, file_mode: int) -> None:
    """Put a small file in place of another, atomically and durably. Raises StorageError."""
    with translate_disk_errors(path, "write"):
        write_whole(path, data, mode=file_mode)
