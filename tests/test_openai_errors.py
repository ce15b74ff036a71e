"""OpenAI's refusals and failures as our errors: class, exit code, next step, and never a secret."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from imagegen.errors import (
    AuthenticationFailed,
    ConfigurationError,
    ContentPolicyError,
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
from tests.fakes.openai_behaviours import body, cut, drip, error, held, html
from tests.fakes.openai_calls import KEY, MODEL, ask, build_provider, edit_wish, provider_at, start, wish
from tests.fakes.openai_server import running_openai

USER_ERROR = "image_generation_user_error"


def failure(behaviour: Any, **section: Any) -> ImagegenError:
    """The error that a call ends in when the server behaves so."""
    with running_openai() as openai:
        openai.script(behaviour)
        with pytest.raises(ImagegenError) as caught:
            ask(provider_at(openai, **section), wish())
    return caught.value


TABLE: list[tuple[Any, type[ImagegenError], ExitCode, bool]] = [
    (
        error(400, "moderation_blocked", "m", kind=USER_ERROR),
        ContentPolicyError,
        ExitCode.CONTENT_POLICY,
        False,
    ),
    (error(400, "content_policy_violation", "m"), ContentPolicyError, ExitCode.CONTENT_POLICY, False),
    (error(400, "unknown_parameter", "m", param="style"), UsageError, ExitCode.USAGE, False),
    (error(400, "invalid_value", "m", kind=USER_ERROR), UsageError, ExitCode.USAGE, False),
    (error(400, None, "m"), UsageError, ExitCode.USAGE, False),
    (error(413, None, "m"), UsageError, ExitCode.USAGE, False),
    (error(422, None, "m"), UsageError, ExitCode.USAGE, False),
    (error(400, "billing_hard_limit_reached", "m"), QuotaExceeded, ExitCode.LIMIT, False),
    (error(400, "billing_hard_limit_reached", "m", kind="billing"), QuotaExceeded, ExitCode.LIMIT, False),
    (error(402, None, "m"), QuotaExceeded, ExitCode.LIMIT, False),
    (error(429, "insufficient_quota", "m", kind="insufficient_quota"), QuotaExceeded, ExitCode.LIMIT, False),
    (error(429, None, "m", kind="insufficient_quota"), QuotaExceeded, ExitCode.LIMIT, False),
    (error(429, "rate_limit_exceeded", "m", kind="input-images"), RateLimited, ExitCode.LIMIT, True),
    (error(429, None, "m", kind="tokens"), RateLimited, ExitCode.LIMIT, True),
    (error(401, "invalid_api_key", "m"), AuthenticationFailed, ExitCode.CONFIGURATION, False),
    (error(403, None, "m"), AuthenticationFailed, ExitCode.CONFIGURATION, False),
    (error(404, "model_not_found", "m"), NotFound, ExitCode.NOT_FOUND, False),
    (error(409, None, "m"), ProviderUnavailable, ExitCode.PROVIDER, True),
    (error(500, None, "m", kind="server_error"), ProviderUnavailable, ExitCode.PROVIDER, True),
    (error(503, None, "m", kind="server_error"), ProviderUnavailable, ExitCode.PROVIDER, True),
    (error(408, None, "m"), ProviderTimeout, ExitCode.PROVIDER, True),
    (error(418, None, "m"), ProviderError, ExitCode.PROVIDER, False),
    (html(502), ProviderUnavailable, ExitCode.PROVIDER, True),
    (body(b"", status=500), ProviderUnavailable, ExitCode.PROVIDER, True),
    (body(b'["what"]', status=400), UsageError, ExitCode.USAGE, False),
    (body(b'{"detail": "m"}', status=422), UsageError, ExitCode.USAGE, False),
    (body(b'{"error": "m"}', status=400), UsageError, ExitCode.USAGE, False),
]


@pytest.mark.parametrize(("behaviour", "error_class", "exit_code", "retryable"), TABLE)
def test_each_refusal_is_the_error_that_says_what_to_do(
    behaviour: Any, error_class: type[ImagegenError], exit_code: ExitCode, retryable: bool
) -> None:
    raised = failure(behaviour)
    assert type(raised) is error_class
    assert (raised.exit_code, raised.retryable) == (exit_code, retryable)
    assert raised.details["model"] == MODEL
    assert raised.details["request_id"] == "req_fake_1"


def test_a_refused_parameter_is_named_with_its_model() -> None:
    raised = failure(error(400, "unknown_parameter", "Unknown parameter: 'style'.", param="style"))
    assert "refused style: Unknown parameter: 'style'." in raised.message
    assert raised.hint == f"See what it takes: imagegen models show {MODEL}"
    assert raised.details["parameter"] == "style"


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ({"model": "gpt-image-2", "quality": "xhigh"}, "quality"),
        ({"output_format": "png", "output_compression": 50}, "output_compression"),
        ({"output_format": "jpeg", "background": "transparent"}, "background"),
        ({"model": "gpt-image-2", "complexity": "low"}, "complexity"),
        ({"size": "1000x1000"}, "size"),
        ({"n": 11}, "n"),
    ],
)
def test_what_the_service_itself_refuses_comes_back_with_the_parameters_name(
    parameters: dict[str, Any], named: str
) -> None:
    with running_openai() as openai, pytest.raises(UsageError) as caught:
        ask(provider_at(openai), wish(**parameters))
    assert caught.value.details["parameter"] == named


def test_input_fidelity_on_a_model_without_it_comes_back_as_refused() -> None:
    with running_openai() as openai, pytest.raises(UsageError) as caught:
        ask(provider_at(openai), edit_wish(model="gpt-image-2", input_fidelity="high"))
    assert caught.value.details["parameter"] == "input_fidelity"


def test_an_unknown_model_is_not_found_and_the_list_is_named() -> None:
    with running_openai() as openai, pytest.raises(NotFound, match="gpt-image-9") as caught:
        ask(provider_at(openai), wish(model="gpt-image-9"))
    assert caught.value.hint == "See: imagegen models list"


def test_a_wrong_address_on_another_server_is_said_to_be_possible() -> None:
    with running_openai() as openai, pytest.raises(NotFound) as caught:
        ask(provider_at(openai, base_url=openai.base_url.removesuffix("/v1")), wish())
    assert "base_url" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("more", "message", "stage", "categories"),
    [
        (
            {"moderation_details": {"moderation_stage": "output", "categories": ["violence"]}},
            "Refused.",
            "output",
            ["violence"],
        ),
        ({}, "Refused. safety_violations=[sexual,violence]", None, ["sexual", "violence"]),
        ({"moderation_details": "none"}, "Refused.", None, None),
    ],
)
def test_a_content_refusal_says_at_which_stage_and_for_which_categories(
    more: dict[str, Any], message: str, stage: str | None, categories: list[str] | None
) -> None:
    raised = failure(error(400, "moderation_blocked", message, kind=USER_ERROR, **more))
    assert (raised.details.get("stage"), raised.details.get("categories")) == (stage, categories)


def test_a_403_speaks_of_access_and_a_401_of_the_key() -> None:
    assert f"access to {MODEL}" in failure(error(403, None, "Your organization must be verified.")).message
    raised = failure(error(401, "invalid_api_key", "No."))
    assert "the API key" in raised.message
    assert "imagegen config set providers.openai.api_key" in (raised.hint or "")


@pytest.mark.parametrize(
    ("headers", "prose", "seconds"),
    [
        ({"retry-after": "7"}, "Slow down.", 7.0),
        ({"retry-after-ms": "1500", "retry-after": "7"}, "Slow down.", 1.5),
        ({}, "Please try again in 12s.", 12.0),
        ({}, "Please try again in 1m30s.", 90.0),
        ({}, "Please try again in 820ms.", 0.82),
        ({"retry-after": "soon"}, "Please try again in 6.5s.", 6.5),
        ({"retry-after": "Thu, 01 Jan 1970 00:00:00 GMT"}, "Slow down.", 0.0),
        ({"retry-after": "99999999999"}, "Slow down.", 604800.0),
        ({}, "Slow down.", None),
    ],
)
def test_the_wait_after_a_rate_limit_comes_from_the_headers_or_the_prose(
    headers: dict[str, str], prose: str, seconds: float | None
) -> None:
    raised = failure(error(429, "rate_limit_exceeded", prose, kind="requests", headers=headers))
    assert raised.details.get("retry_after_seconds") == seconds
    assert "Wait" in (raised.hint or "")


def test_the_wait_may_be_given_as_a_date() -> None:
    when = format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)
    raised = failure(error(429, "rate_limit_exceeded", "Slow down.", headers={"retry-after": when}))
    assert 90 < raised.details["retry_after_seconds"] <= 100


def test_the_vendors_prose_is_bounded_and_holds_no_control_characters() -> None:
    raised = failure(error(400, "invalid_value", "Bad\x1b[31m\u202e size.\n\n" + "x" * 5000, param="a\x07b"))
    assert raised.message.isprintable()
    assert len(raised.message) < 600
    assert raised.details["parameter"] == "a b"


def test_an_html_error_page_is_not_quoted() -> None:
    assert "<" not in failure(html(502)).message


# Secrets


@pytest.mark.parametrize(
    "echo",
    [
        f"Incorrect API key provided: {KEY}. You can find your API key elsewhere.",
        "Incorrect API key provided: sk-abc********************wxyz.",
        f"Authorization was Bearer {KEY}",
        "x" * 490 + " " + KEY,
    ],
)
def test_a_key_that_the_server_echoes_is_in_no_message(echo: str) -> None:
    raised = failure(error(401, "invalid_api_key", echo, param=KEY))
    shown = f"{raised} {raised.to_json()} {raised!r}"
    assert KEY not in shown
    assert KEY[:11] not in shown
    assert "wxyz" not in shown


def test_a_key_of_another_form_is_redacted_too() -> None:
    raised = failure(error(401, None, "What is swordfish-9?"), api_key="swordfish-9")
    assert "swordfish" not in f"{raised} {raised.to_json()}"


def test_the_key_is_in_no_representation_of_provider_and_settings() -> None:
    provider = build_provider(api_key=KEY)
    assert KEY not in f"{provider!r} {provider.availability()} {provider.wire_call(wish())}"


def test_the_password_of_an_address_is_not_shown() -> None:
    provider = build_provider(base_url="http://me:hunter22@127.0.0.1:9/v1", api_key=KEY)
    with pytest.raises(ProviderUnavailable) as caught:
        ask(provider, wish())
    shown = f"{caught.value} {caught.value.to_json()} {provider.wire_call(wish())} {provider.availability()}"
    assert "hunter22" not in shown


# Before sending


def test_no_key_is_missing_credentials_with_the_command_to_run() -> None:
    with pytest.raises(MissingCredentials) as caught:
        ask(build_provider(), wish())
    assert str(caught.value) == (
        "No API key for openai. Set OPENAI_API_KEY, or run: imagegen config set providers.openai.api_key"
    )
    assert caught.value.exit_code == ExitCode.CONFIGURATION


def test_no_key_is_noticed_before_the_sdk_is_imported() -> None:
    script = (
        "import sys\n"
        "from tests.fakes.openai_calls import ask, build_provider, wish\n"
        "from imagegen.errors import MissingCredentials\n"
        "try:\n    ask(build_provider(), wish())\n"
        "except MissingCredentials:\n    print('openai' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[1],
    )
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize("base_url", ["http://[::1", "http://127.0.0.1:99999/v1", "http://:80/v1"])
def test_an_address_that_is_none_is_a_configuration_error(base_url: str) -> None:
    provider = build_provider(base_url=base_url, api_key=KEY)
    with pytest.raises(ConfigurationError, match="base_url"):
        ask(provider, wish())
    assert not provider.availability().enabled


def test_an_address_that_only_the_http_library_sees_through_is_a_configuration_error() -> None:
    with pytest.raises(ConfigurationError, match="base_url"):
        ask(build_provider(base_url="http://127.0.0.1:9/v1\x7f", api_key=KEY), wish())


def test_a_proxy_setting_that_is_no_address_is_a_configuration_error_without_its_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "gopher://me:hunter22@127.0.0.1:9")
    with pytest.raises(ConfigurationError, match="HTTP_PROXY") as caught:
        ask(build_provider(base_url="http://127.0.0.1:9/v1", api_key=KEY), wish())
    assert "hunter22" not in str(caught.value)


# The network


def test_a_refused_connection_was_not_billed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    with pytest.raises(ProviderUnavailable, match=f"127.0.0.1:{port}") as caught:
        ask(build_provider(base_url=f"http://127.0.0.1:{port}/v1", api_key=KEY), wish())
    assert not caught.value.may_be_billed


@pytest.mark.parametrize("moment", ["request", "headers", "body"])
def test_a_connection_cut_after_sending_may_have_been_billed(moment: str) -> None:
    raised = failure(cut(moment))
    assert type(raised) is ProviderUnavailable
    assert raised.may_be_billed


def test_no_answer_in_time_is_a_time_out_that_may_have_been_billed() -> None:
    with running_openai() as openai:
        openai.script(held(threading.Event()))
        with pytest.raises(ProviderTimeout, match=r"0\.3 seconds") as caught:
            ask(provider_at(openai), wish(timeout_seconds=0.3))
        assert openai.requests[0].client_left.wait(5)
    assert caught.value.may_be_billed


def test_the_settings_time_out_holds_where_the_request_has_none() -> None:
    raised = failure(held(threading.Event()), timeout=0.3)
    assert type(raised) is ProviderTimeout


def test_the_time_out_bounds_the_whole_call_and_not_each_read() -> None:
    with running_openai() as openai:
        openai.script(drip(pause_seconds=0.02))
        with pytest.raises(ProviderTimeout):
            ask(provider_at(openai), wish(timeout_seconds=0.4))


@pytest.mark.parametrize("status", [504, 524])
def test_a_gateways_time_out_may_have_been_billed(status: int) -> None:
    raised = failure(html(status))
    assert type(raised) is ProviderUnavailable
    assert raised.may_be_billed


def test_a_proxy_that_cannot_be_reached_is_an_unreachable_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    with pytest.raises(ProviderUnavailable) as caught:
        ask(build_provider(base_url="http://images.invalid/v1", api_key=KEY), wish())
    assert not caught.value.may_be_billed


def test_cancelling_a_call_closes_the_connection() -> None:
    with running_openai() as openai:
        openai.script(held(threading.Event()))

        async def cancel_once_it_has_arrived() -> None:
            provider = provider_at(openai)
            call = asyncio.create_task(start(provider, wish()))
            assert await asyncio.to_thread(openai.arrived.wait, 20)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            assert await asyncio.to_thread(openai.requests[0].client_left.wait, 5)
            await provider.aclose()

        asyncio.run(cancel_once_it_has_arrived())


def test_a_provider_works_again_after_a_failure() -> None:
    async def fail_then_succeed(base_url: str) -> int:
        provider = build_provider(base_url=base_url, api_key=KEY)
        with pytest.raises(ProviderUnavailable):
            await start(provider, wish())
        result = await start(provider, wish())
        await provider.aclose()
        return len(result.images)

    with running_openai() as openai:
        openai.script(cut("headers"))
        assert asyncio.run(fail_then_succeed(openai.base_url)) == 1
