"""Durable tasks: what was asked for and what became of it, for whoever asks again later."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from imagegen.errors import NotFound
from imagegen.fingerprint import canonical_json
from imagegen.ledger.file import LedgerFile
from imagegen.ledger.owners import Owners
from imagegen.ledger.records import Task, TaskState, micros_of, moment_of, parse_task_id
from imagegen.types import EditRequest, GenerateRequest, JSONObject, asked_parameters

_COLUMNS = "task_id, fingerprint, state, request, image_ids, error, progress, created_at, updated_at, owner"
_START = f"INSERT INTO tasks ({_COLUMNS}) VALUES (?, ?, 'running', ?, '[]', NULL, NULL, ?, ?, ?)"  # noqa: S608
_END = "UPDATE tasks SET state = ?, image_ids = ?, error = ?, updated_at = ? WHERE task_id = ?"


@dataclass(frozen=True, slots=True)
class TaskStart:
    """A task that runs; `request` is a summary, see `summary_of`. Raises UsageError for a malformed id.

    What need not survive a power cut waits for no disk; the next `update` makes up for it.
    """

    task_id: str
    fingerprint: str
    request: Mapping[str, Any]
    survives_power_cut: bool = True

    def __post_init__(self) -> None:
        parse_task_id(self.task_id)


@dataclass(frozen=True, slots=True)
class TaskEnd:
    """What became of a task: the images that it made, or why there are none."""

    task_id: str
    state: TaskState
    image_ids: tuple[str, ...] = ()
    error: Mapping[str, Any] | None = None

    def columns(self) -> tuple[str, str, str | None]:
        """State, images and error as the table has them."""
        error = None if self.error is None else canonical_json(self.error)
        return self.state.value, json.dumps(list(self.image_ids)), error


class Tasks:
    """The tasks of a ledger, from any thread. All of it raises StorageError."""

    def __init__(self, file: LedgerFile, owners: Owners, *, clock: Callable[[], datetime]) -> None:
        self._file = file
        self._owners = owners
        self._clock = clock

    def update(self, task_id: str, progress: Mapping[str, Any]) -> None:
        """How far a running task has come; one that has ended stays as it is."""
        values = (canonical_json(progress), micros_of(self._clock()), task_id)
        statement = "UPDATE tasks SET progress = ?, updated_at = ? WHERE task_id = ? AND state = 'running'"
        self._file.write(lambda connection: connection.execute(statement, values))

    def write(self, starts: Sequence[TaskStart] = (), ends: Sequence[TaskEnd] = ()) -> None:
        """Write down which tasks run, and then what became of some, all at once.

        A power cut may undo an end: then a task counts as interrupted, though its images are in the history.
        """
        begun = [(start.task_id, start.fingerprint, canonical_json(start.request)) for start in starts]
        ended = [(end.columns(), end.task_id) for end in ends]

        def write(connection: sqlite3.Connection) -> None:
            now, owner = micros_of(self._clock()), self._owners.mine()
            connection.executemany(_START, [(*row, now, now, owner) for row in begun])
            connection.executemany(_END, [(*columns, now, task_id) for columns, task_id in ended])

        is_durable = any(start.survives_power_cut for start in starts)
        self._file.write(write, survives_power_cut=is_durable)

    def get(self, task_id: str) -> Task:
        """One task; that of a dead process is interrupted. Raises UsageError for a malformed id, NotFound."""
        parse_task_id(task_id)
        found = self._select("WHERE task_id = ?", task_id)
        if not found:
            raise NotFound(f"There is no task {task_id}.", task_id=task_id)
        return found[0]

    def recent(self, limit: int = 20) -> tuple[Task, ...]:
        """The newest tasks, newest first."""
        return self._select("ORDER BY created_at DESC, task_id LIMIT ?", limit)

    def interrupted(self, *, since: datetime | None = None) -> tuple[Task, ...]:
        """Tasks whose process died on the way, newest first."""
        earliest = 0 if since is None else micros_of(since)
        unfinished = self._select(
            "WHERE state IN ('interrupted', 'running') AND created_at >= ? ORDER BY created_at DESC", earliest
        )
        return tuple(task for task in unfinished if task.state is TaskState.INTERRUPTED)

    def _select(self, condition: str, value: str | int) -> tuple[Task, ...]:
        statement = f"SELECT {_COLUMNS} FROM tasks {condition}"  # noqa: S608 - our own words
        rows = self._file.read(lambda connection: connection.execute(statement, (value,)).fetchall())
        return tuple(self._task(row) for row in rows)

    def _task(self, row: tuple[Any, ...]) -> Task:
        task_id, fingerprint, state, request, image_ids, error, progress, created, updated, owner = row
        if state == TaskState.RUNNING and not self._owners.is_alive(owner):
            state = TaskState.INTERRUPTED
        return Task(
            task_id=task_id,
            fingerprint=fingerprint,
            state=TaskState(state),
            request=json.loads(request),
            image_ids=tuple(json.loads(image_ids)),
            error=None if error is None else json.loads(error),
            progress=None if progress is None else json.loads(progress),
            created_at=moment_of(created),
            updated_at=moment_of(updated),
        )


def summary_of(request: GenerateRequest) -> JSONObject:
    """A request as JSON: its words and parameters, and its inputs by where they come from, without bytes."""
    summary: JSONObject = {
        "operation": request.operation.value,
        "prompt": request.prompt,
        "provider": request.provider,
        "model": request.model,
        "parameters": asked_parameters(request),
        "template": request.template.name if request.template else None,
    }
    if isinstance(request, EditRequest):
        overlays = {"mask": request.mask, "markup": request.markup}
        summary["images"] = [image.image_id or f"sha256:{image.sha256}" for image in request.images]
        summary |= {
            name: image.image_id or f"sha256:{image.sha256}" for name, image in overlays.items() if image
        }
    return {name: value for name, value in summary.items() if value is not None}
