"""Durable tasks: found again by their ids, whatever became of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from imagegen.errors import (
    NotFound,
    ProviderUnavailable,
    UsageError,
)
from imagegen.ledger import (
    TaskEnd,
    TaskStart,
    TaskState,
    summary_of,
)
from imagegen.types import EditRequest, GenerateRequest, InputImage
from tests.ledger_world import (
    A_DOLLAR_A_DAY,
    NO_LIMITS,
    Calendar,
    attempt,
    ledger_in,
    new_task_id,
    saved,
)


def test_many_ends_are_written_at_once(tmp_path: Path) -> None:
    ledger = ledger_in(tmp_path)
    done, failed, running = (new_task_id() for _ in range(3))
    for task_id in (done, failed, running):
        ledger.tasks.write([TaskStart(task_id, "v1", {}, survives_power_cut=False)])
    ledger.tasks.write(
        ends=[
            TaskEnd(done, TaskState.DONE, image_ids=("img_1", "img_2")),
            TaskEnd(failed, TaskState.FAILED, error={"code": "network"}),
        ]
    )
    assert ledger.tasks.get(done).image_ids == ("img_1", "img_2")
    assert (ledger.tasks.get(done).state, ledger.tasks.get(done).error) == (TaskState.DONE, None)
    assert (ledger.tasks.get(failed).state, ledger.tasks.get(failed).error) == (
        TaskState.FAILED,
        {"code": "network"},
    )
    assert ledger.tasks.get(running).state is TaskState.RUNNING
    ledger.close()


TASK_ID = "task_0b9d1c52-5a3e-4f0e-9c1d-2f6f3a7b8c9d"


def test_a_task_is_found_by_its_id_in_every_state_by_every_process(tmp_path: Path) -> None:
    clock = Calendar()
    ledger, other = ledger_in(tmp_path, clock=clock), ledger_in(tmp_path, clock=clock)
    done, failed, cancelled = (new_task_id() for _ in range(3))
    for task_id in (done, failed, cancelled):
        ledger.tasks.write([TaskStart(task_id, "v1:sha256:0", {"prompt": "a fox"})])
        clock.passes(seconds=1)
    ledger.tasks.update(done, {"stage": "sending", "elapsed_seconds": 5})
    task = other.tasks.get(done)
    assert (task.state, task.request, task.fingerprint) == (
        TaskState.RUNNING,
        {"prompt": "a fox"},
        "v1:sha256:0",
    )
    assert task.progress == {"stage": "sending", "elapsed_seconds": 5}
    assert task.updated_at - task.created_at == timedelta(seconds=3)

    ledger.tasks.write(ends=[TaskEnd(done, TaskState.DONE, image_ids=("img_1",))])
    ledger.tasks.write(ends=[TaskEnd(failed, TaskState.FAILED, error=ProviderUnavailable("down").to_json())])
    ledger.tasks.write(ends=[TaskEnd(cancelled, TaskState.CANCELLED, error={"code": "cancelled"})])
    ledger.tasks.update(done, {"stage": "late"})
    assert other.tasks.get(done).image_ids == ("img_1",)
    assert other.tasks.get(done).progress == {"stage": "sending", "elapsed_seconds": 5}
    error = other.tasks.get(failed).error
    assert error is not None
    assert error["code"] == "provider_unavailable"
    assert [(task.task_id, task.state) for task in other.tasks.recent()] == [
        (cancelled, TaskState.CANCELLED),
        (failed, TaskState.FAILED),
        (done, TaskState.DONE),
    ]
    assert [task.task_id for task in other.tasks.recent(limit=1)] == [cancelled]
    assert other.tasks.interrupted() == ()
    ledger.close()
    other.close()


@pytest.mark.parametrize("text", ["", "task_1", f"task_{'0' * 36}", f"{TASK_ID}'", "../ledger"])
def test_a_text_that_is_no_task_id_is_refused_before_the_ledger_is_asked(tmp_path: Path, text: str) -> None:
    ledger = ledger_in(tmp_path / "base")
    with pytest.raises(UsageError, match="no task id"):
        ledger.tasks.get(text)
    with pytest.raises(UsageError):
        ledger.tasks.write([TaskStart(text, "", {})])
    assert not (tmp_path / "base").exists()


def test_a_task_that_nobody_started_is_not_found_and_asking_makes_no_file(tmp_path: Path) -> None:
    ledger = ledger_in(tmp_path)
    with pytest.raises(NotFound):
        ledger.tasks.get(new_task_id())
    assert ledger.tasks.recent() == ledger.tasks.interrupted() == ()
    assert ledger.spend.by("day") == ()
    assert ledger.budgets(A_DOLLAR_A_DAY)[0].spent_usd == 0
    assert list(tmp_path.glob("ledger*")) == []
    ledger.close()


def test_a_summary_names_inputs_and_holds_none_of_their_bytes(tmp_path: Path) -> None:
    image = InputImage(
        data=b"PNG" * 1000, format="png", width=1, height=1, sha256="ab" * 32, has_alpha=False, source="x.png"
    )
    kept = InputImage(
        data=b"PNG",
        format="png",
        width=1,
        height=1,
        sha256="cd" * 32,
        has_alpha=False,
        source="y",
        image_id="img_7",
    )
    summary = summary_of(EditRequest(prompt="red", images=(image, kept), mask=image, size="1024x1024"))
    assert summary == {
        "operation": "edit",
        "prompt": "red",
        "parameters": {"size": "1024x1024"},
        "images": [f"sha256:{'ab' * 32}", "img_7"],
        "mask": f"sha256:{'ab' * 32}",
    }
    ledger, task_id = ledger_in(tmp_path), new_task_id()
    ledger.tasks.write([TaskStart(task_id, "v1", summary_of(GenerateRequest(prompt="a fox")))])
    assert ledger.tasks.get(task_id).request == {
        "operation": "generate",
        "prompt": "a fox",
        "parameters": {},
    }
    with pytest.raises(TypeError):
        ledger.tasks.write([TaskStart(new_task_id(), "v1", {"image": b"PNG"})])
    ledger.close()


def test_old_tasks_and_attempts_are_forgotten_but_nothing_of_this_month(tmp_path: Path) -> None:
    clock = Calendar(datetime(2026, 10, 31, tzinfo=UTC))
    ledger = ledger_in(tmp_path, clock=clock)
    old, running, new = (new_task_id() for _ in range(3))
    for task_id in (old, running):
        ledger.tasks.write([TaskStart(task_id, "v1", {})])
    ledger.tasks.write(ends=[TaskEnd(old, TaskState.DONE)])
    ledger.attempts.close(ledger.attempts.begin(attempt(task_id=old), NO_LIMITS), saved())
    still = ledger.attempts.begin(attempt(task_id=running), NO_LIMITS)
    clock.passes(days=1)
    ledger.tasks.write([TaskStart(new, "v1", {})])
    ledger.attempts.close(ledger.attempts.begin(attempt(task_id=new), NO_LIMITS), saved())
    clock.passes(days=20)
    assert ledger.prune(tasks_before=datetime(2026, 11, 1, tzinfo=UTC), attempts_before=clock.now) == 2
    assert [task.task_id for task in ledger.tasks.recent()] == [new, running]
    assert [row.task_id for row in ledger.spend.attempts()] == [running, new]
    assert ledger.budgets(NO_LIMITS)[1].spent_usd == Decimal("0.04")
    ledger.attempts.close(still, saved("0.05"))
    assert [line.charged_usd for line in ledger.spend.by("day")] == [Decimal("0.05"), Decimal("0.04")]
    ledger.close()
