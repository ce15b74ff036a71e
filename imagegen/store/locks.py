"""Locks between processes: taken on open files, gone when their process is gone, however it ended."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum, auto
from pathlib import Path

from imagegen.store.disk_errors import translate_disk_errors

# An open file cannot be renamed on Windows, so a lock cannot accompany a file to its place there.
LOCKS_SURVIVE_RENAME = sys.platform != "win32"

# What file systems without locks answer, or want a file to be open for writing first (NFS).
_UNSUPPORTED = frozenset({errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL, errno.EBADF})


class LockState(Enum):
    """What became of an attempt to lock."""

    OURS = auto()
    BUSY = auto()
    UNSUPPORTED = auto()


if sys.platform == "win32":
    import msvcrt

    def try_lock(descriptor: int) -> LockState:
        """Lock an open file, without waiting."""
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return LockState.BUSY
        return LockState.OURS

    def _wait_for_lock(descriptor: int) -> None:
        while True:
            try:
                msvcrt.locking(descriptor, msvcrt.LK_LOCK, 1)  # tries for ten seconds
            except OSError as exc:
                if exc.errno != errno.EDEADLK:
                    raise
            else:
                return

else:
    import fcntl

    def try_lock(descriptor: int) -> LockState:
        """Lock an open file, without waiting."""
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return LockState.BUSY
        except OSError as exc:
            if exc.errno in _UNSUPPORTED:
                return LockState.UNSUPPORTED
            raise
        return LockState.OURS

    def _wait_for_lock(descriptor: int) -> None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        except OSError as exc:
            if exc.errno not in _UNSUPPORTED:
                raise


@contextmanager
def _opened(path: Path, file_mode: int) -> Iterator[int]:
    with translate_disk_errors(path, "open"):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, file_mode | 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def lock_or_skip(path: Path, file_mode: int) -> Iterator[bool]:
    """Hold the lock file `path`; yields False at once when another process holds it."""
    with _opened(path, file_mode) as descriptor:
        yield try_lock(descriptor) is not LockState.BUSY


@contextmanager
def lock_in_turn(path: Path, file_mode: int) -> Iterator[None]:
    """Hold the lock file `path`, after whoever holds it now."""
    with _opened(path, file_mode) as descriptor:
        with translate_disk_errors(path, "lock"):
            _wait_for_lock(descriptor)
        yield
