"""The HTTP transports: the SDK's apps behind uvicorn, with our checks and our way to end."""

from __future__ import annotations

import asyncio
import logging
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from typing import Literal

import uvicorn
from mcp.server import MCPServer
from mcp.server.transport_security import TransportSecuritySettings
from starlette.applications import Starlette
from starlette.middleware.cors import CORSMiddleware

from imagegen.errors import ConfigurationError
from imagegen.service import ImageService
from imagegen.settings import ServerSettings
from imagegen.tasks import Tasks
from imagegen.web.routes import add_routes

HttpTransport = Literal["sse", "streamable-http"]
PATHS: dict[HttpTransport, str] = {"sse": "/sse", "streamable-http": "/mcp"}
LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")
SHUTDOWN_SECONDS = 1
log = logging.getLogger(__name__)


def bind(settings: ServerSettings) -> socket.socket:
    """A listening socket on SERVER__HOST and SERVER__PORT. Raises ConfigurationError."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        if sys.platform == "win32":  # where the other option lets two servers have one port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen()
    except OSError as exc:
        raise ConfigurationError(
            f"Cannot listen on {settings.host} port {settings.port}: {exc.strerror}.",
            hint="Choose another with --host and --port, or SERVER__HOST and SERVER__PORT.",
        ) from exc
    return listener


def address_of(listener: socket.socket, transport: HttpTransport, settings: ServerSettings) -> str:
    """Where clients find the server."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"http://{host}:{listener.getsockname()[1]}{PATHS[transport]}"


def build_app(
    server: MCPServer, transport: HttpTransport, *, service: ImageService, tasks: Tasks
) -> Starlette:
    """The ASGI app of a transport with `/images` and `/health` beside it; a server has one app."""
    settings = service.settings.server
    security = _security(settings)
    add_routes(server, service, tasks, security)
    limit = int(settings.max_request_mb * 1_000_000)
    app = (
        server.sse_app(transport_security=security, max_request_body_size=limit)
        if transport == "sse"
        else server.streamable_http_app(transport_security=security, max_request_body_size=limit)
    )
    if settings.allowed_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(settings.allowed_origins),
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=["*"],
            expose_headers=["Mcp-Session-Id"],
        )
    return app


async def serve_http(app: Starlette, listener: socket.socket, stop: asyncio.Event) -> None:
    """Serve until `stop` is set; open streams are cut after a second."""
    config = uvicorn.Config(
        app, log_config=None, access_log=False, timeout_graceful_shutdown=SHUTDOWN_SECONDS, lifespan="on"
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    server.should_exit = True
    await serving


class _Server(uvicorn.Server):
    """Leaves signals to whoever runs it."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def warn_of_exposure(settings: ServerSettings) -> None:
    """Say what it means to listen beyond this machine."""
    if is_loopback(settings.host):
        return
    log.warning(
        "listening on %s: whoever can reach this port can make images at your cost and see all of them",
        settings.host,
    )
    if not settings.allowed_hosts and _is_wildcard(settings.host):
        log.warning("clients that call the server by another name than localhost need SERVER__ALLOWED_HOSTS")


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach it."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _is_wildcard(host: str) -> bool:
    return host in ("0.0.0.0", "::")  # noqa: S104 - compared, not bound


def _security(settings: ServerSettings) -> TransportSecuritySettings:
    """Who may call: by these names, and from pages of these origins. Never off, whatever is bound."""
    bound = () if _is_wildcard(settings.host) else (settings.host,)
    hosts = [*LOOPBACK_NAMES, *bound, *settings.allowed_hosts]
    origins = [f"http://{name}" for name in (*LOOPBACK_NAMES, *bound)]
    return TransportSecuritySettings(
        enable_dns_rebinding_protection=True,
        allowed_hosts=[form for host in hosts for form in (host, f"{host}:*")],
        allowed_origins=[
            *(form for origin in origins for form in (origin, f"{origin}:*")),
            *settings.allowed_origins,
        ],
    )
