from __future__ import annotations

import asyncio
import gzip
import re
import socket
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imagegen.downloads import MAX_REDIRECTS, download, shown_url
from imagegen.errors import ExitCode, InputImageError
from imagegen.inputs import input_from_bytes
from tests.fakes.http import Exchange, RecordedRequest, serving
from tests.pictures import picture

PNG = picture()
Answer = Callable[[Exchange], None]


def fetch(
    url: str, *, allow_private: bool = True, max_bytes: int = 100_000, timeout_seconds: float = 10
) -> bytes:
    return asyncio.run(
        download(url, allow_private=allow_private, max_bytes=max_bytes, timeout_seconds=timeout_seconds)
    )


def refusal(url: str, *, allow_private: bool = True, timeout_seconds: float = 10) -> InputImageError:
    with pytest.raises(InputImageError) as caught:
        fetch(url, allow_private=allow_private, timeout_seconds=timeout_seconds)
    assert caught.value.exit_code is ExitCode.USAGE
    assert caught.value.hint
    return caught.value


def an_image(exchange: Exchange) -> None:
    exchange.send(200, "image/png", PNG)


def to(location: str) -> Answer:
    return lambda exchange: exchange.send(302, "text/plain", b"", {"location": location})


def test_an_image_is_fetched_as_it_is() -> None:
    with serving(an_image, []) as base:
        assert fetch(f"{base}/a.png?size=2") == PNG


def test_the_host_is_named_as_the_url_names_it() -> None:
    requests: list[RecordedRequest] = []
    with serving(an_image, requests) as base:
        port = base.rpartition(":")[2]
        fetch(f"http://LOCALHOST:{port}/a%20b.png?x=1")
    assert requests[0].headers["host"] == f"localhost:{port}"
    assert requests[0].path == "/a%20b.png?x=1"
    assert requests[0].headers["accept-encoding"] == "identity"


def test_another_address_of_the_host_is_tried_when_one_does_not_answer() -> None:
    known = {entry[4][0] for entry in socket.getaddrinfo("localhost", 80, type=socket.SOCK_STREAM)}
    if len(known) < 2:
        pytest.skip("localhost has one address here")
    with serving(an_image, []) as base:  # on 127.0.0.1 alone
        assert fetch(base.replace("127.0.0.1", "localhost")) == PNG


def test_credentials_in_a_url_reach_the_server_and_no_message() -> None:
    requests: list[RecordedRequest] = []
    with serving(lambda exchange: exchange.send(404, "text/plain", b""), requests) as base:
        error = refusal(base.replace("http://", "http://anna:pass-word@") + "/a.png?signature=s3cret#part")
    assert error.message == f"{base}/a.png answered 404."
    assert requests[0].headers["authorization"].startswith("Basic ")


@pytest.mark.parametrize("status", [201, 204, 304, 400, 403, 404, 500, 503])
def test_any_answer_but_200_is_refused(status: int) -> None:
    with serving(lambda exchange: exchange.send(status, "text/plain", b""), []) as base:
        assert f"answered {status}" in refusal(base).message


def test_a_page_in_place_of_an_image_is_refused_as_no_image() -> None:
    with serving(lambda exchange: exchange.send(200, "image/png", b"<!doctype html><p>hi"), []) as base:
        page = fetch(base)
    with pytest.raises(InputImageError, match="it is a web page"):
        input_from_bytes(page, source=base)


def test_an_empty_answer_is_refused_as_no_image() -> None:
    with serving(lambda exchange: exchange.send(200, "image/png", b""), []) as base:
        nothing = fetch(base)
    with pytest.raises(InputImageError, match="is empty"):
        input_from_bytes(nothing, source=base)


PRIVATE = [
    "127.0.0.1",
    "127.1",
    "2130706433",
    "0x7f.1",
    "0x7f000001",
    "localhost",
    "LOCALHOST",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "198.18.0.1",
    "203.0.113.9",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:c0a8:101]",
    "[::127.0.0.1]",
    "[2002:7f00:1::]",
    "[2002:c0a8:101::]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b:1::a00:1]",
    "[2001:0:4136:e378::1]",
    "[2001:db8::1]",
    "[fc00::1]",
    "[fd12:3456::1]",
    "[fec0::1]",
    "[5f00::1]",
]
NEVER = [
    "0.0.0.0",
    "0",
    "169.254.169.254",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "192.0.0.192",
    "100.100.100.200",
    "168.63.129.16",
    "[::]",
    "[::ffff:0.0.0.0]",
    "[::ffff:169.254.169.254]",
    "[64:ff9b::a9fe:a9fe]",
    "[2002:a9fe:a9fe::]",
    "[fe80::1]",
    "[ff02::1]",
    "[fd00:ec2::254]",
]


@pytest.mark.parametrize("host", PRIVATE)
def test_a_private_address_is_refused_however_it_is_written(host: str) -> None:
    error = refusal(f"http://{host}:9/a.png", allow_private=False)
    assert "private address" in error.message
    assert "ALLOW_PRIVATE_URLS" in (error.hint or "")


@pytest.mark.parametrize("allow_private", [False, True])
@pytest.mark.parametrize("host", NEVER)
def test_an_address_that_holds_no_image_is_refused_even_where_private_ones_are_allowed(
    host: str, *, allow_private: bool
) -> None:
    assert "never fetched" in refusal(f"http://{host}:9/a.png", allow_private=allow_private).message


@pytest.mark.parametrize("host", ["8.8.8.8", "[2606:4700::1111]", "[::ffff:8.8.8.8]", "[64:ff9b::808:808]"])
def test_a_public_address_passes_the_check(host: str) -> None:
    error = refusal(f"http://{host}:9/a.png", allow_private=False, timeout_seconds=2)
    assert "private" not in error.message
    assert "never" not in error.message


def test_a_private_address_hides_behind_no_user_name() -> None:
    error = refusal("http://images.example@127.0.0.1:9/a.png", allow_private=False)
    assert error.message.startswith("127.0.0.1 resolves to the private address 127.0.0.1")


def test_a_private_server_is_not_even_connected_to() -> None:
    requests: list[RecordedRequest] = []
    with serving(an_image, requests) as base:
        refusal(base, allow_private=False)
    assert not requests


@pytest.mark.parametrize(
    "location",
    ["http://169.254.169.254/latest/meta-data/", "//0.0.0.0:9/a.png", "http://[fd00:ec2::254]/latest/"],
)
def test_a_redirect_is_checked_like_the_first_url(location: str) -> None:
    with serving(to(location), []) as base:
        assert "never fetched" in refusal(base).message


@pytest.mark.parametrize("location", ["file:///etc/passwd", "ftp://localhost/a", "gopher://localhost/1"])
def test_a_redirect_to_another_scheme_is_refused(location: str) -> None:
    with serving(to(location), []) as base:
        assert "not an http or https URL" in refusal(base).message


@pytest.mark.parametrize(
    "location", ["http://h:port/", "http://[::1", "http://\x7f/", "data:image/png;base64,AA=="]
)
def test_a_redirect_to_what_is_no_url_is_refused(location: str) -> None:
    with serving(to(location), []) as base:
        assert re.search(r"no URL|Invalid URL", refusal(base).message)


def test_redirects_are_followed_up_to_a_limit() -> None:
    requests: list[RecordedRequest] = []

    def count_down(exchange: Exchange) -> None:
        left = int(exchange.request.path.strip("/"))
        if left:
            to(f"/{left - 1}")(exchange)
        else:
            an_image(exchange)

    with serving(count_down, requests) as base:
        assert fetch(f"{base}/{MAX_REDIRECTS}") == PNG
        assert len(requests) == MAX_REDIRECTS + 1
        assert f"redirects more than {MAX_REDIRECTS} times" in refusal(f"{base}/{MAX_REDIRECTS + 1}").message


def test_credentials_do_not_follow_a_redirect_to_another_host() -> None:
    requests: list[RecordedRequest] = []
    with serving(an_image, requests) as other, serving(to(f"{other}/a.png"), requests) as base:
        fetch(base.replace("http://", "http://anna:pass@"))
    assert ["authorization" in request.headers for request in requests] == [True, False]


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://localhost/a.png",
        "gopher://localhost/",
        "http://",
        "http:///a.png",
        "https://:443/",
        "http://localhost:0/",
        "http://localhost:99999/",
        "http://localhost:-1/",
        "localhost/a.png",
        "",
    ],
)
def test_what_is_no_web_address_is_refused(url: str) -> None:
    assert "not an http or https URL" in refusal(url).message


@pytest.mark.parametrize(
    "url",
    [
        "http://[::1",
        "http://localhost:port/",
        "http://user:pa/ss@localhost/",
        "http://loc\nalhost/",
        "http://localhost/\0",
        "http://localhost/\ud800",
        "http://\uff11\uff12\uff17.0.0.1/",
        "http://0177.0.0.1/",
        "http://999.1.1.1/",
        f"http://localhost/{'x' * 70_000}",
    ],
    ids=range(10),
)
def test_what_is_no_url_is_refused_without_repeating_it(url: str) -> None:
    error = refusal(url)
    assert "no URL" in error.message
    assert "pa" not in error.message.replace("path", "")
    assert len(error.message) < 200


@settings(max_examples=150)
@given(st.text(max_size=40).filter(lambda rest: not set(rest) & set("./:@")))
def test_no_text_of_a_url_crashes_the_showing_of_it(rest: str) -> None:
    assert "s3cret" not in shown_url(f"http://anna:s3cret@host/a?{rest}")
    assert shown_url(f"http://host/a#{rest}").startswith("http")


def test_a_nonascii_host_is_shown_and_asked_for_in_its_ascii_form() -> None:
    assert shown_url("http://bücher.example:8080/ä.png") == "http://xn--bcher-kva.example:8080/%C3%A4.png"


@pytest.mark.parametrize("host", ["xn--", "a" * 64, "a..b", "%6c%6fcalhost", "a%00b"])
def test_a_host_that_no_name_server_knows_is_refused(host: str) -> None:
    assert "cannot be found" in refusal(f"http://{host}.invalid/").message


def test_a_body_over_the_limit_is_refused_by_what_it_states() -> None:
    def lie(exchange: Exchange) -> None:
        exchange.start(200, {"content-length": "100001"})
        exchange.write(PNG)

    with serving(lie, []) as base:
        assert "more than 100,000 bytes" in refusal(base).message


def test_a_body_over_the_limit_is_cut_where_it_states_nothing() -> None:
    def pour(exchange: Exchange) -> None:
        exchange.start(200, {"transfer-encoding": "chunked"})
        while True:
            exchange.write_chunk(bytes(65_536))

    requests: list[RecordedRequest] = []
    with serving(pour, requests) as base:
        assert "more than 100,000 bytes" in refusal(base).message
        assert requests[0].client_left.wait(10)


def test_a_body_shorter_than_it_states_is_refused() -> None:
    def cut(exchange: Exchange) -> None:
        exchange.start(200, {"content-length": str(len(PNG))})
        exchange.write(PNG[:20])
        exchange.cut()

    with serving(cut, []) as base:
        assert "cannot be fetched" in refusal(base).message


def test_what_follows_the_stated_length_is_not_taken() -> None:
    def more(exchange: Exchange) -> None:
        exchange.start(200, {"content-length": str(len(PNG))})
        exchange.write(PNG + b"more")
        exchange.cut()

    with serving(more, []) as base:
        assert fetch(base) == PNG


@pytest.mark.parametrize("encoding", ["gzip", "gzip, gzip", "deflate", "GZIP", "br"])
def test_a_packed_body_is_refused_unopened(encoding: str) -> None:
    bomb = gzip.compress(bytes(50_000_000))
    with serving(
        lambda exchange: exchange.send(200, "image/png", bomb, {"content-encoding": encoding}), []
    ) as base:
        refusal(base)  # imports what a fetch imports, so that it is not measured
        tracemalloc.start()
        assert "packed" in refusal(base).message
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 5_000_000


def test_a_body_that_drips_is_given_up_in_time() -> None:
    def drip(exchange: Exchange) -> None:
        exchange.start(200, {"content-length": "10000"})
        while exchange.pause(0.05):
            exchange.write(b"x")

    with serving(drip, []) as base:
        started = time.monotonic()
        assert "did not answer in time" in refusal(base, timeout_seconds=0.5).message
    assert time.monotonic() - started < 5


def test_a_server_that_says_nothing_is_given_up_in_time() -> None:
    never = threading.Event()

    def wait(exchange: Exchange) -> None:
        exchange.wait_for(never)

    with serving(wait, []) as base:
        assert "did not answer in time" in refusal(base, timeout_seconds=0.3).message


def test_a_server_that_hangs_up_is_refused() -> None:
    with serving(lambda exchange: exchange.cut(), []) as base:
        assert "cannot be fetched" in refusal(base).message


def test_a_closed_port_is_refused() -> None:
    with serving(an_image, []) as base:
        pass
    assert "cannot be fetched" in refusal(base).message


def test_plain_http_behind_an_https_url_is_refused() -> None:
    with serving(an_image, []) as base:
        assert "cannot be fetched" in refusal(base.replace("http://", "https://")).message


@contextmanager
def listening(heard: list[bytes]) -> Iterator[int]:
    """A port that keeps the first bytes of each connection and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def listen() -> None:
            try:
                while True:
                    connection, _ = server.accept()
                    with connection:
                        heard.append(connection.recv(4096))
            except OSError:
                return

        thread = threading.Thread(target=listen, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join(10)


def test_tls_is_told_the_name_though_the_connection_goes_to_the_checked_address() -> None:
    heard: list[bytes] = []
    with listening(heard) as port:
        assert "cannot be fetched" in refusal(f"https://localhost:{port}/a.png").message
    assert b"localhost" in b"".join(heard)


def test_an_ipv6_literal_is_fetched() -> None:
    try:
        server = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("no IPv6 here")

    def answer() -> None:
        connection, _ = server.accept()
        with connection:
            heard.append(connection.recv(4096))
            head = f"HTTP/1.1 200 OK\r\ncontent-length: {len(PNG)}\r\nconnection: close\r\n\r\n"
            connection.sendall(head.encode() + PNG)

    heard: list[bytes] = []
    with server:
        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        port = server.getsockname()[1]
        assert fetch(f"http://[::1]:{port}/a.png") == PNG
        thread.join(10)
    assert f"Host: [::1]:{port}".encode() in heard[0]
