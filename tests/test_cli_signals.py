"""Ctrl-C, kill and a full disk, as they happen to a real process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.command import run, run_process
from tests.fakes.openai_behaviours import Asked, held, ok
from tests.fakes.openai_pictures import picture
from tests.fakes.openai_server import FakeOpenAI

FLARE = ("-m", "gpt-image-2.5-flare")
MOMENTS = 12

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")


def started(*arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "imagegen", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interruption_while_waiting_exits_130_and_says_that_nothing_was_saved(
    openai: FakeOpenAI, number: signal.Signals
) -> None:
    gate = threading.Event()
    openai.script(held(gate))
    process = started("generate", "a red fox", *FLARE)
    assert openai.arrived.wait(30)

    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    gate.set()

    assert process.returncode == 130
    assert b"Nothing was saved" in err
    assert b"Traceback" not in err
    assert run("history", "list").lines == []


def test_a_closed_terminal_does_not_end_what_was_started_with_nohup(openai: FakeOpenAI) -> None:
    gate = threading.Event()
    openai.script(held(gate))
    ignoring = (
        "import signal, runpy; signal.signal(signal.SIGHUP, signal.SIG_IGN); "
        "runpy.run_module('imagegen', run_name='__main__')"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", ignoring, "generate", "a red fox", *FLARE], stdout=subprocess.PIPE
    )
    assert openai.arrived.wait(30)

    process.send_signal(signal.SIGHUP)
    gate.set()
    out, _ = process.communicate(timeout=30)

    assert process.returncode == 0
    assert Path(out.decode().strip()).is_file()


def test_an_interruption_after_the_answer_says_what_was_saved(openai: FakeOpenAI, home: Path) -> None:
    """The signal comes while the answer is written into a pipe that nobody reads."""
    big = picture("png", 1024, 1024, 5)
    process: list[subprocess.Popen[bytes]] = []
    answered = threading.Event()

    def answer(asked: Asked) -> None:
        ok([big])(asked)
        answered.set()

    openai.script(answer)
    process.append(started("generate", "a red fox", *FLARE))
    assert answered.wait(30)
    process[0].send_signal(signal.SIGINT)
    _, err = process[0].communicate(timeout=30)

    # Whichever of the two came first, the history and the message agree.
    kept = run("history", "list").lines
    assert process[0].returncode in (0, 130)
    if process[0].returncode == 0:
        assert len(kept) == 1
    elif kept:
        assert kept[0].split("\t")[0].encode() in err
    else:
        assert b"Nothing was saved" in err
    assert b"Traceback" not in err


def dying(number: int, home: Path) -> subprocess.Popen[bytes]:
    """A call that dies at that moment of its save."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.dying_process", str(number), "generate", "a red fox", *FLARE],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=Path(__file__).parent.parent,
        env={**os.environ, "IMAGEGEN_HOME": str(home)},
    )


def test_kill_9_at_any_moment_of_a_save_leaves_a_whole_image_or_none(
    openai: FakeOpenAI, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = picture("png", 512, 512, 1)
    openai.script(*[ok([image])] * MOMENTS)
    homes = [tmp_path / str(number) for number in range(1, MOMENTS + 1)]
    processes = [dying(number, home) for number, home in enumerate(homes, start=1)]
    last_words = [process.communicate(timeout=120)[1].decode().splitlines()[-1] for process in processes]

    assert [process.returncode for process in processes] == [-signal.SIGKILL] * MOMENTS
    whole_from = last_words.index("os.rename .png")  # both files are on the disk: the next command goes on
    assert whole_from > 3
    for number, home in enumerate(homes):
        monkeypatch.setenv("IMAGEGEN_HOME", str(home))
        listed = run("history", "list", "--json").json["images"]
        images = [path for path in home.rglob("img_*.png") if ".staging" not in path.parts]
        assert [entry["path"] for entry in listed] == [str(path) for path in images]
        assert len(images) == (number >= whole_from), last_words[number]
        assert all(path.with_suffix(".json").is_file() for path in images)
        assert all(path.read_bytes() == image for path in images)


def _limited(file_bytes: int) -> Callable[[], None]:
    def limit() -> None:
        import resource

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, file_bytes))

    return limit


def test_a_disk_that_is_too_full_for_the_image_costs_nobody_the_image(openai: FakeOpenAI, home: Path) -> None:
    """A limit on the file size stands for a full disk: neither the store nor the rescue can write."""
    big = picture("png", 1024, 1024, 5)
    openai.script(ok([big]))
    limit = len(big) // 2

    done = subprocess.run(
        [sys.executable, "-m", "imagegen", "generate", "a red fox", *FLARE],
        capture_output=True,
        preexec_fn=_limited(limit),
        timeout=60,
        check=False,
    )

    assert done.returncode == 7
    assert b"Traceback" not in done.stderr
    assert b"may charge" in done.stderr
    assert not [path for path in home.rglob("*") if path.is_file() and path.stat().st_size == limit]


def test_two_shells_at_once_keep_everything(openai: FakeOpenAI) -> None:
    processes = [started("generate", f"picture {number}", *FLARE, "-n", "3") for number in range(6)]
    outs = [process.communicate(timeout=120)[0].decode() for process in processes]

    assert [process.returncode for process in processes] == [0] * 6
    assert sum(len(out.splitlines()) for out in outs) == 18
    assert run("stats", "--json").json["total_images"] == 18


def test_a_clean_up_runs_beside_calls(openai: FakeOpenAI) -> None:
    processes = [
        started("generate", "a", *FLARE),
        started("cleanup", "--older-than", "1d"),
        started("generate", "b", *FLARE),
        started("cleanup", "--older-than", "1d"),
    ]
    for process in processes:
        process.communicate(timeout=120)

    assert [process.returncode for process in processes] == [0] * 4
    assert len(run("history", "list").lines) == 2


def test_stdout_stays_clean_when_the_terminal_is_gone(openai: FakeOpenAI) -> None:
    ran = run_process("generate", "a red fox", *FLARE, "--json", TERM="dumb", COLUMNS="20")

    assert ran.json["images"]
    assert os.linesep in ran.out
