"""The cache in one SQLite file: survives restarts, shared by the shell and the servers of one machine.

Nothing here waits for the disk to sync: whoever loses power loses at most the cache. A file that is damaged
is replaced. A lock file of its own keeps opening, making and replacing apart, because a write-ahead log must
never meet another database.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

from imagegen.cache.base import (
    CacheEntry,
    CacheStats,
    Note,
    micro_usd,
    read_entry,
    size_of,
    usd,
    write_entry,
)
from imagegen.errors import StorageError

T = TypeVar("T")

VERSION = 1
BUSY_TIMEOUT_SECONDS = 2.0
SCHEMA = """
    CREATE TABLE entries (
        id INTEGER PRIMARY KEY,
        key TEXT NOT NULL UNIQUE,
        document TEXT NOT NULL,
        size_bytes INTEGER NOT NULL,
        expires_at REAL NOT NULL,
        used INTEGER NOT NULL
    );
    CREATE INDEX entries_by_expiry ON entries (expires_at);
    CREATE INDEX entries_by_use ON entries (used);
    CREATE TABLE totals (
        size_bytes INTEGER NOT NULL, hits INTEGER NOT NULL, saved_micro_usd INTEGER NOT NULL
    );
    INSERT INTO totals VALUES (0, 0, 0);
    CREATE TRIGGER entry_added AFTER INSERT ON entries BEGIN
        UPDATE totals SET size_bytes = size_bytes + new.size_bytes;
    END;
    CREATE TRIGGER entry_removed AFTER DELETE ON entries BEGIN
        UPDATE totals SET size_bytes = size_bytes - old.size_bytes;
    END;
    CREATE TABLE leases (key TEXT PRIMARY KEY, owner TEXT NOT NULL, expires_at REAL NOT NULL) WITHOUT ROWID;
"""
_DATABASE_FILES = ("-wal", "-shm", "")
# What SQLite answers for a file that is none of ours or not sound; "no such table" is a plain SQLITE_ERROR.
_DAMAGE = frozenset(
    {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT, sqlite3.SQLITE_ERROR}
)


class CacheFile:
    """One SQLite file, used from a thread of its own; made when missing, made anew when damaged.

    `note` is told of every repair, in that thread. Holds the cache's entries and, where files cannot be
    locked, leases.
    """

    def __init__(self, folder: Path, *, note: Note) -> None:
        self.path = folder / f"cache-{VERSION}.sqlite3"
        self._note = note
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="imagegen-cache")
        self._connection: sqlite3.Connection | None = None
        self._identity: tuple[int, int] | None = None

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Ask something. Raises StorageError."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._run, work)

    async def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Change something, in one transaction. Raises StorageError."""

        def in_transaction(connection: sqlite3.Connection) -> T:
            with _transaction(connection):
                return work(connection)

        return await self.read(in_transaction)

    async def aclose(self) -> None:
        """Release the file and the thread."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._close)
        self._thread.shutdown()

    def _run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            try:
                return work(self._opened())
            except sqlite3.Error as exc:
                if not _is_damage(exc):
                    raise
                self._discard()
                return work(self._opened())
        except (sqlite3.Error, OSError) as exc:
            self._close()
            raise StorageError(
                f"The cache {self.path} cannot be used: {exc}.", hint="See: imagegen doctor"
            ) from exc

    def _opened(self) -> sqlite3.Connection:
        identity = self._identity_on_disk()
        if self._connection is None or identity is None or identity != self._identity:
            self._close()
            with self._alone():
                self._connection = self._open_or_begin_anew()
                self._identity = self._identity_on_disk()
        return self._connection

    def _open_or_begin_anew(self) -> sqlite3.Connection:
        try:
            return self._open()
        except sqlite3.Error as exc:
            if not _is_damage(exc):
                raise
            self._delete()
            return self._open()

    def _open(self) -> sqlite3.Connection:
        connection = _connect(self.path)
        try:
            connection.execute("PRAGMA synchronous = OFF")
            _require_tables(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _discard(self) -> None:
        """Delete the file that is open, unless another process has put a new one in its place already."""
        with self._alone():
            # While it is open, no new file can have its number.
            is_in_place = self._identity_on_disk() == self._identity
            self._close()
            if is_in_place:
                self._delete()

    def _delete(self) -> None:
        for suffix in _DATABASE_FILES:
            self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)
        self._note(f"The cache {self.path} was damaged; a new one is begun.")

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the lock file; the system releases it when this process dies."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with closing(_lock(self.path.with_name("cache.lock"))):
            yield

    def _identity_on_disk(self) -> tuple[int, int] | None:
        try:
            found = self.path.stat()
        except FileNotFoundError:
            return None
        return (found.st_dev, found.st_ino)

    def _close(self) -> None:
        connection, self._connection, self._identity = self._connection, None, None
        if connection is not None:
            with suppress(sqlite3.Error):
                connection.close()


class DiskCache:
    """A Cache in `folder`. `clock` gives seconds since 1970: every process must agree on them."""

    def __init__(
        self,
        folder: Path,
        *,
        ttl: timedelta,
        max_size_bytes: int,
        note: Note,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._file = CacheFile(folder, note=note)
        self._ttl_seconds = ttl.total_seconds()
        self._max_size_bytes = max_size_bytes
        self._note = note
        self._clock = clock
        self._is_usable = True

    async def get(self, key: str) -> CacheEntry | None:
        now = self._clock()
        with self._or_without():
            row = await self._file.read(
                lambda connection: connection.execute(
                    "SELECT document FROM entries WHERE key = ? AND expires_at > ?", (key, now)
                ).fetchone()
            )
            return read_entry(key, row[0]) if row else None
        return None

    async def note_hit(self, key: str, entry: CacheEntry) -> None:
        def note_hit(connection: sqlite3.Connection) -> None:
            connection.execute(
                "UPDATE entries SET used = 1 + (SELECT max(used) FROM entries) WHERE key = ?", (key,)
            )
            connection.execute(
                "UPDATE totals SET hits = hits + 1, saved_micro_usd = saved_micro_usd + ?",
                (micro_usd(entry.cost_usd),),
            )

        with self._or_without():
            await self._file.write(note_hit)

    async def put(self, key: str, entry: CacheEntry) -> None:
        text, now = write_entry(key, entry), self._clock()
        size_bytes = size_of(key, text)

        def put(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM entries WHERE expires_at <= ? OR key = ?", (now, key))
            if size_bytes > self._max_size_bytes:
                return
            _make_room(connection, self._max_size_bytes - size_bytes)
            connection.execute(
                "INSERT INTO entries (key, document, size_bytes, expires_at, used)"
                " VALUES (?, ?, ?, ?, (SELECT ifnull(max(used), 0) + 1 FROM entries))",
                (key, text, size_bytes, now + self._ttl_seconds),
            )

        with self._or_without():
            await self._file.write(put)

    async def delete(self, key: str, *, only: CacheEntry | None = None) -> None:
        document = None if only is None else write_entry(key, only)
        with self._or_without():
            await self._file.write(
                lambda connection: connection.execute(
                    "DELETE FROM entries WHERE key = ? AND document = ifnull(?, document)", (key, document)
                )
            )

    async def clear(self) -> int:
        now = self._clock()

        def clear(connection: sqlite3.Connection) -> int:
            live = _count(connection, now)
            connection.execute("DELETE FROM entries")
            return live

        count = await self._file.write(clear)
        await self._file.read(_give_back_space)
        return count

    async def stats(self) -> CacheStats:
        now = self._clock()

        def stats(connection: sqlite3.Connection) -> CacheStats:
            (size_bytes,) = connection.execute(
                "SELECT ifnull(sum(size_bytes), 0) FROM entries WHERE expires_at > ?", (now,)
            ).fetchone()
            hits, saved = connection.execute("SELECT hits, saved_micro_usd FROM totals").fetchone()
            return CacheStats(
                backend="disk",
                location=str(self._file.path),
                entries=_count(connection, now),
                size_bytes=size_bytes,
                hits=hits,
                saved_usd=usd(saved),
            )

        return await self._file.read(stats)

    async def aclose(self) -> None:
        await self._file.aclose()

    @contextmanager
    def _or_without(self) -> Iterator[None]:
        """Go on without a cache where it cannot be used, and say so once."""
        try:
            yield
        except StorageError as exc:
            if self._is_usable:
                self._note(f"{exc.message} Going on without it.")
            self._is_usable = False
        else:
            self._is_usable = True


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=BUSY_TIMEOUT_SECONDS, isolation_level=None)


def _lock(path: Path) -> sqlite3.Connection:
    """Lock a file that stays empty, until the connection is closed; one that is not empty is replaced."""
    connection = _connect(path)
    try:
        connection.execute("BEGIN EXCLUSIVE")
    except sqlite3.Error as exc:
        connection.close()
        if not _is_damage(exc):
            raise
        path.unlink()
        return _lock(path)
    return connection


def _require_tables(connection: sqlite3.Connection) -> None:
    """Make them in an empty file. Raises DatabaseError for a file with other ones."""
    if not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        _make_tables(connection)
    if connection.execute("PRAGMA user_version").fetchone()[0] != VERSION:
        raise sqlite3.DatabaseError("another program's file")


def _make_tables(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.executescript(f"BEGIN; {SCHEMA} PRAGMA user_version = {VERSION}; COMMIT;")


def _is_damage(exc: sqlite3.Error) -> bool:
    # An error that the module itself raises (here: another program's file) has no code.
    code: int = getattr(exc, "sqlite_errorcode", sqlite3.SQLITE_NOTADB)
    return code & 0xFF in _DAMAGE


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _make_room(connection: sqlite3.Connection, allowed_bytes: int) -> None:
    """Delete the least recently used entries until the others take no more than `allowed_bytes`."""
    (total,) = connection.execute("SELECT size_bytes FROM totals").fetchone()
    if total <= allowed_bytes:
        return
    doomed = []
    for row_id, size_bytes in connection.execute("SELECT id, size_bytes FROM entries ORDER BY used"):
        if total <= allowed_bytes:
            break
        doomed.append((row_id,))
        total -= size_bytes
    connection.executemany("DELETE FROM entries WHERE id = ?", doomed)


def _count(connection: sqlite3.Connection, now: float) -> int:
    count: int = connection.execute("SELECT count(*) FROM entries WHERE expires_at > ?", (now,)).fetchone()[0]
    return count


def _give_back_space(connection: sqlite3.Connection) -> None:
    # A script, because `execute` would take one step of the vacuum, which is one page.
    connection.executescript("PRAGMA incremental_vacuum; PRAGMA wal_checkpoint(TRUNCATE);")
