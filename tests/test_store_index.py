"""The index answers questions, and is replaced from the sidecars whenever it cannot."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from imagegen.errors import StorageError, UsageError
from imagegen.store import ImageStore
from imagegen.store.sqlite_index import SqliteIndex
from imagegen.types import HistoryQuery, Operation
from tests.benchmarks.history_scale import build_index
from tests.store_world import check_whole, open_at, records_on_disk, save

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
DAY = timedelta(days=1)
INDEX = "index.sqlite3"


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return tmp_path / "base"


@pytest.fixture
def store(base: Path) -> Iterator[ImageStore]:
    with open_at(base) as opened:
        yield opened


def ids(store: ImageStore, **query: object) -> list[str]:
    return [record.image_id for record in store.iter_records(HistoryQuery(**query))]  # type: ignore[arg-type]  # any field


# Pages and filters


def test_pages_follow_each_other_newest_first_without_gap_or_repetition(store: ImageStore) -> None:
    saved = [save(store, created_at=NOW + (number // 3) * DAY).image_id for number in range(20)]
    seen: list[str] = []
    cursor = None
    while True:
        page = store.list(HistoryQuery(limit=3, cursor=cursor))
        seen += [record.image_id for record in page.images]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert sorted(seen) == sorted(saved)
    times = [store.get(image_id).created_at for image_id in seen]
    assert times == sorted(times, reverse=True)


def test_a_page_goes_on_where_it_was_when_images_come_and_go(store: ImageStore) -> None:
    saved = [save(store, created_at=NOW + number * DAY).image_id for number in range(6)]
    page = store.list(HistoryQuery(limit=2))
    store.delete([page.images[-1].image_id])
    save(store, created_at=NOW + 9 * DAY)
    rest = store.list(HistoryQuery(limit=10, cursor=page.next_cursor))
    assert [record.image_id for record in rest.images] == saved[3::-1]


@pytest.mark.parametrize("cursor", ["", "x", "-1", "f" * 17, "f" * 16, "1 OR 1"])
def test_a_foreign_cursor_is_refused(store: ImageStore, cursor: str) -> None:
    with pytest.raises(UsageError, match="no cursor"):
        store.list(HistoryQuery(cursor=cursor))


def test_a_page_of_no_images_is_refused(store: ImageStore) -> None:
    with pytest.raises(UsageError, match="0 images"):
        store.list(HistoryQuery(limit=0))


def test_filters_by_time_model_provider_operation_and_text_combine(store: ImageStore) -> None:
    old = save(store, created_at=NOW - DAY, provider="openai", model="gpt", operation=Operation.EDIT)
    new = save(store, created_at=NOW, provider="openai", model="gpt", prompt="a blue whale")
    other = save(store, created_at=NOW + DAY, provider="compatible", model="black-forest/flux")
    everything = [other.image_id, new.image_id, old.image_id]
    assert ids(store) == everything
    assert ids(store, since=NOW) == everything[:2]
    assert ids(store, until=NOW) == everything[2:]
    assert ids(store, since=NOW, until=NOW + DAY) == [new.image_id]
    assert ids(store, model="gpt") == everything[1:]
    assert ids(store, model="openai/gpt") == everything[1:]
    assert ids(store, model="black-forest/flux") == everything[:1]
    assert ids(store, model="compatible/black-forest/flux") == everything[:1]
    assert ids(store, provider="openai", operation=Operation.EDIT) == [old.image_id]
    assert ids(store, model="gpt", operation=Operation.GENERATE, text="whale", since=NOW) == [new.image_id]
    assert ids(store, text="whale", until=NOW) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("fox", True),
        ("FOXES", True),
        ("snow red", True),
        ("fox bear", False),
        ("tree-lined", True),
        ("cafe", True),
        ("狐", True),
        ("赤い狐", True),
        ("狐赤", False),
        ("  ", True),
        ("!!!", False),
        ("re", False),
    ],
)
def test_a_search_asks_for_every_word(store: ImageStore, text: str, found: bool) -> None:
    save(store, prompt="A red fox in snow, tree-lined Café 赤い狐です")
    assert bool(ids(store, text=text)) is found


@pytest.mark.parametrize(
    "text",
    [
        *('"', "'", "fox OR", "NOT", "fox*", "prompt:fox", "^fox", "(fox", "fox)", "NEAR(fox red)", "-fox"),
        *(
            "fox\x00",
            '" OR "1"="1',
            "{fox}",
            "fox + red",
            "\ud800",
            "%",
            "\\",
            " ".join(map(str, range(5000))),
        ),
    ],
)
def test_no_search_text_is_syntax(store: ImageStore, text: str) -> None:
    save(store, prompt="a cat")
    assert ids(store, text=text) == []


def test_ids_complete_from_their_beginning_newest_first(store: ImageStore) -> None:
    saved = [save(store, created_at=NOW + number * DAY).image_id for number in range(4)]
    assert store.ids_starting_with("img_", 3) == tuple(saved[:0:-1])
    assert store.ids_starting_with(saved[0][:12], 3) == (saved[0],)
    assert store.ids_starting_with("%", 3) == ()


# Sums


def test_statistics_add_up_exactly_and_name_what_nobody_knows(store: ImageStore) -> None:
    for number in range(3):
        save(store, b"x" * 10, created_at=NOW + number * DAY, cost_usd=Decimal("0.1"))
    save(store, b"y" * 5, created_at=NOW, cost_usd=None, provider="openai", model="gpt")
    stats = store.stats()
    assert (stats.images, stats.size_bytes, stats.cost_usd, stats.unknown_cost) == (4, 35, Decimal("0.3"), 1)
    assert (stats.oldest, stats.newest) == (NOW, NOW + 2 * DAY)
    assert [(row.key, row.images, row.cost_usd, row.unknown_cost) for row in stats.by_model] == [
        ("local/composer", 3, Decimal("0.3"), 0),
        ("openai/gpt", 1, Decimal(0), 1),
    ]
    assert [row.key for row in stats.by_day] == ["2026-11-22", "2026-11-23", "2026-11-24"]
    recent = store.stats(NOW + DAY)
    assert recent.images == 4
    assert [row.key for row in recent.by_day] == ["2026-11-23", "2026-11-24"]
    assert [row.images for row in recent.by_model] == [2]


def test_a_million_records_are_not_needed_to_see_that_no_question_scans(tmp_path: Path) -> None:
    build_index(tmp_path, 200)
    questions = [
        HistoryQuery(),
        HistoryQuery(model="gpt-image-2"),
        HistoryQuery(provider="gemini", operation=Operation.EDIT, since=NOW),
        HistoryQuery(text="fox", since=NOW - 999 * DAY),
    ]
    statements: list[str] = []
    with closing(sqlite3.connect(tmp_path / INDEX)) as connection:
        connection.set_trace_callback(statements.append)
        index = SqliteIndex(connection, tmp_path / INDEX)
        for question in questions:
            index.page(question)
        index.sums(None)
        connection.set_trace_callback(None)
        asked = [
            statement
            for statement in statements
            if statement.startswith("SELECT") and "main" not in statement
        ]
        plans = {sql: connection.execute(f"EXPLAIN QUERY PLAN {sql}").fetchall() for sql in asked}
    steps = [(sql, str(row[3])) for sql, plan in plans.items() for row in plan]
    on_images = [(sql, step) for sql, step in steps if "FROM sums" not in sql]
    assert len(plans) == len(questions) + 4
    assert not [step for _, step in on_images if "TEMP B-TREE" in step]
    scanned = [sql for sql, step in on_images if step == "SCAN images"]
    assert scanned == ["SELECT position, sidecar FROM images  ORDER BY position DESC LIMIT 21"]  # stops at 21


# Damage


@pytest.mark.parametrize(
    "damage",
    [
        lambda file: file.unlink(),
        lambda file: file.write_bytes(b""),
        lambda file: file.write_bytes(os.urandom(20_000)),
        lambda file: os.truncate(file, 5_000),
        lambda file: os.truncate(file, 50),
        lambda file: file.write_bytes(file.read_bytes()[:8192] + os.urandom(file.stat().st_size - 8192)),
    ],
    ids=["missing", "empty", "random", "truncated", "cut to a header", "random from the third page on"],
)
@pytest.mark.parametrize("question", ["list", "search", "get", "stats", "save", "reindex"])
def test_a_damaged_index_is_replaced_from_the_sidecars(base: Path, damage: object, question: str) -> None:
    with open_at(base) as store:
        saved = [save(store, created_at=NOW + number * DAY) for number in range(5)]
    assert callable(damage)
    damage(base / INDEX)
    with open_at(base) as store:
        if question == "list":
            assert ids(store) == [record.image_id for record in reversed(saved)]
        elif question == "search":
            assert len(ids(store, text="fox")) == 5
        elif question == "get":
            assert store.get(saved[0].image_id) == saved[0]
        elif question == "stats":
            assert store.stats().images == 5
        elif question == "save":
            saved.append(save(store, created_at=NOW + 9 * DAY))
        else:
            assert store.reindex().indexed == 5
    with open_at(base) as store:
        store.reindex()
    assert set(check_whole(base)) == {record.image_id for record in saved}


def test_a_damaged_index_is_kept_aside_and_told_of(base: Path) -> None:
    with open_at(base) as store:
        save(store)
    (base / INDEX).write_bytes(b"not a database at all" * 100)
    with open_at(base) as store:
        assert len(ids(store)) == 1
        assert any("damaged" in note and "no image is lost" in note for note in store.notes)
    assert len(list(base.glob(f"{INDEX}.corrupt-*"))) == 1


def test_an_older_or_foreign_database_is_replaced(base: Path) -> None:
    with open_at(base) as store:
        save(store)
    (base / INDEX).unlink()
    with closing(sqlite3.connect(base / INDEX)) as connection:
        connection.execute("CREATE TABLE other (x)")
        connection.commit()
    assert len(check_whole(base)) == 1


def test_an_index_of_a_newer_version_is_left_alone_and_named(base: Path) -> None:
    with open_at(base) as store:
        save(store)
    with closing(sqlite3.connect(base / INDEX)) as connection:
        connection.execute("PRAGMA user_version = 99")
    with open_at(base) as store:
        with pytest.raises(StorageError, match="newer imagegen") as refusal:
            store.latest()
        assert "Upgrade" in (refusal.value.hint or "")
        record = save(store)
        assert store.read_bytes(record) == b"pixels"
    with closing(sqlite3.connect(base / INDEX)) as connection:
        connection.execute("PRAGMA user_version = 1")
    assert len(check_whole(base)) == 2


def test_an_index_deleted_under_an_open_store_comes_back(base: Path, store: ImageStore) -> None:
    first = save(store)
    for path in base.glob(f"{INDEX}*"):
        path.unlink()
    second = save(store)
    assert {*ids(store)} == {first.image_id, second.image_id}
    store.close()
    assert set(check_whole(base)) == {first.image_id, second.image_id}


# Reindexing


def test_reindexing_reports_what_needs_a_person_and_indexes_the_rest(base: Path, store: ImageStore) -> None:
    good, corrupt, newer, lonely, bare, gone = (save(store, created_at=NOW + n * DAY) for n in range(6))
    sidecar_of = {
        r.image_id: store.path_of(r).with_suffix(".json") for r in (good, corrupt, newer, lonely, bare)
    }
    sidecar_of[corrupt.image_id].write_text("{not json", encoding="utf-8")
    document = json.loads(sidecar_of[newer.image_id].read_text(encoding="utf-8"))
    sidecar_of[newer.image_id].write_text(json.dumps({**document, "schema_version": 7}), encoding="utf-8")
    store.path_of(lonely).unlink()
    sidecar_of[bare.image_id].unlink()
    store.path_of(gone).unlink()
    store.path_of(gone).with_suffix(".json").unlink()
    heard: list[int] = []
    report = store.reindex(heard.append)
    reasons = {broken.path: broken.reason for broken in report.broken}
    assert report.indexed == 1
    assert report.removed == 3  # their image or their sidecar is gone
    assert heard[-1] == 1
    assert "no valid JSON" in reasons[sidecar_of[corrupt.image_id]]
    assert "schema_version is 7" in reasons[sidecar_of[newer.image_id]]
    assert "has no image beside it" in reasons[sidecar_of[lonely.image_id]]
    assert report.without_sidecar == (store.path_of(bare),)
    assert {*ids(store)} == {
        good.image_id,
        corrupt.image_id,
        newer.image_id,
    }  # these are still known, and whole


def test_a_pair_that_was_moved_is_found_where_it_is(base: Path, store: ImageStore) -> None:
    record = save(store, created_at=NOW)
    album = base / "images" / "album"
    album.mkdir()
    for path in (store.path_of(record), store.path_of(record).with_suffix(".json")):
        path.rename(album / path.name)
    assert store.reindex().indexed == 1
    assert store.read_bytes(store.get(record.image_id)) == b"pixels"
    store.delete([record.image_id])
    assert records_on_disk(base) == {}


def test_a_second_pair_of_the_same_id_is_reported(base: Path, store: ImageStore) -> None:
    record = save(store, created_at=NOW)
    album = base / "images" / "album"
    album.mkdir()
    for path in (store.path_of(record), store.path_of(record).with_suffix(".json")):
        (album / path.name).write_bytes(path.read_bytes())
    report = store.reindex()
    assert report.indexed == 1
    assert "second image" in report.broken[0].reason


def test_a_corrupt_sidecar_does_not_hide_the_others_when_the_index_is_lost(base: Path) -> None:
    with open_at(base) as store:
        good, bad = save(store), save(store)
        store.path_of(bad).with_suffix(".json").write_bytes(b"\xff\xfe")
    (base / INDEX).unlink()
    with open_at(base) as store:
        assert ids(store) == [good.image_id]
        assert "imagegen history reindex" in " ".join(store.notes)
        with pytest.raises(StorageError, match="no sidecar"):
            store.get(bad.image_id)
