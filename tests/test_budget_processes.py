"""Processes that share a budget, and processes that die while they hold a part of it."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from imagegen.ledger import Ledger, Outcome, TaskState
from tests.ledger_world import (
    A_DOLLAR_A_DAY,
    NO_LIMITS,
    attempt,
    budget_processes,
    ledger_in,
    new_task_id,
    saved,
)


def used(ledger: Ledger) -> tuple[Decimal, Decimal]:
    today, _ = ledger.budgets(A_DOLLAR_A_DAY)
    return today.spent_usd, today.reserved_usd


def test_of_fifty_calls_for_five_cents_from_five_processes_twenty_fit_into_a_dollar(tmp_path: Path) -> None:
    orders = {"calls": 10, "estimate": "0.05", "cost": "0.05", "daily": "1"}
    ledger = ledger_in(tmp_path)
    with budget_processes(5, tmp_path, **orders) as processes:
        for process in processes:
            process.go()
        for process in processes:
            process.expect("reserved")
        assert used(ledger) == (Decimal(0), Decimal(1))
        for process in processes:
            process.go()
        results = [process.result() for process in processes]
    assert sum(result["passed"] for result in results) == 20
    assert sum(result["refused"] for result in results) == 30
    assert [result["notes"] for result in results] == [[]] * 5
    assert used(ledger) == (Decimal(1), Decimal(0))
    ledger.close()


def test_what_a_killed_process_had_reserved_counts_as_spent_from_the_next_start_on(tmp_path: Path) -> None:
    task_id = new_task_id()
    orders = {"task_ids": [task_id], "estimate": "0.05", "cost": "0.01", "daily": "1"}
    notes: list[str] = []
    ledger = ledger_in(tmp_path, note=notes.append)
    with budget_processes(1, tmp_path, **orders) as (process,):
        process.go()
        process.expect("reserved")
        assert ledger.tasks.get(task_id).state is TaskState.RUNNING
        assert ledger.tasks.interrupted() == ()
        process.kill()
    assert ledger.tasks.get(task_id).state is TaskState.INTERRUPTED
    assert [task.task_id for task in ledger.tasks.interrupted()] == [task_id]

    begun = ledger.attempts.begin(attempt("0.10"), A_DOLLAR_A_DAY)
    assert used(ledger) == (Decimal("0.05"), Decimal("0.10"))
    assert notes == ["A call was interrupted and may have been charged; budgets count $0.05 for that."]
    (interrupted,) = [row for row in ledger.spend.attempts() if row.task_id == task_id]
    assert interrupted.outcome is Outcome.INTERRUPTED
    assert interrupted.may_be_billed
    assert interrupted.cost_micro_usd is None
    assert ledger.spend.of_task(task_id).uncertain_usd == Decimal("0.05")
    ledger.attempts.close(begun, saved("0.10"))
    assert len(list((tmp_path / "ledger.owners").iterdir())) == 1  # the dead one's file is gone
    ledger.close()


def test_what_a_living_process_has_reserved_is_left_alone(tmp_path: Path) -> None:
    orders = {"calls": 3, "estimate": "0.05", "cost": "0.01", "daily": "1"}
    ledger = ledger_in(tmp_path)
    with budget_processes(1, tmp_path, **orders) as (process,):
        process.go()
        process.expect("reserved")
        begun = ledger.attempts.begin(attempt("0.10"), NO_LIMITS)
        ledger.settle_the_dead()
        assert used(ledger) == (Decimal(0), Decimal("0.25"))
        process.go()
        assert process.result() == {"passed": 3, "refused": 0, "notes": []}
    assert used(ledger) == (Decimal("0.03"), Decimal("0.10"))
    ledger.attempts.close(begun, saved("0.10"))
    ledger.close()


def test_processes_that_find_a_damaged_ledger_at_once_replace_it_once(tmp_path: Path) -> None:
    (tmp_path / "ledger.sqlite3").write_bytes(b"no database" * 1000)
    orders = {"calls": 10, "estimate": "0.05", "cost": "0.05", "daily": "1"}
    with budget_processes(3, tmp_path, **orders) as processes:
        for process in processes:
            process.go()
        for process in processes:
            process.expect("reserved")
        for process in processes:
            process.go()
        results = [process.result() for process in processes]
    assert sum(result["passed"] for result in results) == 20
    (note,) = [note for result in results for note in result["notes"]]
    (kept,) = tmp_path.glob("ledger.sqlite3.corrupt-*")
    assert f"was damaged and is kept as {kept}" in note
