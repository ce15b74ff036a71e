"""How a refusal by Gemini is put to the user: what happened, and the next step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from imagegen.errors import (
    AuthenticationFailed,
    ImagegenError,
    NotFound,
    QuotaExceeded,
    RateLimited,
    UsageError,
)

SET_THE_KEY = "Set GEMINI_API_KEY, or run: imagegen config set providers.gemini.api_key"
INSTALL = 'pip install "imagegen[gemini]"'
CHANGE_THE_PROMPT = "Change the prompt or the inputs; the same request would most likely be refused again."


def opening_for(error_class: type[ImagegenError], server: str, facts: Mapping[str, Any]) -> str:
    """The message up to the server's own words."""
    if error_class is QuotaExceeded:
        return f"{server} says that the quota is used up"
    if error_class is RateLimited:
        return f"{server} says that this is too fast"
    if error_class is AuthenticationFailed:
        return (
            f"{server} refused {'the API key' if _is_about_the_key(facts) else 'access to ' + facts['model']}"
        )
    if error_class is NotFound:
        return f"{server} does not find the model {facts['model']}"
    if error_class is UsageError:
        return f"{server} refused {facts['parameter'] or 'the request'}"
    return f"{server} failed"


def hint_for(error_class: type[ImagegenError], facts: Mapping[str, Any], *, own_endpoint: bool) -> str | None:
    """The next step, as a sentence."""
    if error_class is QuotaExceeded:
        where = " See https://aistudio.google.com/usage" if own_endpoint else ""
        return f"A daily quota returns the next day; other limits rise with billing or a higher tier.{where}"
    if error_class is RateLimited:
        seconds = facts["retry_after_seconds"]
        return f"Wait {seconds:g} seconds and ask again." if seconds else "Wait a minute and ask again."
    if error_class is AuthenticationFailed:
        return _access_hint(facts)
    if error_class is NotFound:
        instead = facts["replacement"]
        return f"Use {instead}." if instead else "See: imagegen models list"
    if error_class is UsageError:
        return f"See what it takes: imagegen models show {facts['model']}"
    return None


def _is_about_the_key(facts: Mapping[str, Any]) -> bool:
    if facts["provider_code"] == "FAILED_PRECONDITION":
        return False
    return facts["status"] in (400, 401) or str(facts["reason"]).startswith("API_KEY")


def _access_hint(facts: Mapping[str, Any]) -> str:
    if _is_about_the_key(facts):
        return SET_THE_KEY
    if facts["provider_code"] == "FAILED_PRECONDITION":
        return "It may not be offered in this region, or need billing: https://aistudio.google.com/api-keys"
    return "The key's project needs access to the API and the model: https://aistudio.google.com/api-keys"
