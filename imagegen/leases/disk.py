"""Leases between the processes of one machine: locks where the system has them, else rows with an end."""

from __future__ import annotations

import sys
from pathlib import Path

from imagegen.cache.base import Note
from imagegen.errors import StorageError
from imagegen.leases.base import ALONE, Lease
from imagegen.leases.files import FileLeases, LocksUnsupported
from imagegen.leases.rows import RowLeases


class DiskLeases:
    """Leases in the cache's folder. Where it cannot be written, everybody is granted one, and told once."""

    def __init__(self, folder: Path, *, note: Note) -> None:
        self._files = FileLeases(folder / "leases")
        self._rows = RowLeases(folder, note=note)
        self._can_lock = sys.platform != "win32"
        self._note = note
        self._is_usable = True

    async def acquire(self, key: str) -> Lease | None:
        try:
            return await self._acquire(key)
        except StorageError as exc:
            if self._is_usable:
                self._note(f"{exc.message} Equal requests of other processes are not noticed.")
            self._is_usable = False
            return ALONE

    async def aclose(self) -> None:
        await self._files.aclose()
        await self._rows.aclose()

    async def _acquire(self, key: str) -> Lease | None:
        if self._can_lock:
            try:
                return await self._files.acquire(key)
            except LocksUnsupported:
                self._can_lock = False
        return await self._rows.acquire(key)
