from __future__ import annotations

import asyncio
import json
import signal
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from mcp.client.stdio import stdio_client

from imagegen.service import open_service
from imagegen.settings_sources import load_settings
from tests.fakes.openai_behaviours import held
from tests.fakes.openai_server import FakeOpenAI
from tests.mcp_world import ERAS, WISH, Answer
from tests.serve_world import parameters, serving

on_posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")

# A provider that does what libraries do: prints when it is imported, when it is used, and from a child.
CHATTERBOX = """
import os, subprocess, sys
print("hello from an import")
os.write(1, b"hello from the descriptor\\n")
from imagegen.providers.local import LocalProvider

class Chatterbox(LocalProvider):
    name = "chatterbox"

    def models(self):
        print("hello from a method")
        sys.stdout.flush()
        subprocess.run([sys.executable, "-c", "print('hello from a child')"], check=True)
        return super().models()
"""


@pytest.fixture
def chatterbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed plugin that prints."""
    site = tmp_path / "site"
    metadata = site / "chatterbox-1.dist-info"
    metadata.mkdir(parents=True)
    (site / "chatterbox.py").write_text(CHATTERBOX, encoding="utf-8")
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: chatterbox\nVersion: 1\n", "utf-8")
    (metadata / "entry_points.txt").write_text(
        "[imagegen.providers]\nchatterbox = chatterbox:Chatterbox\n", "utf-8"
    )
    monkeypatch.setenv("PYTHONPATH", str(site))


def images_now() -> int:
    async def count() -> int:
        async with open_service(load_settings().settings) as service:
            return (await service.stats()).images

    return asyncio.run(count())


@pytest.mark.parametrize("era", ERAS)
def test_the_official_client_makes_an_image_over_a_pipe(openai: FakeOpenAI, era: str) -> None:
    async def work() -> tuple[str, Answer]:
        async with Client(stdio_client(parameters()), mode=era) as client:
            answer = Answer(await client.call_tool("generate_image", WISH))
            return client.protocol_version, answer

    version, answer = asyncio.run(work())

    assert (version == "2026-07-28") == (era == "auto")
    assert Path(answer.text.splitlines()[1].partition(" (")[0]).is_file()
    assert answer.json["image_url"].startswith("file://")


def test_every_byte_of_stdout_is_protocol_even_if_a_library_prints(chatterbox: None) -> None:
    with serving() as server:
        server.shake_hands()
        server.call("list_available_models")
        server.call("generate_image", prompt="a red fox", model="chatterbox", size="512x512")
        server.close_stdin()
        code, _ = server.wait()

    assert code == 0
    messages = [json.loads(line) for line in server.out.decode().split("\n") if line]
    assert all(message["jsonrpc"] == "2.0" for message in messages)
    assert "hello from an import" in "".join(server.err)
    assert "hello from a child" in "".join(server.err)


@on_posix
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_an_idle_server_cleanly(number: signal.Signals) -> None:
    with serving() as server:
        server.shake_hands()
        server.process.send_signal(number)
        code, seconds = server.wait()

    assert code == 0
    assert seconds < 3
    assert "Traceback" not in "".join(server.err)


@on_posix
def test_a_signal_finishes_the_save_of_what_was_paid_for(openai: FakeOpenAI) -> None:
    gate = threading.Event()
    openai.script(held(gate))

    with serving() as server:
        server.shake_hands()
        server.send("tools/call", {"name": "generate_image", "arguments": WISH})
        assert openai.arrived.wait(20)
        server.process.send_signal(signal.SIGTERM)
        server.said("waiting for 1 running calls")
        gate.set()
        code, seconds = server.wait()

    assert code == 0
    assert seconds < 3
    assert images_now() == 1


@on_posix
def test_a_signal_does_not_wait_for_ever_for_a_provider(openai: FakeOpenAI) -> None:
    gate = threading.Event()
    openai.script(held(gate))

    with serving() as server:
        server.shake_hands()
        task = server.call("generate_image", **WISH, wait_seconds=0)["structuredContent"]["task_id"]
        assert openai.arrived.wait(20)
        server.process.send_signal(signal.SIGTERM)
        code, seconds = server.wait()
        gate.set()

    assert code == 0
    assert seconds < 3
    with serving() as server:
        server.shake_hands()
        answer = server.call("get_task", task_id=task)
    assert answer["isError"]
    assert "stopped while the call was under way" in answer["content"][0]["text"]


def test_when_stdin_is_closed_a_running_call_is_finished_first(openai: FakeOpenAI) -> None:
    gate = threading.Event()
    openai.script(held(gate))

    with serving() as server:
        server.shake_hands()
        server.send("tools/call", {"name": "generate_image", "arguments": WISH})
        assert openai.arrived.wait(20)
        server.close_stdin()
        gate.set()
        code, _ = server.wait()

    assert code == 0
    assert images_now() == 1


@on_posix
def test_after_a_crash_a_call_in_flight_is_interrupted_with_what_it_may_have_cost(
    openai: FakeOpenAI,
) -> None:
    gate = threading.Event()
    openai.script(held(gate))

    with serving() as server:
        server.shake_hands()
        task = server.call("generate_image", **WISH, wait_seconds=0)["structuredContent"]["task_id"]
        assert openai.arrived.wait(20)
        server.process.kill()
        server.wait()
        gate.set()
    with serving() as server:
        server.shake_hands()
        answer = server.call("get_task", task_id=task)

    assert answer["isError"]
    assert "The server ended while this call was under way" in answer["content"][0]["text"]
    assert "$0.0" in answer["content"][0]["text"]


def test_a_client_that_never_reads_stderr_does_not_stop_the_server() -> None:
    with serving(read_stderr=False, environment={"SERVER__LOG_LEVEL": "DEBUG"}) as server:
        server.shake_hands()
        for number in range(400):
            refused = server.call("generate_image", **{f"unknown_{number}_{'x' * 50}": 1, "prompt": "x"})
            assert refused["isError"]
        server.close_stdin()
        assert server.wait()[0] == 0


def test_the_log_file_has_everything_and_stderr_short_lines(home: Path) -> None:
    with serving(environment={"SERVER__LOG_FORMAT": "json"}) as server:
        server.shake_hands()
        server.call("generate_image", prompt="x", sise="1x1")
        server.close_stdin()
        server.wait()

    entries: list[dict[str, Any]] = [json.loads(line) for line in server.err]
    assert any("Unknown argument sise" in entry["message"] for entry in entries)
    assert all(entry["time"].endswith("Z") and entry["level"] for entry in entries)
    log = (home / "data" / "logs" / "serve.log").read_text(encoding="utf-8")
    assert "Unknown argument sise" in log


def test_a_faulty_setting_is_said_on_stderr_and_nothing_on_stdout() -> None:
    with serving(environment={"SERVER__PORT": "many"}) as server:
        code, _ = server.wait()

    assert code == 3
    assert bytes(server.out) == b""
    assert "SERVER__PORT" in "".join(server.err)


def test_a_message_that_is_no_json_does_not_end_the_server() -> None:
    with serving() as server:
        assert server.process.stdin is not None
        server.process.stdin.write(b"this is no JSON\n\xff\xfe\n")
        server.shake_hands()
        assert "result" in server.ask("ping")
