"""Telling clients that something has changed, each era in its own way.

A handshake client gets notifications on its connection, a stateless one on the streams that it listens to.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from mcp.server.connection import Connection
from mcp.server.context import CallNext, HandlerResult
from mcp.server.subscriptions import (
    InMemorySubscriptionBus,
    PromptsListChanged,
    ResourcesListChanged,
    ResourceUpdated,
    ServerEvent,
)
from mcp_types import EmptyResult, SubscribeRequestParams, UnsubscribeRequestParams
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from imagegen.mcp.requests import RequestContext

HISTORY_URI = "image-history://recent"
STATS_URI = "storage-stats://overview"
SUBSCRIBED = "imagegen.subscribed"
LISTENING = "subscriptions/listen"
READING = frozenset({"resources/list", "resources/read", "resources/subscribe", "prompts/list"})
PATIENCE_SECONDS = 5  # with a client that does not read: the others are told all the same
log = logging.getLogger(__name__)


class Audience:
    """Those who can be told anything at all."""

    def __init__(self) -> None:
        self._members: set[object] = set()
        self._is_there = asyncio.Event()

    def __bool__(self) -> bool:
        return bool(self._members)

    async def arrival(self) -> None:
        """Wait until somebody is there."""
        await self._is_there.wait()

    def join(self, member: object) -> Callable[[], None]:
        """Count somebody in; gives what counts them out."""
        self._members.add(member)
        self._is_there.set()

        def leave() -> None:
            self._members.discard(member)
            if not self._members:
                self._is_there.clear()

        return leave


class Streams(InMemorySubscriptionBus):
    """The streams that stateless clients listen to, each of them a member of the audience."""

    def __init__(self, audience: Audience) -> None:
        super().__init__()
        self._audience = audience

    def subscribe(self, listener: Callable[[ServerEvent], None]) -> Callable[[], None]:
        """Open a stream; gives what closes it."""
        close = super().subscribe(listener)
        leave = self._audience.join(object())

        def unsubscribe() -> None:
            close()
            leave()

        return unsubscribe


class Notices:
    """Knows who is connected and who wants to hear of what."""

    def __init__(self) -> None:
        self.audience = Audience()
        self.bus = Streams(self.audience)
        self._connections: set[Connection] = set()

    async def images_changed(self) -> None:
        """There are more images, or fewer."""
        await self.bus.publish(ResourcesListChanged())
        await _tell(self._connections, Connection.send_resource_list_changed)
        for uri in (HISTORY_URI, STATS_URI):
            await self._resource_updated(uri)

    async def cleanup_ran(self) -> None:
        """The statistics say something new of the last clean-up."""
        await self._resource_updated(STATS_URI)

    async def prompts_changed(self) -> None:
        """There are other templates."""
        await self.bus.publish(PromptsListChanged())
        await _tell(self._connections, Connection.send_prompt_list_changed)

    async def _resource_updated(self, uri: str) -> None:
        await self.bus.publish(ResourceUpdated(uri=uri))
        subscribers = [member for member in self._connections if uri in member.state.get(SUBSCRIBED, ())]
        await _tell(subscribers, lambda connection: connection.send_resource_updated(uri))

    def are_wanted_from_here(self, method: str) -> bool:
        """Whether the sender of such a message will be told of every change since its answer."""
        return method == LISTENING or (method in READING and bool(self.audience))

    async def welcome(self, ctx: RequestContext, call_next: CallNext) -> HandlerResult:
        """Middleware: remember handshake clients, and promise them what they will be told."""
        answer = await call_next(ctx)
        if ctx.method == "initialize" and isinstance(answer, dict):
            for offered in ("resources", "prompts"):
                answer["capabilities"][offered]["listChanged"] = True
        if ctx.method == "notifications/initialized" and ctx.protocol_version not in MODERN_PROTOCOL_VERSIONS:
            self._remember(connection_of(ctx))
        return answer

    def _remember(self, connection: Connection) -> None:
        """Until it ends."""
        if connection not in self._connections:
            self._connections.add(connection)
            connection.exit_stack.callback(self._connections.discard, connection)
            connection.exit_stack.callback(self.audience.join(connection))

    async def subscribe(self, context: RequestContext, params: SubscribeRequestParams) -> EmptyResult:
        """`resources/subscribe` of the handshake era."""
        connection_of(context).state.setdefault(SUBSCRIBED, set()).add(str(params.uri))
        return EmptyResult()

    async def unsubscribe(self, context: RequestContext, params: UnsubscribeRequestParams) -> EmptyResult:
        """`resources/unsubscribe` of the handshake era."""
        connection_of(context).state.get(SUBSCRIBED, set()).discard(str(params.uri))
        return EmptyResult()


def connection_of(context: RequestContext) -> Connection:
    """The client's connection, which outlives the request; the SDK shows it to nobody."""
    connection: Any = context.session._connection
    if not isinstance(connection, Connection):
        raise TypeError("the SDK keeps its connection elsewhere")
    return connection


async def _tell(connections: Iterable[Connection], send: Callable[[Connection], Awaitable[None]]) -> None:
    """Send something to each of them; who does not read does not hear it."""

    async def tell(connection: Connection) -> None:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await send(connection)
        except TimeoutError:
            log.info("a client that does not read has missed a notification")

    await asyncio.gather(*(tell(connection) for connection in connections))
