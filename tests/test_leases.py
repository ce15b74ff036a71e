"""Leases on disk: one holder at a time, until it gives back, ends or is gone."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from imagegen.leases.disk import DiskLeases
from imagegen.leases.files import FileLeases
from imagegen.leases.rows import RowLeases
from tests.cache_world import Clock
from tests.flight_world import Call, fail, flying, scenario, start


@pytest.mark.parametrize("kind", [FileLeases, RowLeases, DiskLeases])
def test_a_lease_has_one_holder_at_a_time(tmp_path: Path, kind: Any) -> None:
    def build() -> Any:
        return kind(tmp_path) if kind is FileLeases else kind(tmp_path, note=fail)

    async def body(_: Path) -> None:
        ours, theirs = build(), build()
        lease = await ours.acquire("k")
        assert await theirs.acquire("k") is None
        assert await theirs.acquire("other")
        await lease.release()
        assert await theirs.acquire("k")
        await ours.aclose()
        await theirs.aclose()

    scenario(body)(tmp_path)


@scenario
async def test_a_lock_file_goes_with_its_lease(tmp_path: Path) -> None:
    leases = FileLeases(tmp_path / "leases")
    lease = await leases.acquire("k")
    assert lease
    assert len(files_in(tmp_path / "leases")) == 1
    await lease.release()
    assert not files_in(tmp_path / "leases")
    await leases.aclose()


@scenario
async def test_a_lease_has_one_holder_while_many_take_it_and_give_it_back(tmp_path: Path) -> None:
    inside = 0

    async def take_and_give_back() -> None:
        nonlocal inside
        leases = FileLeases(tmp_path)
        for _ in range(200):
            lease = await leases.acquire("k")
            if lease:
                inside += 1
                assert inside == 1
                await asyncio.sleep(0)
                inside -= 1
                await lease.release()
        await leases.aclose()

    await asyncio.gather(*(take_and_give_back() for _ in range(6)))


@scenario
async def test_a_row_is_a_lease_until_its_end_and_renewal_puts_that_off(tmp_path: Path) -> None:
    clock = Clock()
    ours = RowLeases(tmp_path, note=fail, clock=clock)
    theirs = RowLeases(tmp_path, note=fail, clock=clock)
    lease = await ours.acquire("k")
    assert lease
    clock.now += 14
    await lease.renew()
    clock.now += 14
    assert await theirs.acquire("k") is None
    clock.now += 1
    taken = await theirs.acquire("k")
    assert taken
    await lease.renew()  # too late: it belongs to another one
    await lease.release()
    assert await ours.acquire("k") is None
    await taken.release()
    await ours.aclose()
    await theirs.aclose()


@scenario
async def test_a_row_from_before_the_clock_was_set_back_holds_nobody_up(tmp_path: Path) -> None:
    clock = Clock()
    leases = RowLeases(tmp_path, note=fail, clock=clock)
    assert await leases.acquire("k")
    clock.now -= 86400
    assert await leases.acquire("k")
    await leases.aclose()


@scenario
async def test_the_lease_is_renewed_while_the_call_runs(tmp_path: Path) -> None:
    clock = Clock()
    ours = RowLeases(tmp_path, note=fail, clock=clock, lease_seconds=0.03)
    theirs = RowLeases(tmp_path, note=fail, clock=clock, lease_seconds=0.03)
    call = Call()
    async with flying(ours) as flight:
        caller = start(flight, call)
        await call.begun.wait()
        for _ in range(5):
            clock.now += 0.02
            await row_ends_at(tmp_path, clock.now + 0.03)
            assert await theirs.acquire("k") is None
        call.may_end.set()
        await caller[0]
        assert await theirs.acquire("k")
    await theirs.aclose()


def files_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())


async def row_ends_at(folder: Path, moment: float) -> None:
    with closing(sqlite3.connect(folder / "cache-1.sqlite3")) as rows:
        while rows.execute("SELECT max(expires_at) FROM leases").fetchone()[0] < moment:  # noqa: ASYNC110 - a file sets no event
            await asyncio.sleep(0)
