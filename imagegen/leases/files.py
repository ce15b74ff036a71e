"""Leases as locks on files: the system releases them the moment their process dies, however it dies."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from imagegen.errors import StorageError
from imagegen.file_locks import LockState, is_at, try_lock
from imagegen.leases.base import Lease

T = TypeVar("T")


class LocksUnsupported(StorageError):
    """The file system of the folder cannot lock files."""


@dataclass(frozen=True, slots=True)
class _HeldFile:
    path: Path
    descriptor: int
    thread: ThreadPoolExecutor

    @property
    def renew_seconds(self) -> float | None:
        return None

    async def renew(self) -> None:
        """A lock lasts as long as its process."""

    async def release(self) -> None:
        await _in(self.thread, self._let_go)

    def _let_go(self) -> None:
        # The name goes first: whoever locks the file after this sees that it has no name any more.
        with suppress(OSError):
            self.path.unlink()
        os.close(self.descriptor)


class FileLeases:
    """Leases in a folder of lock files, on systems where an open file can be deleted (not on Windows)."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="imagegen-leases")

    async def acquire(self, key: str) -> Lease | None:
        """As in the protocol, but raises LocksUnsupported, and StorageError where no file can be made."""
        name = hashlib.sha256(key.encode()).hexdigest()[:40]
        return await _in(self._thread, lambda: self._lock(self._folder / f"{name}.lock"))

    async def aclose(self) -> None:
        self._thread.shutdown()

    def _lock(self, path: Path) -> Lease | None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            while True:
                descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
                with ExitStack() as opened:
                    opened.callback(os.close, descriptor)
                    if not _is_ours(descriptor):
                        return None
                    if is_at(path, descriptor):  # else its last holder has removed it since it was opened
                        opened.pop_all()
                        return _HeldFile(path, descriptor, self._thread)
        except OSError as exc:
            raise StorageError(f"Cannot lock {path}: {exc.strerror}.", hint="See: imagegen doctor") from exc


def _is_ours(descriptor: int) -> bool:
    state = try_lock(descriptor)
    if state is LockState.UNSUPPORTED:
        raise LocksUnsupported("This file system cannot lock files.")
    return state is LockState.OURS


async def _in(thread: ThreadPoolExecutor, work: Callable[[], T]) -> T:
    """Run work in the thread, to its end even if the caller is cancelled."""
    return await asyncio.shield(asyncio.get_running_loop().run_in_executor(thread, work))
