"""One run of a command: settings, an event loop around the service, and how to talk."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import typer

from imagegen.cli.ending import leave_stuck_threads, on_request_to_end
from imagegen.cli.output import Talk
from imagegen.errors import Interrupted
from imagegen.service import ImageService, open_service
from imagegen.settings import Settings
from imagegen.settings_sources import load_settings

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Session:
    """The settings of this run, and the way to speak on stderr."""

    settings: Settings
    talk: Talk

    def run(self, work: Callable[[ImageService], Awaitable[T]]) -> T:
        """Open the service, do the work, close it. Ctrl-C and SIGTERM become Interrupted."""
        try:
            return asyncio.run(self._with_service(work))
        except KeyboardInterrupt as exc:
            raise Interrupted("Interrupted.", hint=self.talk.what_was_saved()) from exc
        except asyncio.CancelledError as exc:
            raise Interrupted("Ended by a signal.", hint=self.talk.what_was_saved()) from exc

    async def _with_service(self, work: Callable[[ImageService], Awaitable[T]]) -> T:
        _end_on_termination()
        leave_stuck_threads()
        async with open_service(self.settings) as service:
            try:
                return await work(service)
            finally:
                for note in service.notes():
                    self.talk.note(note)


def _end_on_termination() -> None:
    """A polite kill and a closed terminal cancel the work, so that what is paid for is saved first."""
    task = asyncio.current_task()
    if task is not None:
        on_request_to_end(task.cancel)


@contextmanager
def open_session(ctx: typer.Context, *, quiet: bool = False, as_json: bool = False) -> Iterator[Session]:
    """Load the settings (with the root's `--config`) for one command."""
    config: Path | None = ctx.find_root().obj
    loaded = load_settings(config=config)
    talk = Talk(quiet=quiet, as_json=as_json)
    for note in loaded.notes:
        talk.note(note)
    yield Session(loaded.settings, talk)
