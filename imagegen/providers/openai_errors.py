"""What goes wrong between us and OpenAI, in the words of `imagegen.errors`.

The rows come from OpenAI's error bodies, `{"error": {"message", "type", "param", "code"}}`. Gateways send
the same bodies with status 200, in the middle of a stream, or with a status as the code.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from imagegen.errors import (
    AuthenticationFailed,
    BadResponse,
    ConfigurationError,
    ContentPolicyError,
    ImagegenError,
    NotFound,
    ProviderError,
    ProviderTimeout,
    ProviderUnavailable,
    QuotaExceeded,
    RateLimited,
    UsageError,
)
from imagegen.providers.openai_endpoint import no_address
from imagegen.providers.openai_hints import hint_for, opening_for
from imagegen.providers.openai_retry import retry_after_seconds

_MAX_PROSE_CHARS = 500
_MAX_WORD_CHARS = 100
_MIN_SECRET_CHARS = 4
# C0, C1, line separators and the marks that reverse the direction of text: none of them may reach a terminal.
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]+")
_KEY_LIKE = re.compile(r"\bsk-[\w*.-]*[\w*]|(?i:\bbearer\s+)\S+")
_VIOLATIONS = re.compile(r"safety_violations=\[([^\]]*)\]")

# A code, or a type where there is no code, that says more than the status.
_BY_WORD: Mapping[str, type[ImagegenError]] = MappingProxyType(
    {
        "moderation_blocked": ContentPolicyError,
        "content_policy_violation": ContentPolicyError,
        "contentFilter": ContentPolicyError,
        "content_filter": ContentPolicyError,
        "billing_hard_limit_reached": QuotaExceeded,
        "insufficient_quota": QuotaExceeded,
        "rate_limit_exceeded": RateLimited,
        "invalid_api_key": AuthenticationFailed,
        "model_not_found": NotFound,
        "DeploymentNotFound": NotFound,
        "unknown_parameter": UsageError,
        "invalid_value": UsageError,
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
        409: ProviderUnavailable,
        413: UsageError,
        415: UsageError,
        422: UsageError,
        429: RateLimited,
    }
)
_BY_TYPE: Mapping[str, type[ImagegenError]] = MappingProxyType(
    {
        "invalid_request_error": UsageError,
        "image_generation_user_error": UsageError,
        "server_error": ProviderUnavailable,
    }
)
# The server gave up waiting for an upstream that may still finish, and bill.
_GAVE_UP = frozenset({408, 504, 524})
# Failures before the request was on its way; the classes are httpx2's, and httpx's under an older SDK.
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
class Call:
    """What a message may say of the call that failed, and the secrets that it must not.

    `settings` is the dotted group of settings that the provider is set up with.
    """

    provider: str = "openai"
    settings: str = "providers.openai"
    server: str  # "OpenAI", or "The server at HOST"
    host: str
    own_endpoint: bool
    model: str
    timeout_seconds: float
    secrets: tuple[str, ...] = field(default=(), repr=False)

    def clean(self, text: str, limit: int = _MAX_PROSE_CHARS) -> str:
        """A server's text for people: no secrets, no control characters, bounded."""
        text = " ".join(_CONTROLS.sub(" ", text).split())
        for secret in self.secrets:
            if len(secret) >= _MIN_SECRET_CHARS:
                text = text.replace(secret, "[key]")
        text = _KEY_LIKE.sub("[key]", text)
        return text if len(text) <= limit else text[: limit - 1] + "…"


@contextmanager
def translated(call: Call) -> Iterator[None]:
    """Turn what the SDK, its HTTP library and asyncio's time-out raise into our errors."""
    import httpx2
    import openai

    try:
        yield
    except (TimeoutError, openai.APITimeoutError, httpx2.TimeoutException) as exc:
        raise timed_out(exc, call) from exc
    except openai.APIStatusError as exc:
        headers = {**exc.response.headers}
        raise refusal(exc.body, call, status=exc.status_code, headers=headers) from exc
    except (openai.APIConnectionError, httpx2.HTTPError) as exc:
        raise disconnected(exc, call) from exc
    except openai.APIError as exc:
        raise refusal(exc.body, call) from exc
    except openai.OpenAIError as exc:
        raise ProviderError(f"The OpenAI SDK failed: {call.clean(str(exc))}") from exc


@contextmanager
def translated_setup(provider: str = "openai") -> Iterator[None]:
    """Turn what building a client raises into ConfigurationError: it reads proxies and certificates."""
    import httpx2

    try:
        yield
    except httpx2.InvalidURL as exc:
        raise no_address() from exc
    except (ValueError, OSError, ImportError) as exc:
        # Its text is not repeated: a proxy's address may hold a password.
        raise ConfigurationError(
            f"The connection to {provider} cannot be set up ({type(exc).__name__}).",
            hint="Check HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, SSL_CERT_FILE and SSL_CERT_DIR.",
        ) from exc


def refusal(
    body: object, call: Call, *, status: int | None = None, headers: Mapping[str, str] | None = None
) -> ImagegenError:
    """The error that a server's error body stands for; `status` None: it came with a 200 or in a stream."""
    error = _error_entries(body)
    code, kind = _word(error, "code", call), _word(error, "type", call)
    status = status if status is not None else _status_in(code)
    prose = _sentence(call.clean(_prose(error, status)))
    error_class = _error_class(code, kind, status)
    details: dict[str, Any] = {
        "provider": call.provider,
        "model": call.model,
        "status": status,
        "provider_code": code,
        "provider_type": kind,
        "parameter": _word(error, "param", call),
        "request_id": _request_id(headers, call),
        "retry_after_seconds": retry_after_seconds(headers or {}, prose),
    }
    if error_class is ContentPolicyError:
        details |= _moderation(error, prose, call)
    return error_class(
        f"{opening_for(error_class, call.server, details)}: {prose}",
        hint=hint_for(error_class, details, own_endpoint=call.own_endpoint, settings=call.settings),
        may_be_billed=status in _GAVE_UP,
        **details,
    )


def _error_class(code: str | None, kind: str | None, status: int | None) -> type[ImagegenError]:
    for word in (code, kind):
        if word is not None and word in _BY_WORD:
            return _BY_WORD[word]
    if status is not None:
        fallback = ProviderUnavailable if status >= 500 else ProviderError
        return _BY_STATUS.get(status, fallback)
    return _BY_TYPE.get(kind or "", BadResponse)


def _error_entries(body: object) -> Mapping[str, Any]:
    """The inner object of any error body; text alone becomes its message, or its code beside a message."""
    inner = body.get("error", body) if isinstance(body, Mapping) else body
    if isinstance(body, Mapping) and isinstance(inner, str) and isinstance(body.get("message"), str):
        return {"message": body["message"], "code": inner}
    if isinstance(inner, Mapping):
        return inner
    return {"message": inner} if isinstance(inner, str) else {}


def _prose(error: Mapping[str, Any], status: int | None) -> str:
    told = (_text(error.get(key)) for key in ("message", "detail"))
    said = next((text for text in told if text), "").strip()
    if said.startswith("<"):
        said = "an HTML page instead of an API answer"
    return said or (f"status {status} without a message" if status else "an error without a message")


def _text(told: object) -> str:
    """Text as it is; FastAPI's list of faults as `body.size: why; …`."""
    if isinstance(told, str):
        return told
    faults = [fault for fault in told if isinstance(fault, Mapping)] if isinstance(told, list) else []
    places = (fault.get("loc") for fault in faults)
    named = (".".join(map(str, place)) if isinstance(place, list) else "" for place in places)
    return "; ".join(
        f"{place}: {fault.get('msg', 'wrong')}" for place, fault in zip(named, faults, strict=True)
    )


def _sentence(prose: str) -> str:
    """With an end, because a hint follows."""
    return prose if prose[-1:] in ".!?…]" else f"{prose}."


def _word(error: Mapping[str, Any], key: str, call: Call) -> str | None:
    value = error.get(key)
    return call.clean(str(value), _MAX_WORD_CHARS) if isinstance(value, str | int) and value != "" else None


def _status_in(code: str | None) -> int | None:
    """Some gateways put the status that they swallowed into `code`."""
    return int(code) if code is not None and re.fullmatch(r"[45]\d\d", code) else None


def _request_id(headers: Mapping[str, str] | None, call: Call) -> str | None:
    request_id = (headers or {}).get("x-request-id")
    return call.clean(request_id, _MAX_WORD_CHARS) if request_id else None


def _moderation(error: Mapping[str, Any], prose: str, call: Call) -> dict[str, Any]:
    """Stage (`input`, `output`, `unknown`) and categories, from `moderation_details` or from the prose."""
    told = error.get("moderation_details")
    told = told if isinstance(told, Mapping) else {}
    categories = told.get("categories")
    if not isinstance(categories, list):
        in_prose = _VIOLATIONS.search(prose)
        categories = in_prose[1].split(",") if in_prose else []
    named = [call.clean(str(category), _MAX_WORD_CHARS) for category in categories[:20]]
    return {
        "stage": _word(told, "moderation_stage", call),
        "categories": [name for name in named if name] or None,
    }


def timed_out(exc: BaseException, call: Call) -> ImagegenError:
    """The error for an answer that did not come in time."""
    if _never_sent(exc):
        return _unreachable(call)
    timeout = f"{call.settings}.timeout".replace(".", "__").upper()
    return ProviderTimeout(
        f"{call.server} did not answer in full within {call.timeout_seconds:g} seconds.",
        hint=f"Allow more with --timeout or {timeout}. This call may have been billed.",
        may_be_billed=True,
        provider=call.provider,
        model=call.model,
        timeout_seconds=call.timeout_seconds,
    )


def disconnected(exc: BaseException, call: Call) -> ImagegenError:
    """The error for a connection that was never made, or broke."""
    if _never_sent(exc):
        return _unreachable(call)
    return ProviderUnavailable(
        f"The connection to {call.host} broke before the answer was complete.",
        hint="Ask again; the broken call may have been billed.",
        may_be_billed=True,
        provider=call.provider,
        model=call.model,
    )


def _never_sent(exc: BaseException) -> bool:
    reasons = (exc, exc.__cause__)
    return any(type(reason).__name__ in _NOT_SENT for reason in reasons)


def _unreachable(call: Call) -> ImagegenError:
    return ProviderUnavailable(
        f"Could not reach {call.host}.",
        hint=f"Check the network, the proxy settings and {call.settings}.base_url. Nothing was billed.",
        provider=call.provider,
        model=call.model,
    )
