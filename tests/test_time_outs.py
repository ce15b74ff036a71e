"""`--timeout` and a provider that does not keep to it: a plugin as pip leaves it, and the command."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from imagegen.calling import GRACE_SECONDS
from tests.command import Ran, run, run_process
from tests.money_world import attempts

ROOT = Path(__file__).parents[1]
SECONDS = 0.5
PLUGIN = """
import asyncio
import sys
import time

from imagegen.capabilities import ModelInfo
from imagegen.errors import ProviderTimeout
from imagegen.providers.base import Availability, CallPolicy, Provider, WireCall
from imagegen.types import Operation, ProviderImage, ProviderResult

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64"/>'
MODEL = ModelInfo(
    id="careless", provider="slow", title="late", operations=frozenset(Operation), parameters={},
    max_prompt_chars=1_000, max_input_images=1,
)


class SlowProvider(Provider):
    name = "slow"
    title = "Slow"
    default_model = "careless"
    policy = CallPolicy(max_retries=9, retry_uncertain=9)

    @classmethod
    def from_settings(cls, settings):
        return cls()

    def availability(self):
        return Availability(enabled=True, reason="it needs no key")

    def models(self):
        return (MODEL,)

    def wire_call(self, request):
        return WireCall(endpoint="slow", parameters={"prompt": request.prompt})

    async def generate(self, request, *, on_progress):
        with open("seconds", "a") as file:
            file.write(f"{request.timeout_seconds} ")
        if "never" in request.prompt:
            await asyncio.Event().wait()
        if "in a thread" in request.prompt:
            await asyncio.to_thread(time.sleep, 60)
        if "within the grace" in request.prompt:
            await asyncio.sleep(request.timeout_seconds + 0.3)
        if "without looking up" in request.prompt:
            time.sleep(request.timeout_seconds + GRACE_SECONDS + 0.3)
        if "when told to stop" in request.prompt:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                pass
        if "told twice" in request.prompt:
            print("at work", file=sys.stderr, flush=True)
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                await asyncio.Event().wait()
        if "own time-out" in request.prompt:
            await asyncio.sleep(request.timeout_seconds)
            raise ProviderTimeout("The kiln is still warm.", hint="Come back tomorrow.", may_be_billed=True)
        if "leaks" in request.prompt:
            raise TimeoutError("a socket of its own")
        return ProviderResult(images=(ProviderImage(data=SVG),))

    edit = generate
"""


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    """A folder with a provider `slow` that behaves as the prompt says."""
    info = tmp_path / "site" / "slow_images-1.0.dist-info"
    info.mkdir(parents=True)
    code = f"GRACE_SECONDS = {GRACE_SECONDS}\n{PLUGIN}"
    (info.parent / "slow_images.py").write_text(code, encoding="utf-8")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: slow_images\nVersion: 1.0\n", "utf-8")
    points = "[imagegen.providers]\nslow = slow_images:SlowProvider\n"
    (info / "entry_points.txt").write_text(points, encoding="utf-8")
    return info.parent


def ask(plugin: Path, prompt: str, *more: str, command: tuple[str, ...] = ("generate",)) -> Ran:
    arguments = (*command, prompt, "-m", "slow", "--timeout", str(SECONDS), "--json", *more)
    return run_process(*arguments, PYTHONPATH=os.pathsep.join((str(plugin), str(ROOT))))


def history() -> list[str]:
    return [image["prompt"] for image in run("history", "list", "--json").json["images"]]


@pytest.mark.parametrize("operation", ["generate", "edit"])
def test_a_provider_that_never_returns_is_cut_off_and_may_be_billed(plugin: Path, operation: str) -> None:
    run("generate", "an input", "-m", "local", "-s", "64x64")
    command = ("generate",) if operation == "generate" else ("edit", "last")

    ran = ask(plugin, "it never returns", command=command)

    assert (ran.code, ran.error["code"]) == (6, "provider_timeout")
    assert ran.error["message"] == f"slow/careless did not answer within {SECONDS} seconds and was cut off."
    assert ran.error["may_be_billed"]
    assert "may still be billed" in ran.error["hint"]
    assert "--timeout" in ran.error["hint"]
    assert history() == ["an input"]
    (row,) = attempts()
    assert (row["outcome"], row["may_be_billed"]) == ("failed", "yes")


def test_a_provider_that_is_cut_off_is_not_asked_again_after_the_time_is_up(plugin: Path) -> None:
    assert ask(plugin, "it never returns").error["attempts"] == 1
    assert Path("seconds").read_text(encoding="utf-8").split() == [str(SECONDS)]


def test_a_thread_that_never_returns_does_not_keep_the_command_from_ending(plugin: Path) -> None:
    began = time.monotonic()

    ran = ask(plugin, "it waits in a thread")

    assert (ran.code, ran.error["code"]) == (6, "provider_timeout")
    assert time.monotonic() - began < 30


@pytest.mark.parametrize(
    "prompt",
    [
        "it answers within the grace",
        "it answers after the bound without looking up",
        "it answers when told to stop",
    ],
)
def test_an_answer_at_the_boundary_is_kept(plugin: Path, prompt: str) -> None:
    ran = ask(plugin, prompt)

    assert ran.code == 0, ran.err
    assert Path(ran.json["images"][0]["path"]).is_file()
    assert history() == [prompt]


def test_a_providers_own_time_out_is_the_one_that_is_heard(plugin: Path) -> None:
    ran = ask(plugin, "its own time-out")

    assert ran.error["message"] == "The kiln is still warm."


def test_a_foreign_time_out_is_not_taken_for_the_bound(plugin: Path) -> None:
    ran = ask(plugin, "it leaks an error")

    assert ran.code != 0
    assert "provider_timeout" not in ran.err
    assert "cut off" not in ran.err


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_provider_that_misses_an_interruption_is_told_again(plugin: Path, number: signal.Signals) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "imagegen", "generate", "it must be told twice", "-m", "slow"],
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join((str(plugin), str(ROOT)))},
    )
    assert process.stderr is not None
    with process:
        assert b"at work" in process.stderr.readline()
        process.send_signal(number)
        try:
            _, said = process.communicate(timeout=30)
        finally:
            process.kill()

    assert process.returncode == 130
    assert b"Nothing was saved" in said
