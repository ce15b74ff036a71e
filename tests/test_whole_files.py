"""A file is there whole or not at all, and nothing is left beside it."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from imagegen.whole_files import whole_file, write_whole

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="Windows has other permissions")
CONTENTS = [bytes([number]) * 200_000 for number in range(8)]


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_block_that_fails_leaves_the_old_file_and_nothing_beside_it(home: Path) -> None:
    path = home / "notes.txt"
    write_whole(path, b"old")
    with pytest.raises(ZeroDivisionError), whole_file(path) as file:
        file.write(b"new")
        raise ZeroDivisionError
    assert path.read_bytes() == b"old"
    assert list(home.iterdir()) == [path]


def test_who_reads_meanwhile_reads_one_whole_file_or_another(home: Path) -> None:
    path = home / "notes.txt"
    write_whole(path, CONTENTS[0])
    writers = [
        threading.Thread(target=write_whole, args=(path, content), kwargs={"durable": False})
        for content in CONTENTS
    ]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        assert path.read_bytes() in CONTENTS
    assert list(home.iterdir()) == [path]


@pytest.mark.parametrize("durable", [True, False])
def test_a_name_as_long_as_names_may_be_is_written(home: Path, durable: bool) -> None:
    path = home / ("n" * 255)
    write_whole(path, b"content", durable=durable)
    assert path.read_bytes() == b"content"


@POSIX
def test_the_file_is_its_owners_alone_until_it_is_in_its_place(home: Path) -> None:
    path = home / "notes.txt"
    with whole_file(path, mode=0o640):
        assert mode_of(_only(home)) == 0o600
    assert mode_of(path) == 0o640


def _only(folder: Path) -> Path:
    (path,) = folder.iterdir()
    return path


@POSIX
@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_without_a_mode_it_has_the_permissions_of_any_new_file(home: Path, mask: int, mode: int) -> None:
    code = (
        "import sys; from pathlib import Path; from imagegen.whole_files import write_whole;"
        " write_whole(Path(sys.argv[1]), b'')"
    )
    before = os.umask(mask)
    try:
        subprocess.run([sys.executable, "-c", code, "notes.txt"], cwd=home, check=True)
    finally:
        os.umask(before)
    assert mode_of(home / "notes.txt") == mode
