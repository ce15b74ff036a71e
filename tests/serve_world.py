"""`imagegen serve` as a process of its own, and what a client does with it by hand."""

from __future__ import annotations

import json
import os
import queue
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from mcp import StdioServerParameters

WAIT_SECONDS = 30
HTTP = ("--transport", "streamable-http", "--port", "0")
HANDSHAKE = {
    "protocolVersion": "2025-11-25",
    "capabilities": {},
    "clientInfo": {"name": "by-hand", "version": "1"},
}


@dataclass(slots=True)
class Server:
    """A running server. `out` has every byte of its stdout so far, `err` its stderr."""

    process: subprocess.Popen[bytes]
    out: bytearray = field(default_factory=bytearray)
    err: list[str] = field(default_factory=list)
    answers: queue.Queue[bytes] = field(default_factory=queue.Queue)
    lines: queue.Queue[str] = field(default_factory=queue.Queue)
    readers: list[threading.Thread] = field(default_factory=list)
    asked: int = 0

    def send(self, method: str, params: dict[str, Any] | None = None, *, notify: bool = False) -> int:
        """Send one message; gives its id."""
        self.asked += 1
        message: dict[str, Any] = {"jsonrpc": "2.0", "method": method, "params": params or {}}
        if not notify:
            message["id"] = self.asked
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(message).encode() + b"\n")
        self.process.stdin.flush()
        return self.asked

    def answer(self, number: int) -> dict[str, Any]:
        """The answer to the message of that id; others are skipped."""
        while True:
            message: dict[str, Any] = json.loads(self.answers.get(timeout=WAIT_SECONDS))
            if message.get("id") == number:
                return message

    def ask(self, method: str, params: dict[str, Any] | None = None) -> dict[str, Any]:
        return self.answer(self.send(method, params))

    def shake_hands(self) -> None:
        assert "result" in self.ask("initialize", HANDSHAKE)
        self.send("notifications/initialized", notify=True)

    def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """The result of a tool."""
        result: dict[str, Any] = self.ask("tools/call", {"name": tool, "arguments": arguments})["result"]
        return result

    def close_stdin(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()

    def wait(self) -> tuple[int, float]:
        """The exit code, and how many seconds it took to come."""
        started = time.monotonic()
        code = self.process.wait(WAIT_SECONDS)
        taken = time.monotonic() - started
        for reader in self.readers:
            reader.join(WAIT_SECONDS)
        return code, taken

    def said(self, pattern: str) -> re.Match[str]:
        """The first line on stderr that the pattern is found in."""
        while True:
            found = re.search(pattern, self.lines.get(timeout=WAIT_SECONDS))
            if found:
                return found


@contextmanager
def serving(
    *options: str, environment: Mapping[str, str] | None = None, read_stderr: bool = True
) -> Iterator[Server]:
    """A server with pipes, killed at the end if it is still there."""
    process = subprocess.Popen(
        [sys.executable, "-m", "imagegen", "serve", *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, **(environment or {})},
    )
    server = Server(process)
    assert process.stdout is not None
    assert process.stderr is not None
    _start(server, _read_out, process.stdout)
    if read_stderr:
        _start(server, _read_err, process.stderr)
    try:
        yield server
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(WAIT_SECONDS)
        for reader in server.readers:
            reader.join(WAIT_SECONDS)
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None and not stream.closed:
                stream.close()


@contextmanager
def listening(*options: str, **environment: str) -> Iterator[tuple[Server, str]]:
    """A server over HTTP, streamable unless `options` say otherwise, and its address."""
    with serving(*(options or HTTP), environment=environment) as server:
        yield server, server.said(r"serving (http://\S+?)[\"\s]")[1]


def _start(server: Server, read: Any, stream: IO[bytes]) -> None:
    reader = threading.Thread(target=read, args=(server, stream), daemon=True)
    reader.start()
    server.readers.append(reader)


def _read_out(server: Server, stream: IO[bytes]) -> None:
    for line in stream:
        server.out += line
        server.answers.put(line)


def _read_err(server: Server, stream: IO[bytes]) -> None:
    for line in stream:
        text = line.decode()
        server.err.append(text)
        server.lines.put(text)


def parameters(**environment: str) -> StdioServerParameters:
    """For the official client."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    return StdioServerParameters(
        command=sys.executable,
        args=["-m", "imagegen", "serve", "--transport", "stdio"],
        env={**inherited, "PYTHONPATH": str(Path(__file__).parent.parent), **environment},
    )
