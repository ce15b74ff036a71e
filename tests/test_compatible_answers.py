"""What servers answer: bytes, links to them, refusals, and nothing."""

from __future__ import annotations

import base64
import json
import threading
from typing import Any

import pytest

from imagegen.downloads import MAX_BYTES
from imagegen.errors import (
    AuthenticationFailed,
    BadResponse,
    ConfigurationError,
    ContentPolicyError,
    ImagegenError,
    NotFound,
    ProviderTimeout,
    ProviderUnavailable,
    UsageError,
)
from tests.fakes.compatible_calls import ask, build, edit_wish, provider_at, wish
from tests.fakes.compatible_server import (
    Behaviour,
    FakeServer,
    endless,
    redirect,
    running_server,
    send,
    send_bytes,
)
from tests.fakes.http import Exchange
from tests.fakes.openai_pictures import picture

IMAGE = picture("png", 64, 48)
B64 = base64.b64encode(IMAGE).decode()
KEY = "server-key-0123456789"


def data(*entries: object, **more: object) -> Behaviour:
    return send({"created": 1, "data": list(entries), **more})


def received(server: FakeServer, *entries: object) -> list[bytes]:
    server.script(data(*entries))
    return [image.data for image in ask(provider_at(server), wish()).images]


def refused(server: FakeServer, *entries: object) -> str:
    with pytest.raises(BadResponse) as caught:
        received(server, *entries)
    assert caught.value.may_be_billed
    return caught.value.message


# Bytes and links


@pytest.mark.parametrize("wrapped", [B64, f"data:image/png;base64,{B64}"])
def test_bytes_come_back_as_they_are(wrapped: str) -> None:
    with running_server() as server:
        assert received(server, {"b64_json": wrapped, "url": None}) == [IMAGE]


def test_a_data_url_is_read_in_place() -> None:
    with running_server() as server:
        assert received(server, {"url": f"data:image/png;base64,{B64}"}) == [IMAGE]
        assert len(server.requests) == 1


@pytest.mark.parametrize("link", ["{origin}/out/1.png", "/out/1.png", "../out/1.png"])
def test_a_link_to_the_server_itself_is_followed_relative_or_absolute(link: str) -> None:
    with running_server() as server:
        server.files["/out/1.png"] = send_bytes(IMAGE)
        assert received(server, {"url": link.format(origin=server.origin)}) == [IMAGE]


def test_a_link_beside_the_base_path_is_followed() -> None:
    with running_server() as server:
        server.files["/v1/images/abc/content"] = send_bytes(IMAGE)
        assert received(server, {"url": "images/abc/content"}) == [IMAGE]


def test_the_key_goes_along_to_the_servers_own_links() -> None:
    with running_server(api_key=KEY) as server:
        server.files["/out/1.png"] = send_bytes(IMAGE)
        assert received(server, {"url": "/out/1.png"}) == [IMAGE]
        assert server.requests[-1].headers["authorization"] == f"Bearer {KEY}"


def test_the_key_does_not_go_to_another_port_of_the_same_host() -> None:
    with running_server(api_key=KEY) as server, running_server() as other:
        other.files["/1.png"] = send_bytes(IMAGE)
        assert received(server, {"url": f"{other.origin}/1.png"}) == [IMAGE]
        assert "authorization" not in other.requests[0].headers


def test_a_redirect_on_the_same_host_is_followed_without_the_key() -> None:
    with running_server(api_key=KEY) as server, running_server() as other:
        server.files["/1.png"] = redirect(f"{other.origin}/2.png")
        other.files["/2.png"] = send_bytes(IMAGE)
        assert received(server, {"url": "/1.png"}) == [IMAGE]
        assert "authorization" not in other.requests[0].headers


@pytest.mark.parametrize("redirected", [False, True])
def test_another_host_may_not_be_a_private_one(redirected: bool) -> None:
    with running_server() as server, running_server() as other:
        other.files["/1.png"] = send_bytes(IMAGE)
        elsewhere = f"{other.origin.replace('127.0.0.1', 'localhost')}/1.png"
        server.files["/1.png"] = redirect(elsewhere)
        message = refused(server, {"url": "/1.png" if redirected else elsewhere})
        assert "private address" in message
        assert other.requests == []


@pytest.mark.parametrize(
    ("link", "words"),
    [
        ("file:///etc/passwd", "no http or https URL"),
        ("ftp://127.0.0.1/1.png", "no http or https URL"),
        ("http://[::1", "no URL"),
        ("/missing.png", "a link that answers 404"),
        ("/empty.png", "a link to nothing"),
        ("/round.png", "redirects too often"),
    ],
)
def test_a_link_that_leads_to_no_image_is_named(link: str, words: str) -> None:
    with running_server() as server:
        server.files["/empty.png"] = send_bytes(b"")
        server.files["/round.png"] = redirect("/round.png")
        assert words in refused(server, {"url": link})


def test_a_link_to_more_bytes_than_an_image_has_is_given_up() -> None:
    with running_server() as server:
        server.files["/big.png"] = endless(MAX_BYTES + 2_000_000)
        assert "more than 50,000,000 bytes" in refused(server, {"url": "/big.png"})


def test_a_query_in_a_link_is_not_shown() -> None:
    with running_server() as server:
        assert "hunter2" not in refused(server, {"url": "/missing.png?signature=hunter2"})


@pytest.mark.parametrize(
    "entry", [{}, None, {"b64_json": ""}, {"b64_json": "***"}, {"url": ""}, {"url": "data:,"}, {"url": 7}]
)
def test_an_entry_without_an_image_is_an_error(entry: object) -> None:
    with running_server() as server:
        assert "without a readable image" in refused(server, entry)


def test_images_that_can_be_had_are_kept_beside_one_that_cannot() -> None:
    with running_server() as server:
        server.script(data({"b64_json": B64}, {"url": "/missing.png"}))
        result = ask(provider_at(server), wish(n=2))
    assert [image.data for image in result.images] == [IMAGE]
    assert any("404" in note for note in result.notes)


def test_a_revised_prompt_is_kept() -> None:
    with running_server() as server:
        server.script(data({"b64_json": B64, "revised_prompt": "a wet otter"}))
        assert ask(provider_at(server), wish()).images[0].revised_prompt == "a wet otter"


@pytest.mark.parametrize("usage", [None, {}, {"prompt_tokens": 5, "completion_tokens": 9, "total_tokens": 0}])
def test_a_count_that_is_none_makes_no_usage(usage: object) -> None:
    with running_server() as server:
        server.script(data({"b64_json": B64}, usage=usage))
        assert ask(provider_at(server), wish()).usage is None


def test_a_count_in_openais_words_is_kept() -> None:
    with running_server() as server:
        server.script(data({"b64_json": B64}, usage={"input_tokens": 5, "output_tokens": 196}))
        usage = ask(provider_at(server), wish()).usage
    assert usage is not None
    assert usage.output_image_tokens == 196


# Keys and headers


def test_no_key_is_needed_and_none_is_made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_ORG_ID", "AZURE_OPENAI_API_KEY"):
        monkeypatch.setenv(name, "meant-for-somebody-else")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "x-gateway: meant-for-somebody-else")
    with running_server() as server:
        ask(provider_at(server), wish())
        assert "meant-for-somebody-else" not in repr(server.requests[0].headers)
        assert not {"authorization", "api-key"} & set(server.requests[0].headers)


@pytest.mark.parametrize(
    ("kind", "header"), [("generic", "authorization"), ("azure", "api-key"), ("azure-v1", "api-key")]
)
def test_a_key_goes_into_the_header_that_the_server_reads(kind: str, header: str) -> None:
    with running_server(kind, api_key=KEY) as server:
        ask(provider_at(server, profile=kind), wish())
        assert server.requests[0].headers[header].endswith(KEY)


def test_a_proxy_for_the_web_is_not_asked_for_a_server_on_this_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("NO_PROXY")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    with running_server() as server:
        assert len(ask(provider_at(server), wish()).images) == 1


# Refusals


def error(
    status: int, body: object, request: Any = None, *, kind: str = "generic", **section: Any
) -> ImagegenError:
    key = KEY if kind == "azure" else None
    with running_server(kind, api_key=key) as server:
        server.script(send(body, status))
        with pytest.raises(ImagegenError) as caught:
            ask(provider_at(server, profile=kind, **section), request or wish())
    return caught.value


@pytest.mark.parametrize(
    ("status", "body", "expected", "words"),
    [
        (400, {"error": "prompt required"}, UsageError, "prompt required"),
        (500, {"error": "server_error", "message": "out of memory"}, ProviderUnavailable, "out of memory"),
        (422, {"detail": [{"loc": ["body", "size"], "msg": "wrong"}]}, UsageError, "body.size: wrong"),
        (503, {"detail": "not initialized"}, ProviderUnavailable, "not initialized"),
        (401, {"error": {"message": "who are you"}}, AuthenticationFailed, "refused the API key"),
        (404, {"detail": "Not Found"}, NotFound, "Not Found"),
        (400, {"error": {"code": "contentFilter", "message": "flagged"}}, ContentPolicyError, "flagged"),
        (200, {"error": {"message": "no GPU"}}, BadResponse, "no GPU"),
        (200, {"data": []}, BadResponse, "without an image"),
        (200, [1], BadResponse, "JSON list"),
    ],
)
def test_a_refusal_is_put_in_our_words_and_names_the_server(
    status: int, body: object, expected: type[Exception], words: str
) -> None:
    found = error(status, body)
    assert type(found) is expected
    assert words in str(found)
    assert "The server sd at 127.0.0.1:" in str(found)


@pytest.mark.parametrize(
    ("status", "body", "setting"),
    [
        (401, {}, "providers.compatible.sd.api_key"),
        (404, {"detail": "Not Found"}, "providers.compatible.sd.base_url"),
    ],
)
def test_the_next_step_is_about_this_server(status: int, body: object, setting: str) -> None:
    assert setting in str(error(status, body))


def test_a_key_that_a_server_repeats_is_not_shown() -> None:
    with running_server(api_key=KEY) as server:
        server.script(send({"error": f"bad key {KEY}"}, 401))
        with pytest.raises(AuthenticationFailed) as caught:
            ask(provider_at(server), wish())
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, {"detail": "Not Found"}),
        (404, {"error": {"code": 404, "message": "Resource not found", "type": ""}}),
        (405, {"detail": "Method Not Allowed"}),
        (501, {"error": "not implemented"}),
    ],
)
def test_a_server_without_edits_is_said_to_have_none(status: int, body: object) -> None:
    found = error(status, body, edit_wish())
    assert type(found) is UsageError
    assert "sd: this server has no edits endpoint" in str(found)
    assert f"/v1/images/edits answered {status}" in str(found)


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"code": "model_not_found", "message": "no"}},
        {"error": {"code": 404, "message": "The model `my-model` does not exist.", "param": "model"}},
        {"detail": "my-model is not loaded"},
    ],
)
def test_a_model_that_an_edit_does_not_find_is_not_a_missing_endpoint(body: object) -> None:
    assert type(error(404, body, edit_wish())) is NotFound


def test_a_missing_deployment_is_a_model_that_is_not_there() -> None:
    body = {"error": {"code": "DeploymentNotFound", "message": "The API deployment does not exist."}}
    assert type(error(404, body, edit_wish(), kind="azure")) is NotFound


def test_an_answer_that_takes_too_long_is_given_up() -> None:
    never = threading.Event()

    def hold(exchange: Exchange) -> None:
        exchange.wait_for(never)

    with running_server() as server:
        server.script(hold)
        with pytest.raises(ProviderTimeout, match=r"within 0\.2 seconds") as caught:
            ask(provider_at(server, timeout=0.2), wish())
    assert "PROVIDERS__COMPATIBLE__SD__TIMEOUT" in str(caught.value)


def test_a_link_that_takes_too_long_is_given_up() -> None:
    never = threading.Event()

    def hold(exchange: Exchange) -> None:
        exchange.wait_for(never)

    with running_server() as server:
        server.files["/1.png"] = hold
        server.script(data({"url": "/1.png"}))
        with pytest.raises(ProviderTimeout, match=r"within 0\.2 seconds"):
            ask(provider_at(server), wish(timeout_seconds=0.2))


def test_a_server_that_is_not_there_is_named_with_its_setting() -> None:
    with pytest.raises(ProviderUnavailable, match=r"providers\.compatible\.sd\.base_url") as caught:
        ask(build(base_url="http://127.0.0.1:9/v1"), wish())
    assert not caught.value.may_be_billed


def test_an_answer_that_calls_itself_a_stream_is_read_all_the_same() -> None:
    with running_server() as server:
        server.script(send_bytes(json.dumps({"data": [{"b64_json": B64}]}).encode(), "text/event-stream"))
        assert [image.data for image in ask(provider_at(server), wish()).images] == [IMAGE]


def test_a_connection_that_breaks_may_have_been_billed() -> None:
    with running_server() as server:
        server.script(lambda exchange: exchange.cut())
        with pytest.raises(ProviderUnavailable, match="broke") as caught:
            ask(provider_at(server), wish())
    assert caught.value.may_be_billed


@pytest.mark.parametrize("section", [{}, {"base_url": "http://h/v1", "enabled": False}])
def test_a_server_that_is_not_set_up_sends_nothing_and_says_what_to_set(section: dict[str, Any]) -> None:
    provider = build(**section)
    with pytest.raises(ConfigurationError, match=r"config set providers\.compatible\.sd\."):
        provider.require_ready()
    assert not provider.availability().enabled
