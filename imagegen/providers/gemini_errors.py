"""What goes wrong between us and Gemini, in the words of `imagegen.errors`.

The rows come from Google's error bodies, `{"error": {"code", "status", "message", "details"}}`; what they
mean often stands in the details (`reason`, `retryDelay`, `quotaId`) and not in the status.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from imagegen.errors import (
    AuthenticationFailed,
    BadResponse,
    ImagegenError,
    NotFound,
    ProviderError,
    ProviderTimeout,
    ProviderUnavailable,
    QuotaExceeded,
    RateLimited,
    UsageError,
)
from imagegen.providers.gemini_hints import hint_for, opening_for
from imagegen.providers.openai_errors import Call
from imagegen.providers.openai_retry import retry_after_seconds

_KEY_LIKE = re.compile(r"\bAIza[\w-]{20,}|(?<=[?&]key=)[^&\s]+")
_MAX_WORD_CHARS = 100
_DELAY = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)s")
# What an account may use in a day, or not at all: waiting a minute does not bring it back.
_USED_UP = re.compile(r"per[ _]?day|\bdaily\b|\blimit: 0\b|billing account|spend(?:ing)? (?:cap|limit)", re.I)

_BY_REASON: Mapping[str, type[ImagegenError]] = MappingProxyType(
    {
        "API_KEY_INVALID": AuthenticationFailed,
        "API_KEY_EXPIRED": AuthenticationFailed,
        "API_KEY_SERVICE_BLOCKED": AuthenticationFailed,
        "SERVICE_DISABLED": AuthenticationFailed,
        "BILLING_DISABLED": AuthenticationFailed,
        "RATE_LIMIT_EXCEEDED": RateLimited,
    }
)
# The canonical names of Google's APIs; one that is not here is judged by the HTTP status.
_BY_NAME: Mapping[str, type[ImagegenError]] = MappingProxyType(
    {
        "INVALID_ARGUMENT": UsageError,
        "OUT_OF_RANGE": UsageError,
        "FAILED_PRECONDITION": AuthenticationFailed,
        "UNAUTHENTICATED": AuthenticationFailed,
        "PERMISSION_DENIED": AuthenticationFailed,
        "NOT_FOUND": NotFound,
        "RESOURCE_EXHAUSTED": RateLimited,
        "DEADLINE_EXCEEDED": ProviderTimeout,
        "INTERNAL": ProviderUnavailable,
        "UNAVAILABLE": ProviderUnavailable,
    }
)
_BY_STATUS: Mapping[int, type[ImagegenError]] = MappingProxyType(
    {
        400: UsageError,
        401: AuthenticationFailed,
        402: QuotaExceeded,
        403: AuthenticationFailed,
        404: NotFound,
        408: ProviderTimeout,
        413: UsageError,
        429: RateLimited,
        504: ProviderTimeout,
    }
)
# httpx2's failures before the request was on its way.
_NOT_SENT = frozenset(
    {
        "ConnectError",
        "ConnectTimeout",
        "PoolTimeout",
        "ProxyError",
        "UnsupportedProtocol",
        "LocalProtocolError",
        "WriteError",
        "WriteTimeout",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class GeminiCall(Call):
    """A call to Gemini; `replacement` is the model to use in place of one that is going."""

    replacement: str | None = None

    def told(self, text: str, limit: int = 500) -> str:
        """A server's text for people: no secrets, no control characters, bounded."""
        return self.clean(_KEY_LIKE.sub("[key]", text), limit)


@contextmanager
def translated(call: GeminiCall) -> Iterator[None]:
    """Turn what the SDK, its HTTP library and asyncio's time-out raise into our errors."""
    import httpx2
    from google.genai import errors

    try:
        yield
    except errors.APIError as exc:
        raise refusal(exc.details, call, status=exc.code, headers=_headers(exc)) from exc
    except (TimeoutError, httpx2.TimeoutException) as exc:
        raise _timed_out(exc, call) from exc
    except httpx2.HTTPError as exc:
        raise _disconnected(exc, call) from exc
    except ValueError as exc:
        # The SDK could not read an error's body, or objects to what it was given.
        raise BadResponse(
            f"google-genai cannot read what {call.server} sent: {call.told(str(exc), 200)}",
            provider="gemini",
            model=call.model,
        ) from exc


def refusal(
    body: object, call: GeminiCall, *, status: int | None = None, headers: Mapping[str, str] | None = None
) -> ImagegenError:
    """The error that Google's error body stands for; `status` None: it came with a 200."""
    error = _error_of(body)
    status = status or _number(error.get("code"))
    name = _word(error.get("status"), call)
    details = _Details(error.get("details"))
    prose = call.told(_prose(error, status))
    error_class = _error_class(status, name, details, prose)
    facts: dict[str, Any] = {
        "provider": "gemini",
        "model": call.model,
        "status": status,
        "provider_code": name,
        "reason": _word(details.reason, call),
        "parameter": _word(details.field, call),
        "quota": _word(details.quota, call),
        "replacement": call.replacement,
        "retry_after_seconds": details.retry_seconds or retry_after_seconds(headers or {}, prose),
    }
    return error_class(
        f"{opening_for(error_class, call.server, facts)}: {prose}",
        hint=hint_for(error_class, facts, own_endpoint=call.own_endpoint),
        may_be_billed=error_class is ProviderTimeout,
        **facts,
    )


class _Details:
    """What the list `details` of an error body says; the first of each kind counts."""

    def __init__(self, entries: object) -> None:
        listed = entries if isinstance(entries, list) else []
        self._entries = [entry for entry in listed if isinstance(entry, Mapping)]

    def _first(self, key: str) -> object:
        return next((entry[key] for entry in self._entries if key in entry), None)

    def _inner(self, key: str, name: str) -> list[str]:
        inner = self._first(key)
        listed = inner if isinstance(inner, list) else []
        return [str(entry[name]) for entry in listed if isinstance(entry, Mapping) and name in entry]

    @property
    def reason(self) -> object:
        return self._first("reason")

    @property
    def field(self) -> str | None:
        return next(iter(self._inner("fieldViolations", "field")), None)

    @property
    def quotas(self) -> list[str]:
        return self._inner("violations", "quotaId")

    @property
    def quota(self) -> str | None:
        return next((quota for quota in self.quotas if _USED_UP.search(quota)), next(iter(self.quotas), None))

    @property
    def none_allowed(self) -> bool:
        return "0" in self._inner("violations", "quotaValue")

    @property
    def retry_seconds(self) -> float | None:
        match = _DELAY.fullmatch(str(self._first("retryDelay")))
        return float(match[1]) if match else None


def _error_class(status: int | None, name: str | None, details: _Details, prose: str) -> type[ImagegenError]:
    by_reason = _BY_REASON.get(str(details.reason))
    found = by_reason or _BY_NAME.get(name or "") or _by_status(status)
    if found is UsageError and re.search(r"\bAPI key\b", prose, re.I):
        return AuthenticationFailed
    if found is RateLimited:
        gone = details.none_allowed or any(map(_USED_UP.search, (*details.quotas, prose)))
        return QuotaExceeded if gone else RateLimited
    return found


def _by_status(status: int | None) -> type[ImagegenError]:
    if status is None:
        return BadResponse
    return _BY_STATUS.get(status, ProviderUnavailable if status >= 500 else ProviderError)


def _error_of(body: object) -> Mapping[str, Any]:
    """The inner object of any error body; text alone becomes its message."""
    inner = body.get("error", body) if isinstance(body, Mapping) else body
    if isinstance(inner, Mapping):
        return inner
    return {"message": inner} if isinstance(inner, str) else {}


def _prose(error: Mapping[str, Any], status: int | None) -> str:
    message = error.get("message")
    said = message.strip() if isinstance(message, str) else ""
    if said.startswith("<"):
        said = "an HTML page instead of an API answer"
    return said or (f"status {status} without a message" if status else "an error without a message")


def _word(value: object, call: GeminiCall) -> str | None:
    return call.told(value, _MAX_WORD_CHARS) if isinstance(value, str) and value else None


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _headers(exc: object) -> dict[str, str]:
    headers = getattr(getattr(exc, "response", None), "headers", None) or {}
    return {str(name).lower(): str(value) for name, value in headers.items()}


def _timed_out(exc: BaseException, call: GeminiCall) -> ImagegenError:
    if type(exc).__name__ in _NOT_SENT:
        return _unreachable(call)
    return ProviderTimeout(
        f"{call.server} did not answer in full within {call.timeout_seconds:g} seconds.",
        hint="Allow more with --timeout or PROVIDERS__GEMINI__TIMEOUT. This call may have been billed.",
        may_be_billed=True,
        provider="gemini",
        model=call.model,
        timeout_seconds=call.timeout_seconds,
    )


def _disconnected(exc: BaseException, call: GeminiCall) -> ImagegenError:
    if type(exc).__name__ in _NOT_SENT:
        return _unreachable(call)
    return ProviderUnavailable(
        f"The connection to {call.host} broke before the answer was complete.",
        hint="Ask again; the broken call may have been billed.",
        may_be_billed=True,
        provider="gemini",
        model=call.model,
    )


def _unreachable(call: GeminiCall) -> ImagegenError:
    return ProviderUnavailable(
        f"Could not reach {call.host}.",
        hint="Check the network, the proxy settings and providers.gemini.base_url. Nothing was billed.",
        provider="gemini",
        model=call.model,
    )
