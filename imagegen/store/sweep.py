"""The sweep over the staging folder: carries interrupted saves and deletions on, removes the rest."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path

from imagegen.errors import StorageError
from imagegen.file_locks import LOCKS_SURVIVE_RENAME, LockState, is_at, try_lock
from imagegen.store.disk_errors import translate_disk_errors
from imagegen.store.files import Recovery
from imagegen.store.identifiers import (
    IMAGE_ID_PATTERN,
    REJECTED,
    filename_problem,
    likely_folders,
    sidecar_name,
)
from imagegen.store.sidecar import load_object, read_sidecar, record_from_json
from imagegen.store.staging import STAGING, is_old, move
from imagegen.types import ImageRecord
from imagegen.whole_files import sync_folder

DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class _Claim:
    """What a staged sidecar says of its image; `record` is None where it goes into no index."""

    filename: str
    sha256: str
    record: ImageRecord | None


class Sweep:
    """One pass over the staging folder. `add` and `forget` bring the index along."""

    def __init__(
        self,
        images: Path,
        file_mode: int,
        *,
        add: Callable[[ImageRecord], None],
        forget: Callable[[str], None],
    ) -> None:
        self._images = images
        self._staging = images / STAGING
        self._file_mode = file_mode
        self._add = add
        self._forget = forget
        self._recovery = Recovery()

    def run(self) -> Recovery:
        """Look at every staged file once. Raises StorageError only when the folder cannot be listed."""
        if not os.access(self._staging, os.W_OK):  # there is none, or only to be looked at
            return self._recovery
        with translate_disk_errors(self._staging, "read"):
            names = sorted(path.name for path in self._staging.iterdir())
        for key in dict.fromkeys(_key(name) for name in names):
            try:
                with translate_disk_errors(self._staging / key, "finish"):
                    self._settle(key, names)
            except StorageError as exc:
                self._recovery.problems.append(exc.message)
        return self._recovery

    def _settle(self, key: str, names: list[str]) -> None:
        staged = self._staging / key
        image_id = key.partition(".")[0]
        if not IMAGE_ID_PATTERN.fullmatch(image_id):
            self._remove_if_old(staged)
        elif key.endswith(f".{DELETED}"):
            self._finish_deletion(staged, image_id)
        else:
            images = [self._staging / name for name in names if _key(name) == key and name != key]
            self._settle_save(staged, image_id, images)

    def _remove_if_old(self, path: Path) -> None:
        if is_old(path):
            path.unlink(missing_ok=True)
            self._recovery.removed += 1

    def _finish_deletion(self, marker: Path, image_id: str) -> None:
        try:
            filename = read_sidecar(marker.read_bytes()).file_info.filename
        except FileNotFoundError:  # its own process has just finished it
            return
        except StorageError:  # a damaged sidecar was deleted: the image can only be where it belongs
            filename = None
        for image in [self._images / filename] if filename else self._likely_images(image_id):
            image.unlink(missing_ok=True)
        self._forget(image_id)
        marker.unlink(missing_ok=True)

    def _likely_images(self, image_id: str) -> list[Path]:
        folders = [self._images / folder for folder in likely_folders(image_id)]
        return [path for folder in folders for path in folder.glob(f"{image_id}.*") if path.suffix != ".json"]

    def _settle_save(self, staged: Path, image_id: str, images: list[Path]) -> None:
        with _claimed(staged) as (state, content):
            leftovers = [image for image in images if image.exists()]
            if state is _State.ALIVE or (state is _State.GONE and not leftovers):
                return
            published = state is _State.GONE
            claim = self._published_claim(staged, image_id) if published else _read_claim(content, image_id)
            whole = claim is not None and self._place_image(claim)
            if claim is not None and whole and not published:
                self._publish(staged, claim)
            self._discard(leftovers if whole else [*leftovers, staged])
        if whole:
            self._recovery.saved.append(image_id)

    def _published_claim(self, staged: Path, image_id: str) -> _Claim | None:
        """After a power cut, the sidecar's rename may have survived and the image's not: it still counts."""
        for folder in likely_folders(image_id):
            with contextlib.suppress(FileNotFoundError):
                return _read_claim((self._images / folder / staged.name).read_bytes(), image_id)
        return None

    def _place_image(self, claim: _Claim) -> bool:
        """Bring the image to its place; False when no whole one exists."""
        place = self._images / claim.filename
        staged = self._staging / place.name
        if _sha256(staged) == claim.sha256:
            move(staged, place, self._file_mode)
            return True
        return _sha256(place) == claim.sha256

    def _publish(self, staged: Path, claim: _Claim) -> None:
        if claim.record is not None:
            self._add(claim.record)
        move(staged, self._images / sidecar_name(claim.filename), self._file_mode)
        sync_folder((self._images / claim.filename).parent)

    def _discard(self, paths: list[Path]) -> None:
        for path in paths:
            with contextlib.suppress(FileNotFoundError):
                path.unlink()
                self._recovery.removed += 1


class _State(Enum):
    """How a staged sidecar was found."""

    GONE = auto()
    ALIVE = auto()
    ABANDONED = auto()


def _key(name: str) -> str:
    """The name of the staged file that speaks for this one: the sidecar for an image, else itself."""
    image_id, _, rest = name.partition(".")
    is_image = IMAGE_ID_PATTERN.fullmatch(image_id) and rest not in ("json", f"{REJECTED}.json", DELETED)
    return sidecar_name(name) if is_image else name


@contextmanager
def _claimed(path: Path) -> Iterator[tuple[_State, bytes]]:
    """A staged sidecar's state and, of an abandoned one, the content under its lock."""
    try:
        descriptor = os.open(path, os.O_RDONLY)  # images may be read-only
    except FileNotFoundError:
        yield _State.GONE, b""
        return
    with contextlib.ExitStack() as stack:
        stack.callback(os.close, descriptor)
        if not _is_abandoned(descriptor, path):
            yield _State.ALIVE, b""
            return
        content = path.read_bytes()
        if not LOCKS_SURVIVE_RENAME:
            stack.close()
        yield _State.ABANDONED, content


def _is_abandoned(descriptor: int, path: Path) -> bool:
    state = try_lock(descriptor) if LOCKS_SURVIVE_RENAME else LockState.UNSUPPORTED
    if state is LockState.UNSUPPORTED:
        return is_old(path)
    return state is LockState.OURS and is_at(path, descriptor)


def _read_claim(content: bytes, image_id: str) -> _Claim | None:
    """What a staged sidecar says; None when it is not whole.

    Raises StorageError when it is whole but speaks of nothing that this version can place.
    """
    try:
        document = load_object(content)
    except StorageError:
        return None
    file_info = document.get("file_info")
    named = file_info if isinstance(file_info, dict) else {}
    filename, sha256 = str(named.get("filename")), str(named.get("sha256"))
    problem = filename_problem(filename, image_id)
    if problem:
        raise StorageError(
            f"{image_id} was left half saved, and its file_info.filename is {filename!r}: {problem}."
        )
    try:
        return _Claim(filename, sha256, record_from_json(document))
    except StorageError:  # a rejected answer, or a newer version's sidecar: neither goes into this index
        return _Claim(filename, sha256, None)


def _sha256(path: Path) -> str | None:
    import hashlib

    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return None
