from __future__ import annotations

import asyncio
import json
import signal
import socket
import sys
import threading
from pathlib import Path

import httpx
import pytest
from mcp import Client
from mcp.client.sse import sse_client

from tests.fakes.openai_behaviours import held, ok
from tests.fakes.openai_pictures import picture
from tests.fakes.openai_server import FakeOpenAI
from tests.mcp_world import ERAS, WISH, Answer
from tests.serve_world import HTTP, listening, serving


def origin_of(address: str) -> str:
    return address.rpartition("/")[0]


@pytest.mark.parametrize("era", ERAS)
def test_an_image_is_made_and_fetched_over_http_in_both_eras(openai: FakeOpenAI, era: str) -> None:
    sent = picture("webp", 64, 64, 5)
    openai.script(ok([sent]))

    async def work(address: str) -> tuple[str, Answer]:
        async with Client(address, mode=era) as client:
            return client.protocol_version, Answer(await client.call_tool("generate_image", WISH))

    with listening() as (_, address):
        version, answer = asyncio.run(work(address))
        url = answer.json["image_url"]
        fetched = httpx.get(url)
        again = httpx.get(url, headers={"If-None-Match": fetched.headers["etag"]})

    assert (version == "2026-07-28") == (era == "auto")
    assert url == f"{origin_of(address)}/images/{answer.json['image_id']}"
    assert url in answer.text
    assert fetched.content == sent
    assert fetched.headers["content-type"] == "image/webp"
    assert fetched.headers["x-content-type-options"] == "nosniff"
    assert again.status_code == 304


def test_the_older_transport_works_too(openai: FakeOpenAI) -> None:
    async def work(address: str) -> Answer:
        async with Client(sse_client(address), mode="legacy") as client:
            return Answer(await client.call_tool("generate_image", WISH))

    with listening("--transport", "sse", "--port", "0") as (_, address):
        answer = asyncio.run(work(address))

    assert answer.json["image_url"].startswith(f"{origin_of(address)}/images/")


def test_links_begin_with_the_base_host_where_one_is_set(openai: FakeOpenAI) -> None:
    async def work(address: str) -> Answer:
        async with Client(address) as client:
            return Answer(await client.call_tool("generate_image", WISH))

    with listening(IMAGES__BASE_HOST="https://pictures.example/ai/") as (_, address):
        answer = asyncio.run(work(address))

    assert answer.json["image_url"].startswith("https://pictures.example/ai/images/img_")


def test_a_client_that_disconnects_finds_its_image_later(openai: FakeOpenAI) -> None:
    gate = threading.Event()
    openai.script(held(gate))

    async def leave(address: str) -> None:
        async with Client(address) as client:
            calling = asyncio.create_task(client.call_tool("generate_image", WISH))
            assert await asyncio.to_thread(openai.arrived.wait, 20)
            calling.cancel()
            with pytest.raises(asyncio.CancelledError):
                await calling

    async def come_back(address: str) -> Answer:
        async with Client(address) as client:
            return Answer(await client.call_tool("generate_image", WISH))

    with listening() as (_, address):
        asyncio.run(leave(address))
        gate.set()
        answer = asyncio.run(come_back(address))

    assert answer.json["state"] == "done"
    assert len(openai.requests) == 1


def test_strange_hosts_and_origins_are_refused_everywhere() -> None:
    with listening() as (_, address):
        origin = origin_of(address)
        for path in ("/health", "/images/img_20260101000000_000000000000", "/mcp"):
            assert httpx.get(origin + path, headers={"Host": "evil.example"}).status_code == 421, path
            assert httpx.get(origin + path, headers={"Origin": "https://evil.example"}).status_code == 403, (
                path
            )


def test_health_says_that_all_is_well_and_an_image_that_is_not_there_is_404() -> None:
    with listening() as (_, address):
        origin = origin_of(address)
        health = httpx.get(f"{origin}/health").json()
        missing = httpx.get(f"{origin}/images/img_20260101000000_000000000000")
        malformed = httpx.get(f"{origin}/images/..%2F..%2Fetc%2Fpasswd")

    assert health["status"] == "ok"
    assert health["running_calls"] == 0
    assert missing.status_code == malformed.status_code == 404


def test_a_page_of_an_allowed_origin_may_call_and_another_host_name_may_be_allowed() -> None:
    allowed = "https://studio.example"
    environment = {"SERVER__ALLOWED_ORIGINS": allowed, "SERVER__ALLOWED_HOSTS": "pictures.example"}
    with listening(**environment) as (_, address):
        asked = {"Origin": allowed, "Access-Control-Request-Method": "POST"}
        preflight = httpx.options(address, headers=asked)
        named = httpx.get(f"{origin_of(address)}/health", headers={"Host": "pictures.example"})

    assert preflight.headers["access-control-allow-origin"] == allowed
    assert named.status_code == 200


def test_a_request_beyond_the_limit_is_refused() -> None:
    with listening(SERVER__MAX_REQUEST_MB="0.01") as (_, address):
        answer = httpx.post(address, content=b"x" * 20_000, headers={"Content-Type": "application/json"})

    assert answer.status_code == 413


def test_listening_beyond_this_machine_is_warned_of() -> None:
    with listening(*HTTP, "--host", "0.0.0.0") as (server, _):
        text = "".join(server.err)

    assert "at your cost" in text
    assert "SERVER__ALLOWED_HOSTS" in text


def test_a_port_in_use_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with serving("--transport", "streamable-http", "--port", str(port)) as server:
            code, _ = server.wait()

    assert code == 3
    assert f"port {port}" in "".join(server.err)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
def test_a_signal_ends_a_server_with_an_open_stream_within_three_seconds() -> None:
    sse = ("--transport", "sse", "--port", "0")
    with listening(*sse) as (server, address), httpx.stream("GET", address) as stream:
        assert stream.status_code == 200
        server.process.send_signal(signal.SIGTERM)
        code, seconds = server.wait()

    assert code == 0
    assert seconds < 3


def test_the_log_of_a_service_is_json(home: Path) -> None:
    with listening() as (server, _):
        pass

    assert json.loads(server.err[0])["level"] == "info"
