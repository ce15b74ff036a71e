"""The locks of a store: lock files that stay in its folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from imagegen.file_locks import LockState, try_lock, wait_for_lock
from imagegen.store.disk_errors import translate_disk_errors


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
            wait_for_lock(descriptor)
        yield
