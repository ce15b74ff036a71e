"""Telling clients that something has changed, each era in its own way.

A handshake client gets notifications on its connection, a stateless one on the streams that it listens to.
"""

from __future__ import annotations

from typing import Any
from weakref import WeakSet

from mcp.server.connection import Connection
from mcp.server.context import CallNext, HandlerResult
from mcp.server.subscriptions import (
    InMemorySubscriptionBus,
    PromptsListChanged,
    ResourcesListChanged,
    ResourceUpdated,
)
from mcp_types import EmptyResult, SubscribeRequestParams, UnsubscribeRequestParams
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from imagegen.mcp.parts import RequestContext

HISTORY_URI = "image-history://recent"
STATS_URI = "storage-stats://overview"
SUBSCRIBED = "imagegen.subscribed"


class Notices:
    """Knows who is connected and who wants to hear of what."""

    def __init__(self) -> None:
        self.bus = InMemorySubscriptionBus()
        self._connections: WeakSet[Connection] = WeakSet()

    async def images_changed(self) -> None:
        """There are more images, or fewer."""
        await self.bus.publish(ResourcesListChanged())
        for connection in list(self._connections):
            await connection.send_resource_list_changed()
        for uri in (HISTORY_URI, STATS_URI):
            await self._resource_updated(uri)

    async def prompts_changed(self) -> None:
        """There are other templates."""
        await self.bus.publish(PromptsListChanged())
        for connection in list(self._connections):
            await connection.send_prompt_list_changed()

    async def _resource_updated(self, uri: str) -> None:
        await self.bus.publish(ResourceUpdated(uri=uri))
        for connection in list(self._connections):
            if uri in connection.state.get(SUBSCRIBED, ()):
                await connection.send_resource_updated(uri)

    async def watch(self, ctx: RequestContext, call_next: CallNext) -> HandlerResult:
        """Middleware: remember handshake clients, and promise them what they will be told."""
        answer = await call_next(ctx)
        if ctx.method == "initialize" and isinstance(answer, dict):
            for offered in ("resources", "prompts"):
                answer["capabilities"][offered]["listChanged"] = True
        if ctx.method == "notifications/initialized" and ctx.protocol_version not in MODERN_PROTOCOL_VERSIONS:
            self._connections.add(connection_of(ctx))
        return answer

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
