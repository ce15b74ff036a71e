"""The clean-up that a server does by itself."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from mcp.client.stdio import stdio_client

from imagegen.housekeeping import counted, keep_house
from imagegen.service import open_service
from imagegen.settings_sources import load_settings
from imagegen.store import time_until_due
from imagegen.store.retention import LAST_CLEANUP_NAME, LOCK_NAME
from imagegen.types import CleanupReport, HistoryQuery
from tests.command import run
from tests.mcp_ear import IMAGES, WAIT_SECONDS, listening_client
from tests.mcp_world import ERAS
from tests.serve_world import parameters, serving
from tests.store_world import open_at, save

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.mark.parametrize(
    ("runs", "expected"),
    [
        ([], timedelta(0)),
        ([NOW], DAY),
        ([NOW - HOUR], DAY - HOUR),
        ([NOW - DAY], timedelta(0)),
        ([NOW - 40 * DAY], timedelta(0)),
        ([NOW - 40 * DAY, NOW - HOUR], DAY - HOUR),
        ([NOW + HOUR], DAY + HOUR),
        ([NOW + 400 * DAY], timedelta(0)),
        ([NOW + 400 * DAY, NOW - HOUR], DAY - HOUR),
    ],
)
def test_the_next_clean_up_is_an_interval_after_the_last_that_can_be_believed(
    runs: list[datetime], expected: timedelta
) -> None:
    assert time_until_due(runs, DAY, NOW) == expected


def seed(home: Path, *, last_run: datetime | None) -> str:
    """An image of 60 days ago and one of today, and a note of the last clean-up; gives the old one's id."""
    with open_at(home / "data") as store:
        old = save(store, created_at=datetime.now(UTC) - 60 * DAY)
        save(store, b"young")
    if last_run:
        note = {"ran_at": last_run.isoformat(), "images": 7, "freed_bytes": 70}
        (home / "data" / LAST_CLEANUP_NAME).write_text(json.dumps(note), "utf-8")
    return old.image_id


@pytest.mark.parametrize("last_run", [None, datetime.now(UTC) - 2 * DAY])
def test_a_server_cleans_up_where_nobody_did_for_a_day(home: Path, last_run: datetime | None) -> None:
    old = seed(home, last_run=last_run)

    with serving() as server:
        server.shake_hands()
        server.said(r"clean-up: 1 image deleted, 0\.0 MB")
        listed = server.call("list_images")

    last = run("stats", "--json").json["last_cleanup"]
    assert old not in json.dumps(listed)
    assert run("history", "show", old).code == 8
    assert (last["images"], last["rejected"]) == (1, 0)
    assert datetime.fromisoformat(last["ran_at"]) > datetime.now(UTC) - HOUR


def test_a_clean_up_that_fails_is_logged_and_the_server_goes_on(home: Path) -> None:
    old = seed(home, last_run=None)
    (home / "data" / LOCK_NAME).mkdir()

    with serving() as server:
        server.shake_hands()
        server.said(r"the clean-up failed and is tried again in 1 day, 0:00:00: .*cleanup\.lock")
        assert "result" in server.ask("ping")
        server.close_stdin()
        assert server.wait()[0] == 0

    assert run("history", "show", old).code == 0


@pytest.mark.parametrize("era", ERAS)
def test_clients_hear_of_a_clean_up_by_their_server(home: Path, era: str) -> None:
    seed(home, last_run=None)

    async def work() -> None:
        async with listening_client(stdio_client(parameters()), era) as ear:
            await ear.hears(IMAGES)

    asyncio.run(work())


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_a_server_that_waits_for_the_next_clean_up_stops_at_once(home: Path) -> None:
    seed(home, last_run=None)

    with serving() as server:
        server.shake_hands()
        server.said("clean-up: 1 image deleted")
        server.process.send_signal(signal.SIGTERM)
        code, taken = server.wait()

    assert code == 0
    assert taken < 3


def test_an_interval_of_zero_switches_it_off(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = seed(home, last_run=None)
    monkeypatch.setenv("STORAGE__CLEANUP_INTERVAL_HOURS", "0")

    async def work() -> str:
        async with open_service(load_settings().settings) as service:
            keeping = keep_house(service, on_deleted=pytest.fail)
            await asyncio.wait_for(keeping, WAIT_SECONDS)  # it ends at once, there being nothing to wait for
            return (await service.get_image(old)).image_id

    assert asyncio.run(work()) == old


def test_of_two_servers_one_cleans_up(home: Path) -> None:
    seed(home, last_run=None)

    async def clean_up() -> CleanupReport:
        async with open_service(load_settings().settings) as service:
            return await service.cleanup(older_than=30 * DAY, max_size_bytes=None, unless_within=DAY)

    async def work() -> list[CleanupReport]:
        return await asyncio.gather(*(clean_up() for _ in range(4)))

    reports = asyncio.run(work())

    assert sorted(len(report.images) for report in reports) == [0, 0, 0, 1]
    assert sum(report.already_running or report.already_done for report in reports) == 3


def test_a_clean_up_that_is_stopped_leaves_the_rest_to_the_next(tmp_path: Path) -> None:
    with open_at(tmp_path) as store:
        for number in range(250):
            save(store, created_at=NOW - 60 * DAY + timedelta(seconds=number))

        def is_stopped() -> bool:
            return store.stats().images < 200

        clean_up = partial(store.cleanup, older_than=30 * DAY, max_size_bytes=None, dry_run=False, now=NOW)
        report = clean_up(is_stopped=is_stopped)
        left = list(store.iter_records(HistoryQuery()))
        assert report.stopped
        assert 50 < len(report.images) == 250 - len(left) < 250
        assert set(report.reasons) == {record.image_id for record in report.images}
        assert store.last_cleanup() is None
        again = clean_up(unless_within=DAY)
        last = store.last_cleanup()
        assert not again.stopped
        assert last is not None
        assert last.images == len(again.images) == len(left)


def test_what_went_is_counted_in_words() -> None:
    assert [counted(*counts) for counts in ((0, 0), (1, 0), (2, 1), (1000, 2))] == [
        "0 images",
        "1 image",
        "2 images and 1 rejected answer",
        "1,000 images and 2 rejected answers",
    ]
