"""Several processes change config.toml at once."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

from imagegen.paths import config_file
from imagegen.settings_sources import load_settings
from tests.test_config_file import VALID

WAIT_SECONDS = 60
PROCESSES = 4
PROGRAM = """
import sys
from imagegen.config_file import set_value
changes = [line.rstrip("\\n").split("=", 1) for line in iter(sys.stdin.readline, "\\n")]
print("ready", flush=True)
sys.stdin.readline()
for name, value in changes:
    set_value(name, value)
"""


def started(changes: list[tuple[str, str]]) -> subprocess.Popen[str]:
    """A process that is about to make these changes, and begins when it gets a line."""
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parent.parent,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.writelines(f"{name}={value}\n" for name, value in changes)
    process.stdin.write("\n")
    process.stdin.flush()
    assert process.stdout.readline() == "ready\n"
    return process


def test_changes_of_several_processes_at_once_are_all_kept(home: Path) -> None:
    changes = list(VALID.items())
    processes = [started(changes[number::PROCESSES]) for number in range(PROCESSES)]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        process.communicate(timeout=WAIT_SECONDS)

    assert [process.returncode for process in processes] == [0] * PROCESSES
    assert set(load_settings().origins) == set(VALID)
    assert tomllib.loads(config_file().read_text(encoding="utf-8"))
    assert list(config_file().parent.iterdir()) == [config_file()]


def test_a_file_that_is_begun_while_others_set_something_loses_nothing(home: Path) -> None:
    """`config init` refuses a file that another process has made meanwhile, or comes first."""
    names = ["images.default_size", "images.default_style", "storage.retention_days", "cache.enabled"]
    setting = [
        subprocess.Popen([sys.executable, "-m", "imagegen", "config", "set", name, VALID[name]])
        for name in names
    ]
    beginning = subprocess.Popen(
        [sys.executable, "-m", "imagegen", "config", "init"], stderr=subprocess.PIPE, stdout=subprocess.PIPE
    )
    beginning.communicate(timeout=WAIT_SECONDS)

    assert [process.wait(WAIT_SECONDS) for process in setting] == [0] * len(names)
    assert beginning.returncode in (0, 2)
    assert set(load_settings().origins) == set(names)
