"""Over stdio the service is opened when it is first wanted: what comes before, and what if it cannot be."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from imagegen.errors import StorageError
from imagegen.mcp.opening import Opening
from imagegen.paths import config_folder
from tests.serve_world import HANDSHAKE, serving


def test_the_greeting_waits_for_none_of_the_services_modules() -> None:
    with serving(environment={"PYTHONPROFILEIMPORTTIME": "1"}) as server:
        assert "result" in server.ask("initialize", HANDSHAKE)
        assert "result" in server.ask("ping")
        server.close_stdin()
        assert server.wait()[0] == 0
        imported = {line.rpartition("|")[2].strip() for line in server.err if line.startswith("import time")}

    assert "imagegen.mcp.server" in imported
    assert not {"imagegen.service", "imagegen.mcp.desk", "imagegen.store", "sqlite3"} & imported


def test_what_comes_after_the_greeting_opens_the_service() -> None:
    with serving(environment={"PYTHONPROFILEIMPORTTIME": "1"}) as server:
        server.shake_hands()
        server.said(r"imagegen\.service$")
        server.close_stdin()

        assert server.wait()[0] == 0


def test_a_service_that_cannot_be_opened_is_told_to_the_client_and_ends_the_server() -> None:
    prices = config_folder() / "prices.toml"
    prices.parent.mkdir(parents=True, exist_ok=True)
    prices.write_text("no table", encoding="utf-8")
    with serving() as server:
        assert "result" in server.ask("initialize", HANDSHAKE)
        answer = server.ask("tools/list")
        code, _ = server.wait()

    assert "prices.toml" in answer["error"]["message"]
    assert code == 3
    assert any("prices.toml" in line for line in server.err)


def test_something_is_opened_once_for_all_who_need_it_and_closed_at_the_end() -> None:
    events: list[str] = []

    @asynccontextmanager
    async def door() -> AsyncIterator[str]:
        events.append("opened")
        yield "inside"
        events.append("closed")

    async def work() -> tuple[str, ...]:
        opening = Opening(door)
        assert opening.opened is None
        got = await asyncio.gather(opening(), opening(), opening())
        assert opening.opened == "inside"
        await opening.aclose()
        return tuple(got)

    assert asyncio.run(work()) == ("inside",) * 3
    assert events == ["opened", "closed"]


def test_something_that_nobody_needed_is_not_opened_at_the_end() -> None:
    events: list[str] = []

    @asynccontextmanager
    async def door() -> AsyncIterator[None]:
        events.append("opened")
        yield

    async def work() -> None:
        await Opening(door).aclose()

    asyncio.run(work())
    assert events == []


def test_everybody_is_told_why_something_cannot_be_opened() -> None:
    failures: list[bool] = []

    @asynccontextmanager
    async def door() -> AsyncIterator[None]:
        raise StorageError("the door is stuck")
        yield

    async def work() -> list[object]:
        opening = Opening(door, on_failure=lambda: failures.append(True))
        got = await asyncio.gather(opening(), opening(), return_exceptions=True)
        with pytest.raises(StorageError):
            await opening.aclose()
        return list(got)

    assert [str(error) for error in asyncio.run(work())] == ["the door is stuck"] * 2
    assert failures == [True]
