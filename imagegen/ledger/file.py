"""The ledger's file in working order: made when first written, rebuilt as far as possible when damaged."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from imagegen.errors import StorageError
from imagegen.ledger.schema import STEPS, TABLES
from imagegen.sqlite_files import (
    DATABASE_FILES,
    DatabaseDamaged,
    connect,
    held,
    identity_of,
    migrate,
    sync_to_disk,
    transaction,
    translate_database_errors,
    version_of,
)

LEDGER_NAME = "ledger.sqlite3"
LOCK_NAME = "ledger.lock"  # held while a ledger is put in place, or an owner comes or is swept away
TITLE = "ledger"

Note = Callable[[str], None]
T = TypeVar("T")


class LedgerFile:
    """Runs work on the ledger of a folder, from any thread.

    `restore` fills a new file from what else is known and says how many calls it found; `note` is told of
    every repair. Raises only StorageError.
    """

    def __init__(
        self, base: Path, *, file_mode: int, restore: Callable[[sqlite3.Connection], int], note: Note
    ) -> None:
        self.path = base / LEDGER_NAME
        self._base = base
        self._file_mode = file_mode
        self._restore = restore
        self._note = note
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._identity: tuple[int, int] | None = None
        self._is_durable: bool | None = None  # what the connection was told last

    def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Ask something. Makes no file: where there is none, the ledger is empty."""
        return self._run(work, writing=False)

    def write(self, work: Callable[[sqlite3.Connection], T], *, survives_power_cut: bool = True) -> T:
        """Change something, in one transaction that other processes wait for. May run `work` again.

        Every change outlives the process. One that need not outlive a power cut by itself waits for no disk.
        """

        def in_transaction(connection: sqlite3.Connection) -> T:
            if self._is_durable != survives_power_cut:
                connection.execute(f"PRAGMA synchronous = {'FULL' if survives_power_cut else 'NORMAL'}")
                self._is_durable = survives_power_cut
            with transaction(connection):
                return work(connection)

        return self._run(in_transaction, writing=True)

    def is_writable(self) -> bool:
        """Whether this process may change the ledger that is there."""
        return os.access(self._base, os.W_OK) and (not self.path.exists() or os.access(self.path, os.W_OK))

    def close(self) -> None:
        """Release the file."""
        with self._lock:
            connection, self._connection, self._identity = self._connection, None, None
            self._is_durable = None
            if connection is not None:
                connection.close()

    def _run(self, work: Callable[[sqlite3.Connection], T], *, writing: bool) -> T:
        with self._lock, translate_database_errors(TITLE, self.path):
            try:
                with translate_database_errors(TITLE, self.path):
                    return work(self._opened(writing=writing))
            except DatabaseDamaged as exc:
                self._replace(exc)
                return work(self._opened(writing=writing))

    def _opened(self, *, writing: bool) -> sqlite3.Connection:
        identity = identity_of(self.path)
        if identity is None and writing:
            self._build(lambda: identity_of(self.path) is None, damaged=False)
            identity = identity_of(self.path)
        if self._connection is None or identity != self._identity:
            self.close()
            self._identity = identity  # before it is opened: another process may replace it meanwhile
            self._connection = self._open() if identity else _nothing()
        return self._connection

    def _open(self) -> sqlite3.Connection:
        if self.is_writable():
            return self._checked(connect(self.path, "rw"), writable=True)
        try:
            return self._checked(connect(self.path, "ro"), writable=False)
        except sqlite3.OperationalError:
            if self.path.with_name(f"{LEDGER_NAME}-wal").exists():
                raise
            # Without a log beside it, the file is complete and nobody is writing it.
            return self._checked(connect(self.path, "immutable"), writable=False)

    def _checked(self, connection: sqlite3.Connection, *, writable: bool) -> sqlite3.Connection:
        try:
            version = self._version_of(connection)
            if writable and version < len(STEPS):
                migrate(connection, STEPS)
        except BaseException:
            connection.close()
            raise
        return connection

    def _version_of(self, connection: sqlite3.Connection) -> int:
        version = version_of(connection)
        if version == 0:
            raise DatabaseDamaged(f"{self.path} is no ledger of imagegen.")
        if version > len(STEPS):
            raise StorageError(
                f"A newer imagegen wrote the ledger {self.path}: version {version}, not {len(STEPS)}.",
                hint="Upgrade imagegen.",
            )
        return version

    def _replace(self, damage: DatabaseDamaged) -> None:
        """Another ledger in place of a damaged one, unless a process has replaced it since it was opened."""
        damaged = self._identity
        self.close()
        if not self.is_writable():
            raise damage
        self._build(lambda: identity_of(self.path) == damaged, damaged=True)

    def _build(self, still_needed: Callable[[], bool], *, damaged: bool) -> None:
        """Put a new ledger with all that can be known in place, unless another process does it first."""
        self._base.mkdir(parents=True, exist_ok=True)
        with held(self._base / LOCK_NAME):
            if not still_needed():
                return
            building = self.path.with_name(f"{LEDGER_NAME}.building")
            try:
                salvaged, restored = self._fill(building, damaged=damaged)
                kept = self._set_aside()
                building.replace(self.path)
            finally:
                building.unlink(missing_ok=True)
            sync_to_disk(self._base)
        if damaged:
            self._note(
                f"The ledger {self.path} was damaged and is kept as {kept}. Entries that could still be "
                f"read: {salvaged}; calls known from their images: {restored}. Calls that were charged and "
                "left no image may be missing, so budgets may count too little."
            )

    def _fill(self, building: Path, *, damaged: bool) -> tuple[int, int]:
        building.unlink(missing_ok=True)
        with closing(connect(building, "rwc")) as connection:
            connection.execute("PRAGMA journal_mode = OFF")
            migrate(connection, STEPS)
            with transaction(connection):
                salvaged = _salvage(self.path, connection) if damaged else 0
                restored = self._restore(connection)
            connection.execute("PRAGMA journal_mode = WAL")
        building.chmod(self._file_mode | 0o600)
        sync_to_disk(building)
        return salvaged, restored

    def _set_aside(self) -> Path:
        """Keep what was there, with its log, for whoever wants to know why."""
        kept = f"{LEDGER_NAME}.corrupt-{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}"
        for suffix in DATABASE_FILES:
            part = self.path.with_name(LEDGER_NAME + suffix)
            with suppress(FileNotFoundError):
                part.replace(part.with_name(kept + suffix))
        return self.path.with_name(kept)


def _nothing() -> sqlite3.Connection:
    """An empty ledger that lives in memory: what there is to read where there is no file."""
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    migrate(connection, STEPS)
    return connection


def _salvage(damaged: Path, into: sqlite3.Connection) -> int:
    """Copy the rows that can still be read; how many those were."""
    count = 0
    with suppress(sqlite3.Error), closing(connect(damaged, "ro")) as source:
        for table in TABLES:
            with suppress(sqlite3.DatabaseError):
                for row in source.execute(f"SELECT * FROM {table}"):  # noqa: S608 - a name of our own
                    places = ",".join("?" * len(row))
                    statement = f"INSERT OR IGNORE INTO {table} VALUES ({places})"  # noqa: S608 - as above
                    count += into.execute(statement, row).rowcount
    return count
