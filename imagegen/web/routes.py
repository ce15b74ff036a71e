"""What is served beside the protocol: images by id, and health. Nothing here writes.

Each route is guarded here: the SDK checks Host and Origin of the protocol's own paths only.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps

from mcp.server import MCPServer
from mcp.server.transport_security import TransportSecurityMiddleware, TransportSecuritySettings
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from imagegen import __version__
from imagegen.errors import ImagegenError, NotFound, UsageError
from imagegen.imaging import MIME_TYPES
from imagegen.service import ImageService
from imagegen.tasks import Tasks

Handler = Callable[[Request], Awaitable[Response]]
# An image never changes. An SVG could carry a script, which must find itself in nobody's page.
IMAGE_HEADERS = {
    "Cache-Control": "private, max-age=31536000, immutable",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    "X-Content-Type-Options": "nosniff",
}


def add_routes(
    server: MCPServer, service: ImageService, tasks: Tasks, security: TransportSecuritySettings
) -> None:
    """Serve `/images/{image_id}` and `/health` beside the protocol."""

    async def image(request: Request) -> Response:
        return await _image(service, request)

    async def health(_: Request) -> Response:
        return JSONResponse({"status": "ok", "version": __version__, "running_calls": tasks.running})

    server.custom_route("/images/{image_id}", methods=["GET"])(_guarded(image, security))
    server.custom_route("/health", methods=["GET"])(_guarded(health, security))


def _guarded(handler: Handler, security: TransportSecuritySettings) -> Handler:
    """The handler behind the same checks of Host and Origin as the protocol."""
    checks = TransportSecurityMiddleware(security)

    @wraps(handler)
    async def guarded(request: Request) -> Response:
        refused = await checks.validate_request(request, is_post=False)
        return await handler(request) if refused is None else refused

    return guarded


async def _image(service: ImageService, request: Request) -> Response:
    try:
        record = await service.get_image(str(request.path_params["image_id"]).partition(".")[0])
        etag = f'"{record.file_info.sha256}"'
        headers = {**IMAGE_HEADERS, "ETag": etag}
        if request.headers.get("if-none-match") == etag:
            return Response(status_code=304, headers=headers)
        data = await service.read_bytes(record)
    except (NotFound, UsageError) as error:
        return JSONResponse({"error": error.message}, status_code=404)
    except ImagegenError as error:
        return JSONResponse({"error": error.message}, status_code=500)
    return Response(data, media_type=MIME_TYPES[record.file_info.format], headers=headers)
