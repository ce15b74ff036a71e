"""Whatever instant a process dies at, nothing that was paid for is torn, lost or half there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from imagegen.store.sidecar import write_sidecar
from imagegen.store.staging import STAGING
from tests.store_world import PRESENT, build_record, check_whole, files_below, open_at, save

REPOSITORY = Path(__file__).parents[1]
STRIDES = {"save": 2, "delete": 2, "sweep": 2, "rebuild": 7}

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs fork and kill -9")


def start(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "tests.store_world", *arguments],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture(scope="module")
def deaths() -> Iterator[dict[str, subprocess.Popen[str]]]:
    """One process for each program, side by side, in memory where possible: kill -9 does not need a disk."""
    memory = Path("/dev/shm")  # noqa: S108  # only as the parent of a private folder
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as folder:
        running = {
            name: start("die", name, f"{folder}/{name}", str(stride)) for name, stride in STRIDES.items()
        }
        yield running
        for process in running.values():
            process.kill()
            process.communicate()


@pytest.mark.parametrize("program", STRIDES)
def test_a_death_at_any_line_leaves_images_whole_and_history_right(
    program: str, deaths: dict[str, subprocess.Popen[str]]
) -> None:
    output, errors = deaths[program].communicate()
    assert deaths[program].returncode == 0, errors
    assert int(output) > 100  # that many lines there were to die at


def test_kill_minus_9_during_saves_never_tears_or_loses_an_image(tmp_path: Path) -> None:
    base, reported = tmp_path / "store", set()
    for round_number in range(20):
        writer = start("write", str(base), "1000")
        assert writer.stdout is not None
        for _ in range(1 + round_number % 5):
            reported.add(writer.stdout.readline().strip())
        writer.send_signal(signal.SIGKILL)
        output, errors = writer.communicate()
        reported.update(output.split())
        assert writer.returncode == -signal.SIGKILL, errors
        found = check_whole(base)
        assert reported <= set(found)
        assert not list((base / "images" / STAGING).iterdir())


def test_a_save_whose_files_are_whole_in_staging_is_finished_by_the_next_open(tmp_path: Path) -> None:
    with open_at(tmp_path) as store:
        record = build_record(store, b"pixels")
    staging = tmp_path / "images" / STAGING
    staging.mkdir(parents=True)
    (staging / f"{record.image_id}.png").write_bytes(b"pixels")
    (staging / f"{record.image_id}.json").write_bytes(write_sidecar(record))
    with open_at(tmp_path) as store:
        assert store.get(record.image_id) == record
        assert store.read_bytes(record) == b"pixels"
        assert record.image_id in "".join(store.notes)
    assert set(check_whole(tmp_path)) == {record.image_id}


@pytest.mark.parametrize("cut", ["image", "sidecar"])
def test_what_is_not_whole_in_staging_is_removed_by_the_next_open(tmp_path: Path, cut: str) -> None:
    with open_at(tmp_path) as store:
        record = build_record(store, b"pixels")
    staging = tmp_path / "images" / STAGING
    staging.mkdir(parents=True)
    sidecar = write_sidecar(record)
    (staging / f"{record.image_id}.png").write_bytes(b"pix" if cut == "image" else b"pixels")
    (staging / f"{record.image_id}.json").write_bytes(sidecar[:-20] if cut == "sidecar" else sidecar)
    assert check_whole(tmp_path) == {}
    assert not list(staging.iterdir())


def test_an_image_whose_rename_a_power_cut_undid_is_put_back(tmp_path: Path) -> None:
    with open_at(tmp_path) as store:
        record = save(store)
        image = store.path_of(record)
        image.replace(tmp_path / "images" / STAGING / image.name)
    assert set(check_whole(tmp_path)) == {record.image_id}


def test_a_rejected_answer_left_in_staging_is_kept(tmp_path: Path) -> None:
    with open_at(tmp_path) as store:
        path = store.reject(PRESENT, b"<html>", "no image", {})
    staging = tmp_path / "images" / STAGING
    for end in (".rejected", ".rejected.json"):
        path.with_suffix(end).replace(staging / f"{PRESENT}{end}")
    open_at(tmp_path).close()
    assert path.read_bytes() == b"<html>"
    assert path.with_suffix(".rejected.json").exists()


def test_a_sidecar_of_a_newer_version_in_staging_is_put_in_its_place_unread(tmp_path: Path) -> None:
    with open_at(tmp_path) as store:
        record = build_record(store, b"pixels")
    staging = tmp_path / "images" / STAGING
    staging.mkdir(parents=True)
    newer = write_sidecar(record).replace(b'"schema_version": 1', b'"schema_version": 2')
    (staging / f"{record.image_id}.png").write_bytes(b"pixels")
    (staging / f"{record.image_id}.json").write_bytes(newer)
    with open_at(tmp_path) as store:
        image = store.path_of(record)
    assert image.read_bytes() == b"pixels"
    assert image.with_suffix(".json").read_bytes() == newer


def test_a_deletion_that_was_cut_short_is_finished_by_the_next_open(tmp_path: Path) -> None:
    with open_at(tmp_path) as store:
        image = store.path_of(save(store, image_id=PRESENT))
        image.with_suffix(".json").replace(tmp_path / "images" / STAGING / f"{PRESENT}.deleted")
    assert check_whole(tmp_path) == {}
    assert not image.exists()


def test_the_sweep_leaves_alone_what_a_living_process_is_saving(tmp_path: Path) -> None:
    import fcntl

    staging = tmp_path / "images" / STAGING
    staging.mkdir(parents=True)
    sidecar, image = staging / f"{PRESENT}.json", staging / f"{PRESENT}.png"
    image.write_bytes(b"half an im")
    with sidecar.open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        open_at(tmp_path).close()
        assert files_below(staging) == {image.name, sidecar.name}
    open_at(tmp_path).close()
    assert files_below(staging) == set()


def test_a_stray_file_in_staging_goes_once_it_is_old(tmp_path: Path) -> None:
    staging = tmp_path / "images" / STAGING
    staging.mkdir(parents=True)
    young, old = staging / "young", staging / "old"
    young.touch()
    old.touch()
    os.utime(old, (0, 0))
    open_at(tmp_path).close()
    assert files_below(staging) == {"young"}
