"""A loopback HTTP/1.1 server whose answers a test scripts, down to cutting the connection."""

from __future__ import annotations

import json
import re
import select
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_POLL_SECONDS = 0.01


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a multipart body; a file has a `filename`."""

    name: str
    data: bytes
    filename: str | None = None
    content_type: str | None = None


@dataclass(slots=True)
class RecordedRequest:
    """A request as it came. Header names are lower case; `client_left`: it hung up before the end."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    client_left: threading.Event = field(default_factory=threading.Event)

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def parts(self) -> list[Part]:
        return parse_multipart(self.headers["content-type"], self.body)


class Exchange:
    """One request and the means to answer it."""

    def __init__(
        self, handler: BaseHTTPRequestHandler, request: RecordedRequest, closing: threading.Event
    ) -> None:
        self._handler = handler
        self._closing = closing
        self.request = request

    def send(
        self, status: int, content_type: str, body: bytes, headers: Mapping[str, str] | None = None
    ) -> None:
        """A whole answer."""
        self.start(
            status, {"content-type": content_type, "content-length": str(len(body)), **(headers or {})}
        )
        self.write(body)

    def send_json(self, status: int, document: object, headers: Mapping[str, str] | None = None) -> None:
        self.send(status, "application/json", json.dumps(document).encode(), headers)

    def start(self, status: int, headers: Mapping[str, str]) -> None:
        """Status line and headers, without a body."""
        self._handler.send_response(status)
        for name, value in headers.items():
            self._handler.send_header(name, value)
        self._handler.end_headers()

    def write(self, data: bytes) -> None:
        self._handler.wfile.write(data)

    def write_chunk(self, data: bytes) -> None:
        """A chunk of a body that was started with `transfer-encoding: chunked`; an empty one ends it."""
        self.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    def cut(self) -> None:
        """Close the connection at once."""
        self._handler.close_connection = True
        self._handler.wfile.flush()
        self._handler.connection.shutdown(socket.SHUT_RDWR)

    def wait_for(self, event: threading.Event) -> bool:
        """Wait for the test's event. False: the client left first, or the server is closing."""
        connection = self._handler.connection
        while not event.wait(_POLL_SECONDS):
            readable, _, _ = select.select([connection], [], [], 0)
            if readable and not connection.recv(1, socket.MSG_PEEK):
                self.request.client_left.set()
            if self.request.client_left.is_set() or self._closing.is_set():
                self._handler.close_connection = True
                return False
        return True

    def pause(self, seconds: float) -> bool:
        """Let time pass, where it is the passing of time that is tested. False: stop answering."""
        return not self._closing.wait(seconds) and not self.request.client_left.is_set()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def server_bind(self) -> None:
        # Not HTTPServer's own: it looks the host's name up, which takes seconds on some machines.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", self.server_address[1]


@contextmanager
def serving(answer: Callable[[Exchange], None], requests: list[RecordedRequest]) -> Iterator[str]:
    """Serve on a free loopback port and yield `http://127.0.0.1:PORT`; requests are recorded."""
    closing = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        timeout = 60

        def do_POST(self) -> None:
            length = int(self.headers.get("content-length", "0"))
            headers = {name.lower(): value for name, value in self.headers.items()}
            request = RecordedRequest(self.command, self.path, headers, self.rfile.read(length))
            requests.append(request)
            try:
                answer(Exchange(self, request, closing))
            except OSError:
                request.client_left.set()
                self.close_connection = True

        def do_GET(self) -> None:
            self.do_POST()

        def log_message(self, *args: object) -> None:
            """Keep quiet: a test's output is its own."""

    with _Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(_POLL_SECONDS,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            closing.set()
            server.shutdown()
            thread.join()


def parse_multipart(content_type: str, body: bytes) -> list[Part]:
    """The parts in the order in which they came. Raises ValueError for anything malformed."""
    boundary = re.search(r"boundary=\"?([^\";]+)", content_type)
    if not content_type.startswith("multipart/form-data") or boundary is None:
        raise ValueError(f"not multipart: {content_type}")
    first, *pieces, last = (b"\r\n" + body).split(b"\r\n--" + boundary[1].encode())
    if first or last.strip() != b"--":
        raise ValueError("the multipart body does not begin and end with its boundary")
    return [_parse_part(piece.removeprefix(b"\r\n")) for piece in pieces]


def _parse_part(piece: bytes) -> Part:
    head, separator, data = piece.partition(b"\r\n\r\n")
    if not separator:
        raise ValueError("a part has no end of headers")
    lines = (line.split(": ", 1) for line in head.decode().split("\r\n"))
    headers = {name.lower(): value for name, value in lines}
    disposition = headers["content-disposition"]
    name, filename = (re.search(rf'\b{key}="([^"]*)"', disposition) for key in ("name", "filename"))
    if name is None:
        raise ValueError(f"a part has no name: {disposition}")
    return Part(name[1], data, filename[1] if filename else None, headers.get("content-type"))
