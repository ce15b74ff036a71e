"""How a refusal by OpenAI is put to the user: what happened, and the next step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from imagegen.errors import (
    AuthenticationFailed,
    ContentPolicyError,
    ImagegenError,
    NotFound,
    QuotaExceeded,
    RateLimited,
    UsageError,
)

OPENAI = "providers.openai"
SWITCH_ON = "Run: imagegen config set providers.openai.enabled true"
SET_THE_KEY = "Set OPENAI_API_KEY, or run: imagegen config set providers.openai.api_key"


def opening_for(error_class: type[ImagegenError], server: str, details: Mapping[str, Any]) -> str:
    """The message up to the server's own words."""
    if error_class is ContentPolicyError:
        return f"{server} refused the content"
    if error_class is QuotaExceeded:
        return f"{server} says that the quota is used up"
    if error_class is RateLimited:
        return f"{server} says that this is too fast"
    if error_class is AuthenticationFailed:
        thing = f"access to {details['model']}" if details["status"] == 403 else "the API key"
        return f"{server} refused {thing}"
    if error_class is NotFound:
        return f"{server} does not find the model {details['model']}"
    if error_class is UsageError:
        return f"{server} refused {details['parameter'] or 'the request'}"
    return f"{server} failed"


def hint_for(
    error_class: type[ImagegenError],
    details: Mapping[str, Any],
    *,
    own_endpoint: bool,
    settings: str = OPENAI,
) -> str | None:
    """The next step, as a sentence; `settings` is the dotted group that the provider is set up with."""
    if error_class is ContentPolicyError:
        return "Change the prompt or the inputs; the same request would be refused again."
    if error_class is QuotaExceeded:
        where = " at https://platform.openai.com/settings/organization/billing" if own_endpoint else ""
        return f"Add credit or raise the limit{where}; waiting does not help."
    if error_class is RateLimited:
        seconds = details["retry_after_seconds"]
        return (
            f"Wait {seconds:g} seconds and ask again."
            if seconds is not None
            else "Wait a minute and ask again."
        )
    if error_class is AuthenticationFailed:
        return _access_hint(details["status"], own_endpoint=own_endpoint, settings=settings)
    if error_class is NotFound:
        return _model_hint(details["provider_code"], own_endpoint=own_endpoint, settings=settings)
    if error_class is UsageError:
        group = "" if settings == OPENAI else f"{details['provider']}/"
        return f"See what it takes: imagegen models show {group}{details['model']}"
    return None


def set_the_key(settings: str) -> str:
    """How a key is set."""
    return SET_THE_KEY if settings == OPENAI else f"Run: imagegen config set {settings}.api_key"


def _access_hint(status: int | None, *, own_endpoint: bool, settings: str) -> str:
    if status == 403 and own_endpoint:
        return (
            "It may need a verified organization: https://platform.openai.com/settings/organization/general"
        )
    return set_the_key(settings)


def _model_hint(code: str | None, *, own_endpoint: bool, settings: str) -> str:
    if code is None and not own_endpoint:
        return f"Check the model's name and {settings}.base_url, which usually ends in /v1."
    return "See: imagegen models list"
