"""Which processes are alive: a living one holds a lock file, named in every row that it has not closed."""

from __future__ import annotations

import secrets
import sqlite3
from contextlib import suppress
from pathlib import Path

from imagegen.ledger.file import LOCK_NAME
from imagegen.money import show_usd
from imagegen.sqlite_files import LockFile, held, is_held

FOLDER_NAME = "ledger.owners"


class Owners:
    """This process among the owners of running rows. One thread at a time.

    Lock files are made and swept under one more lock, so nobody sweeps one that has been made and is not
    locked yet.
    """

    def __init__(self, base: Path) -> None:
        self._folder = base / FOLDER_NAME
        self._lock_path = base / LOCK_NAME
        self._id: str | None = None
        self._lock: LockFile | None = None

    def mine(self) -> str:
        """The id of this process; from the first call until `release` it counts as alive."""
        if self._id is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            owner = secrets.token_hex(16)
            lock = LockFile(self._path(owner))
            with held(self._lock_path):
                lock.acquire()
            self._id, self._lock = owner, lock
        return self._id

    def is_claimed(self) -> bool:
        """Whether this process has an id already."""
        return self._id is not None

    def is_alive(self, owner: str) -> bool:
        """Whether the process is there; one that cannot be asked counts as alive."""
        return owner == self._id or is_held(self._path(owner))

    def sweep(self) -> None:
        """Delete what dead processes left."""
        with held(self._lock_path):
            for path in self._folder.glob("*.lock"):
                if not self.is_alive(path.stem):
                    with suppress(OSError):  # another user's
                        path.unlink()

    def release(self) -> None:
        """From here on this process counts as dead to the others."""
        owner, lock, self._id, self._lock = self._id, self._lock, None, None
        if owner is not None and lock is not None:
            lock.release()
            with suppress(OSError):
                self._path(owner).unlink()

    def _path(self, owner: str) -> Path:
        return self._folder / f"{owner}.lock"


def interrupt_the_dead(connection: sqlite3.Connection, owners: Owners, now_micros: int) -> str | None:
    """Close what dead processes left running; a sentence on what that means for the budgets, if anything.

    An attempt of theirs may have been billed, so it counts at its estimate. Within a transaction.
    """
    named = connection.execute(
        "SELECT owner FROM attempts WHERE outcome = 'running'"
        " UNION SELECT owner FROM tasks WHERE state = 'running'"
    ).fetchall()
    dead = [(owner,) for (owner,) in named if not owners.is_alive(owner)]
    count, charged = 0, 0
    for (owner,) in dead:
        rows, micro = connection.execute(
            "SELECT count(*), ifnull(sum(charged_micro_usd), 0) FROM attempts"
            " WHERE owner = ? AND outcome = 'running'",
            (owner,),
        ).fetchone()
        count, charged = count + rows, charged + micro
    connection.executemany(
        "UPDATE attempts SET outcome = 'interrupted', may_be_billed = 1, ended_at = ?"
        " WHERE owner = ? AND outcome = 'running'",
        [(now_micros, owner) for (owner,) in dead],
    )
    connection.executemany(
        "UPDATE tasks SET state = 'interrupted', updated_at = ? WHERE owner = ? AND state = 'running'",
        [(now_micros, owner) for (owner,) in dead],
    )
    if not count:
        return None
    calls = "A call was" if count == 1 else f"{count} calls were"
    return f"{calls} interrupted and may have been charged; budgets count {show_usd(charged)} for that."
