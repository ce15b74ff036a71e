"""A server's threads share one heap where the C library is glibc."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

HEAPS = """
import ctypes, sys, threading
from imagegen.cli.serve_memory import share_one_heap

share_one_heap()
meeting = threading.Barrier(4)

def work():
    blocks = [bytes(size) for size in (600, 60_000, 100_000)]  # larger than what Python has pools for
    meeting.wait()

threads = [threading.Thread(target=work) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
libc = ctypes.CDLL(None)
libc.fopen.restype = ctypes.c_void_p
stream = ctypes.c_void_p(libc.fopen(sys.argv[1].encode(), b"w"))
libc.malloc_info(0, stream)
libc.fclose(stream)
"""


def heaps(folder: Path, environment: dict[str, str]) -> int:
    """How many heaps a process with four threads has, by the C library's own account."""
    account = folder / "heaps.xml"
    inherited = {name: value for name, value in os.environ.items() if name != "MALLOC_ARENA_MAX"}
    command = [sys.executable, "-c", HEAPS, str(account)]
    subprocess.run(command, check=True, env={**inherited, **environment})
    return account.read_text("ascii").count("<heap nr=")


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has a heap for each thread")
def test_threads_share_one_heap_unless_the_user_has_said_otherwise(tmp_path: Path) -> None:
    assert heaps(tmp_path, {}) == 1
    assert heaps(tmp_path, {"MALLOC_ARENA_MAX": "3"}) == 3
