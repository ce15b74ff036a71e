"""Locks between processes: taken on open files, gone when their process is gone, however it ended."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import Enum, auto
from pathlib import Path

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

    def wait_for_lock(descriptor: int) -> None:
        """Lock an open file, after whoever has it now; without, where there are no locks. Raises OSError."""
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

    def wait_for_lock(descriptor: int) -> None:
        """Lock an open file, after whoever has it now; without, where there are no locks. Raises OSError."""
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        except OSError as exc:
            if exc.errno not in _UNSUPPORTED:
                raise


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Hold the lock file `path`, after whoever holds it now, and remove it in the end. Raises OSError."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            wait_for_lock(descriptor)
            if is_at(path, descriptor):  # else its last holder has removed it since it was opened
                try:
                    yield
                finally:
                    with suppress(OSError):  # Windows removes no open file
                        path.unlink()
                return
        finally:
            os.close(descriptor)


def is_at(path: Path, descriptor: int) -> bool:
    """Whether the open file still is the one of that name. Raises OSError."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
