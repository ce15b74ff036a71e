"""Where Gemini's API is: Google's own service, or another server that speaks it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from imagegen.errors import ConfigurationError

GEMINI_BASE_URL = "https://generativelanguage.googleapis.com"
DEFAULT_VERSION = "v1"
_VERSION = re.compile(r"v\d+((alpha|beta)\d*)?")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A base URL without and with its API version; `shown` is without credentials or query."""

    base_url: str
    version: str
    shown: str
    host: str
    is_google: bool

    @property
    def server(self) -> str:
        """How a sentence about it begins."""
        return "Gemini" if self.is_google else f"The server at {self.host}"


def build_endpoint(base_url: str | None) -> Endpoint:
    """The endpoint of a setting; None is Google's own. Raises ConfigurationError.

    A path that ends in a version (`/v1beta`) says which one to speak; otherwise v1 is appended to it.
    """
    url = (base_url or GEMINI_BASE_URL).rstrip("/")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as exc:
        raise _no_address() from exc
    if parts.scheme not in ("http", "https") or not host or any(c.isspace() for c in url):
        raise _no_address()
    path, _, last = parts.path.rpartition("/")
    if not _VERSION.fullmatch(last):
        path, last = parts.path, DEFAULT_VERSION
    named = f"[{host}]" if ":" in host else host
    place = f"{named}:{port}" if port else named
    return Endpoint(
        base_url=parts._replace(path=path, query="", fragment="").geturl(),
        version=last,
        shown=f"{parts.scheme}://{place}{path}/{last}",
        host=place,
        is_google=host == "googleapis.com" or host.endswith(".googleapis.com"),
    )


def _no_address() -> ConfigurationError:
    # The value is not repeated: an address may hold a password.
    return ConfigurationError(
        "providers.gemini.base_url is no web address.",
        hint=f"Write it like {GEMINI_BASE_URL}, with http:// or https:// and a host.",
        setting="providers.gemini.base_url",
    )
