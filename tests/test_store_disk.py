"""A disk that is full, read-only, out of reach or otherwise unwilling."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from imagegen.errors import StorageError
from imagegen.store.staging import STAGING
from tests.store_world import build_record, check_whole, files_below, open_at, save

REPOSITORY = Path(__file__).parents[1]


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A temporary folder that other users may enter."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


UNPRIVILEGED = """
import concurrent.futures.thread, hashlib, os, shutil, sys, tempfile  # root's own Python, out of reach below
from pathlib import Path
from tests.store_world import build_record, open_at, save
from imagegen.errors import StorageError
from imagegen.types import HistoryQuery
if os.getuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
base = Path(sys.argv[1])
with open_at(base) as store:
    print(len(store.list(HistoryQuery()).images), len(list(store.iter_records(HistoryQuery(text="fox")))))
    for write in (store.check_writable, lambda: save(store), lambda: store.delete([store.latest().image_id])):
        try:
            write()
        except StorageError as exc:
            print(exc)
    print(store.notes)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX permissions")
@pytest.mark.parametrize("index", ["closed", "missing", "corrupt"])
def test_a_read_only_folder_shows_its_history_and_refuses_writes_by_name(
    open_folder: Path, index: str
) -> None:
    base = open_folder / "base"
    with open_at(base) as store:
        for _ in range(3):
            save(store)
    database = base / "index.sqlite3"
    if index == "missing":
        database.unlink()
    elif index == "corrupt":
        database.write_bytes(b"no database" * 1000)
    folders = [base, *(path for path in base.rglob("*") if path.is_dir())]
    for folder in folders:
        folder.chmod(0o555)
    try:
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", UNPRIVILEGED, str(base)],
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
        )
    finally:
        for folder in folders:
            folder.chmod(0o755)
    assert done.returncode == 0, done.stderr
    first, *refusals, notes = done.stdout.splitlines()
    assert first == "3 3"
    assert len(refusals) == 3
    assert all(str(base) in refusal and "permission denied" in refusal for refusal in refusals)
    assert ("damaged" in notes) == (index == "corrupt")


OUT_OF_REACH = """
import os, sys
from pathlib import Path
from imagegen.errors import StorageError
from imagegen.types import HistoryQuery
from tests.store_world import open_at
if os.getuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
try:
    with open_at(Path(sys.argv[1])) as store:
        store.list(HistoryQuery())
except StorageError as exc:
    print(exc)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX permissions")
def test_a_folder_that_may_not_be_entered_is_no_empty_history(open_folder: Path) -> None:
    base = open_folder / "base"
    with open_at(base) as store:
        save(store)
    base.chmod(0)
    try:
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", OUT_OF_REACH, str(base)],
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
        )
    finally:
        base.chmod(0o755)
    assert "Cannot read" in done.stdout, done.stderr
    assert str(base) in done.stdout


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MiB."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    if not sys.platform.startswith("linux") or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting a tiny file system needs root on Linux")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_refuses_the_image_by_name_and_keeps_the_rest_whole(tiny_disk: Path) -> None:
    base, saved = tiny_disk / "base", []
    with open_at(base) as store:
        with pytest.raises(StorageError, match="free on the disk of"):
            store.check_writable()
        with pytest.raises(StorageError, match="No space is left") as refusal:
            while True:
                saved.append(save(store, os.urandom(300_000)))
        assert str(base) in refusal.value.message
        assert "STORAGE__BASE_PATH" in (refusal.value.hint or "")
        assert files_below(base / "images" / STAGING) == set()
        assert len(saved) >= 3
        store.delete([saved.pop(0).image_id])
        saved.append(save(store, os.urandom(200_000)))
    assert set(check_whole(base)) == {record.image_id for record in saved}


def test_an_index_that_finds_no_room_does_not_fail_a_save(tiny_disk: Path) -> None:
    base = tiny_disk / "base"
    with open_at(base) as store:
        first = save(store)
    filler = tiny_disk / "filler"
    with open_at(base) as store:
        records = [build_record(store, b"x" * 4096, prompt="long " * 20_000)]
        blocks = os.statvfs(tiny_disk)
        filler.write_bytes(bytes((blocks.f_bavail - 60) * blocks.f_frsize))
        store.save_all([(record, b"x" * 4096) for record in records])
        assert "next run enters it" in "".join(store.notes)
        filler.unlink()
    assert set(check_whole(base)) == {first.image_id, records[0].image_id}


def test_a_file_system_mounted_read_only_shows_its_history(tiny_disk: Path) -> None:
    base = tiny_disk / "base"
    with open_at(base) as store:
        record = save(store)
    subprocess.run(["mount", "-o", "remount,ro", str(tiny_disk)], check=True)
    with open_at(base) as store:
        assert store.latest() == record
        with pytest.raises(StorageError, match="read-only"):
            save(store)


LIMITED = """
import os, resource, sys
from pathlib import Path
from imagegen.errors import StorageError
from tests.store_world import open_at, save
with open_at(Path(sys.argv[1])) as store:
    save(store, b"small")
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, resource.RLIM_INFINITY))
    try:
        save(store, os.urandom(2_000_000))
    except StorageError as exc:
        print(exc)
    save(store, b"small again")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX limits")
def test_an_image_larger_than_a_file_may_be_leaves_nothing_behind(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", LIMITED, str(tmp_path)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "larger than files may be" in done.stdout
    assert len(check_whole(tmp_path)) == 2
    assert files_below(tmp_path / "images" / STAGING) == set()


def test_a_path_that_is_too_long_is_named(tmp_path: Path) -> None:
    with open_at(tmp_path / ("x" * 300)) as store, pytest.raises(StorageError, match="too long"):
        save(store)


def test_a_file_where_the_folder_should_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "base").write_text("a file", encoding="utf-8")
    with (
        open_at(tmp_path / "base") as store,
        pytest.raises(StorageError, match=r"file is in the way|is a file"),
    ):
        save(store)
