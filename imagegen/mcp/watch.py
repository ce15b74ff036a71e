"""Seeing what changes, whoever changes it: this process, a shell beside it, another server, cron.

Another process cannot be heard, so it is looked for: every other second, in a thread, and only while there is
somebody to tell. What comes in between is told as one change.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Hashable
from contextlib import suppress
from dataclasses import dataclass

from imagegen.errors import ImagegenError
from imagegen.mcp.notices import Notices
from imagegen.mcp.prompts import LivingLibrary
from imagegen.service import ImageService
from imagegen.store import StoreMark

log = logging.getLogger(__name__)

BREATH_SECONDS = 0.25  # a client may list everything anew each time: fifty images at once are no fifty news


@dataclass(frozen=True, slots=True)
class Sight:
    """How things look at a moment; each part differs from an earlier one where something has changed."""

    images: Hashable
    cleanup: Hashable
    templates: Hashable


class Eyes:
    """What a watch looks at."""

    def __init__(self, service: ImageService, library: LivingLibrary) -> None:
        self._service = service
        self._library = library
        self._store: StoreMark | None = None
        self._trouble = ""

    async def __call__(self) -> Sight:
        """How the store and the templates look now. Where the store cannot be seen, as it last did."""
        try:
            self._store, self._trouble = await self._service.look(), ""
        except ImagegenError as error:
            if error.message != self._trouble:
                log.warning("changes by other processes cannot be seen: %s", error)
            self._trouble = error.message
        templates = await asyncio.to_thread(self._library.fingerprint)
        store = self._store
        return Sight(store and store.images, store and store.cleanup, templates)


class Watch:
    """Has it told when images or templates change. `look` must not notice this process's own images.

    Looks every `seconds`, and at once for this process's own images, but for no more of them within
    `breath_seconds`.
    """

    def __init__(
        self,
        notices: Notices,
        look: Callable[[], Awaitable[Sight]],
        *,
        seconds: float,
        breath_seconds: float = BREATH_SECONDS,
    ) -> None:
        self._notices = notices
        self._look = look
        self._seconds = seconds
        self._breath_seconds = breath_seconds
        self._seen: Sight | None = None
        self._beginning = asyncio.Lock()
        self._own_news = asyncio.Event()

    def images_changed(self) -> None:
        """This process has saved or deleted images: that is told at once, or after a breath."""
        if self._notices.audience:
            self._own_news.set()

    async def run(self) -> None:
        """Watch until cancelled; asleep while nobody can be told."""
        while True:
            await self._notices.audience.arrival()
            await self.begin()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._own_news.wait(), self._seconds)
            is_own = self._own_news.is_set()
            self._own_news.clear()
            await self._go_on(is_own=is_own)
            if is_own:
                await asyncio.sleep(self._breath_seconds)

    async def begin(self) -> None:
        """Have looked: whoever will be told of changes gets no answer that is older than the first look."""
        async with self._beginning:
            if self._seen is None:
                self._seen = await self._look()

    async def _go_on(self, *, is_own: bool) -> None:
        if not self._notices.audience:
            self._seen = None
            return
        before, now = self._seen, await self._look()
        self._seen = now
        if before is None:
            return
        if is_own or now.images != before.images:
            await self._notices.images_changed()
        elif now.cleanup != before.cleanup:
            await self._notices.cleanup_ran()
        if now.templates != before.templates:
            await self._notices.prompts_changed()
