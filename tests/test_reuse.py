"""An equal request is not paid twice."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from imagegen.service import open_service
from imagegen.settings_sources import load_settings
from imagegen.types import GenerateRequest, GenerationResult
from tests.command import run
from tests.fakes.openai_behaviours import error, held, ok
from tests.fakes.openai_pictures import picture
from tests.fakes.openai_server import FakeOpenAI

FLARE = ("-m", "gpt-image-2.5-flare", "--quiet")


def test_the_same_again_costs_nothing_and_says_so(openai: FakeOpenAI) -> None:
    first = run("generate", "a fox", *FLARE, "--json").json
    second = run("generate", "a fox", *FLARE, "--json").json

    assert len(openai.requests) == 1
    assert (first["cached"], second["cached"]) == (False, True)
    assert second["cost_info"]["cost_usd"] == 0
    assert [image["image_id"] for image in second["images"]] == [i["image_id"] for i in first["images"]]
    assert any("from the cache" in note for note in second["notes"])
    assert run("cache", "stats", "--json").json["saved_usd"] == first["cost_info"]["cost_usd"]
    assert run("stats", "--json").json["total_images"] == 1


@pytest.mark.parametrize(
    "other", [("-q", "high"), ("-n", "2"), ("-s", "1024x1024"), ("-m", "gpt-image-2"), ("-f", "webp")]
)
def test_what_shapes_the_picture_makes_another_request(openai: FakeOpenAI, other: tuple[str, ...]) -> None:
    run("generate", "a fox", *FLARE)
    run("generate", "a fox", *FLARE, *other)

    assert len(openai.requests) == 2


def test_a_stream_and_a_plain_call_are_the_same_picture(openai: FakeOpenAI) -> None:
    run("generate", "a fox", *FLARE)
    run("generate", "a fox", *FLARE, "--partial-images", "2")

    assert len(openai.requests) == 1


def test_an_edit_is_found_again_by_the_bytes_of_its_inputs(openai: FakeOpenAI, home: Path) -> None:
    (home / "a.png").write_bytes(picture("png", 64, 64, 1))
    (home / "b.png").write_bytes(picture("png", 64, 64, 1))
    (home / "c.png").write_bytes(picture("png", 64, 64, 2))
    for name in ("a.png", "b.png", "c.png"):
        run("edit", name, "a hat", *FLARE)

    assert len(openai.requests) == 2


def test_no_cache_makes_a_new_picture(openai: FakeOpenAI) -> None:
    run("generate", "a fox", *FLARE)
    run("generate", "a fox", *FLARE, "--no-cache")

    assert len(openai.requests) == 2


def test_the_cache_can_be_switched_off(openai: FakeOpenAI, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CACHE__ENABLED", "false")
    run("generate", "a fox", *FLARE)
    run("generate", "a fox", *FLARE)

    assert len(openai.requests) == 2
    assert run("cache", "stats", "--json").json == {"enabled": False}


def test_an_image_that_was_deleted_is_made_again(openai: FakeOpenAI) -> None:
    run("generate", "a fox", *FLARE)
    run("history", "delete", "last", "--yes")
    run("generate", "a fox", *FLARE)

    assert len(openai.requests) == 2


def test_an_image_whose_file_is_gone_is_made_again(openai: FakeOpenAI) -> None:
    Path(run("generate", "a fox", *FLARE).lines[0]).unlink()
    run("generate", "a fox", *FLARE)

    assert len(openai.requests) == 2


def test_a_cleared_cache_deletes_no_image(openai: FakeOpenAI) -> None:
    path = Path(run("generate", "a fox", *FLARE).lines[0])

    assert run("cache", "clear", "--json").json == {"forgotten": 1}
    assert path.is_file()
    run("generate", "a fox", *FLARE)
    assert len(openai.requests) == 2


def test_a_refusal_and_a_failure_are_not_remembered(
    openai: FakeOpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROVIDERS__OPENAI__MAX_RETRIES", "0")
    openai.script(
        error(400, "moderation_blocked", "no", kind="image_generation_user_error"),
        error(500, None, "oops", kind="server_error"),
        ok(),
    )
    codes = [run("generate", "a fox", *FLARE).code for _ in range(3)]

    assert codes == [4, 6, 0]


def test_a_part_of_an_answer_is_not_remembered(openai: FakeOpenAI) -> None:
    good = picture("png", 64, 64)
    openai.script(ok([good, good[:50]]), ok([good, good]))
    assert run("generate", "a fox", *FLARE, "-n", "2").code == 9
    assert run("generate", "a fox", *FLARE, "-n", "2").code == 0

    assert len(openai.requests) == 2


def test_the_local_composer_is_remembered_too() -> None:
    run("generate", "a fox", "-m", "local")

    assert run("generate", "a fox", "-m", "local", "--json").json["cached"]


def test_the_cache_needs_neither_key_nor_network(openai: FakeOpenAI, monkeypatch: pytest.MonkeyPatch) -> None:
    run("config", "set", "providers.openai.base_url", openai.base_url)
    first = run("generate", "a fox", *FLARE).out
    monkeypatch.delenv("OPENAI_API_KEY")

    assert run("generate", "a fox", *FLARE).out == first


def test_equal_requests_at_the_same_time_make_one_call(openai: FakeOpenAI) -> None:
    async def work() -> list[GenerationResult]:
        request = GenerateRequest(prompt="a fox", model="gpt-image-2")
        async with open_service(load_settings().settings) as service:
            return await asyncio.gather(*(service.generate(request) for _ in range(50)))

    results = asyncio.run(work())

    assert len(openai.requests) == 1
    assert len({result.images[0].image_id for result in results}) == 1
    assert sum(1 for result in results if not result.cached) == 1


def test_one_caller_that_gives_up_does_not_take_the_call_from_the_others(openai: FakeOpenAI) -> None:
    gate = threading.Event()
    openai.script(held(gate))

    async def work() -> GenerationResult:
        request = GenerateRequest(prompt="a fox", model="gpt-image-2")
        async with open_service(load_settings().settings) as service:
            first = asyncio.ensure_future(service.generate(request))
            second = asyncio.ensure_future(service.generate(request))
            await asyncio.to_thread(openai.arrived.wait, 20)
            first.cancel()
            with pytest.raises(asyncio.CancelledError):
                await first
            gate.set()
            return await second

    assert asyncio.run(work()).images
    assert len(openai.requests) == 1


def test_shells_at_the_same_time_make_one_call(openai: FakeOpenAI) -> None:
    gate = threading.Event()
    openai.script(held(gate))
    words = [sys.executable, "-m", "imagegen", "generate", "a fox", *FLARE]
    shells = [subprocess.Popen(words, stdout=subprocess.PIPE) for _ in range(4)]
    assert openai.arrived.wait(30)
    gate.set()
    paths = {shell.communicate(timeout=60)[0] for shell in shells}

    assert len(openai.requests) == 1
    assert len(paths) == 1


def test_an_unusable_cache_is_noted_and_breaks_nothing(openai: FakeOpenAI, home: Path) -> None:
    (home / "data").mkdir()
    (home / "data" / "cache").write_text("a file where the folder should be", encoding="utf-8")

    ran = run("generate", "a fox", "-m", "gpt-image-2")

    assert ran.code == 0
    assert "note:" in ran.err


def test_redis_without_a_url_is_a_configuration_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CACHE__BACKEND", "redis")

    ran = run("generate", "a fox", "-m", "local")

    assert ran.code == 3
    assert "CACHE__REDIS_URL" in ran.err
