"""Where an image can be fetched: a file over stdio, an address of the server over HTTP."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

IMAGES_ROUTE = "/images"


@dataclass(frozen=True, slots=True)
class Links:
    """Makes links. `base_host` goes before whatever address the client has used."""

    is_http: bool
    base_host: str | None = None

    def url(self, image_id: str, path: Path, request: Any) -> str:
        """The image's URL for whoever sent the HTTP `request` (None over stdio)."""
        base = self.base(request)
        return path.as_uri() if base is None else f"{base}{IMAGES_ROUTE}/{image_id}"

    def place(self, image_id: str, path: Path, request: Any) -> str:
        """What a person or a model calls that: the absolute path, or the URL."""
        return self.url(image_id, path, request) if self.is_http else str(path)

    def base(self, request: Any) -> str | None:
        """The server's address without a slash at the end; None over stdio."""
        if not self.is_http:
            return None
        if self.base_host is not None:
            return self.base_host.rstrip("/")
        return f"{request.url.scheme}://{request.url.netloc}"


def resource_uri(image_id: str) -> str:
    """The image as a resource."""
    return f"generated-images://{image_id}"
