"""Several processes and threads share one folder."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from imagegen.store import ImageStore
from imagegen.store.disk import DiskBlobs
from imagegen.store.files import Blob
from imagegen.store.locks import lock_or_skip
from imagegen.store.repair import INDEX_NAME
from imagegen.store.retention import LOCK_NAME
from imagegen.store.sidecar import write_sidecar
from imagegen.store.sqlite_index import SqliteIndex
from imagegen.store.staging import StagedSave
from imagegen.types import HistoryQuery
from tests.store_world import build_record, check_whole, open_at, save

REPOSITORY = Path(__file__).parents[1]
NOW = datetime(2026, 11, 22, tzinfo=UTC)


def start_writer(base: Path, count: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "tests.store_world", "write", str(base), str(count)],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_two_processes_writing_200_images_each_lose_none(tmp_path: Path) -> None:
    writers = [start_writer(tmp_path, 200) for _ in range(2)]
    reported = [writer.communicate()[0].split() for writer in writers]
    assert [writer.returncode for writer in writers] == [0, 0]
    found = check_whole(tmp_path)
    assert len(found) == 400
    assert set(found) == {*reported[0], *reported[1]}


def test_reindexing_and_losing_the_index_while_another_process_writes_loses_nothing(tmp_path: Path) -> None:
    writer = start_writer(tmp_path, 150)
    rounds = 0
    with open_at(tmp_path) as store:
        while writer.poll() is None:
            store.reindex()
            rounds += 1
            if rounds % 10 == 5:
                (tmp_path / "index.sqlite3").unlink(missing_ok=True)
    reported = writer.communicate()[0].split()
    assert writer.returncode == 0
    assert rounds > 5
    assert set(check_whole(tmp_path)) == set(reported)
    assert len(reported) == 150


def test_deleting_while_another_process_writes_leaves_a_right_history(tmp_path: Path) -> None:
    writer = start_writer(tmp_path, 100)
    deleted: set[str] = set()
    with open_at(tmp_path) as store:
        while writer.poll() is None:
            deleted.update(record.image_id for record in store.list(HistoryQuery(limit=2)).images)
            store.delete([record.image_id for record in store.list(HistoryQuery(limit=2)).images])
    reported = set(writer.communicate()[0].split())
    assert writer.returncode == 0
    assert set(check_whole(tmp_path)) <= reported
    assert deleted


def test_an_image_deleted_in_the_middle_of_its_save_stays_deleted(tmp_path: Path) -> None:
    with open_at(tmp_path) as store:
        save(store)
        record = build_record(store, b"pixels")
        blob = Blob(filename=record.file_info.filename, data=b"pixels", sidecar=write_sidecar(record))
        with DiskBlobs(tmp_path / "images", file_mode=0o644).stage([blob]) as staged:
            staged.place()
            with closing(SqliteIndex.open(tmp_path / INDEX_NAME, writable=True)) as index:
                index.add([record])
            store.delete([record.image_id])
            staged.publish()
    assert record.image_id not in check_whole(tmp_path)


class _LosesItsIndex(StagedSave):
    """A save during which another process builds the lost index anew, too early for this image."""

    def publish(self) -> None:
        base = self._staging.parents[1]
        (base / INDEX_NAME).unlink()
        with open_at(base) as other:
            other.latest()
        super().publish()


class _IndexLosingBlobs(DiskBlobs):
    def stage(self, blobs: Sequence[Blob]) -> StagedSave:
        return _LosesItsIndex(blobs, images=self.path_of(""), file_mode=0o644)


def test_an_image_saved_while_the_index_is_built_anew_is_in_it(tmp_path: Path) -> None:
    blobs = _IndexLosingBlobs(tmp_path / "images", file_mode=0o644)
    with ImageStore(tmp_path, blobs, create_subdirectories=True, file_mode=0o644) as store:
        record = save(store)
    assert set(check_whole(tmp_path)) == {record.image_id}


def test_threads_share_one_store(tmp_path: Path) -> None:
    with open_at(tmp_path) as store, ThreadPoolExecutor(4) as threads:
        saved = set(threads.map(lambda number: save(store, str(number).encode()).image_id, range(40)))
        assert {record.image_id for record in store.list(HistoryQuery(limit=100)).images} == saved
    assert set(check_whole(tmp_path)) == saved


def test_a_second_clean_up_does_nothing_and_says_so(tmp_path: Path) -> None:
    with open_at(tmp_path) as store:
        save(store, created_at=NOW - timedelta(days=60))
        with lock_or_skip(tmp_path / LOCK_NAME, 0o644) as ours:
            assert ours
            report = store.cleanup(older_than=timedelta(days=30), max_size_bytes=None, dry_run=False, now=NOW)
        assert report.already_running
        assert report.images == ()
        assert store.stats().last_cleanup is None
        again = store.cleanup(older_than=timedelta(days=30), max_size_bytes=None, dry_run=False, now=NOW)
        assert not again.already_running
        assert len(again.images) == 1


def test_a_look_sees_what_others_do_and_not_what_this_store_does(tmp_path: Path) -> None:
    with open_at(tmp_path) as store, open_at(tmp_path) as other:
        save(store)
        before = store.look()
        own = save(store)
        assert store.look() == before
        record = save(other)
        saved = store.look()
        assert saved.images != before.images
        assert store.look() == saved
        store.delete([own.image_id])
        assert store.look() == saved
        other.delete([record.image_id])
        deleted = store.look()
        assert deleted.images != saved.images
        other.cleanup(older_than=None, max_size_bytes=None, dry_run=False, now=NOW)
        assert store.look().images == deleted.images
        assert store.look().cleanup != deleted.cleanup


def test_a_look_at_nothing_creates_nothing_and_sees_the_first_image_of_another(tmp_path: Path) -> None:
    with open_at(tmp_path / "base") as store, open_at(tmp_path / "base") as other:
        nothing = store.look()
        assert not (tmp_path / "base").exists()
        save(other)
        assert store.look() != nothing
