"""Processes that share the cache, the budget and the ledger; and one that dies while it waits."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.cache_world import REPOSITORY, running_valkey
from tests.command import run
from tests.fakes.openai_behaviours import held
from tests.fakes.openai_server import FakeOpenAI
from tests.money_world import CHEAP, MODEL, attempts, set_price_to_five_cents, total, unmetered

PROCESS = Path(__file__).with_name("money_process.py")
PATIENCE_SECONDS = 60.0


@pytest.fixture(autouse=True)
def five_cents(home: Path) -> None:
    set_price_to_five_cents(home)


class Asking:
    """A process of money_process.py."""

    def __init__(self, prompts: Sequence[str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-W", "error", str(PROCESS), json.dumps({"prompts": prompts, "model": MODEL})],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        )

    def expect_ready(self) -> None:
        assert self.process.stdout
        assert self.process.stdout.readline().strip() == "ready"

    def go(self) -> None:
        assert self.process.stdin
        print("go", file=self.process.stdin, flush=True)

    def result(self) -> dict[str, Any]:
        output, _ = self.process.communicate(timeout=PATIENCE_SECONDS)
        found: dict[str, Any] = json.loads(output)
        return found


@contextmanager
def asking(lists: Sequence[Sequence[str]]) -> Iterator[list[Asking]]:
    """Processes with an open service that have been given the word together; none outlives the test."""
    processes = [Asking(prompts) for prompts in lists]
    try:
        for process in processes:
            process.expect_ready()
        for process in processes:
            process.go()
        yield processes
    finally:
        for process in processes:
            process.process.kill()
            process.process.communicate()


def a_hundred_equal_requests(openai: FakeOpenAI) -> list[dict[str, Any]]:
    """From four processes with 25 tasks each, while the first answer is held back."""
    gate = threading.Event()
    openai.script(held(gate, unmetered()))
    with asking([["a fox"] * 25] * 4) as processes:
        assert openai.arrived.wait(PATIENCE_SECONDS)
        gate.set()
        return [process.result() for process in processes]


def check_one_call_was_made(openai: FakeOpenAI, results: list[dict[str, Any]]) -> None:
    images = [image for result in results for image in result["images"]]
    assert [result["failed"] for result in results] == [[]] * 4
    assert (len(images), len(set(images))) == (100, 1)
    assert len(openai.requests) == 1
    assert sum(result["paid"] for result in results) == 1


def test_a_hundred_equal_requests_from_four_processes_are_one_call(openai: FakeOpenAI) -> None:
    check_one_call_was_made(openai, a_hundred_equal_requests(openai))
    assert (total()["attempts"], total()["charged_usd"]) == (1, 0.05)


def test_a_hundred_equal_requests_are_one_call_with_a_server_between(
    openai: FakeOpenAI, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CACHE__BACKEND", "redis")
    with running_valkey(tmp_path / "valkey") as valkey:
        monkeypatch.setenv("CACHE__REDIS_URL", valkey.connection_url)
        check_one_call_was_made(openai, a_hundred_equal_requests(openai))


def test_a_server_that_stops_and_comes_back_lets_every_request_through(
    openai: FakeOpenAI, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CACHE__BACKEND", "redis")
    gate = threading.Event()
    openai.script(held(gate), held(gate))
    with running_valkey(tmp_path / "first") as valkey:
        port = valkey.port
        monkeypatch.setenv("CACHE__REDIS_URL", valkey.connection_url)
        with asking([["a fox"] * 25] * 2) as processes:
            assert openai.arrived.wait(PATIENCE_SECONDS)
            valkey.stop()
            gate.set()
            results = [process.result() for process in processes]
        assert [len(result["images"]) for result in results] == [25, 25]
        assert [result["failed"] for result in results] == [[], []]
        made = len(openai.requests)
        assert made <= 2  # without the server each process keeps its own requests together
        away = run("generate", "a tree", *CHEAP)
        assert away.code == 0
        assert "Going on without it" in away.err
        with running_valkey(tmp_path / "second", port=port):
            for _ in range(2):
                back = run("generate", "a hill", *CHEAP)
                assert (back.code, "Going on without it" in back.err) == (0, False)
    assert len(openai.requests) == made + 2  # the second hill was found on the server


def test_processes_together_keep_a_budget(openai: FakeOpenAI, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUDGET__DAILY_USD", "1")
    openai.script(*(unmetered() for _ in range(50)))
    with asking([[f"fox {process} {number}" for number in range(10)] for process in range(5)]) as processes:
        results = [process.result() for process in processes]

    assert [result["failed"] for result in results] == [[]] * 5
    assert sum(result["paid"] for result in results) == 20
    assert sum(result["refused"] for result in results) == 30
    assert len(openai.requests) == 20
    assert (total()["attempts"], total()["charged_usd"]) == (20, 1.0)


def test_a_call_whose_process_was_killed_counts_at_its_estimate_and_is_shown_as_interrupted(
    openai: FakeOpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BUDGET__DAILY_USD", "0.09")
    gate = threading.Event()
    openai.script(held(gate))
    with asking([["a fox"]]) as (process,):
        assert openai.arrived.wait(PATIENCE_SECONDS)
        (row,) = attempts()
        assert (row["outcome"], row["charged_usd"]) == ("running", "0.050000")
        assert run("stats", "--json").json["budgets"][0]["reserved_usd"] == 0.05
        process.process.kill()
        process.process.wait()
    gate.set()

    assert "budgets count $0.05 for that" in run("stats", "--spend").err
    (row,) = attempts()
    assert (row["outcome"], row["charged_usd"], row["cost_usd"]) == ("interrupted", "0.050000", "")
    assert run("generate", "a boat", *CHEAP).code == 5
    assert len(openai.requests) == 1
    assert run("stats", "--json").json["budgets"][0]["spent_usd"] == 0.05
    assert run("generate", "a fox", *CHEAP, "--json").error["spent_usd"] == 0.05


def test_a_killed_process_does_not_keep_the_next_caller_waiting(openai: FakeOpenAI) -> None:
    gate = threading.Event()
    openai.script(held(gate), unmetered())
    with asking([["a fox"]]) as (process,):
        assert openai.arrived.wait(PATIENCE_SECONDS)
        process.process.kill()
        process.process.wait()
    ran = run("generate", "a fox", *CHEAP)
    gate.set()

    assert ran.code == 0
    assert "A call was interrupted and may have been charged" in ran.err
    assert [row["outcome"] for row in attempts()] == ["interrupted", "saved"]
