"""SQLite files that several processes share: opened, locked, migrated, and their errors in our words."""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Literal

from imagegen.errors import StorageError

BUSY_TIMEOUT_SECONDS = 30.0
DATABASE_FILES = ("-wal", "-shm", "")  # the log goes first: it must never meet another database

_DAMAGE = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT})
_NOT_WRITABLE = frozenset({sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM})
_LOCKED = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})


class DatabaseDamaged(StorageError):
    """A file that is no database, not sound, or not one of ours."""


class DatabaseReadOnly(StorageError):
    """A file or folder that may not be written."""


def connect(
    path: Path, mode: Literal["ro", "rw", "rwc", "immutable"], *, wait_seconds: float = BUSY_TIMEOUT_SECONDS
) -> sqlite3.Connection:
    """A connection in autocommit mode, usable from any thread, from one at a time.

    `immutable` reads a file that nobody writes and whose folder cannot hold a log.
    """
    options = "immutable=1" if mode == "immutable" else f"mode={mode}"
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?{options}",
        uri=True,
        timeout=wait_seconds,
        isolation_level=None,
        check_same_thread=False,
    )


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """One write transaction: committed at the end, rolled back when anything is raised."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
        connection.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):  # a full disk has already rolled it back
            connection.execute("ROLLBACK")
        raise


def version_of(connection: sqlite3.Connection) -> int:
    """How many schema steps the file has behind it; 0 is an empty file, or none of ours."""
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return version


def migrate(connection: sqlite3.Connection, steps: Sequence[str]) -> None:
    """Take the missing steps, each with its count in one transaction. Safe from several processes."""
    for number, step in enumerate(steps, start=1):
        with transaction(connection):
            if version_of(connection) < number:
                run_script(connection, step)
                connection.execute(f"PRAGMA user_version = {number}")


def run_script(connection: sqlite3.Connection, script: str) -> None:
    """Several statements within the running transaction (`executescript` would commit it first)."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            connection.execute(statement)
            statement = ""


def identity_of(path: Path) -> tuple[int, int] | None:
    """What tells this file from another that takes its place; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return (found.st_dev, found.st_ino)


def sync_to_disk(path: Path) -> None:
    """Wait until a file, or the names in a folder, have reached the disk."""
    if path.is_dir() and sys.platform == "win32":  # folders cannot be opened there
        return
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def translate_database_errors(title: str, path: Path) -> Iterator[None]:
    """Turn errors of SQLite and of the system into a StorageError that names the file and the next step.

    `title` is what messages call it, such as `ledger`.
    """
    try:
        yield
    except sqlite3.Error as exc:
        raise _database_error(exc, title, path) from exc
    except OSError as exc:
        raise _system_error(exc, title, path) from exc


def _database_error(exc: sqlite3.Error, title: str, path: Path) -> StorageError:
    code = getattr(exc, "sqlite_errorcode", 0) & 0xFF  # the upper bits only refine it
    if code in _DAMAGE or str(exc).startswith(("no such table", "no such column")):
        return DatabaseDamaged(f"The {title} {path} is damaged: {exc}.")
    if code in _NOT_WRITABLE:
        return _not_writable(exc, title, path)
    if code in _LOCKED:
        return StorageError(
            f"The {title} {path} was locked by another process for {BUSY_TIMEOUT_SECONDS:g} seconds.",
            hint="Try again when it is done.",
        )
    if code == sqlite3.SQLITE_FULL:
        return StorageError(f"No space is left on the disk for the {title} {path}.", hint="Free some space.")
    return StorageError(f"The {title} {path} cannot be used: {exc}.", hint="See: imagegen doctor")


def _system_error(exc: OSError, title: str, path: Path) -> StorageError:
    if isinstance(exc, PermissionError):
        return _not_writable(exc, title, path)
    return StorageError(
        f"The {title} {path} cannot be used: {exc.strerror or exc}.", hint="See: imagegen doctor"
    )


def _not_writable(exc: Exception, title: str, path: Path) -> DatabaseReadOnly:
    return DatabaseReadOnly(
        f"The {title} {path} cannot be opened for writing: {exc}.",
        hint=f"Make the folder {path.parent} writable, or set STORAGE__BASE_PATH.",
    )


class LockFile:
    """A lock between processes on a file that stays empty; the system releases it when its process dies.

    SQLite takes it, so it works on every system and file system on which the databases themselves do.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None

    def acquire(self, *, wait_seconds: float = BUSY_TIMEOUT_SECONDS) -> None:
        """Take it, after whoever has it now. Raises sqlite3.OperationalError when that takes too long."""
        connection = connect(self._path, "rwc", wait_seconds=wait_seconds)
        try:
            connection.execute("PRAGMA journal_mode = MEMORY")  # no second file beside it
            connection.execute("BEGIN EXCLUSIVE")
        except BaseException:
            connection.close()
            raise
        self._connection = connection

    def release(self) -> None:
        """Give it back; the file stays."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Hold the lock file `path`, after whoever holds it now."""
    lock = LockFile(path)
    lock.acquire()
    try:
        yield
    finally:
        lock.release()


def is_held(path: Path) -> bool:
    """Whether a living process, this one included, holds the lock file `path`. Only reads.

    A file that is there but cannot be asked counts as held: its holder may be alive.
    """
    try:
        with closing(connect(path, "ro", wait_seconds=0)) as connection:
            connection.execute("SELECT count(*) FROM sqlite_master")
    except sqlite3.Error:
        return path.exists()
    return False
