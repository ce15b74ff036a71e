"""The ledger's file: new, damaged, deleted, read-only, or of a newer version."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from imagegen.errors import (
    BudgetExceeded,
    StorageError,
)
from imagegen.ledger import (
    Ledger,
    Outcome,
    TaskStart,
)
from imagegen.sqlite_files import connect, transaction, translate_database_errors
from tests.ledger_world import (
    A_DOLLAR_A_DAY,
    NO_LIMITS,
    REPOSITORY,
    Calendar,
    accounts_of,
    attempt,
    cost,
    image_cost,
    ledger_in,
    new_task_id,
    only_row,
    saved,
    spend,
)


def test_a_new_ledger_starts_from_what_the_stored_images_cost(tmp_path: Path) -> None:
    task_id, today = new_task_id(), Calendar().now
    images = [image_cost(task_id, "0.45", today, name) for name in ("img_1", "img_2")]
    ledger = ledger_in(tmp_path, images=images)
    with pytest.raises(BudgetExceeded, match=r"\$0\.90 spent"):
        ledger.attempts.begin(attempt("0.11"), A_DOLLAR_A_DAY)
    assert ledger.import_costs(images) == 0
    row = only_row(ledger)
    assert (row.n, row.image_ids, row.client) == (2, ("img_1", "img_2"), "imported")
    ledger.close()


def test_images_show_what_an_interrupted_call_really_cost(tmp_path: Path) -> None:
    notes: list[str] = []
    dying = ledger_in(tmp_path)
    begun = dying.attempts.begin(attempt("0.50"), NO_LIMITS)
    dying.close()
    ledger = ledger_in(tmp_path, note=notes.append)
    ledger.settle_the_dead()
    assert only_row(ledger).charged_micro_usd == 500_000
    assert ledger.import_costs([image_cost(begun.new.task_id, "0.04", Calendar().now)]) == 1
    row = only_row(ledger)
    assert (row.outcome, row.charged_micro_usd, row.image_ids) == (Outcome.SAVED, 40_000, ("img_1",))
    assert ledger.budgets(NO_LIMITS)[0].spent_usd == Decimal("0.04")
    assert len(notes) == 1
    ledger.close()


@pytest.mark.parametrize("content", [b"no database" * 1000, b""])
def test_a_file_that_is_no_ledger_is_kept_aside_loudly_and_replaced_from_images(
    tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "ledger.sqlite3").write_bytes(content)
    notes: list[str] = []
    images = [image_cost(new_task_id(), "0.90", Calendar().now)]
    ledger = ledger_in(tmp_path, note=notes.append, images=images)
    with pytest.raises(BudgetExceeded):
        ledger.attempts.begin(attempt("0.20"), A_DOLLAR_A_DAY)
    (kept,) = tmp_path.glob("ledger.sqlite3.corrupt-*")
    assert kept.read_bytes() == content
    assert notes == [
        f"The ledger {tmp_path / 'ledger.sqlite3'} was damaged and is kept as {kept}. Entries that could "
        "still be read: 0; calls known from their images: 1. Calls that were charged and left no image "
        "may be missing, so budgets may count too little."
    ]
    ledger.close()


def damage_an_index(path: Path) -> None:
    """Overwrite the first page of one index; the tables stay whole."""
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (page,) = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'attempts_by_time'"
        ).fetchone()
        (page_bytes,) = connection.execute("PRAGMA page_size").fetchone()
    connection.close()
    with path.open("r+b") as file:
        file.seek((page - 1) * page_bytes)
        file.write(b"\xff" * page_bytes)


def test_a_ledger_that_is_damaged_in_part_keeps_the_rows_that_can_be_read(tmp_path: Path) -> None:
    ledger = ledger_in(tmp_path)
    running = ledger.attempts.begin(attempt("0.05"), NO_LIMITS)
    for _ in range(50):
        ledger.attempts.close(ledger.attempts.begin(attempt("0.01"), NO_LIMITS), saved("0.01"))
    ledger.tasks.write([TaskStart(new_task_id(), "v1", {})])
    damage_an_index(tmp_path / "ledger.sqlite3")

    notes: list[str] = []
    other = ledger_in(tmp_path, note=notes.append)
    with pytest.raises(BudgetExceeded, match=r"\$0\.50 spent, \$0\.05 reserved"):
        other.attempts.begin(attempt("0.46"), A_DOLLAR_A_DAY)
    other.attempts.close(other.attempts.begin(attempt("0.45"), A_DOLLAR_A_DAY), saved("0.45"))
    ledger.attempts.close(running, saved("0.04"))
    assert other.budgets(NO_LIMITS)[0].spent_usd == Decimal("0.99")
    assert len(other.tasks.recent()) == 1
    (note,) = notes
    assert "could still be read: 52; calls known from their images: 0." in note
    ledger.close()
    other.close()


def test_a_call_that_runs_while_the_ledger_is_deleted_is_in_the_next_one(tmp_path: Path) -> None:
    ledger = ledger_in(tmp_path)
    running = ledger.attempts.begin(attempt("0.05"), NO_LIMITS)
    for path in tmp_path.glob("ledger.sqlite3*"):
        path.unlink()
    ledger.attempts.close(running, saved("0.04"))
    assert only_row(ledger).cost_micro_usd == 40_000
    assert ledger.budgets(NO_LIMITS)[0].spent_usd == Decimal("0.04")
    ledger.close()


def test_a_full_disk_is_named_as_such(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite3"
    connection = connect(path, "rwc")
    connection.execute("PRAGMA max_page_count = 3")
    with (
        pytest.raises(StorageError, match="No space is left on the disk for the ledger"),
        translate_database_errors("ledger", path),
        transaction(connection),
    ):
        for number in range(9):
            connection.execute(f"CREATE TABLE t{number} (x)")
    connection.close()


def newer_ledger(base: Path) -> Ledger:
    ledger = ledger_in(base)
    ledger.attempts.close(ledger.attempts.begin(attempt(), NO_LIMITS), saved())
    ledger.close()
    with sqlite3.connect(base / "ledger.sqlite3") as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    return ledger_in(base)


def test_a_ledger_that_cannot_be_used_stops_paid_calls_when_there_is_a_budget(tmp_path: Path) -> None:
    accounts = accounts_of(newer_ledger(tmp_path))
    with pytest.raises(StorageError, match=r"Nothing was sent: a budget .* newer imagegen") as refused:
        asyncio.run(spend(accounts))
    assert refused.value.hint == "Upgrade imagegen."


def test_a_ledger_that_cannot_be_used_stops_nothing_when_there_is_no_budget(tmp_path: Path) -> None:
    notes: list[str] = []
    asyncio.run(spend(accounts_of(newer_ledger(tmp_path), NO_LIMITS, notes.append)))
    assert len(notes) == 1
    assert "newer imagegen" in notes[0]


def test_a_ledger_that_fails_after_the_call_is_told_of_and_the_call_is_not_lost(tmp_path: Path) -> None:
    notes: list[str] = []
    ledger = ledger_in(tmp_path)

    async def call() -> None:
        async with accounts_of(ledger, note=notes.append).attempt(attempt()) as opened:
            opened.answered(cost("0.04"), request_id=None)
            with sqlite3.connect(ledger.path) as connection:
                connection.execute("PRAGMA user_version = 99")
            connection.close()
            ledger.path.touch()
            ledger.close()

    asyncio.run(call())
    assert len(notes) == 1
    assert notes[0].endswith("Until the next start, budgets count this call at its estimate.")


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A temporary folder that other users may enter."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


UNPRIVILEGED = """
import asyncio, concurrent.futures.thread, os, sys  # root's own Python, out of reach below
from pathlib import Path
from imagegen.errors import StorageError
from tests.ledger_world import A_DOLLAR_A_DAY, NO_LIMITS, accounts_of, ledger_in, spend
if os.getuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
ledger = ledger_in(Path(sys.argv[1]))
print(ledger.spend.total().cost_usd, ledger.budgets(A_DOLLAR_A_DAY)[0].spent_usd, len(ledger.tasks.recent()))
try:
    asyncio.run(spend(accounts_of(ledger)))
except StorageError as exc:
    print(exc)
asyncio.run(spend(accounts_of(ledger, NO_LIMITS, print)))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX permissions")
@pytest.mark.parametrize("left_open", [False, True])
def test_a_read_only_folder_shows_what_was_spent_and_stops_paid_calls_under_a_budget(
    open_folder: Path, left_open: bool
) -> None:
    base = open_folder / "base"
    ledger = ledger_in(base)
    ledger.attempts.close(ledger.attempts.begin(attempt(), NO_LIMITS), saved("0.04"))
    ledger.tasks.write([TaskStart(new_task_id(), "v1", {})])
    if not left_open:
        ledger.close()
    for path in base.glob("ledger.sqlite3*"):
        path.chmod(0o644)
    base.chmod(0o555)
    try:
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", UNPRIVILEGED, str(base)],
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
        )
    finally:
        base.chmod(0o755)
        ledger.close()
    assert done.returncode == 0, done.stderr
    sums, refusal, note = done.stdout.splitlines()
    assert sums == "0.040000 0.040000 1"
    assert refusal.startswith("Nothing was sent: a budget is set and cannot be kept.")
    assert f"Make the folder {base} writable" in refusal
    assert str(base) in note
    assert "What this call costs is written with its images only." in note


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX permissions")
def test_the_ledger_is_its_owners_alone_and_leaves_nothing_else_open(tmp_path: Path) -> None:
    ledger = ledger_in(tmp_path)
    ledger.attempts.begin(attempt(), NO_LIMITS)
    assert stat.S_IMODE((tmp_path / "ledger.sqlite3").stat().st_mode) == 0o600
    ledger.close()
    left = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*"))
    assert left == ["home", "ledger.lock", "ledger.owners", "ledger.sqlite3"]
