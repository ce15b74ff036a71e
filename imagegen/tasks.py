"""A generation as a durable task: it goes on when nobody waits for it, and can be asked for later.

A task is written down when its call is sent. What is free, cached or refused before that costs nothing and
is kept in this process only.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from imagegen.errors import ImagegenError, Interrupted, NotFound
from imagegen.ledger import TaskEnd, TaskStart, TaskState, parse_task_id, summary_of
from imagegen.pipeline import new_task_id
from imagegen.planning import Plan
from imagegen.reuse import fingerprint_of_plan
from imagegen.service import ImageService
from imagegen.task_journal import TaskJournal, logged
from imagegen.tasks_report import TaskReport, result_of
from imagegen.types import GenerationResult, JSONObject, Progress

Saved = Callable[[GenerationResult], None]

STARTING = "starting"
NEWS = frozenset({"sending", "partial", "retrying"})  # of the others, the end follows at once
QUIET_SECONDS = 0.25  # what is done within that time needs no progress
REMEMBERED = 256  # finished tasks that are answered from memory
log = logging.getLogger(__name__)


@dataclass(eq=False, slots=True)
class RunningTask:
    """One call under way or, until it is forgotten, at its end. `news` is set when there is any to tell."""

    task_id: str
    plan: Plan
    model: str
    fingerprint: str
    expected_seconds: float | None = None
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    updated_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    started: float = field(default_factory=time.monotonic)
    stage: str = STARTING
    partial_images: int = 0
    image_ids: tuple[str, ...] = ()
    news: asyncio.Event = field(default_factory=asyncio.Event)
    written: asyncio.Future[None] | None = None
    error: BaseException | None = None
    work: asyncio.Task[GenerationResult] = field(init=False)

    @property
    def elapsed_seconds(self) -> float:
        return time.monotonic() - self.started


class Tasks:
    """Starts calls, joins equal ones, waits for them and tells of them. Usable from one event loop."""

    def __init__(self, service: ImageService) -> None:
        self._service = service
        self._ledger = service.spending.ledger
        self._listeners: list[Saved] = []
        self._running: dict[str, RunningTask] = {}
        self._known: OrderedDict[str, RunningTask] = OrderedDict()
        self._journal = TaskJournal(self._ledger)

    def on_saved(self, listener: Saved) -> None:
        """Tell the listener of every result with new images from here on."""
        self._listeners.append(listener)

    @property
    def running(self) -> int:
        """How many calls are under way."""
        return len(self._running)

    async def start(self, plan: Plan, *, durable: bool = False) -> RunningTask:
        """Begin the call, or join an equal one that is running.

        With `durable` the task is written down before this returns, so that any process can be asked for it.
        """
        task = self._begin(plan)
        if durable:
            await self._write_down(task)
        return task

    async def wait(
        self,
        task: RunningTask,
        *,
        seconds: float,
        every_seconds: float,
        on_news: Callable[[RunningTask], Awaitable[None]],
    ) -> GenerationResult | None:
        """The result, or None when it is not there after `seconds`; raises what the call raised.

        `on_news` hears of all that is worth telling, at least every `every_seconds`. Who stops waiting leaves
        the task be.
        """
        deadline = time.monotonic() + seconds
        await asyncio.wait({task.work}, timeout=min(seconds, every_seconds, QUIET_SECONDS))
        if not task.work.done():
            await self._look_up_duration(task)
        while not task.work.done() and (left := deadline - time.monotonic()) > 0:
            task.news.clear()
            await on_news(task)
            await _news_of(task, seconds=min(left, every_seconds))
        if task.work.cancelled():
            raise _stopped()
        if task.work.done():
            return task.work.result()
        await self._write_down(task)
        await self._make_sure_of(task)
        return None

    async def under_way(self, task: RunningTask, *, seconds: float) -> None:
        """Return when the call is sent or has ended, or after that many seconds."""
        if task.stage == STARTING and not task.work.done():
            await _news_of(task, seconds=seconds)

    async def report(self, task_id: str) -> TaskReport:
        """Where a task stands, of this process or another. Raises UsageError for a malformed id, NotFound."""
        parse_task_id(task_id)
        task = self.find(task_id)
        if task is None:
            return await self._report_of_another(task_id)
        if not task.work.done():
            await self._look_up_duration(task)
        return _report_of(task)

    def find(self, task_id: str) -> RunningTask | None:
        """The task, where it runs or ran in this process and is not forgotten."""
        running = (task for task in self._running.values() if task.task_id == task_id)
        return next(running, None) or self._known.get(task_id)

    async def drain(self) -> None:
        """Wait for everything that is running: it may be paid for."""
        while unfinished := [*(task.work for task in self._running.values()), *self._journal.hurry()]:
            await asyncio.wait(unfinished)

    async def aclose(self, *, grace_seconds: float) -> None:
        """Give running calls that much time; then stop those without an answer and finish saving the rest."""
        works = [task.work for task in self._running.values()]
        if works:
            log.info("waiting for %d running calls", len(works))
            _, late = await asyncio.wait(works, timeout=grace_seconds)
            for work in late:
                work.cancel()
        await self.drain()

    # How a task runs

    def _begin(self, plan: Plan) -> RunningTask:
        key = fingerprint_of_plan(plan)
        running = self._running.get(key)
        if running is not None:
            return running
        task = RunningTask(new_task_id(), plan, plan.model.full_name, key)
        task.work = asyncio.create_task(self._carry_out(task))
        task.work.add_done_callback(lambda _: self._land(task))
        self._running[key] = task
        return task

    async def _carry_out(self, task: RunningTask) -> GenerationResult:
        try:
            result = await self._call(task)
            task.image_ids = tuple(record.image_id for record in result.images)
        except BaseException as error:
            self._close(task, error)
            raise
        self._close(task, None)
        for listener in () if result.cached else self._listeners:
            listener(result)
        return result

    async def _call(self, task: RunningTask) -> GenerationResult:
        loop = asyncio.get_running_loop()

        def hear(progress: Progress) -> None:
            task.image_ids = progress.image_ids
            loop.call_soon_threadsafe(self._note, task, progress)  # a provider may work in a thread

        return await self._service.carry_out(task.plan, on_progress=hear, task_id=task.task_id)

    def _note(self, task: RunningTask, progress: Progress) -> None:
        task.stage = progress.stage
        task.updated_at = datetime.now(UTC)
        task.partial_images += progress.stage == "partial"
        if progress.stage in NEWS:
            task.news.set()
        if progress.stage == "sending" and task.written is None and not task.work.done():
            task.written = self._journal.start(_start_of(task, survives_power_cut=False))

    async def _write_down(self, task: RunningTask) -> None:
        if task.written is None:
            task.written = self._journal.start(_start_of(task, survives_power_cut=True))
        await asyncio.shield(task.written)

    async def _make_sure_of(self, task: RunningTask) -> None:
        """From here on somebody has the id and nothing else: not even a power cut may lose the task."""
        progress = {"stage": task.stage, "partial_images": task.partial_images}
        await logged(lambda: self._ledger.tasks.update(task.task_id, progress))

    def _close(self, task: RunningTask, error: BaseException | None) -> None:
        """Have the end written down; only a written task has one. Nobody who has waited waits for that."""
        task.updated_at = datetime.now(UTC)
        task.error = error
        end = _end_of(task)
        if task.written is not None and end is not None:
            self._journal.end(end)

    def _land(self, task: RunningTask) -> None:
        """Move an ended task to those that are remembered for a while."""
        if not task.work.cancelled():
            task.work.exception()  # marks it as seen, should nobody wait for it
        self._running.pop(task.fingerprint, None)
        self._known[task.task_id] = task
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)

    async def _look_up_duration(self, task: RunningTask) -> None:
        """How long such calls took before, as far as the ledger knows."""
        if task.expected_seconds is not None:
            return
        provider, _, model = task.model.partition("/")

        def look_up() -> None:
            task.expected_seconds = self._ledger.spend.expected_seconds(provider, model, task.plan.request.n)

        await logged(look_up)

    async def _report_of_another(self, task_id: str) -> TaskReport:
        kept = await asyncio.to_thread(self._ledger.tasks.get, task_id)
        spend = await asyncio.to_thread(self._ledger.spend.of_task, task_id)
        records = []
        for image_id in kept.image_ids:
            try:
                records.append(await self._service.get_image(image_id))
            except NotFound:
                continue  # deleted since
        return TaskReport(
            task_id=task_id,
            state=kept.state,
            model=str(kept.request.get("model", "")),
            created_at=kept.created_at,
            updated_at=kept.updated_at,
            result=result_of(task_id, records),
            error=kept.error,
            spend=spend,
        )


def _start_of(task: RunningTask, *, survives_power_cut: bool) -> TaskStart:
    summary = {**summary_of(task.plan.asked), "model": task.model}
    return TaskStart(task.task_id, task.fingerprint, summary, survives_power_cut)


async def _news_of(task: RunningTask, *, seconds: float) -> None:
    """Return when something has happened, or after that many seconds."""
    news = asyncio.ensure_future(task.news.wait())
    try:
        await asyncio.wait({task.work, news}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        news.cancel()


def _report_of(task: RunningTask) -> TaskReport:
    result, error, state = None, None, TaskState.RUNNING
    if task.work.done():
        failure = _stopped() if task.work.cancelled() else task.work.exception()
        if failure is None:
            result, state = task.work.result(), TaskState.DONE
        else:
            state = TaskState.CANCELLED if task.work.cancelled() else TaskState.FAILED
            error = _error_json(failure)
    return TaskReport(
        task_id=task.task_id,
        state=state,
        model=task.model,
        created_at=task.created_at,
        updated_at=task.updated_at,
        elapsed_seconds=task.elapsed_seconds,
        expected_seconds=task.expected_seconds,
        stage=task.stage,
        result=result,
        error=error,
    )


def _end_of(task: RunningTask) -> TaskEnd | None:
    if task.image_ids:  # they are there even where the caller was stopped after the save
        return TaskEnd(task.task_id, TaskState.DONE, image_ids=task.image_ids)
    if task.error is None:
        return None
    cancelled = isinstance(task.error, asyncio.CancelledError)
    state = TaskState.CANCELLED if cancelled else TaskState.FAILED
    return TaskEnd(task.task_id, state, error=_error_json(task.error))


def _error_json(error: BaseException) -> JSONObject:
    if isinstance(error, asyncio.CancelledError):
        return _stopped().to_json()
    if isinstance(error, ImagegenError):
        return error.to_json()
    message = "The call failed for a reason that is in the server's log."
    return {"code": ImagegenError.code, "message": message}


def _stopped() -> Interrupted:
    return Interrupted(
        "The server was stopped while the call was under way.",
        hint="The provider may charge for it. Look into the history before asking again.",
        may_be_billed=True,
    )


@asynccontextmanager
async def open_tasks(service: ImageService) -> AsyncIterator[Tasks]:
    """The tasks of a service; at the end those without an answer are stopped, and the others saved."""
    tasks = Tasks(service)
    try:
        yield tasks
    finally:
        await tasks.aclose(grace_seconds=0)
