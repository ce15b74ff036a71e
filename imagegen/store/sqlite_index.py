"""The Index in one SQLite file."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Self

from imagegen.errors import StorageError, UsageError
from imagegen.sqlite_files import migrate, run_script, version_of
from imagegen.store.index import IndexDamaged, IndexReadOnly, Sums
from imagegen.store.migrations import LATEST, RECOUNT, STEPS
from imagegen.store.queries import (
    moment_of,
    page_statement,
    position_of,
    row_of,
    searchable,
    write_cursor,
)
from imagegen.store.sidecar import dollars, read_sidecar
from imagegen.types import HistoryPage, HistoryQuery, ImageRecord, SpendRow

BUSY_TIMEOUT_SECONDS = 30
REBUILD_CACHE_KIB = 128 * 1024


def _always(_: ImageRecord) -> bool:
    return True


class SqliteIndex:
    """The Index in one SQLite file. One thread at a time."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path

    @classmethod
    def open(cls, path: Path, *, writable: bool) -> Self:
        """Open an existing index. Raises IndexDamaged for a file that is none, IndexReadOnly."""
        with translate_index_errors(path):
            if writable:
                return cls._opened(f"{path.absolute().as_uri()}?mode=rw", path)
            try:
                return cls._opened(f"{path.absolute().as_uri()}?mode=ro", path)
            except (sqlite3.OperationalError, IndexReadOnly):
                if path.with_name(f"{path.name}-wal").exists():
                    raise
                # Without a log beside it, the file is complete and nobody is writing it.
                return cls._opened(f"{path.absolute().as_uri()}?immutable=1", path)

    @classmethod
    def create(cls, path: Path) -> Self:
        """A new index for bulk loading: fast and unsafe until `finish`."""
        with translate_index_errors(path):
            index = cls(_connect(f"{path.absolute().as_uri()}?mode=rwc"), path)
            with index._closed_on_failure():
                for pragma in ("journal_mode=OFF", "synchronous=OFF", f"cache_size=-{REBUILD_CACHE_KIB}"):
                    index._connection.execute(f"PRAGMA {pragma}")
                migrate(index._connection, STEPS)
            return index

    @classmethod
    def in_memory(cls, path: Path) -> Self:
        """An empty index that lives in memory; `path` is what messages name."""
        index = cls(_connect("file::memory:"), path)
        with index._closed_on_failure(), translate_index_errors(path):
            migrate(index._connection, STEPS)
        return index

    @classmethod
    def _opened(cls, uri: str, path: Path) -> Self:
        index = cls(_connect(uri), path)
        with index._closed_on_failure(), translate_index_errors(path):
            index._check_version(writable="mode=rw" in uri)
            index._connection.execute("PRAGMA synchronous=NORMAL")
        return index

    @contextmanager
    def _closed_on_failure(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self._connection.close()
            raise

    def _check_version(self, *, writable: bool) -> None:
        version = version_of(self._connection)
        if version > LATEST:
            raise StorageError(
                f"A newer imagegen wrote the index {self._path}: version {version}, not {LATEST}.",
                hint="Upgrade imagegen, or delete that file: it is built anew from the sidecars.",
            )
        if version == 0:
            raise IndexDamaged(f"{self._path} is no index of imagegen.")
        if version < LATEST and writable:
            migrate(self._connection, STEPS)

    def finish(self) -> None:
        """Make a bulk-loaded index ready for several processes, once it is closed."""
        with translate_index_errors(self._path):
            self._connection.execute("PRAGMA journal_mode=WAL")

    def close(self) -> None:
        """Release the file."""
        self._connection.close()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with translate_index_errors(self._path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):  # a full disk has already rolled it back
                    self._connection.execute("ROLLBACK")
                raise

    def _rows(self, sql: str, *values: Any) -> list[Any]:
        with translate_index_errors(self._path):
            return self._connection.execute(sql, values).fetchall()

    def add(
        self, records: Iterable[ImageRecord], *, only_if: Callable[[ImageRecord], bool] = _always
    ) -> None:
        """Add or replace records in one transaction, leaving out those that `only_if` denies within it."""
        with self._transaction() as connection:
            for record in records:
                if only_if(record):
                    self._remove(connection, record.image_id)
                    self._insert(connection, record)

    def _insert(self, connection: sqlite3.Connection, record: ImageRecord) -> None:
        position = position_of(record)
        while connection.execute("SELECT 1 FROM images WHERE position = ?", (position,)).fetchone():
            position += 1
        connection.execute("INSERT INTO images VALUES (?,?,?,?,?,?,?,?,?,?)", (position, *row_of(record)))
        connection.execute(
            "INSERT INTO prompts (rowid, prompt) VALUES (?, ?)", (position, searchable(record.prompt))
        )
        connection.executemany(
            "INSERT OR IGNORE INTO parents VALUES (?, ?)",
            [(searchable(parent), position) for parent in record.parents],
        )

    def _remove(self, connection: sqlite3.Connection, image_id: str) -> None:
        found = connection.execute(
            "SELECT position, sidecar FROM images WHERE image_id = ?", (image_id,)
        ).fetchone()
        if found is None:
            return
        position, sidecar = found
        prompt = searchable(_record(sidecar).prompt)  # the word index forgets only what it is told again
        connection.execute(
            "INSERT INTO prompts (prompts, rowid, prompt) VALUES ('delete', ?, ?)", (position, prompt)
        )
        connection.execute("DELETE FROM parents WHERE position = ?", (position,))
        connection.execute("DELETE FROM images WHERE position = ?", (position,))

    def remove(self, image_ids: Iterable[str]) -> None:
        """Remove what is there of these ids, in one transaction."""
        with self._transaction() as connection:
            for image_id in image_ids:
                self._remove(connection, image_id)

    def prune(self, *, keep: set[str], is_gone: Callable[[ImageRecord], bool]) -> int:
        """Remove the records not in `keep` that are gone; how many those were."""
        suspects = [row[0] for row in self._rows("SELECT image_id FROM images") if row[0] not in keep]
        removed = 0
        with self._transaction() as connection:
            for image_id in suspects:
                record = self.get(image_id)
                if record is not None and is_gone(record):
                    self._remove(connection, image_id)
                    removed += 1
        return removed

    def recount(self) -> None:
        """Compute the sums anew from the records."""
        with self._transaction() as connection:
            run_script(connection, RECOUNT)

    def check(self) -> None:
        """Raise IndexDamaged when the file is not sound."""
        verdict = self._rows("PRAGMA quick_check(1)")[0][0]
        if verdict != "ok":
            raise IndexDamaged(f"{self._path} is damaged: {verdict}.")

    def get(self, image_id: str) -> ImageRecord | None:
        """One record."""
        rows = self._rows("SELECT sidecar FROM images WHERE image_id = ?", image_id)
        return _record(rows[0][0]) if rows else None

    def page(self, query: HistoryQuery, *, oldest_first: bool = False) -> HistoryPage:
        """One page. Raises UsageError for a cursor that is none."""
        if query.limit < 1:
            raise UsageError(f"A page cannot have {query.limit} images.", hint="Ask for 1 or more.")
        statement = page_statement(self._with_provider(query), oldest_first=oldest_first)
        rows = self._rows(statement.sql, *statement.values)
        more = len(rows) > query.limit
        rows = rows[: query.limit]
        return HistoryPage(
            images=tuple(_record(sidecar) for _, sidecar in rows),
            next_cursor=write_cursor(rows[-1][0]) if more else None,
        )

    def _with_provider(self, query: HistoryQuery) -> HistoryQuery:
        """`provider/model` split where the history knows that pair; a model's own name may hold a `/`."""
        provider, slash, model = (query.model or "").partition("/")
        if not slash or query.provider is not None:
            return query
        pair = self._rows("SELECT 1 FROM sums WHERE provider = ? AND model = ? LIMIT 1", provider, model)
        return replace(query, provider=provider, model=model) if pair else query

    def ids_starting_with(self, prefix: str, limit: int) -> tuple[str, ...]:
        """Image ids, newest first."""
        rows = self._rows(
            "SELECT image_id FROM images WHERE image_id >= ? AND image_id < ? ORDER BY image_id DESC LIMIT ?",
            prefix,
            f"{prefix}\U0010ffff",
            limit,
        )
        return tuple(row[0] for row in rows)

    def made_from(self, parents: Sequence[str]) -> tuple[ImageRecord, ...]:
        """The records that name one of `parents`, oldest first."""
        places = ",".join("?" * len(parents))
        children = f"SELECT position FROM parents WHERE parent IN ({places})"  # noqa: S608  # places are `?`
        rows = self._rows(
            f"SELECT sidecar FROM images WHERE position IN ({children}) ORDER BY position",  # noqa: S608  # as above
            *parents,
        )
        return tuple(_record(row[0]) for row in rows)

    def find_sha256(self, sha256: str) -> tuple[ImageRecord, ...]:
        """The records with these bytes, newest first."""
        rows = self._rows(
            "SELECT sidecar FROM images WHERE sha256 = ? ORDER BY position DESC", bytes.fromhex(sha256)
        )
        return tuple(_record(row[0]) for row in rows)

    def data_version(self) -> int:
        """A number that has changed when another connection has changed the file."""
        version: int = self._rows("PRAGMA data_version")[0][0]
        return version

    def sums(self, since: datetime | None) -> Sums:
        """The statistics; rows cover the UTC day of `since` and later."""
        day = f"{since.astimezone(UTC):%Y-%m-%d}" if since else ""
        total = self._spend("'' AS key", "", order="key")
        ends = self._rows("SELECT min(position) FROM images UNION ALL SELECT max(position) FROM images")
        oldest, newest = (moment_of(row[0]) if row[0] is not None else None for row in ends)
        everything = (
            total[0]
            if total
            else SpendRow(key="", images=0, size_bytes=0, cost_usd=Decimal(0), unknown_cost=0)
        )
        return Sums(
            images=everything.images,
            size_bytes=everything.size_bytes,
            cost_usd=everything.cost_usd,
            unknown_cost=everything.unknown_cost,
            oldest=oldest,
            newest=newest,
            by_model=self._spend("provider || '/' || model AS key", day, order="4 DESC, 2 DESC, key"),
            by_day=self._spend("day AS key", day, order="key"),
        )

    def _spend(self, key: str, day: str, *, order: str) -> tuple[SpendRow, ...]:
        rows = self._rows(
            f"SELECT {key}, sum(images), sum(size_bytes), sum(cost_micro_usd), sum(unknown_cost)"  # noqa: S608
            f" FROM sums WHERE day >= ? GROUP BY key ORDER BY {order}",
            day,
        )
        return tuple(
            SpendRow(key=key, images=images, size_bytes=size, cost_usd=dollars(micro), unknown_cost=unknown)
            for key, images, size, micro, unknown in rows
        )


def _record(sidecar: str) -> ImageRecord:
    try:
        return read_sidecar(sidecar)
    except StorageError as exc:
        raise IndexDamaged(f"The index holds a record that cannot be read. {exc.message}") from exc


def _connect(uri: str) -> sqlite3.Connection:
    return sqlite3.connect(
        uri, uri=True, timeout=BUSY_TIMEOUT_SECONDS, isolation_level=None, check_same_thread=False
    )


@contextmanager
def translate_index_errors(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into a StorageError that names the index and the next step."""
    try:
        yield
    except sqlite3.Error as exc:
        raise _index_error(exc, path) from exc


def _index_error(exc: sqlite3.Error, path: Path) -> StorageError:
    code = getattr(exc, "sqlite_errorcode", 0) & 0xFF  # the upper bits only refine it
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB) or str(exc).startswith(
        ("no such table", "no such col")
    ):
        return IndexDamaged(f"The index {path} is damaged: {exc}.")
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN):
        return IndexReadOnly(
            f"The index {path} cannot be opened for writing: {exc}.",
            hint=f"Make the folder {path.parent} writable, or set STORAGE__BASE_PATH.",
        )
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return StorageError(
            f"The index {path} was locked by another process for {BUSY_TIMEOUT_SECONDS} seconds.",
            hint="Try again when it is done.",
        )
    if code == sqlite3.SQLITE_FULL:
        return StorageError(
            f"No space is left on the disk for the index {path}.", hint="Free some space, then run it again."
        )
    return StorageError(
        f"The index {path} cannot be used: {exc}.", hint="Build it anew: imagegen history reindex"
    )
