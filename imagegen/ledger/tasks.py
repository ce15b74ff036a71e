"""Durable tasks: what was asked for and what became of it, for whoever asks again later."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from imagegen.errors import NotFound
from imagegen.fingerprint import canonical_json
from imagegen.ledger.file import LedgerFile
from imagegen.ledger.owners import Owners
from imagegen.ledger.records import Task, TaskState, micros_of, moment_of, parse_task_id
from imagegen.types import EditRequest, GenerateRequest, JSONObject, asked_parameters

_COLUMNS = "task_id, fingerprint, state, request, image_ids, error, progress, created_at, updated_at, owner"


class Tasks:
    """The tasks of a ledger, from any thread. All of it raises StorageError."""

    def __init__(self, file: LedgerFile, owners: Owners, *, clock: Callable[[], datetime]) -> None:
        self._file = file
        self._owners = owners
        self._clock = clock

    def start(self, task_id: str, *, fingerprint: str, request: Mapping[str, Any]) -> None:
        """Write a running task down; `request` is a summary, see `summary_of`. Raises UsageError."""
        parse_task_id(task_id)
        summary = canonical_json(request)

        def start(connection: sqlite3.Connection) -> None:
            now = micros_of(self._clock())
            connection.execute(
                f"INSERT INTO tasks ({_COLUMNS}) VALUES (?,?,'running',?,'[]',NULL,NULL,?,?,?)",  # noqa: S608
                (task_id, fingerprint, summary, now, now, self._owners.mine()),
            )

        self._file.write(start)

    def update(self, task_id: str, progress: Mapping[str, Any]) -> None:
        """How far a running task has come; one that has ended stays as it is."""
        self._set(
            "UPDATE tasks SET progress = ?, updated_at = ? WHERE task_id = ? AND state = 'running'",
            canonical_json(progress),
            task_id,
        )

    def finish(self, task_id: str, image_ids: Sequence[str]) -> None:
        """The task has made these images."""
        self._set(
            "UPDATE tasks SET state = 'done', error = NULL, image_ids = ?, updated_at = ? WHERE task_id = ?",
            json.dumps(list(image_ids)),
            task_id,
        )

    def fail(self, task_id: str, error: Mapping[str, Any], *, cancelled: bool = False) -> None:
        """The task has failed, or was cancelled; `error` is that of `ImagegenError.to_json`."""
        state = TaskState.CANCELLED if cancelled else TaskState.FAILED
        self._set(
            f"UPDATE tasks SET state = '{state}', error = ?, updated_at = ? WHERE task_id = ?",  # noqa: S608
            canonical_json(error),
            task_id,
        )

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

    def _set(self, statement: str, value: str, task_id: str) -> None:
        values = (value, micros_of(self._clock()), task_id)
        self._file.write(lambda connection: connection.execute(statement, values))

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
