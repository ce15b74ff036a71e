"""Equal requests of several processes: one call; and whoever dies on the way holds nobody up."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.cache_world import Upstream, flight_processes, running_valkey

LEASE_SECONDS = 1.0
A_MOMENT_SECONDS = 5.0  # for a poll, an expiry and a busy machine


@pytest.mark.parametrize("leases", ["files", "rows"])
def test_a_hundred_equal_requests_of_four_processes_make_one_call(tmp_path: Path, leases: str) -> None:
    assert_one_call(str(tmp_path / "cache"), leases)


def test_a_hundred_equal_requests_make_one_call_when_redis_is_all_that_they_share(tmp_path: Path) -> None:
    with running_valkey(tmp_path) as valkey:
        assert_one_call(valkey.connection_url, "redis")


def assert_one_call(cache: str, leases: str) -> None:
    with (
        Upstream().running() as upstream,
        flight_processes(4, upstream, tasks=25, cache=cache, leases=leases) as processes,
    ):
        for process in processes:
            process.go()
        for process in processes:
            process.expect("flying")
        assert upstream.wait_for_call(1)
        upstream.may_answer.set()
        results = [result for process in processes for result in process.results()]
        assert results == ["image 1"] * 100
        assert upstream.calls == 1


@pytest.mark.parametrize(("leases", "within_seconds"), [("files", 0.0), ("rows", LEASE_SECONDS)])
def test_the_next_process_calls_when_the_one_that_was_calling_is_killed(
    tmp_path: Path, leases: str, within_seconds: float
) -> None:
    assert_taken_over(str(tmp_path / "cache"), leases, within_seconds)


def test_the_next_machine_calls_when_the_one_that_was_calling_is_killed(tmp_path: Path) -> None:
    with running_valkey(tmp_path) as valkey:
        assert_taken_over(valkey.connection_url, "redis", LEASE_SECONDS)


def assert_taken_over(cache: str, leases: str, within_seconds: float) -> None:
    orders = {"tasks": 1, "cache": cache, "leases": leases, "lease_seconds": LEASE_SECONDS}
    with Upstream().running() as upstream, flight_processes(2, upstream, **orders) as (first, second):
        first.go()
        assert upstream.wait_for_call(1)
        second.go()
        second.expect("flying")
        first.kill()
        killed_at = time.monotonic()
        assert upstream.wait_for_call(2)
        assert time.monotonic() - killed_at < within_seconds + A_MOMENT_SECONDS
        upstream.may_answer.set()
        assert second.results() == ["image 2"]


def test_a_result_outlives_the_process_that_made_it(tmp_path: Path) -> None:
    orders = {"tasks": 1, "cache": str(tmp_path / "cache"), "leases": "files"}
    with Upstream().running() as upstream:
        upstream.may_answer.set()
        for _ in range(2):
            with flight_processes(1, upstream, **orders) as (process,):
                process.go()
                process.expect("flying")
                assert process.results() == ["image 1"]
        assert upstream.calls == 1
