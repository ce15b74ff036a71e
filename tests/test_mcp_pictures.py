from __future__ import annotations

import asyncio
import base64
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from imagegen.imaging import probe
from imagegen.mcp.pictures import KEPT_BYTES, PREVIEW_CHARS, EncodedImage, Pictures
from imagegen.service import ImageService, open_service
from imagegen.settings_sources import load_settings
from imagegen.types import GenerateRequest, ImageRecord
from tests.fakes.openai_behaviours import ok
from tests.fakes.openai_pictures import picture
from tests.fakes.openai_server import FakeOpenAI

SIDE = 128
WISH = GenerateRequest(prompt="a red fox", model="gpt-image-2.5-flare", size="1024x1024", quality="low")


async def shown(pictures: Pictures, record: ImageRecord) -> EncodedImage:
    preview = await pictures.preview(record, side=SIDE, max_chars=PREVIEW_CHARS)
    assert preview is not None
    return preview


def test_those_who_want_a_preview_at_the_same_time_get_the_same_one(openai: FakeOpenAI) -> None:
    async def run() -> None:
        async with open_service(load_settings().settings) as service:
            (record,) = (await service.generate(WISH)).images
            pictures = Pictures(service)
            all_of_them = await asyncio.gather(*(shown(pictures, record) for _ in range(10)))
            assert all(preview is all_of_them[0] for preview in all_of_them)
            assert await shown(pictures, record) is all_of_them[0]
            assert probe(base64.b64decode(all_of_them[0].base64)).width == SIDE
            pictures.close()

    asyncio.run(run())


def test_who_stops_waiting_does_not_take_the_preview_from_the_others(openai: FakeOpenAI) -> None:
    async def run() -> None:
        async with open_service(load_settings().settings) as service:
            (record,) = (await service.generate(WISH)).images
            pictures = Pictures(service)
            leaving = asyncio.create_task(shown(pictures, record))
            staying = asyncio.create_task(shown(pictures, record))
            await asyncio.sleep(0)
            leaving.cancel()
            assert (await staying).mime_type == "image/webp"
            with pytest.raises(asyncio.CancelledError):
                await leaving
            pictures.close()

    asyncio.run(run())


def test_an_expected_preview_is_begun_before_the_call_has_its_result(openai: FakeOpenAI) -> None:
    begun: list[str] = []

    class Watched(Pictures):
        def saved(self, records: Sequence[ImageRecord]) -> None:
            super().saved(records)
            begun.extend(key[0] for key in self.under_way())

    async def run() -> None:
        async with open_service(load_settings().settings) as service:
            pictures = Watched(service)
            service.on_saved(pictures.saved)
            await service.generate(WISH)
            assert begun == []  # nobody waits for a look at these
            other = GenerateRequest(prompt="a blue fox", model=WISH.model, size="1024x1024", quality="low")
            task_id = "task_0b9d1c52-5a3e-4f0e-9c1d-2f6f3a7b8c9d"
            with pictures.expected(task_id, side=SIDE):
                (record,) = (await service.generate(other, task_id=task_id)).images
            assert begun == [record.image_id]
            assert (await shown(pictures, record)).base64
            assert pictures.under_way() == ()
            pictures.close()

    asyncio.run(run())


def test_an_image_that_cannot_be_shown_small_has_no_preview(openai: FakeOpenAI) -> None:
    async def run() -> None:
        async with open_service(load_settings().settings) as service:
            (record,) = (await service.generate(WISH)).images
            service.path_of(record).unlink()
            pictures = Pictures(service)
            assert await pictures.preview(record, side=SIDE, max_chars=PREVIEW_CHARS) is None
            assert pictures.under_way() == ()
            pictures.close()

    asyncio.run(run())


def test_what_is_kept_of_previews_has_a_bound(openai: FakeOpenAI, monkeypatch: pytest.MonkeyPatch) -> None:
    assert KEPT_BYTES < 10_000_000
    monkeypatch.setattr("imagegen.mcp.pictures.KEPT_BYTES", 1)

    async def run() -> None:
        async with open_service(load_settings().settings) as service:
            (record,) = (await service.generate(WISH)).images
            pictures = Pictures(service)
            first = await shown(pictures, record)
            assert await shown(pictures, record) is not first  # it was not kept
            assert (await shown(pictures, record)).base64 == first.base64
            pictures.close()

    asyncio.run(run())


def test_the_service_tells_of_images_from_the_thread_that_saved_them(openai: FakeOpenAI) -> None:
    openai.script(ok([picture("png", 64, 64, number) for number in range(2)]))
    heard: list[tuple[str, tuple[Path, ...]]] = []

    def listen(service: ImageService, records: Sequence[ImageRecord]) -> None:
        paths = tuple(service.path_of(record) for record in records)
        assert all(path.is_file() for path in paths)
        heard.append((threading.current_thread().name, paths))

    async def run() -> None:
        async with open_service(load_settings().settings) as service:
            service.on_saved(lambda records: listen(service, records))
            wish = GenerateRequest(prompt="two", model=WISH.model, size="1024x1024", quality="low", n=2)
            made = await service.generate(wish)
            again = await service.generate(wish)  # from the cache: nothing is saved
            assert again.cached
            ((thread, paths),) = heard
            assert thread != threading.main_thread().name
            assert paths == tuple(service.path_of(record) for record in made.images)

    asyncio.run(run())
