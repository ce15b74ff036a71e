"""Leases as rows with an end, in the cache's file: for systems that cannot lock files or delete open ones."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from imagegen.cache.base import Note
from imagegen.cache.disk import CacheFile
from imagegen.leases.base import LEASE_SECONDS, Lease, RegisteredLease

if TYPE_CHECKING:
    import sqlite3

# An end two leases away was written before the clock was set back: it counts for nothing.
TAKE = """
    INSERT INTO leases (key, owner, expires_at) VALUES (:key, :owner, :now + :seconds)
    ON CONFLICT (key) DO UPDATE SET owner = excluded.owner, expires_at = excluded.expires_at
    WHERE owner = excluded.owner OR expires_at <= :now OR expires_at > :now + 2 * :seconds
"""


class RowLeases:
    """Leases in the cache's file in `folder`. `clock` gives seconds since 1970."""

    def __init__(
        self,
        folder: Path,
        *,
        note: Note,
        lease_seconds: float = LEASE_SECONDS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.lease_seconds = lease_seconds
        self._file = CacheFile(folder, note=note)
        self._clock = clock

    async def acquire(self, key: str) -> Lease | None:
        """As in the protocol, but raises StorageError."""
        owner = secrets.token_hex(16)
        return RegisteredLease(self, key, owner) if await self.take(key, owner) else None

    async def take(self, name: str, owner: str) -> bool:
        """Make or renew the owner's lease; whether it has it now. Raises StorageError."""

        def take(connection: sqlite3.Connection) -> bool:
            row = {"key": name, "owner": owner, "now": self._clock(), "seconds": self.lease_seconds}
            return connection.execute(TAKE, row).rowcount == 1

        return await self._file.write(take)

    async def give_back(self, name: str, owner: str) -> None:
        """End the owner's lease, if it has it. Raises StorageError."""
        await self._file.write(
            lambda connection: connection.execute(
                "DELETE FROM leases WHERE key = ? AND owner = ?", (name, owner)
            )
        )

    async def aclose(self) -> None:
        await self._file.aclose()
