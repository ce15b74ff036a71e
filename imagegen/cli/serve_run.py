"""One run of the server, from its settings to its clean end."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from imagegen.cli.ending import on_request_to_end
from imagegen.service import ImageService, base_folder, open_service
from imagegen.settings import Settings
from imagegen.settings_sources import load_settings
from imagegen.tasks import Tasks, open_tasks

if TYPE_CHECKING:
    from imagegen.mcp.server import ImageServer
    from imagegen.mcp.wire import Wire
    from imagegen.web.serving import HttpTransport

GRACE_SECONDS = 1.7  # what running calls get to be answered after a signal; 3 s is the limit of the whole end
UNWIND_SECONDS = 0.4
log = logging.getLogger(__name__)


def serve_until_stopped(
    transport: str, wire: Wire | None, config: Path | None, overrides: Mapping[str, object]
) -> None:
    """Serve until the client leaves (stdio) or a signal comes."""
    from imagegen.mcp.logs import logging_to

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
    stop = asyncio.Event()
    on_request_to_end(stop.set, interrupts=True)  # a second one changes nothing
    async with open_service(settings) as service, open_tasks(service) as tasks:
        async with _serving(transport, wire, service, tasks, stop) as (serving, house):
            stopping = asyncio.create_task(stop.wait())
            await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
            house.cancel()
            if not stop.is_set():
                serving.result()
                draining = asyncio.create_task(tasks.drain())
                await asyncio.wait({draining, stopping}, return_when=asyncio.FIRST_COMPLETED)
                draining.cancel()
            await tasks.aclose(grace_seconds=GRACE_SECONDS if stop.is_set() else 0)
            stopping.cancel()
        return not serving.done()


@asynccontextmanager
async def _serving(
    transport: str, wire: Wire | None, service: ImageService, tasks: Tasks, stop: asyncio.Event
) -> AsyncIterator[tuple[asyncio.Task[None], asyncio.Task[None]]]:
    """The transport at work, and the housekeeping beside it."""
    from imagegen.housekeeping import keep_house
    from imagegen.mcp.server import build_server

    for note in service.notes():
        log.warning("%s", note)
    async with build_server(service, tasks, is_http=wire is None) as server:
        if wire is not None:
            from imagegen.mcp.stdio import serve_stdio

            serving = asyncio.create_task(serve_stdio(server, wire))
            log.info("serving over stdio, images in %s", base_folder(service.settings))
        else:
            serving = asyncio.create_task(_serve_http(transport, server, service, tasks, stop))
        house = asyncio.create_task(keep_house(service, on_deleted=server.watch.images_changed))
        gc.freeze()  # what the start has made stays, and need not be looked at again
        gc.enable()
        try:
            yield serving, house
        finally:
            house.cancel()
            serving.cancel()
            await asyncio.wait({serving}, timeout=UNWIND_SECONDS)


async def _serve_http(
    transport: str, server: ImageServer, service: ImageService, tasks: Tasks, stop: asyncio.Event
) -> None:
    from imagegen.web.serving import address_of, bind, build_app, serve_http, warn_of_exposure

    settings = service.settings.server
    kind: HttpTransport = "sse" if transport == "sse" else "streamable-http"
    with bind(settings) as listener:
        warn_of_exposure(settings)
        app = build_app(server, kind, service=service, tasks=tasks)
        log.info("serving %s", address_of(listener, kind, settings))
        await serve_http(app, listener, stop)
