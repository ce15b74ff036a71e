"""The cache on disk: damage, files that change, and several processes at one file."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack, closing
from pathlib import Path

import pytest

from imagegen.cache import look_up
from imagegen.errors import StorageError
from tests.cache_world import REPOSITORY, always, entry, opened


def database(folder: Path) -> Path:
    (found,) = (folder / "cache").glob("cache-*.sqlite3")
    return found


def overwrite_all(path: Path) -> None:
    path.write_bytes(b"no database at all" * 500)


def overwrite_the_middle(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[4096:] = os.urandom(len(data) - 4096)
    path.write_bytes(data)


def cut_short(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def empty(path: Path) -> None:
    os.truncate(path, 0)


def replace_by_another_programs(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE entries (something TEXT)")


def lose_a_table(path: Path) -> None:
    with closing(sqlite3.connect(path)) as same:
        same.execute("DROP TABLE entries")


def delete_the_folder(path: Path) -> None:
    shutil.rmtree(path.parent)


def overwrite_the_lock(path: Path) -> None:
    overwrite_all(path)
    overwrite_all(path.with_name("cache.lock"))


DAMAGES: list[Callable[[Path], None]] = [
    overwrite_all,
    overwrite_the_middle,
    cut_short,
    empty,
    replace_by_another_programs,
    lose_a_table,
    delete_the_folder,
    overwrite_the_lock,
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_replaced_and_the_caller_notices_nothing(
    tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    notes: list[str] = []

    async def fill() -> None:
        async with opened("disk", tmp_path) as cache:
            for number in range(50):
                await cache.put(f"k{number}", entry(str(number)))

    async def use() -> None:
        async with opened("disk", tmp_path, notes=notes) as cache:
            for number in range(50):
                assert await cache.get(f"k{number}") in (None, entry(str(number)))
            await cache.put("new", entry("new"))
            assert await cache.get("new") == entry("new")

    asyncio.run(fill())
    damage(database(tmp_path))
    asyncio.run(use())
    assert len(notes) == (0 if damage in (empty, delete_the_folder) else 1)
    assert all(str(database(tmp_path)) in note for note in notes)


@pytest.mark.parametrize("is_open", [False, True])
def test_a_damaged_file_is_replaced_once_however_many_find_it_so(tmp_path: Path, is_open: bool) -> None:
    notes: list[str] = []

    async def body() -> None:
        async with opened("disk", tmp_path) as cache:
            await cache.put("old", entry())
        async with AsyncExitStack() as stack:
            caches = [
                await stack.enter_async_context(opened("disk", tmp_path, notes=notes)) for _ in range(12)
            ]
            if is_open:
                assert all(await asyncio.gather(*(cache.get("old") for cache in caches)))
                lose_a_table(database(tmp_path))
            else:
                overwrite_all(database(tmp_path))
            await asyncio.gather(*(cache.put(f"k{n}", entry(str(n))) for n, cache in enumerate(caches)))
            assert (await caches[0].stats()).entries == len(caches)

    asyncio.run(body())
    assert len(notes) == 1


@pytest.mark.parametrize("damage", [replace_by_another_programs, delete_the_folder])
def test_a_file_that_changes_under_an_open_cache_is_noticed(
    tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    async def body() -> None:
        async with opened("disk", tmp_path, notes=[]) as ours, opened("disk", tmp_path, notes=[]) as theirs:
            await ours.put("k", entry())
            await theirs.get("k")
            damage(database(tmp_path))
            assert await ours.get("k") is None
            await ours.put("new", entry("new"))
            assert await theirs.get("new") == entry("new")

    asyncio.run(body())


def test_a_cache_that_cannot_be_made_is_an_empty_one_and_says_so_once(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("in the way", encoding="utf-8")
    notes: list[str] = []

    async def body() -> None:
        async with opened("disk", tmp_path, notes=notes) as cache:
            await cache.put("k", entry())
            assert await look_up(cache, "k", exists=always) is None
            await cache.delete("k")
            await cache.note_hit("k", entry())
            with pytest.raises(StorageError, match="cache"):
                await cache.stats()
            with pytest.raises(StorageError, match="cache"):
                await cache.clear()

    asyncio.run(body())
    assert len(notes) == 1
    assert str(tmp_path / "cache") in notes[0]


def test_clearing_gives_the_disk_space_back(tmp_path: Path) -> None:
    async def body() -> None:
        async with opened("disk", tmp_path) as cache:
            for number in range(100):
                await cache.put(f"k{number}", entry(str(number), padding=5000))
            await cache.clear()

    asyncio.run(body())
    assert database(tmp_path).stat().st_size < 100_000


HAMMER = """
import asyncio, random, sys
from pathlib import Path
from datetime import timedelta
from imagegen.cache import look_up
from imagegen.cache.disk import DiskCache
from tests.cache_world import always, entry

async def main(folder, seed):
    chance, notes = random.Random(seed), []
    cache = DiskCache(Path(folder), ttl=timedelta(hours=1), max_size_bytes=6000, note=notes.append)
    hits = 0
    for _ in range(150):
        key = chance.choice("abcdefghijklmnop")
        found = await look_up(cache, key, exists=always)
        assert found in (None, entry(key)), found
        hits += found is not None
        if chance.random() < 0.4:
            await cache.put(key, entry(key))
        if chance.random() < 0.05:
            await cache.delete(key)
        if chance.random() < 0.01:
            await cache.clear()
    await cache.aclose()
    assert not notes, notes
    sys.stdout.write(str(hits))

asyncio.run(main(*sys.argv[1:]))
"""


def test_several_processes_at_one_file_never_see_a_wrong_entry_and_lose_no_hit(tmp_path: Path) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", HAMMER, str(tmp_path / "cache"), str(seed)],
            cwd=REPOSITORY,
            stdout=subprocess.PIPE,
            text=True,
        )
        for seed in range(4)
    ]
    hits = [int(process.communicate(timeout=60)[0]) for process in processes]
    assert [process.returncode for process in processes] == [0] * 4

    async def count() -> int:
        async with opened("disk", tmp_path) as cache:
            return (await cache.stats()).hits

    assert asyncio.run(count()) == sum(hits) > 0
    with closing(sqlite3.connect(database(tmp_path))) as found:
        assert found.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        kept, counted = found.execute(
            "SELECT ifnull(sum(entries.size_bytes), 0), totals.size_bytes FROM totals LEFT JOIN entries"
        ).fetchone()
    assert kept == counted <= 6000
