from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from imagegen.errors import ConfigurationError
from imagegen.mcp.server import INSTRUCTIONS
from tests.mcp_world import ERAS, Answer, World, with_client

SNAPSHOTS = Path(__file__).parent / "snapshots" / "mcp"


def listed(mode: str = ERAS[0], **more: Any) -> list[dict[str, Any]]:
    async def work(world: World) -> list[dict[str, Any]]:
        tools = (await world.client.list_tools()).tools
        return [tool.model_dump(by_alias=True, mode="json", exclude_none=True) for tool in tools]

    return with_client(work, mode, **more)


def test_the_tools_are_as_they_were() -> None:
    path = SNAPSHOTS / "tools.json"
    text = json.dumps(listed(), indent=1) + "\n"
    if os.environ.get("IMAGEGEN_UPDATE"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    assert path.read_text(encoding="utf-8") == text


def test_the_tools_take_little_of_a_models_context() -> None:
    assert len(json.dumps(listed(), separators=(",", ":")).encode()) < 12_000
    assert all(len(tool["description"].encode()) < 2_000 for tool in listed())


def test_the_instructions_fit_into_what_clients_keep() -> None:
    assert len(INSTRUCTIONS.encode()) < 2_000
    assert with_client(_instructions) == INSTRUCTIONS


async def _instructions(world: World) -> str | None:
    return world.client.instructions


def test_both_eras_list_the_same_tools() -> None:
    assert listed(ERAS[0]) == listed(ERAS[1])


def test_no_schema_has_a_list_of_types_which_some_clients_cannot_read() -> None:
    def lists(schema: Any) -> list[Any]:
        if isinstance(schema, list):
            return [found for part in schema for found in lists(part)]
        if not isinstance(schema, dict):
            return []
        own = [schema] if isinstance(schema.get("type"), list) else []
        return own + [found for part in schema.values() for found in lists(part)]

    assert lists(listed()) == []


@pytest.mark.parametrize(
    ("switch", "client", "structured"),
    [
        ("auto", "claude-code", False),
        ("auto", "Codex-MCP-client", False),
        ("auto", "somebody", True),
        ("always", "claude-code", True),
        ("never", "somebody", False),
    ],
)
def test_structured_content_is_declared_and_sent_together_or_not_at_all(
    monkeypatch: pytest.MonkeyPatch, switch: str, client: str, structured: bool
) -> None:
    monkeypatch.setenv("SERVER__STRUCTURED_OUTPUT", switch)

    async def work(world: World) -> Answer:
        return await world.call("generate_image", prompt="a red fox", size="512x512")

    answer = with_client(work, name=client)

    assert all(("outputSchema" in tool) == structured for tool in listed(name=client))
    assert (answer.raw.structured_content is not None) == structured
    assert answer.json["state"] == "done"


def test_a_profile_of_ones_own_counts_before_those_of_the_package(home: Path) -> None:
    own = home / "config" / "clients.toml"
    own.parent.mkdir()
    own.write_text(
        '[[client]]\nname = "claude-*"\nstructured = true\npreview_size = 0\nwait_seconds = 0\n', "utf-8"
    )

    async def work(world: World) -> Answer:
        return await world.call("generate_image", prompt="a red fox", size="512x512", wait_seconds=30)

    answer = with_client(work, name="claude-code")

    assert answer.raw.structured_content is not None
    assert answer.pictures == []


@pytest.mark.parametrize(
    "text", ["[[client]]\n", '[[client]]\nname = "x"\nwait = 3\n', "[[client]]\nname = 3\n", "client = ["]
)
def test_a_faulty_table_of_profiles_is_named(home: Path, text: str) -> None:
    own = home / "config" / "clients.toml"
    own.parent.mkdir()
    own.write_text(text, "utf-8")

    with pytest.raises(ConfigurationError, match=r"clients\.toml"):
        listed()


def test_no_preview_is_larger_than_the_settings_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVER__PREVIEW_SIZE", "64")

    async def work(world: World) -> Answer:
        return await world.call("generate_image", prompt="a red fox", size="512x512")

    (shown,) = with_client(work).pictures

    assert len(shown.data) < 5_000
