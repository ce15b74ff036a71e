"""`imagegen serve` over stdio against an empty MCPServer in the same run."""

from __future__ import annotations

import base64
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.benchmarks.generate_floor import _photograph_sized_png
from tests.benchmarks.measure import Ratio
from tests.benchmarks.upstream import upstream
from tests.fakes.openai_behaviours import premade
from tests.fakes.openai_pictures import picture
from tests.fakes.openai_server import running_openai

STARTS = 15
CALLS = 300
READS = 40
AT_ONCE = 50
ROUNDS = 5
UPSTREAM_SECONDS = 1.0
WAIT_SECONDS = 60
PING_PAUSE_SECONDS = 0.01
MODEL = "gpt-image-2.5-flare"
WISH = {"model": MODEL, "size": "1536x1024", "quality": "low"}
EMPTY = """
import sys
from pathlib import Path
from mcp.server import MCPServer

server = MCPServer("empty")

@server.tool()
async def echo(text: str) -> str:
    return text

@server.resource("bytes://image", mime_type="image/png")
async def image() -> bytes:
    return Path(sys.argv[1]).read_bytes()

server.run("stdio")
"""
HANDSHAKE = {
    "protocolVersion": "2025-11-25",
    "capabilities": {},
    "clientInfo": {"name": "benchmark", "version": "1"},
}


class Pipe:
    """A server at the other end of a pipe, driven with as little as possible in between."""

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **environment},
        )
        self._answers: dict[int, Future[bytes]] = {}
        self._writing = threading.Lock()
        self._asked = 0
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def send(self, method: str, params: dict[str, Any]) -> Future[bytes]:
        """The line that will answer this request."""
        assert self.process.stdin is not None
        with self._writing:
            self._asked += 1
            answer = self._answers[self._asked] = Future()
            message = {"jsonrpc": "2.0", "id": self._asked, "method": method, "params": params}
            self.process.stdin.write(json.dumps(message).encode() + b"\n")
            self.process.stdin.flush()
        return answer

    def ask(self, method: str, params: dict[str, Any]) -> bytes:
        return self.send(method, params).result(WAIT_SECONDS)

    def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        answer = json.loads(self.ask("tools/call", {"name": tool, "arguments": arguments}))
        result: dict[str, Any] = answer["result"]
        assert not result.get("isError"), result
        return result

    def memory(self, field: str, *, with_children: bool = False) -> float:
        """A line of the kernel's account of the process, in MB."""
        pid = self.process.pid
        pids = [str(pid)]
        if with_children:
            for thread in Path(f"/proc/{pid}/task").iterdir():
                pids += (thread / "children").read_text(encoding="ascii").split()
        accounts = (Path(f"/proc/{each}/status").read_text(encoding="ascii") for each in pids)
        return sum(int(account.partition(f"{field}:")[2].split()[0]) for account in accounts) / 1000

    def close(self) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait(WAIT_SECONDS)
        self._reader.join(WAIT_SECONDS)
        self.process.stdout.close()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            # The id is found without parsing: a megabyte of base64 would be measured with it.
            head, tail = line[:60], line[-40:]
            for place in (head, tail):
                found = place.partition(b'"id":')[2].lstrip()
                digits = found[: len(found) - len(found.lstrip(b"0123456789"))]
                if digits:
                    self._answers.pop(int(digits)).set_result(line)
                    break


@contextmanager
def connected(command: list[str], environment: dict[str, str]) -> Iterator[Pipe]:
    """A server that has shaken hands."""
    pipe = Pipe(command, environment)
    try:
        pipe.ask("initialize", HANDSHAKE)
        assert pipe.process.stdin is not None
        pipe.process.stdin.write(b'{"jsonrpc":"2.0","method":"notifications/initialized"}\n')
        pipe.process.stdin.flush()
        yield pipe
    finally:
        pipe.close()


def lines() -> Iterator[str]:
    """Every promise of the MCP server, measured."""
    image = _photograph_sized_png()
    with running_openai() as fake, tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        (home / "image.png").write_bytes(image)
        (home / "empty.py").write_text(EMPTY, encoding="utf-8")
        environment = {
            "IMAGEGEN_HOME": folder,
            "OPENAI_API_KEY": "sk-benchmark-0123456789",
            "OPENAI_BASE_URL": fake.base_url,
            "NO_PROXY": "127.0.0.1",
            "SERVER__RATE_LIMIT_RPM": "0",  # hundreds of calls are what is measured
        }
        ours = [sys.executable, "-m", "imagegen", "serve"]
        empty = [sys.executable, str(home / "empty.py"), str(home / "image.png")]
        yield _start(ours, empty, environment).line()
        with connected(ours, environment) as subject, connected(empty, environment) as floor:
            yield from _idle(subject, floor)
            fake.script(premade(image))
            made = subject.call("generate_image", prompt="a red fox", **WISH)
            yield _cached(subject, floor)
            yield _resource(subject, floor, made, image)
        for name, content in (("flat", picture("png", 1024, 1024, 7)), ("photograph", image)):
            (home / f"{name}.png").write_bytes(content)
            with (
                upstream(UPSTREAM_SECONDS, home / f"{name}.png") as base_url,
                connected(ours, {**environment, "OPENAI_BASE_URL": base_url}) as subject,
            ):
                yield from _many_at_once(subject, f"{name}, {len(content) / 1e6:.2f} MB")


def _start(ours: list[str], empty: list[str], environment: dict[str, str]) -> Ratio:
    pairs = [
        (_start_seconds(ours, environment), _start_seconds(empty, environment)) for _ in range(STARTS + 1)
    ][1:]
    mine, bare = (statistics.median(side) for side in zip(*pairs, strict=True))
    return Ratio("serve: start to initialize / empty MCPServer", mine, bare, 1.15)


def _start_seconds(command: list[str], environment: dict[str, str]) -> float:
    began = time.perf_counter()
    pipe = Pipe(command, environment)
    pipe.ask("initialize", HANDSHAKE)
    taken = time.perf_counter() - began
    pipe.close()
    return taken


def _idle(subject: Pipe, floor: Pipe) -> Iterator[str]:
    if not Path("/proc/self/status").exists():
        return
    mine, bare = subject.memory("VmRSS"), floor.memory("VmRSS")
    yield _verdict(
        f"serve: idle {mine:.0f} MB / empty MCPServer {bare:.0f} MB = {mine / bare:.2f}", mine / bare, 1.3
    )


def _cached(subject: Pipe, floor: Pipe) -> str:
    mine, echo = [], []
    for _ in range(CALLS):
        mine.append(_seconds(lambda: subject.call("generate_image", prompt="a red fox", **WISH)))
        echo.append(_seconds(lambda: floor.call("echo", text="a red fox")))
    above = (statistics.median(mine) - statistics.median(echo)) * 1000
    return _verdict(f"serve: cached generate above an echo call: {above:.2f} ms", above, 4)


def _resource(subject: Pipe, floor: Pipe, made: dict[str, Any], image: bytes) -> str:
    uri = made["structuredContent"]["resource_uri"]
    mine, bare = [], []
    for _ in range(READS):
        mine.append(_seconds(lambda: subject.ask("resources/read", {"uri": uri})))
        bare.append(_seconds(lambda: floor.ask("resources/read", {"uri": "bytes://image"})))
    answer = json.loads(subject.ask("resources/read", {"uri": uri}))
    assert base64.b64decode(answer["result"]["contents"][0]["blob"]) == image
    name = f"serve: {len(image) / 1e6:.1f} MB by resource / trivial resource"
    return Ratio(name, statistics.median(mine), statistics.median(bare), 1.3).line()


def _many_at_once(subject: Pipe, what: str) -> Iterator[str]:
    """Fifty different pictures of an upstream that takes a second, with pings in between; several times."""
    subject.call("generate_image", prompt="the first one imports the SDK", **WISH)
    rounds = [_fifty(subject, number) for number in range(ROUNDS)]
    seconds = statistics.median(taken for taken, _ in rounds)
    span = f"{min(taken for taken, _ in rounds):.2f} to {max(taken for taken, _ in rounds):.2f}"
    title = f"serve: {AT_ONCE} generations ({what}) of a {UPSTREAM_SECONDS:g} s upstream"
    yield _verdict(f"{title}: {seconds:.2f} s, median of {ROUNDS} ({span})", seconds, 1.6)
    pings = [ping * 1000 for _, some in rounds for ping in some]
    yield _verdict(
        f"serve: slowest of {len(pings)} pings meanwhile: {max(pings):.0f} ms"
        f" (99 of 100 within {statistics.quantiles(pings, n=100)[-1]:.0f})",
        max(pings),
        100,
    )
    if Path("/proc/self/status").exists():
        alone, peak = subject.memory("VmHWM"), subject.memory("VmHWM", with_children=True)
        text = (
            f"serve: peak memory of that: {peak:.0f} MB with the processes for previews, {alone:.0f} without"
        )
        yield _verdict(text, peak, 200)


def _fifty(subject: Pipe, number: int) -> tuple[float, list[float]]:
    """How long they took together, and each ping meanwhile; in seconds."""
    done = threading.Event()
    pings: list[float] = []

    def ping() -> None:
        while not done.is_set():
            pings.append(_seconds(lambda: subject.ask("ping", {})))
            time.sleep(PING_PAUSE_SECONDS)

    pinging = threading.Thread(target=ping)
    pinging.start()
    began = time.perf_counter()
    answers = [
        subject.send(
            "tools/call",
            {"name": "generate_image", "arguments": {"prompt": f"picture {number}.{each}", **WISH}},
        )
        for each in range(AT_ONCE)
    ]
    lines = [answer.result(WAIT_SECONDS) for answer in answers]
    taken = time.perf_counter() - began
    done.set()
    pinging.join()
    results = [json.loads(line)["result"] for line in lines]
    assert not any(result.get("isError") for result in results), results[0]
    assert all(any(part["type"] == "image" for part in result["content"]) for result in results)
    return taken, pings


def _verdict(text: str, value: float, promised: float) -> str:
    return f"{text}  (promised {promised:g})  {'ok' if value <= promised else 'MISSED'}"


def _seconds(work: Any) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


if __name__ == "__main__":
    for line in lines():
        print(line, flush=True)  # noqa: T201 - a report
