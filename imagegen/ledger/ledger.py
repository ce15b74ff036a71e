"""The ledger: what was spent and is being spent, and durable tasks, in one SQLite file.

It is no derived data: nothing else knows of calls that were charged and brought no image.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path

from imagegen.ledger.attempts import Attempts, import_costs
from imagegen.ledger.budget import BudgetLimits, BudgetStatus, check, statuses
from imagegen.ledger.file import LedgerFile, Note
from imagegen.ledger.owners import Owners
from imagegen.ledger.records import ImageCost, NewAttempt, day_of, micros_of, utc_now
from imagegen.ledger.spend import SpendBook
from imagegen.ledger.tasks import Tasks

ImageCosts = Callable[[], Iterable[ImageCost]]


class Ledger:
    """The ledger of a folder, shared by all processes, for any thread. Build it with `open_ledger()`."""

    def __init__(
        self,
        base: Path,
        *,
        note: Note,
        image_costs: ImageCosts,
        file_mode: int,
        clock: Callable[[], datetime],
    ) -> None:
        self._clock = clock
        self._file = LedgerFile(
            base,
            file_mode=file_mode,
            restore=lambda connection: import_costs(connection, image_costs()),
            note=note,
        )
        self._owners = Owners(base)
        self.attempts = Attempts(self._file, self._owners, clock=clock, note=note)
        self.tasks = Tasks(self._file, self._owners, clock=clock)
        self.spend = SpendBook(self._file)

    @property
    def path(self) -> Path:
        """The file."""
        return self._file.path

    def budgets(self, limits: BudgetLimits) -> tuple[BudgetStatus, ...]:
        """The daily and the monthly budget, as they are now. Raises StorageError."""
        return self._file.read(lambda connection: statuses(connection, limits, self._clock()))

    def check(self, new: NewAttempt, limits: BudgetLimits) -> None:
        """Raise BudgetExceeded where the attempt would not fit now. Reserves nothing. Raises StorageError."""
        self._file.read(lambda connection: check(connection, limits, new, self._clock()))

    def check_writable(self) -> None:
        """Raise StorageError where nothing could be written down. Makes no file."""
        if self._file.path.exists():
            self._file.write(lambda _: None)

    def settle_the_dead(self) -> None:
        """Mark what dead processes left running as interrupted; its attempts count at their estimates.

        Happens by itself before the first call of a process; a server does it now and then.
        """
        if self._file.path.exists() and self._file.is_writable():
            self.attempts.settle_the_dead()

    def import_costs(self, costs: Iterable[ImageCost]) -> int:
        """Add calls that only their images tell of; how many those were. Once is as good as twice."""
        known = list(costs)
        return self._file.write(lambda connection: import_costs(connection, known))

    def prune(self, *, tasks_before: datetime, attempts_before: datetime) -> int:
        """Forget what ended before these times, but no attempt of this month; how many rows those were."""
        first_of_month = f"{day_of(self._clock())[:7]}-01"

        def prune(connection: sqlite3.Connection) -> int:
            tasks = connection.execute(
                "DELETE FROM tasks WHERE created_at < ? AND state <> 'running'", (micros_of(tasks_before),)
            )
            attempts = connection.execute(
                "DELETE FROM attempts WHERE started_at < ? AND day < ? AND outcome <> 'running'",
                (micros_of(attempts_before), first_of_month),
            )
            connection.execute("DELETE FROM days WHERE day NOT IN (SELECT day FROM attempts)")
            return tasks.rowcount + attempts.rowcount

        return self._file.write(prune)

    def close(self) -> None:
        """Release the files. What is still running then counts as interrupted from here on."""
        self._file.close()
        self._owners.release()


def open_ledger(
    base: Path,
    *,
    note: Note,
    image_costs: ImageCosts = tuple,
    file_mode: int = 0o600,
    clock: Callable[[], datetime] = utc_now,
) -> Ledger:
    """The ledger in `base`. Touches no disk until it is asked something.

    `image_costs` tells what the stored images cost: a ledger that is missing or damaged starts from them.
    `note` hears of repairs and of calls that were interrupted. `clock` gives aware UTC times.
    """
    return Ledger(base, note=note, image_costs=image_costs, file_mode=file_mode, clock=clock)
