from __future__ import annotations

import asyncio
import base64
import json
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from imagegen.errors import BadResponse, MissingCredentials, NotFound, StorageError, UsageError
from imagegen.service import ImageService, open_service
from imagegen.settings_sources import load_settings
from imagegen.types import (
    CostBasis,
    EditRequest,
    GenerateRequest,
    HistoryQuery,
    ImageRecord,
    Progress,
)
from tests.fakes.openai_behaviours import body, error, held, ok
from tests.fakes.openai_pictures import picture
from tests.fakes.openai_server import FakeOpenAI

MODEL = "gpt-image-2.5-flare"
WISH = GenerateRequest(prompt="a red fox", model=MODEL, size="1024x1024", quality="low")


@asynccontextmanager
async def service() -> AsyncIterator[ImageService]:
    async with open_service(load_settings().settings) as opened:
        yield opened


def with_service(work: Callable[[ImageService], Any]) -> Any:
    async def run() -> Any:
        async with service() as opened:
            return await work(opened)

    return asyncio.run(run())


def history() -> tuple[ImageRecord, ...]:
    async def find(opened: ImageService) -> tuple[ImageRecord, ...]:
        return (await opened.list_images(HistoryQuery())).images

    found: tuple[ImageRecord, ...] = with_service(find)
    return found


def test_the_bytes_are_stored_as_they_came(openai: FakeOpenAI) -> None:
    sent = picture("png", 1024, 1024, 7)
    openai.script(ok([sent]))

    async def work(opened: ImageService) -> bytes:
        result = await opened.generate(WISH)
        return opened.path_of(result.images[0]).read_bytes()

    assert with_service(work) == sent


def test_the_record_has_what_was_asked_what_was_sent_and_what_it_cost(openai: FakeOpenAI) -> None:
    with_service(lambda opened: opened.generate(WISH))

    (record,) = history()
    assert record.parameters["asked"] == {"size": "1024x1024", "quality": "low"}
    sent = openai.requests[0].json
    assert record.parameters["sent"] == sent
    assert record.cost_info.basis is CostBasis.USAGE
    assert record.cost_info.cost_usd is not None
    assert Decimal("0.005") < record.cost_info.cost_usd < Decimal("0.007")
    assert record.request_id


def test_n_images_share_the_cost_exactly_and_keep_their_order(openai: FakeOpenAI) -> None:
    pictures = [picture("png", 64, 64, number) for number in range(3)]
    openai.script(ok(pictures))

    async def work(opened: ImageService) -> Any:
        return await opened.generate(GenerateRequest(prompt="boats", model=MODEL, n=3))

    result = with_service(work)
    assert sum(r.cost_info.cost_usd for r in result.images) == result.cost_info.cost_usd
    assert sum(r.cost_info.tokens_used for r in result.images) == result.cost_info.tokens_used
    assert [r.image_id for r in history()] == [r.image_id for r in reversed(result.images)]


def test_a_caller_who_is_cancelled_after_the_answer_finds_the_image_in_the_history(
    openai: FakeOpenAI,
) -> None:
    async def work(opened: ImageService) -> None:
        def hang_up(news: Progress) -> None:
            if news.stage == "received":
                caller.cancel()

        caller = asyncio.ensure_future(opened.generate(WISH, on_progress=hang_up))
        with pytest.raises(asyncio.CancelledError):
            await caller

    with_service(work)
    assert [record.prompt for record in history()] == ["a red fox"]


def test_a_caller_who_is_cancelled_again_and_again_still_finds_the_image(openai: FakeOpenAI) -> None:
    async def work(opened: ImageService) -> None:
        loop = asyncio.get_running_loop()

        def hang_up(news: Progress) -> None:
            if news.stage == "received":
                for _ in range(20):
                    loop.call_soon(caller.cancel)

        caller = asyncio.ensure_future(opened.generate(WISH, on_progress=hang_up))
        with pytest.raises(asyncio.CancelledError):
            await caller

    with_service(work)
    assert len(history()) == 1


def test_a_caller_who_is_cancelled_before_the_answer_gets_nothing_stored(openai: FakeOpenAI) -> None:
    released = asyncio.Event()

    async def work(opened: ImageService) -> None:
        import threading

        gate = threading.Event()
        openai.script(held(gate))
        caller = asyncio.ensure_future(opened.generate(WISH))
        await asyncio.to_thread(openai.arrived.wait, 10)
        caller.cancel()
        with pytest.raises(asyncio.CancelledError):
            await caller
        gate.set()
        released.set()

    with_service(work)
    assert released.is_set()
    assert history() == ()


def test_an_answer_that_is_no_image_is_kept_aside_with_the_reason(openai: FakeOpenAI, home: Path) -> None:
    entry = {"b64_json": base64.b64encode(b"not an image at all").decode()}
    openai.script(body(json.dumps({"created": 1, "data": [entry]}).encode()))

    with pytest.raises(BadResponse) as caught:
        with_service(lambda opened: opened.generate(WISH))

    (kept,) = [Path(path) for path in caught.value.details["rejected"]]
    assert kept.read_bytes() == b"not an image at all"
    assert kept.suffix == ".rejected"
    reason = json.loads(kept.with_name(kept.name + ".json").read_text(encoding="utf-8"))
    assert "no PNG" in reason["reason"]
    assert caught.value.may_be_billed
    assert history() == ()


def test_the_good_images_of_a_partly_broken_answer_are_kept(openai: FakeOpenAI) -> None:
    good = picture("png", 64, 64)
    openai.script(ok([good, good[: len(good) // 2]]))

    result = with_service(lambda opened: opened.generate(GenerateRequest(prompt="x", model=MODEL, n=2)))

    assert len(result.images) == 1
    assert len(result.rejected) == 1
    assert len(history()) == 1


def test_when_the_store_breaks_after_the_answer_the_image_is_rescued(openai: FakeOpenAI, home: Path) -> None:
    sent = picture("png", 64, 64)
    openai.script(ok([sent]))
    base = home / "data"

    def break_the_store(news: Progress) -> None:
        if news.stage == "received":
            shutil.rmtree(base)
            base.write_text("a file where the folder was", encoding="utf-8")

    with pytest.raises(StorageError) as caught:
        with_service(lambda opened: opened.generate(WISH, on_progress=break_the_store))

    rescued = Path(caught.value.details["rescued"])
    assert [path.read_bytes() for path in rescued.iterdir()] == [sent]
    shutil.rmtree(rescued)


def test_a_store_that_cannot_be_written_is_found_before_the_call(openai: FakeOpenAI, home: Path) -> None:
    (home / "data").write_text("a file where the folder should be", encoding="utf-8")

    with pytest.raises(StorageError):
        with_service(lambda opened: opened.generate(WISH))

    assert openai.requests == []


def test_nothing_is_sent_for_a_request_that_the_model_cannot_honour(openai: FakeOpenAI) -> None:
    with pytest.raises(UsageError):
        with_service(
            lambda opened: opened.generate(GenerateRequest(prompt="x", model=MODEL, size="1000x1000"))
        )

    assert openai.requests == []


def test_a_refusal_by_the_provider_leaves_no_record(openai: FakeOpenAI) -> None:
    openai.script(error(400, "moderation_blocked", "no", kind="image_generation_user_error"))

    with pytest.raises(Exception, match="refused"):
        with_service(lambda opened: opened.generate(WISH))

    assert history() == ()


def test_a_missing_key_names_the_command_that_sets_it() -> None:
    with pytest.raises(MissingCredentials, match="imagegen config set"):
        with_service(lambda opened: opened.generate(WISH))


def test_a_size_that_comes_back_different_is_noted(openai: FakeOpenAI) -> None:
    openai.script(ok([picture("webp", 96, 64)]))

    result = with_service(lambda opened: opened.generate(WISH))

    assert result.images[0].file_info.format == "webp"
    assert "asked for 1024x1024, got 96x64" in result.notes
    assert "asked for png, got webp" in result.notes


def test_an_edit_records_what_it_was_made_from(openai: FakeOpenAI, home: Path) -> None:
    outside = home / "outside.png"
    outside.write_bytes(picture("png", 64, 64, 3))

    async def work(opened: ImageService) -> Any:
        first = (await opened.generate(WISH)).images[0]
        inputs = (await opened.load_input("last"), await opened.load_input(str(outside)))
        edited = (await opened.edit(EditRequest(prompt="rain", model=MODEL, images=inputs))).images[0]
        return first, edited, await opened.lineage(edited.image_id), await opened.lineage(first.image_id)

    first, edited, lineage, of_first = with_service(work)
    assert edited.parents[0] == first.image_id
    assert edited.parents[1].startswith("sha256:")
    assert [parent.image_id for parent in lineage.parents] == [first.image_id]
    assert [child.image_id for child in of_first.children] == [edited.image_id]


def test_last_of_an_empty_history_says_how_to_make_an_image() -> None:
    with pytest.raises(NotFound, match="imagegen generate"):
        with_service(lambda opened: opened.load_input("last"))


def test_a_hundred_callers_at_once_all_find_their_images(openai: FakeOpenAI) -> None:
    async def work(opened: ImageService) -> None:
        requests = [GenerateRequest(prompt=f"picture {number}", model=MODEL) for number in range(100)]
        await asyncio.gather(*(opened.generate(request) for request in requests))

    with_service(work)

    async def count(opened: ImageService) -> int:
        return (await opened.stats()).images

    assert with_service(count) == 100
