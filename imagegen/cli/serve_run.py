"""One run of the server, from its settings to its clean end."""

from __future__ import annotations

import asyncio
import importlib
import logging
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from imagegen.cli.ending import on_request_to_end
from imagegen.folders import base_folder
from imagegen.settings import Settings
from imagegen.settings_sources import load_settings

if TYPE_CHECKING:
    from imagegen.mcp.desk import Desk
    from imagegen.mcp.notices import Notices
    from imagegen.mcp.opening import Opening
    from imagegen.mcp.server import ImageServer
    from imagegen.mcp.wire import Wire
    from imagegen.web.serving import HttpTransport

GRACE_SECONDS = 1.7  # what running calls get to be answered after a signal; 3 s is the limit of the whole end
UNWIND_SECONDS = 0.4
LAST_WORDS_SECONDS = 0.2  # for telling the client why the server ends
log = logging.getLogger(__name__)


def serve_until_stopped(
    transport: str, wire: Wire | None, config: Path | None, overrides: Mapping[str, object]
) -> None:
    """Serve until the client leaves (stdio) or a signal comes."""
    from imagegen.cli.serve_memory import share_one_heap
    from imagegen.mcp.logs import logging_to

    share_one_heap()
    loaded = load_settings(config=config, overrides=overrides)
    settings = loaded.settings
    log_format = _log_format(settings, is_stdio=wire is not None)
    with logging_to(base_folder(settings) / "logs", settings.server.log_level, log_format) as server_log:
        for note in loaded.notes:
            log.warning("%s", note)
        is_stuck = asyncio.run(_serve(transport, wire, settings))
        log.info("stopped")
    if is_stuck or server_log.is_stuck:
        os._exit(0)  # a thread that hangs in a write would hang the interpreter's own end


def _log_format(settings: Settings, *, is_stdio: bool) -> Literal["json", "console"]:
    if settings.server.log_format != "auto":
        return settings.server.log_format
    return "console" if is_stdio or sys.stderr.isatty() else "json"


async def _serve(transport: str, wire: Wire | None, settings: Settings) -> bool:
    """Serve; whether something would not let go of a stream in the end."""
    from imagegen.mcp.notices import Notices
    from imagegen.mcp.opening import Opening

    stop = asyncio.Event()
    on_request_to_end(stop.set, interrupts=True)  # a second one changes nothing
    chores: set[asyncio.Task[None]] = set()
    notices = Notices()
    in_a_moment = partial(asyncio.get_running_loop().call_later, LAST_WORDS_SECONDS, stop.set)
    desk = Opening(lambda: _open(settings, notices, chores, is_http=wire is None), on_failure=in_a_moment)
    try:
        async with _serving(transport, wire, settings, desk, notices, stop) as serving:
            await _until_over(serving, desk, chores, stop)
        return not serving.done()
    finally:
        await desk.aclose()


async def _until_over(
    serving: asyncio.Task[None], desk: Opening[Desk], chores: set[asyncio.Task[None]], stop: asyncio.Event
) -> None:
    """Wait for the client's or a signal's end of it, and let calls that were paid for end well."""
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    for chore in chores:
        chore.cancel()
    if not stop.is_set():
        serving.result()
    if desk.opened is not None:
        tasks = desk.opened.parts.tasks
        if not stop.is_set():
            draining = asyncio.create_task(tasks.drain())
            await asyncio.wait({draining, stopping}, return_when=asyncio.FIRST_COMPLETED)
            draining.cancel()
        await tasks.aclose(grace_seconds=GRACE_SECONDS if stop.is_set() else 0)
    stopping.cancel()


@asynccontextmanager
async def _open(
    settings: Settings, notices: Notices, chores: set[asyncio.Task[None]], *, is_http: bool
) -> AsyncIterator[Desk]:
    """The service, its tasks and the desk, and the chores that come with them.

    Messages go on while a thread imports what all this is made of.
    """
    await asyncio.to_thread(importlib.import_module, "imagegen.mcp.desk")
    from imagegen.cli.serve_memory import Residents
    from imagegen.housekeeping import keep_house
    from imagegen.mcp.desk import open_desk
    from imagegen.service import open_service
    from imagegen.tasks import open_tasks

    async with open_service(settings) as service, open_tasks(service) as tasks:
        for note in service.notes():
            log.warning("%s", note)
        async with open_desk(service, tasks, notices, is_http=is_http) as desk:
            residents = Residents()
            tasks.on_saved(residents.after)
            chores.add(asyncio.create_task(keep_house(service, on_deleted=desk.watch.images_changed)))
            residents.settle()
            yield desk


@asynccontextmanager
async def _serving(
    transport: str,
    wire: Wire | None,
    settings: Settings,
    desk: Opening[Desk],
    notices: Notices,
    stop: asyncio.Event,
) -> AsyncIterator[asyncio.Task[None]]:
    """The transport at work. Over HTTP the desk is open before anybody can connect."""
    from imagegen.mcp.server import ImageServer

    server = ImageServer(settings.server.name, desk, notices)
    if wire is not None:
        from imagegen.mcp.stdio import serve_stdio

        serving = asyncio.create_task(serve_stdio(server, wire))
        log.info("serving over stdio, images in %s", base_folder(settings))
    else:
        serving = asyncio.create_task(_serve_http(transport, server, await desk(), stop))
    try:
        yield serving
    finally:
        serving.cancel()
        await asyncio.wait({serving}, timeout=UNWIND_SECONDS)


async def _serve_http(transport: str, server: ImageServer, desk: Desk, stop: asyncio.Event) -> None:
    from imagegen.web.serving import address_of, bind, build_app, serve_http, warn_of_exposure

    settings = desk.parts.settings
    kind: HttpTransport = "sse" if transport == "sse" else "streamable-http"
    with bind(settings) as listener:
        warn_of_exposure(settings)
        app = build_app(server, kind, service=desk.parts.service, tasks=desk.parts.tasks)
        log.info("serving %s", address_of(listener, kind, settings))
        await serve_http(app, listener, stop)
