"""Rows of tasks are written together, in their order, and one that cannot be holds up no other."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from imagegen.ledger import Ledger, TaskEnd, TaskStart, TaskState
from imagegen.task_journal import TaskJournal
from tests.ledger_world import PATIENCE_SECONDS, ledger_in, new_task_id

UNWRITABLE = {"image": b"PNG"}  # no JSON


def with_journal(folder: Path, work: Callable[[TaskJournal, Ledger], Awaitable[None]]) -> None:
    ledger = ledger_in(folder)

    async def run() -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await work(TaskJournal(ledger), ledger)

    asyncio.run(run())
    ledger.close()


async def all_written(journal: TaskJournal) -> None:
    while unfinished := journal.hurry():
        await asyncio.wait(unfinished)


def test_each_task_ends_after_it_has_begun_however_many_come_at_once(tmp_path: Path) -> None:
    async def work(journal: TaskJournal, ledger: Ledger) -> None:
        ids = [new_task_id() for _ in range(40)]
        for task_id in ids:
            journal.start(TaskStart(task_id, "v1", {}, survives_power_cut=False))
            journal.end(TaskEnd(task_id, TaskState.DONE, image_ids=(f"img_{task_id}",)))
            await asyncio.sleep(0)
        await all_written(journal)
        for task_id in ids:
            assert ledger.tasks.get(task_id).image_ids == (f"img_{task_id}",)
            assert ledger.tasks.get(task_id).state is TaskState.DONE

    with_journal(tmp_path, work)


def test_who_waits_for_a_beginning_finds_it_in_the_ledger(tmp_path: Path) -> None:
    async def work(journal: TaskJournal, ledger: Ledger) -> None:
        first, second = new_task_id(), new_task_id()
        one = journal.start(TaskStart(first, "v1", {"prompt": "a fox"}))
        await asyncio.sleep(0)  # the first is being written
        other = journal.start(TaskStart(second, "v1", {"prompt": "a hare"}))
        await other
        assert one.done()
        assert ledger.tasks.get(first).request == {"prompt": "a fox"}
        assert ledger.tasks.get(second).state is TaskState.RUNNING
        await all_written(journal)

    with_journal(tmp_path, work)


def test_ends_that_wait_for_company_are_written_with_a_beginning_that_somebody_awaits(tmp_path: Path) -> None:
    async def work(_: TaskJournal, ledger: Ledger) -> None:
        journal = TaskJournal(ledger, gather_seconds=2 * PATIENCE_SECONDS)
        ended, begun = new_task_id(), new_task_id()
        await journal.start(TaskStart(ended, "v1", {}))
        journal.end(TaskEnd(ended, TaskState.DONE, image_ids=("img_1",)))
        await journal.start(TaskStart(begun, "v1", {}))
        assert ledger.tasks.get(ended).state is TaskState.DONE
        await all_written(journal)

    with_journal(tmp_path, work)


def test_ends_are_written_soon_though_nobody_hurries(tmp_path: Path) -> None:
    async def work(journal: TaskJournal, ledger: Ledger) -> None:
        task_id = new_task_id()
        await journal.start(TaskStart(task_id, "v1", {}))
        journal.end(TaskEnd(task_id, TaskState.DONE, image_ids=("img_1",)))
        await asyncio.wait(asyncio.all_tasks() - {asyncio.current_task()})
        assert ledger.tasks.get(task_id).state is TaskState.DONE

    with_journal(tmp_path, work)


def test_a_row_that_cannot_be_written_keeps_nobody_waiting_and_the_next_are_written(tmp_path: Path) -> None:
    async def work(journal: TaskJournal, ledger: Ledger) -> None:
        good = new_task_id()
        bad = journal.start(TaskStart(new_task_id(), "v1", UNWRITABLE))
        failing = journal.hurry()
        await asyncio.sleep(0)
        after = journal.start(TaskStart(good, "v1", {}))
        await bad
        await after
        assert isinstance(failing[0].exception(), TypeError)
        assert ledger.tasks.get(good).state is TaskState.RUNNING
        await all_written(journal)

    with_journal(tmp_path, work)


def test_a_ledger_that_cannot_be_written_is_logged_and_keeps_nobody_waiting(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "ledger.sqlite3").mkdir()

    async def work(journal: TaskJournal, _: Ledger) -> None:
        await journal.start(TaskStart(new_task_id(), "v1", {}))
        await all_written(journal)

    with caplog.at_level(logging.WARNING):
        with_journal(tmp_path, work)
    assert "the ledger cannot be used for a task" in caplog.text
