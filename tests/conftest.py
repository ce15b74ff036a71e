"""Every test has a home of its own, a clean environment, and no network beyond loopback."""

from __future__ import annotations

import gc
import ipaddress
import os
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.fakes.openai_server import FakeOpenAI, running_openai

KEY = "sk-test-0123456789abcdef"
FOREIGN_PREFIXES = (
    "IMAGEGEN_",
    "PROVIDERS__",
    "IMAGES__",
    "STORAGE__",
    "STORAGE_",
    "SERVER__",
    "CACHE__",
    "BUDGET__",
    "PROMPT_TEMPLATES__",
    "OPENAI_",
    "GEMINI_",
    "GOOGLE_",
)


def _refuse_the_internet(event: str, arguments: tuple[object, ...]) -> None:
    if event != "socket.connect":
        return
    connection, address = arguments
    if not isinstance(connection, socket.socket) or connection.family not in (
        socket.AF_INET,
        socket.AF_INET6,
    ):
        return
    host = str(address[0]) if isinstance(address, tuple) else str(address)
    if not ipaddress.ip_address(host.partition("%")[0]).is_loopback:
        raise PermissionError(f"a test tried to connect to {host}")


sys.addaudithook(_refuse_the_internet)


# No time limit for an example: a machine may stand still at any moment.
settings.register_profile("imagegen", deadline=None)
settings.load_profile("imagegen")


def pytest_collection_finish() -> None:
    """Spare the collector thousands of tests: in its rounds every server of this process stands still."""
    gc.freeze()


@pytest.fixture(autouse=True, scope="session")
def heard_signals() -> None:
    """In a shell's background or under nohup some are ignored, and by every child with us."""
    for number in (signal.SIGINT, *([signal.SIGHUP] if sys.platform != "win32" else [])):
        if signal.getsignal(number) is signal.SIG_IGN:
            usual = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
            signal.signal(number, usual)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """IMAGEGEN_HOME in a temporary folder, which is also the current one; no settings from outside."""
    for name in list(os.environ):
        if name.upper().startswith(FOREIGN_PREFIXES) and name != "IMAGEGEN_UPDATE":
            monkeypatch.delenv(name)
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("IMAGEGEN_HOME", str(folder))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost,::1")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.chdir(folder)
    yield folder


@pytest.fixture
def openai(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeOpenAI]:
    """A fake OpenAI, with the environment pointing to it."""
    with running_openai() as fake:
        monkeypatch.setenv("OPENAI_BASE_URL", fake.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        yield fake
