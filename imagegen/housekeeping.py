"""What a server does for its folder of images while it runs: a clean-up at intervals."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from imagegen.errors import ImagegenError
from imagegen.service import ImageService
from imagegen.store import time_until_due

START_SECONDS = 2.0  # clients that have just started the server come first
LOOK = timedelta(hours=1)  # how long a timer is trusted: it stands still while a laptop sleeps
log = logging.getLogger(__name__)


async def keep_house(service: ImageService, *, on_deleted: Callable[[], None]) -> None:
    """Clean up whenever the last clean-up, whoever ran it, is an interval ago; until cancelled.

    The interval is STORAGE__CLEANUP_INTERVAL_HOURS; without one this does nothing. `on_deleted` is called
    when images went. What fails is logged, and tried again after the interval.
    """
    interval = service.settings.storage.cleanup_interval
    if interval is None:
        return
    tried: list[datetime] = []
    await asyncio.sleep(START_SECONDS)
    while True:
        last, now = await service.last_cleanup(), datetime.now(UTC)
        wait = time_until_due([*tried, *([last.ran_at] if last else [])], interval, now)
        if not wait:
            tried = [now]
            await _clean_up(service, interval, on_deleted)
        await asyncio.sleep(min(wait or interval, LOOK).total_seconds())


async def _clean_up(service: ImageService, interval: timedelta, on_deleted: Callable[[], None]) -> None:
    storage = service.settings.storage
    try:
        report = await service.cleanup(
            older_than=storage.max_age, max_size_bytes=storage.max_size_bytes, unless_within=interval
        )
    except ImagegenError as error:
        log.warning("the clean-up failed and is tried again in %s: %s", interval, error)
        return
    except Exception:  # a bug in it ends neither the server nor later clean-ups
        log.exception("the clean-up failed and is tried again in %s", interval)
        return
    if report.already_running or report.already_done:
        log.info("no clean-up: another process does it")
        return
    what = counted(len(report.images), len(report.rejected))
    log.info("clean-up: %s deleted, %.1f MB", what, report.freed_bytes / 1_000_000)
    if report.images:
        on_deleted()


def counted(images: int, rejected: int) -> str:
    """`3 images`, and the answers that were no images where there are any."""
    more = f" and {rejected:,} rejected answer{'s' * (rejected != 1)}" if rejected else ""
    return f"{images:,} image{'s' * (images != 1)}{more}"
