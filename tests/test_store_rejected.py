"""Answers that were no images: kept because they were paid for, and cleaned up as images of their age are."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from imagegen.store import ImageStore, new_image_id
from imagegen.types import CleanupReport
from tests.command import run, run_process
from tests.store_world import files_below, open_at, save

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def reject(store: ImageStore, *, days_ago: int, data: bytes = b"<html>") -> Path:
    return store.reject(new_image_id(NOW - days_ago * DAY), data, "no image", {})


def clean_up(store: ImageStore, *, days: int | None = 30, dry_run: bool = False) -> CleanupReport:
    age = None if days is None else days * DAY
    return store.cleanup(older_than=age, max_size_bytes=None, dry_run=dry_run, now=NOW)


@pytest.mark.parametrize("dated", [True, False])
def test_an_old_answer_goes_with_its_reason_and_a_young_one_stays(tmp_path: Path, dated: bool) -> None:
    with open_at(tmp_path, dated=dated) as store:
        old, young = reject(store, days_ago=31), reject(store, days_ago=29)
        preview = clean_up(store, dry_run=True)
        assert old.exists()
        report = clean_up(store)
        last = store.last_cleanup()
    assert report.rejected == preview.rejected
    assert [(answer.image_id, answer.size_bytes) for answer in report.rejected] == [(old.stem, 6)]
    assert tmp_path / "images" / report.rejected[0].filename == old
    assert (report.freed_bytes, report.images) == (6, ())
    assert last is not None
    assert (last.images, last.rejected, last.freed_bytes) == (0, 1, 6)
    assert {
        path.partition("/")[2].rpartition("/")[2] for path in files_below(tmp_path) if "img_" in path
    } == {
        young.name,
        f"{young.name}.json",
    }
    assert old.parent.exists() == (not dated)


def test_without_an_age_answers_are_kept_for_ever(tmp_path: Path) -> None:
    with open_at(tmp_path) as store:
        old = reject(store, days_ago=3000)
        report = store.cleanup(older_than=None, max_size_bytes=0, dry_run=False, now=NOW)
    assert report.rejected == ()
    assert old.exists()


def test_a_reason_that_was_left_alone_goes_too(tmp_path: Path) -> None:
    """As a process leaves it that dies between the two files."""
    with open_at(tmp_path) as store:
        old = reject(store, days_ago=31)
        old.unlink()
        report = clean_up(store)
    assert [(answer.image_id, answer.size_bytes) for answer in report.rejected] == [(old.stem, 0)]
    assert files_below(tmp_path / "images") == set()


def test_images_and_other_files_of_people_are_not_taken_for_answers(tmp_path: Path) -> None:
    with open_at(tmp_path) as store:
        record = save(store, created_at=NOW - DAY)
        folder = store.path_of(record).parent
        for name in ("notes.rejected", "img_1.rejected", "img_99999999999999_0123456789ab.rejected"):
            (folder / name).write_text("mine", "utf-8")
        before = files_below(tmp_path / "images")
        assert clean_up(store, days=0).rejected == ()
    assert files_below(tmp_path / "images") == before - {
        record.file_info.filename,
        record.file_info.filename.replace(".png", ".json"),
    }


def test_a_note_of_an_older_version_counts_no_answers(tmp_path: Path) -> None:
    note = {"ran_at": "2026-11-20T04:17:00Z", "images": 3, "freed_bytes": 30}
    (tmp_path / "last-cleanup.json").write_text(json.dumps(note), "utf-8")
    with open_at(tmp_path) as store:
        last = store.stats().last_cleanup
    assert last is not None
    assert (last.images, last.rejected) == (3, 0)


def test_the_command_shows_and_counts_them(home: Path) -> None:
    image = Path(run("generate", "a fox", "-m", "local", "-s", "512x512").lines[0])
    with open_at(home / "data") as store:
        path = store.reject(new_image_id(datetime.now(UTC) - 60 * DAY), b"<html>", "no image", {})

    dry = run("cleanup", "--dry-run")
    (columns,) = [line.split("\t") for line in dry.lines]
    kept_as = path.relative_to(home / "data" / "images")
    assert columns[0] == path.stem
    assert columns[2:] == ["6 B", "age", f"(no image, kept as {kept_as})"]
    assert "0 images and 1 rejected answer would be deleted, 6 B" in dry.err
    document = run("cleanup", "--dry-run", "--json").json
    assert [(row["image_id"], row["reason"]) for row in document["rejected"]] == [(path.stem, "age")]
    real = run_process("cleanup", "--quiet")
    assert "0 images and 1 rejected answer deleted, 6 B" in real.out
    assert run_process("cleanup", "--quiet").out == ""
    assert not path.exists()
    assert image.exists()
    assert run("stats", "--json").json["last_cleanup"]["rejected"] == 0
