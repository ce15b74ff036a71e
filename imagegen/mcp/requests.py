"""One request of a client, as the SDK hands it to us."""

from __future__ import annotations

from typing import Any

from mcp.server.context import ServerRequestContext

RequestContext = ServerRequestContext[Any, Any]
CLIENT_CHARS = 80


def client_of(context: RequestContext) -> str:
    """What the client calls itself; empty where it does not say."""
    params = context.session.client_params
    return params.client_info.name[:CLIENT_CHARS] if params else ""
