"""Gemini's refusals and failures as our errors: class, exit code, next step, and never a secret."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from imagegen.errors import (
    AuthenticationFailed,
    ConfigurationError,
    ExitCode,
    ImagegenError,
    MissingCredentials,
    NotFound,
    ProviderError,
    ProviderTimeout,
    ProviderUnavailable,
    QuotaExceeded,
    RateLimited,
    UsageError,
)
from imagegen.providers import load_providers
from imagegen.settings import Settings
from tests.fakes.gemini_behaviours import (
    body,
    cut,
    drip,
    error,
    error_info,
    held,
    html,
    quota_failure,
    retry_info,
)
from tests.fakes.gemini_calls import KEY, MODEL, ask, build_provider, failure, provider_at, wish
from tests.fakes.gemini_server import running_gemini

ROOT = Path(__file__).parent.parent
PER_MINUTE = "GenerateRequestsPerMinutePerProjectPerModel"
PER_DAY = "GenerateRequestsPerDayPerProjectPerModel-FreeTier"


# Google's error bodies

TABLE: list[tuple[Any, type[ImagegenError], ExitCode, bool]] = [
    (error(400, "INVALID_ARGUMENT", "m"), UsageError, ExitCode.USAGE, False),
    (
        error(400, "INVALID_ARGUMENT", "API key not valid.", error_info("API_KEY_INVALID")),
        AuthenticationFailed,
        ExitCode.CONFIGURATION,
        False,
    ),
    (
        error(400, "INVALID_ARGUMENT", "API key expired. Please renew the API key."),
        AuthenticationFailed,
        ExitCode.CONFIGURATION,
        False,
    ),
    (
        error(400, "FAILED_PRECONDITION", "User location is not supported for the API use."),
        AuthenticationFailed,
        ExitCode.CONFIGURATION,
        False,
    ),
    (error(401, "UNAUTHENTICATED", "m"), AuthenticationFailed, ExitCode.CONFIGURATION, False),
    (error(403, "PERMISSION_DENIED", "m"), AuthenticationFailed, ExitCode.CONFIGURATION, False),
    (
        error(403, "PERMISSION_DENIED", "m", error_info("SERVICE_DISABLED")),
        AuthenticationFailed,
        ExitCode.CONFIGURATION,
        False,
    ),
    (error(404, "NOT_FOUND", "m"), NotFound, ExitCode.NOT_FOUND, False),
    (error(413, "UNKNOWN", "m"), UsageError, ExitCode.USAGE, False),
    (error(429, "RESOURCE_EXHAUSTED", "m"), RateLimited, ExitCode.LIMIT, True),
    (error(429, "RESOURCE_EXHAUSTED", "m", quota_failure(PER_MINUTE)), RateLimited, ExitCode.LIMIT, True),
    (error(429, "RESOURCE_EXHAUSTED", "m", quota_failure(PER_DAY)), QuotaExceeded, ExitCode.LIMIT, False),
    (
        error(429, "RESOURCE_EXHAUSTED", "m", quota_failure(PER_MINUTE, "0")),
        QuotaExceeded,
        ExitCode.LIMIT,
        False,
    ),
    (
        error(429, "RESOURCE_EXHAUSTED", "Quota exceeded for metric: requests, limit: 0, model: x"),
        QuotaExceeded,
        ExitCode.LIMIT,
        False,
    ),
    (error(408, "UNKNOWN", "m"), ProviderTimeout, ExitCode.PROVIDER, True),
    (error(418, "TEAPOT", "m"), ProviderError, ExitCode.PROVIDER, False),
    (error(500, "INTERNAL", "m"), ProviderUnavailable, ExitCode.PROVIDER, True),
    (error(503, "UNAVAILABLE", "The model is overloaded."), ProviderUnavailable, ExitCode.PROVIDER, True),
    (error(504, "DEADLINE_EXCEEDED", "m"), ProviderTimeout, ExitCode.PROVIDER, True),
    (html(502), ProviderUnavailable, ExitCode.PROVIDER, True),
    (html(403), AuthenticationFailed, ExitCode.CONFIGURATION, False),
    (body(b"", status=500), ProviderUnavailable, ExitCode.PROVIDER, True),
    (body(b'["what"]', status=400), UsageError, ExitCode.USAGE, False),
    (body(b'{"error": "m"}', status=400), UsageError, ExitCode.USAGE, False),
    (body(b'{"error": {"details": {"reason": 7}}}', status=400), UsageError, ExitCode.USAGE, False),
]


@pytest.mark.parametrize(("behaviour", "error_class", "exit_code", "retryable"), TABLE)
def test_each_refusal_is_the_error_that_says_what_to_do(
    behaviour: Any,
    error_class: type[ImagegenError],
    exit_code: ExitCode,
    retryable: bool,
) -> None:
    raised = failure(behaviour)
    assert type(raised) is error_class
    assert (raised.exit_code, raised.retryable) == (exit_code, retryable)
    assert (raised.details["provider"], raised.details["model"]) == ("gemini", MODEL)
    assert "<" not in raised.message


def test_a_wrong_key_says_where_to_set_it_and_never_what_it_is() -> None:
    with running_gemini(api_key="another-key") as gemini, pytest.raises(AuthenticationFailed) as caught:
        ask(provider_at(gemini), wish())
    assert "refused the API key" in caught.value.message
    assert "GEMINI_API_KEY" in (caught.value.hint or "")
    assert KEY not in json.dumps(caught.value.to_json())


def test_a_region_without_the_service_is_no_matter_of_the_key() -> None:
    raised = failure(error(400, "FAILED_PRECONDITION", "User location is not supported for the API use."))
    assert f"refused access to {MODEL}: User location" in raised.message
    assert "region" in (raised.hint or "")


def test_a_refused_field_is_named() -> None:
    violations = {
        "@type": "type.googleapis.com/google.rpc.BadRequest",
        "fieldViolations": [{"field": "generation_config.image_config", "description": "no"}],
    }
    raised = failure(error(400, "INVALID_ARGUMENT", "Invalid value.", violations))
    assert raised.details["parameter"] == "generation_config.image_config"
    assert raised.hint == f"See what it takes: imagegen models show {MODEL}"


@pytest.mark.parametrize(("delay", "seconds"), [("30s", 30), ("0.5s", 0.5), ("1.25s", 1.25), ("soon", None)])
def test_the_wait_that_google_asks_for_is_passed_on(delay: str, seconds: float | None) -> None:
    raised = failure(
        error(429, "RESOURCE_EXHAUSTED", "Slow down.", quota_failure(PER_MINUTE), retry_info(delay))
    )
    assert raised.details.get("retry_after_seconds") == seconds
    assert raised.details["quota"] == PER_MINUTE
    assert raised.hint == f"Wait {seconds:g} seconds and ask again." if seconds else "Wait a minute"


def test_a_wait_in_the_headers_is_passed_on_too() -> None:
    raised = failure(error(503, "UNAVAILABLE", "Later.", **{"retry-after": "12"}))
    assert raised.details["retry_after_seconds"] == 12


def test_a_model_that_is_gone_names_its_replacement() -> None:
    old = "gemini-3.1-flash-image"
    with running_gemini() as gemini:
        gemini.script(error(404, "NOT_FOUND", f"models/{old} is not found for API version v1."))
        provider = provider_at(gemini)
        with pytest.raises(NotFound, match=old) as caught:
            ask(provider, wish(model=old))
    assert caught.value.hint == f"Use {MODEL}."


def test_a_model_that_the_service_does_not_know_is_not_found() -> None:
    with running_gemini() as gemini, pytest.raises(NotFound, match="gemini-9-image") as caught:
        ask(provider_at(gemini), wish(model="gemini-9-image"))
    assert caught.value.hint == "See: imagegen models list"


def test_a_secret_in_an_error_is_never_repeated() -> None:
    other = "AIzaSyOther-0123456789-0123456789-01234"
    told = f"Key {KEY} and {other} at https://host/?key=abc123&x=1 are wrong"
    raised = failure(error(403, "PERMISSION_DENIED", told, error_info(KEY)))
    everything = json.dumps(raised.to_json()) + repr(raised) + str(raised)
    assert not [secret for secret in (KEY, other, "abc123") if secret in everything]
    assert "[key]" in raised.message


# The network


def test_a_server_that_is_not_there_could_not_be_reached_and_nothing_was_billed() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{unused.getsockname()[1]}"
    with pytest.raises(ProviderUnavailable, match=f"Could not reach {place}") as caught:
        ask(build_provider(base_url=f"http://{place}", api_key=KEY), wish())
    assert caught.value.retryable
    assert not caught.value.may_be_billed


@pytest.mark.parametrize("after", ["request", "headers", "body"])
def test_a_connection_that_breaks_may_have_been_billed_and_is_not_tried_again(after: str) -> None:
    raised = failure(cut(after))
    assert type(raised) is ProviderUnavailable
    assert raised.may_be_billed


def test_silence_ends_at_the_time_out() -> None:
    raised = failure(held(threading.Event()), timeout=0.3)
    assert type(raised) is ProviderTimeout
    assert "within 0.3 seconds" in raised.message
    assert "PROVIDERS__GEMINI__TIMEOUT" in (raised.hint or "")
    assert raised.may_be_billed


def test_an_answer_that_drips_in_ends_at_the_time_out_of_the_whole() -> None:
    assert type(failure(drip(), timeout=0.4)) is ProviderTimeout


def test_the_requests_own_time_out_is_stronger_than_the_settings() -> None:
    with running_gemini() as gemini:
        gemini.script(held(threading.Event()))
        with pytest.raises(ProviderTimeout, match=r"within 0\.2 seconds"):
            ask(provider_at(gemini, timeout=300), wish(timeout_seconds=0.2))
        assert gemini.requests[0].headers["x-server-timeout"] == "1"


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed_because_the_key_would_go_along(status: int) -> None:
    with running_gemini() as elsewhere, running_gemini() as gemini:
        place = f"{elsewhere.base_url}/v1/models/{MODEL}:generateContent"
        gemini.script(
            lambda asked: asked.exchange.send(status, "text/html", b"<p>Moved", {"location": place})
        )
        with pytest.raises(ProviderError):
            ask(provider_at(gemini), wish())
        assert not elsewhere.requests


def test_a_failed_call_is_not_repeated_by_the_sdk() -> None:
    assert type(failure(error(503, "UNAVAILABLE", "Later."))) is ProviderUnavailable


# Before any call


def refused_before_any_call(**section: Any) -> ConfigurationError:
    provider = build_provider(**section)
    with pytest.raises(ConfigurationError) as caught:
        provider.require_ready()
    availability = provider.availability()
    assert (availability.enabled, availability.reason) == (False, str(caught.value))
    with pytest.raises(type(caught.value)):
        ask(provider, wish())
    return caught.value


def test_a_missing_key_says_how_to_set_one() -> None:
    raised = refused_before_any_call()
    assert type(raised) is MissingCredentials
    assert str(raised) == (
        "No API key for gemini. Set GEMINI_API_KEY, or run: imagegen config set providers.gemini.api_key"
    )


def test_a_provider_that_is_switched_off_says_so() -> None:
    raised = refused_before_any_call(api_key=KEY, enabled=False)
    assert "providers.gemini.enabled" in raised.message


def test_a_missing_package_is_the_install_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "google.genai", None)
    raised = refused_before_any_call(api_key=KEY)
    assert raised.message == "google-genai is not installed."
    assert raised.hint == 'pip install "imagegen[gemini]"'


def test_a_key_is_asked_for_before_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "google.genai", None)
    assert type(refused_before_any_call()) is MissingCredentials


@pytest.mark.parametrize("address", ["http://[::1", "http://host:port/x"])
def test_an_address_that_is_none_is_refused_without_repeating_it(address: str) -> None:
    raised = refused_before_any_call(api_key=KEY, base_url=address)
    assert "providers.gemini.base_url" in raised.message
    assert address not in str(raised)
    assert build_provider(base_url=address).find_model(MODEL) is not None


def test_credentials_in_an_address_are_not_shown() -> None:
    provider = build_provider(api_key=KEY, base_url="http://user:secret@127.0.0.1:9/sub")
    shown = provider.wire_call(wish()).endpoint + provider.availability().reason
    assert "secret" not in shown
    assert "http://127.0.0.1:9/sub/v1" in shown
    assert KEY not in shown


def test_a_ready_provider_says_where_it_goes() -> None:
    availability = build_provider(api_key=KEY).availability()
    assert availability.enabled
    assert availability.reason == "https://generativelanguage.googleapis.com/v1, an API key is set."


def test_gemini_is_a_built_in_after_openai_and_before_the_local_composer() -> None:
    names = list(load_providers(Settings()).providers)
    assert names.index("openai") < names.index("gemini") < names.index("local")


DRY_RUN = """
import sys
from imagegen.providers.gemini import GeminiProvider
from imagegen.settings import Settings
from imagegen.types import GenerateRequest

provider = GeminiProvider.from_settings(Settings.model_validate({"providers": {"gemini": {"api_key": "k"}}}))
assert provider.models() and provider.availability().enabled
provider.wire_call(GenerateRequest(prompt="otter", size="1200x630", quality="low"))
print(sorted({"google.genai", "httpx", "httpx2", "openai", "PIL"} & set(sys.modules)))
"""


def test_models_availability_and_dry_run_load_no_sdk() -> None:
    done = subprocess.run(
        [sys.executable, "-c", DRY_RUN], capture_output=True, text=True, encoding="utf-8", cwd=ROOT
    )
    assert (done.stdout.strip(), done.stderr) == ("[]", "")
