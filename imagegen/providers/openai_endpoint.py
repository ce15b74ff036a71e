"""Where OpenAI's API is: the service itself, or another server that speaks it."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from imagegen.errors import ConfigurationError

OPENAI_BASE_URL = "https://api.openai.com/v1"
SETTING = "providers.openai.base_url"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A base URL as it is called (`base_url`) and as it is shown (`shown`, without credentials)."""

    base_url: str
    shown: str
    host: str
    is_openai: bool

    @property
    def server(self) -> str:
        """How a sentence about it begins."""
        return "OpenAI" if self.is_openai else f"The server at {self.host}"


def build_endpoint(base_url: str | None, *, setting: str = SETTING) -> Endpoint:
    """The endpoint that a setting holds; None is OpenAI's own. Raises ConfigurationError."""
    url = base_url or OPENAI_BASE_URL
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as exc:
        raise no_address(setting) from exc
    if not host:
        raise no_address(setting)
    named = f"[{host}]" if ":" in host else host
    place = f"{named}:{port}" if port else named
    shown = f"{parts.scheme}://{place}{parts.path.rstrip('/')}"
    # Regional endpoints, such as eu.api.openai.com, are OpenAI's own too.
    return Endpoint(url, shown, place, is_openai=host == "openai.com" or host.endswith(".openai.com"))


def no_address(setting: str = SETTING) -> ConfigurationError:
    """The error for a base_url that is none."""
    # The value is not repeated: an address may hold a password.
    return ConfigurationError(
        f"{setting} is no web address.",
        hint=f"Write it like {OPENAI_BASE_URL}, with http:// or https:// and a host.",
        setting=setting,
    )
