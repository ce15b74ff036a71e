"""What tools, resources and prompts work with, and the call that one of them is answering."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from imagegen.mcp.access import InputAccess
from imagegen.mcp.clients import ClientProfile, ClientProfiles
from imagegen.mcp.links import Links
from imagegen.mcp.pictures import Pictures
from imagegen.mcp.requests import RequestContext, client_of
from imagegen.service import ImageService
from imagegen.settings import ServerSettings
from imagegen.tasks import Tasks
from imagegen.templates import TemplateLibrary
from imagegen.types import ImageRecord

AT_ONCE = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Everything behind one server. `library` loads the templates as they are at that moment.

    `intake` is held while a call is planned, and `departures` until it is sent, so that the first of many at
    once are on their way while the others begin.
    """

    service: ImageService
    tasks: Tasks
    access: InputAccess
    links: Links
    profiles: ClientProfiles
    pictures: Pictures
    library: Callable[[], TemplateLibrary]
    intake: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1))
    departures: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))

    @property
    def settings(self) -> ServerSettings:
        return self.service.settings.server

    def profile_of(self, context: RequestContext) -> ClientProfile:
        """What is known of the client that sent this request."""
        return self.profiles.find(client_of(context))

    def is_structured(self, context: RequestContext) -> bool:
        """Whether this client gets output schemas and structured content: both or neither."""
        switch = self.settings.structured_output
        return switch == "always" or (switch == "auto" and self.profile_of(context).structured)


@dataclass(frozen=True, slots=True)
class Call:
    """One request of one client."""

    parts: Parts
    context: RequestContext

    @property
    def is_structured(self) -> bool:
        return self.parts.is_structured(self.context)

    @property
    def client(self) -> str:
        """Who pays attention, for the accounts."""
        return client_of(self.context) or "mcp"

    @property
    def wait_seconds(self) -> float:
        """How long this client waits for a tool when it does not say."""
        known = self.parts.profile_of(self.context).wait_seconds
        return self.parts.settings.wait_seconds if known is None else known

    @property
    def preview_size(self) -> int:
        """The long side of its previews in pixels; 0 for none."""
        known = self.parts.profile_of(self.context).preview_size
        return self.parts.settings.preview_size if known is None else known

    def path(self, record: ImageRecord) -> Path:
        return self.parts.service.path_of(record)

    def url(self, record: ImageRecord) -> str:
        return self.parts.links.url(record.image_id, self.path(record), self.context.request)

    def place(self, record: ImageRecord) -> str:
        """The absolute path over stdio, the URL over HTTP."""
        return self.parts.links.place(record.image_id, self.path(record), self.context.request)

    async def progress(self, done: float, total: float | None, message: str) -> None:
        """Tell the client how far the call is, where it wants to know."""
        await self.context.session.report_progress(done, total, message)
