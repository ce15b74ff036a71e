"""Keeping images and finding them again, in one process."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from imagegen.errors import NotFound, StorageError, UsageError
from imagegen.store import new_image_id, parse_image_id
from imagegen.store.staging import STAGING
from imagegen.types import HistoryQuery, Operation
from tests.store_world import build_record, check_whole, files_below, open_at, records_on_disk, save

REPOSITORY = Path(__file__).parents[1]
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
DAY = timedelta(days=1)


# Looking at nothing


def test_history_on_a_fresh_machine_is_empty_and_creates_nothing(tmp_path: Path) -> None:
    base = tmp_path / "none" / "yet"
    with open_at(base) as store:
        assert store.list(HistoryQuery()).images == ()
        assert store.latest() is None
        assert store.stats().images == 0
        assert store.ids_starting_with("img_", 10) == ()
        with pytest.raises(NotFound, match="imagegen history list"):
            store.get("img_20261122143005_0a1b2c3d4e5f")
        store.cleanup(older_than=DAY, max_size_bytes=None, dry_run=True, now=NOW)
    assert not base.parent.exists()


@pytest.mark.parametrize(
    "text",
    ["", "last", "img_1_2", "IMG_20261122143005_0a1b2c3d4e5f", "../img_20261122143005_0a1b2c3d4e5f", "img_"],
)
def test_a_malformed_image_id_is_refused_before_the_disk_is_touched(text: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no image id"):
        parse_image_id(text)
    with open_at(tmp_path / "base") as store, pytest.raises(UsageError):
        store.get(text)
    assert not (tmp_path / "base").exists()


def test_an_image_id_holds_the_utc_time() -> None:
    image_id = new_image_id(datetime.fromisoformat("2026-11-22T01:02:03+02:00"))
    assert image_id.startswith("img_20261121230203_")
    assert parse_image_id(image_id) == image_id


# Saving


def test_a_saved_image_is_found_byte_for_byte_with_its_whole_record(tmp_path: Path) -> None:
    data = os.urandom(300_000)
    with open_at(tmp_path) as store:
        record = save(store, data, notes=("one",), request_id="req_1", details={"drawn": ["fox"]})
        assert store.get(record.image_id) == record
        assert store.latest() == record
        assert store.read_bytes(record) == data
        assert store.path_of(record).read_bytes() == data
        assert store.find_sha256(record.file_info.sha256) == (record,)
    assert check_whole(tmp_path) == {record.image_id: record}


def test_images_lie_in_dated_folders_with_the_sidecar_beside(tmp_path: Path) -> None:
    with open_at(tmp_path) as store:
        record = save(store, created_at=NOW)
    folder = "2026/11/22"
    assert files_below(tmp_path / "images") == {
        f"{folder}/{record.image_id}.png",
        f"{folder}/{record.image_id}.json",
    }


def test_flat_mode_needs_no_folders(tmp_path: Path) -> None:
    with open_at(tmp_path, dated=False) as store:
        record = save(store)
        rejected = store.reject(new_image_id(NOW), b"?", "no image", {})
        assert rejected.parent == tmp_path / "images"
    assert {f"{record.image_id}.png", f"{record.image_id}.json"} <= files_below(tmp_path / "images")


def test_several_images_are_kept_in_one_go(tmp_path: Path) -> None:
    with open_at(tmp_path) as store:
        images = [(build_record(store, data, created_at=NOW), data) for data in (b"a", b"bb", b"ccc")]
        saved = store.save_all(images)
        assert [store.read_bytes(record) for record in saved] == [b"a", b"bb", b"ccc"]
        assert store.save_all([]) == ()
    assert len(check_whole(tmp_path)) == 3


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
@pytest.mark.parametrize(("file_mode", "folder_mode"), [(0o644, 0o755), (0o600, 0o700), (0o664, 0o775)])
def test_file_permissions_hold_whatever_the_umask(tmp_path: Path, file_mode: int, folder_mode: int) -> None:
    before = os.umask(0o077)
    try:
        with open_at(tmp_path / "base", mode=file_mode) as store:
            path = store.path_of(save(store))
            rejected = store.reject(new_image_id(NOW), b"?", "no image", {})
    finally:
        os.umask(before)
    for file in (path, path.with_suffix(".json"), rejected, tmp_path / "base" / "index.sqlite3"):
        assert stat.S_IMODE(file.stat().st_mode) == file_mode, file
    for folder in (path.parent, tmp_path / "base" / "images", tmp_path / "base"):
        assert stat.S_IMODE(folder.stat().st_mode) == folder_mode, folder


@pytest.mark.parametrize(
    "filename",
    [
        "../{id}.png",
        "/{id}.png",
        "a/../../{id}.png",
        ".staging/{id}.png",
        "{id}.json",
        "other.png",
        "a\\{id}.png",
    ],
)
def test_a_filename_that_could_reach_elsewhere_is_refused(tmp_path: Path, filename: str) -> None:
    from dataclasses import replace

    with open_at(tmp_path) as store:
        record = build_record(store, b"x")
        name = filename.format(id=record.image_id)
        with pytest.raises(StorageError, match="cannot be kept"):
            store.save(replace(record, file_info=replace(record.file_info, filename=name)), b"x")
    assert files_below(tmp_path) == set()


def test_a_rejected_answer_is_kept_with_its_reason(tmp_path: Path) -> None:
    image_id = new_image_id(NOW)
    with open_at(tmp_path) as store:
        path = store.reject(
            image_id, b"<html>", "it is HTML", {"request_id": "req_1", "cost": Decimal("0.5")}
        )
        assert store.list(HistoryQuery()).images == ()
        assert store.reindex().without_sidecar == ()
    assert path == tmp_path / "images/2026/11/22" / f"{image_id}.rejected"
    assert path.read_bytes() == b"<html>"
    document = json.loads(path.with_name(f"{image_id}.rejected.json").read_text(encoding="utf-8"))
    assert document["reason"] == "it is HTML"
    assert document["facts"] == {"request_id": "req_1", "cost": "0.5"}


def test_details_that_are_no_json_do_not_lose_a_paid_image(tmp_path: Path) -> None:
    with open_at(tmp_path) as store:
        record = save(
            store,
            prompt="half a pair \ud800 and \x00",
            details={"at": NOW, "path": Path("x"), "odd": float("nan"), "set": {1}},
            cost_usd=Decimal("NaN"),
        )
        found = store.get(record.image_id)
    assert found.prompt == record.prompt
    assert found.details == {"at": "2026-11-22T12:00:00Z", "path": "x", "odd": None, "set": [1]}
    assert found.cost_info.cost_usd is None


# When disk and index disagree


def test_an_image_deleted_by_hand_says_so_and_can_be_forgotten(tmp_path: Path) -> None:
    with open_at(tmp_path) as store:
        record = save(store)
        store.path_of(record).unlink()
        assert store.get(record.image_id) == record
        with pytest.raises(NotFound, match=f"history delete {record.image_id}"):
            store.read_bytes(record)
        assert store.delete([record.image_id]) == (record,)
    assert check_whole(tmp_path) == {}


def test_an_image_without_index_entry_is_found_by_its_id(tmp_path: Path) -> None:
    with open_at(tmp_path / "one") as store, open_at(tmp_path / "two") as other:
        record = save(store)
        save(other)
        shutil.copytree(tmp_path / "one" / "images", tmp_path / "two" / "images", dirs_exist_ok=True)
        assert other.get(record.image_id) == record
        assert other.reindex().indexed == 2


def test_deleting_checks_every_id_before_the_first_goes(tmp_path: Path) -> None:
    with open_at(tmp_path) as store:
        record = save(store)
        with pytest.raises(NotFound):
            store.delete([record.image_id, new_image_id(NOW)])
        assert store.get(record.image_id) == record
        assert store.delete([record.image_id, record.image_id]) == (record,)
    assert records_on_disk(tmp_path) == {}
    assert not any(path.is_dir() for path in (tmp_path / "images").glob("2*"))


# Lineage


def test_lineage_goes_both_ways_by_id_and_by_bytes(tmp_path: Path) -> None:
    with open_at(tmp_path) as store:
        parent = save(store, b"parent", created_at=NOW)
        by_id = save(
            store, b"one", created_at=NOW + DAY, parents=(parent.image_id,), operation=Operation.EDIT
        )
        by_bytes = save(
            store,
            b"two",
            created_at=NOW + 2 * DAY,
            parents=(f"sha256:{parent.file_info.sha256}", "sha256:00"),
        )
        assert store.children_of(parent.image_id) == (by_id, by_bytes)
        assert store.parents_of(by_id) == store.parents_of(by_bytes) == (parent,)
        store.delete([by_id.image_id])
        assert store.children_of(parent.image_id) == (by_bytes,)
        store.delete([parent.image_id])
        assert store.parents_of(by_bytes) == ()
        assert store.children_of(parent.image_id) == ()


# Retention


def test_clean_up_deletes_the_oldest_by_age_and_size_and_is_recorded(tmp_path: Path) -> None:
    with open_at(tmp_path) as store:
        records = [save(store, b"x" * 1000, created_at=NOW - age * DAY) for age in (40, 31, 30, 2, 1, 0)]
        preview = store.cleanup(older_than=30 * DAY, max_size_bytes=2500, dry_run=True, now=NOW)
        assert store.stats().images == 6
        assert store.stats().last_cleanup is None
        report = store.cleanup(older_than=30 * DAY, max_size_bytes=2500, dry_run=False, now=NOW)
        assert report.images == preview.images == tuple(records[:4])
        assert list(report.reasons.values()) == ["age", "age", "size", "size"]
        assert report.freed_bytes == 4000
        last = store.stats().last_cleanup
        assert last is not None
        assert (last.ran_at, last.images, last.freed_bytes) == (NOW, 4, 4000)
        again = store.cleanup(older_than=30 * DAY, max_size_bytes=None, dry_run=False, now=NOW + DAY)
        last = store.stats().last_cleanup
        assert last is not None
        assert again.images == ()
        assert (last.ran_at, last.images) == (NOW + DAY, 0)
    assert set(check_whole(tmp_path)) == {record.image_id for record in records[4:]}


def test_clean_up_counts_stale_temporary_files(tmp_path: Path) -> None:
    staging = tmp_path / "images" / STAGING
    staging.mkdir(parents=True)
    (staging / "img_20261122143005_0a1b2c3d4e5f.png").write_bytes(b"half")
    with open_at(tmp_path) as store:
        report = store.cleanup(older_than=None, max_size_bytes=None, dry_run=False, now=NOW)
    assert report.temporary_files == 1
    assert files_below(staging) == set()


# What it costs to import


def test_history_imports_neither_pillow_nor_a_vendor_sdk(tmp_path: Path) -> None:
    with open_at(tmp_path) as store:
        save(store)
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from imagegen.store import open_store\n"
        "from imagegen.types import HistoryQuery\n"
        "with open_store(Path(sys.argv[1]), create_subdirectories=True, file_permissions=0o644) as store:\n"
        "    assert store.list(HistoryQuery()).images\n"
        "print(*sorted({'PIL', 'httpx', 'openai', 'pydantic', 'asyncio'} & set(sys.modules)))\n"
    )
    command = [sys.executable, "-W", "error", "-c", program, str(tmp_path)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == ""
