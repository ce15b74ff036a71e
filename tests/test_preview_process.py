from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

import pytest
from PIL import Image

from imagegen.imaging import UnreadableImage
from imagegen.preview_pool import PROCESSES, PreviewPool
from imagegen.preview_process import PreviewProcess, Wanted
from imagegen.previews import make_preview
from tests.fakes.openai_pictures import picture, slow_drawing

SIDE, MAX_BYTES = 64, 20_000


@pytest.fixture
def process() -> Iterator[PreviewProcess]:
    subject = PreviewProcess()
    yield subject
    subject.end()


@pytest.fixture
def pool() -> Iterator[PreviewPool]:
    subject = PreviewPool()
    yield subject
    subject.close()


def wanted(folder: Path, *, number: int = 1, content: bytes | None = None) -> Wanted:
    path = folder / f"{number}.png"
    path.write_bytes(picture("png", 200, 100, number) if content is None else content)
    return Wanted(str(path), "png", SIDE, MAX_BYTES)


def pid_of(process: PreviewProcess) -> int:
    assert process.pid is not None
    return process.pid


def test_a_preview_of_another_process_is_the_one_that_would_be_made_here(
    process: PreviewProcess, tmp_path: Path
) -> None:
    here = make_preview(picture("png", 200, 100, 1), "png", side=SIDE, max_bytes=MAX_BYTES)
    assert process.make(wanted(tmp_path)) == here.data
    assert pid_of(process) != os.getpid()


def test_one_process_makes_one_preview_after_the_other(process: PreviewProcess, tmp_path: Path) -> None:
    process.make(wanted(tmp_path))
    first = pid_of(process)
    process.make(wanted(tmp_path, number=2))
    assert pid_of(process) == first


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"\x89PNG\r\n\x1a\n broken", "cannot be shown small"), (b"", "cannot be shown small")],
)
def test_an_image_that_cannot_be_read_is_named_as_such_and_harms_nothing(
    process: PreviewProcess, tmp_path: Path, content: bytes, reason: str
) -> None:
    with pytest.raises(UnreadableImage, match=reason):
        process.make(wanted(tmp_path, content=content))
    assert process.make(wanted(tmp_path, number=2))


def test_a_file_that_is_gone_is_named_as_such(process: PreviewProcess, tmp_path: Path) -> None:
    with pytest.raises(UnreadableImage, match="its file cannot be read"):
        process.make(Wanted(str(tmp_path / "none.png"), "png", SIDE, MAX_BYTES))


@pytest.mark.skipif(not hasattr(signal, "alarm"), reason="Windows has no alarms")
def test_a_drawing_that_takes_minutes_is_given_up_and_the_next_is_made(
    process: PreviewProcess, tmp_path: Path
) -> None:
    path = tmp_path / "slow.svg"
    path.write_bytes(slow_drawing())
    with pytest.raises(UnreadableImage, match="takes longer than 1 seconds"):
        process.make(Wanted(str(path), "svg", SIDE, MAX_BYTES, longest_seconds=1))
    assert process.make(wanted(tmp_path))


def test_a_process_that_has_died_is_replaced(process: PreviewProcess, tmp_path: Path) -> None:
    process.make(wanted(tmp_path))
    dead = pid_of(process)
    os.kill(dead, signal.SIGTERM)
    assert process.make(wanted(tmp_path, number=2))
    assert pid_of(process) != dead


def test_a_process_that_has_been_ended_is_not_started_again(process: PreviewProcess, tmp_path: Path) -> None:
    process.make(wanted(tmp_path))
    process.end()
    with pytest.raises(UnreadableImage, match="has ended"):
        process.make(wanted(tmp_path))
    assert process.pid is None


def test_where_no_process_can_be_started_previews_are_made_here(
    process: PreviewProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "no-python"))
    with Image.open(io.BytesIO(process.make(wanted(tmp_path)))) as preview:
        assert (preview.format, preview.size) == ("WEBP", (64, 32))
    assert process.pid is None


def test_the_process_imports_nothing_from_the_working_folder(
    process: PreviewProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "project"
    project.mkdir()
    for name in ("imagegen.py", "json.py", "PIL.py"):
        (project / name).write_text(f"open({str(tmp_path / 'taken')!r}, 'w')", "utf-8")
    monkeypatch.chdir(project)
    assert process.make(wanted(tmp_path))
    assert not (tmp_path / "taken").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="a script as the interpreter")
def test_where_a_process_never_gets_ready_previews_are_made_here(
    process: PreviewProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frozen = tmp_path / "frozen-program"
    frozen.write_text("#!/bin/sh\necho 'no such option: -P'; exit 2\n", "utf-8")
    frozen.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(frozen))
    with Image.open(io.BytesIO(process.make(wanted(tmp_path)))) as preview:
        assert (preview.format, preview.size) == ("WEBP", (64, 32))


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs Linux's /proc")
def test_no_key_is_passed_on(
    process: PreviewProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-not-for-a-decoder")
    process.make(wanted(tmp_path))
    environment = Path(f"/proc/{pid_of(process)}/environ").read_bytes()
    assert b"PYTHONPATH=" in environment
    assert b"sk-not-for-a-decoder" not in environment


@pytest.mark.skipif(not hasattr(os, "nice"), reason="Windows has priorities of its own")
def test_the_process_stands_back_behind_the_one_that_serves(process: PreviewProcess, tmp_path: Path) -> None:
    process.make(wanted(tmp_path))
    own = os.getpriority(os.PRIO_PROCESS, 0)
    assert os.getpriority(os.PRIO_PROCESS, pid_of(process)) > own


@pytest.mark.skipif(not hasattr(signal, "alarm"), reason="Windows has no alarms")
def test_a_process_of_which_nothing_is_asked_ends_by_itself() -> None:
    code = "import imagegen.preview_process as it; it.IDLE_SECONDS = 1; it.serve()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE) as idle:
        assert idle.wait(30) == -signal.SIGALRM


def test_a_process_whose_parent_has_gone_ends() -> None:
    command = [sys.executable, "-m", "imagegen.preview_process"]
    ran = subprocess.run(command, input=b"", capture_output=True, timeout=30, check=False)
    assert (ran.returncode, ran.stdout) == (0, b"ready\n")


def test_what_a_library_prints_is_no_part_of_an_answer(tmp_path: Path) -> None:
    code = (
        "import builtins, imagegen.preview_process as it\n"
        "make = it.make_preview\n"
        "def loud(*a, **k):\n"
        "    print('noise', flush=True)\n"
        "    return make(*a, **k)\n"
        "it.make_preview = loud\n"
        "it.serve()\n"
    )
    request = asdict(wanted(tmp_path))
    ran = subprocess.run(
        [sys.executable, "-c", code],
        input=json.dumps(request).encode() + b"\n",
        capture_output=True,
        timeout=30,
        check=True,
    )
    head, _, data = ran.stdout.removeprefix(b"ready\n").partition(b"\n")
    assert json.loads(head) == {"size": len(data)}
    assert b"noise" in ran.stderr


def test_many_previews_at_once_are_each_of_their_own_image(pool: PreviewPool, tmp_path: Path) -> None:
    pool.warm_up(20)
    images = [wanted(tmp_path, number=number) for number in range(20)]
    with ThreadPoolExecutor(4) as threads:
        coming = list(threads.map(lambda image: pool.submit(image, bytes), images))
    for number, future in enumerate(coming):
        here = make_preview(picture("png", 200, 100, number), "png", side=SIDE, max_bytes=MAX_BYTES)
        assert future.result(60) == here.data


def test_a_pool_has_no_more_processes_than_it_may(pool: PreviewPool, tmp_path: Path) -> None:
    pool.warm_up(50)
    for future in [pool.submit(wanted(tmp_path, number=number), bytes) for number in range(8)]:
        future.result(60)
    assert 1 <= len(pool.pids) <= PROCESSES


def test_a_closed_pool_leaves_no_process_and_takes_nothing(pool: PreviewPool, tmp_path: Path) -> None:
    pool.submit(wanted(tmp_path), bytes).result(60)
    assert pool.pids
    pool.close()
    assert not pool.pids
    with pytest.raises(RuntimeError):
        pool.submit(wanted(tmp_path), bytes)
