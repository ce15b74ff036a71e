"""The caches in memory and on disk: what they keep, for how long, and how much of it."""

from __future__ import annotations

import asyncio
import tempfile
from collections import OrderedDict
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imagegen.cache import Cache, CacheEntry, look_up
from imagegen.cache.base import read_entry, size_of, write_entry
from tests.cache_world import TTL_SECONDS, Backend, Clock, always, entry, never, opened

both_backends = pytest.mark.parametrize("backend", ["memory", "disk"])


@both_backends
def test_an_entry_comes_back_as_it_was_put(backend: Backend, tmp_path: Path) -> None:
    async def body() -> None:
        async with opened(backend, tmp_path) as cache:
            assert await cache.get("k") is None
            for kept in (entry(), entry("b", cost=None), entry("c", cost="0.000001")):
                await cache.put("k", kept)
                assert await cache.get("k") == kept

    asyncio.run(body())


@both_backends
def test_an_entry_lives_as_long_as_it_may_and_no_longer(backend: Backend, tmp_path: Path) -> None:
    clock = Clock()

    async def body() -> None:
        async with opened(backend, tmp_path, clock=clock) as cache:
            await cache.put("k", entry())
            clock.now += TTL_SECONDS - 0.5
            assert await cache.get("k")
            await cache.note_hit("k", entry())
            clock.now += 0.5
            assert await cache.get("k") is None
            assert (await cache.stats()).entries == 0

    asyncio.run(body())


@both_backends
def test_a_hit_is_counted_with_what_it_saved_and_a_look_is_not(backend: Backend, tmp_path: Path) -> None:
    async def body() -> None:
        async with opened(backend, tmp_path) as cache:
            for key, kept in {
                "a": entry(cost="0.041"),
                "b": entry(cost="0.1"),
                "c": entry(cost=None),
            }.items():
                await cache.put(key, kept)
                await cache.get(key)
                assert await look_up(cache, key, exists=always) == kept
            await look_up(cache, "a", exists=always)
            await look_up(cache, "unknown", exists=always)
            stats = await cache.stats()
            assert (stats.backend, stats.entries, stats.hits) == (backend, 3, 4)
            assert stats.saved_usd == Decimal("0.182")
            assert stats.size_bytes == sum(
                size_of(key, write_entry(key, kept))
                for key, kept in {
                    "a": entry(cost="0.041"),
                    "b": entry(cost="0.1"),
                    "c": entry(cost=None),
                }.items()
            )

    asyncio.run(body())


@both_backends
def test_an_entry_whose_images_are_gone_is_deleted_and_is_no_hit(backend: Backend, tmp_path: Path) -> None:
    async def body() -> None:
        async with opened(backend, tmp_path) as cache:
            await cache.put("k", entry())
            assert await look_up(cache, "k", exists=never) is None
            stats = await cache.stats()
            assert (stats.entries, stats.hits) == (0, 0)

    asyncio.run(body())


@both_backends
def test_an_entry_that_came_while_the_images_of_the_old_one_were_looked_for_stays(
    backend: Backend, tmp_path: Path
) -> None:
    async def body() -> None:
        async with opened(backend, tmp_path) as cache:

            async def replaced_meanwhile(_: tuple[str, ...]) -> bool:
                await cache.put("k", entry("new"))
                return False

            await cache.put("k", entry("old"))
            assert await look_up(cache, "k", exists=replaced_meanwhile) is None
            assert await cache.get("k") == entry("new")

    asyncio.run(body())


@both_backends
def test_clearing_forgets_the_entries_and_not_what_they_saved(backend: Backend, tmp_path: Path) -> None:
    async def body() -> None:
        async with opened(backend, tmp_path) as cache:
            for key in "abc":
                await cache.put(key, entry(key))
            await look_up(cache, "a", exists=always)
            assert await cache.clear() == 3
            stats = await cache.stats()
            assert (stats.entries, stats.size_bytes, stats.hits) == (0, 0, 1)
            assert stats.saved_usd == Decimal("0.04")
            assert await cache.clear() == 0

    asyncio.run(body())


@both_backends
def test_an_entry_larger_than_the_whole_cache_is_not_kept_and_evicts_nothing(
    backend: Backend, tmp_path: Path
) -> None:
    async def body() -> None:
        async with opened(backend, tmp_path, size=1500) as cache:
            await cache.put("a", entry())
            await cache.put("b", entry(padding=2000))
            assert await cache.get("a")
            assert await cache.get("b") is None
            await cache.put("a", entry(padding=2000))
            assert await cache.get("a") is None

    asyncio.run(body())


@both_backends
def test_what_was_used_least_recently_goes_first(backend: Backend, tmp_path: Path) -> None:
    async def body() -> None:
        two = 2 * size_of("a", write_entry("a", entry("a")))
        async with opened(backend, tmp_path, size=two) as cache:
            await cache.put("a", entry("a"))
            await cache.put("b", entry("b"))
            await look_up(cache, "a", exists=always)
            await cache.put("c", entry("c"))
            assert [key for key in "abc" if await cache.get(key)] == ["a", "c"]

    asyncio.run(body())


# Age and size, against the simplest thing that could be right

SIZE = 2200  # for two to four entries
keys = st.sampled_from("abcd")
steps = st.lists(
    st.one_of(
        st.tuples(st.just("put"), keys, st.integers(0, 300)),
        st.tuples(st.just("hit"), keys),
        st.tuples(st.just("delete"), keys),
        st.tuples(st.just("wait"), st.integers(0, 40)),
        st.tuples(st.just("clear")),
    ),
    max_size=40,
)


class Model:
    """A dictionary in the order of use."""

    def __init__(self) -> None:
        self.kept: OrderedDict[str, tuple[CacheEntry, int, float]] = OrderedDict()

    def put(self, key: str, kept: CacheEntry, now: float) -> None:
        self.kept.pop(key, None)
        size = size_of(key, write_entry(key, kept))
        while self.kept and sum(other for _, other, _ in self.kept.values()) + size > SIZE:
            self.kept.popitem(last=False)
        self.kept[key] = (kept, size, now + TTL_SECONDS)

    def expire(self, now: float) -> None:
        for key in [key for key, (_, _, end) in self.kept.items() if end <= now]:
            del self.kept[key]

    def hit(self, key: str) -> None:
        if key in self.kept:
            self.kept.move_to_end(key)

    def entries(self) -> dict[str, CacheEntry]:
        return {key: kept for key, (kept, _, _) in self.kept.items()}


async def take_step(cache: Cache, model: Model, clock: Clock, step: tuple[Any, ...]) -> None:
    match step:
        case ("put", key, padding):
            await cache.put(key, entry(key, padding=padding))
            model.put(key, entry(key, padding=padding), clock.now)
        case ("hit", key):
            await look_up(cache, key, exists=always)
            model.hit(key)
        case ("delete", key):
            await cache.delete(key)
            model.kept.pop(key, None)
        case ("wait", seconds):
            clock.now += seconds
            model.expire(clock.now)
        case ("clear",):
            assert await cache.clear() == len(model.kept)
            model.kept.clear()


async def walk(backend: Backend, folder: Path, walked: list[tuple[Any, ...]]) -> None:
    clock, model = Clock(), Model()
    async with opened(backend, folder, clock=clock, size=SIZE) as cache:
        for step in walked:
            await take_step(cache, model, clock, step)
            found = {key: kept for key in "abcd" if (kept := await cache.get(key))}
            assert found == model.entries()
            stats = await cache.stats()
            assert stats.entries == len(model.kept)
            assert stats.size_bytes == sum(size for _, size, _ in model.kept.values()) <= SIZE


@given(steps)
def test_memory_forgets_like_a_dictionary_in_order_of_use(walked: list[tuple[Any, ...]]) -> None:
    asyncio.run(walk("memory", Path(), walked))


@settings(max_examples=15)
@given(steps)
def test_the_disk_forgets_like_a_dictionary_in_order_of_use(walked: list[tuple[Any, ...]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(walk("disk", Path(folder), walked))


def test_the_disk_remembers_across_restarts(tmp_path: Path) -> None:
    async def put() -> None:
        async with opened("disk", tmp_path) as cache:
            await cache.put("k", entry())
            await look_up(cache, "k", exists=always)

    async def get() -> None:
        async with opened("disk", tmp_path) as cache:
            assert await cache.get("k") == entry()
            assert (await cache.stats()).saved_usd == Decimal("0.04")

    asyncio.run(put())
    asyncio.run(get())


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", '{"format":1}', b"\xff\xfe", write_entry("other key", entry())],
    ids=["nothing", "cut", "list", "null", "no key", "no text", "another key's"],
)
def test_what_is_no_entry_of_its_key_is_none_at_all(text: str | bytes) -> None:
    assert read_entry("k", text) is None
