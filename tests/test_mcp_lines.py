"""What happens to each line that a client writes on a server's standard input."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcp_types import jsonrpc_message_adapter

from imagegen.mcp.lines import messages
from tests.serve_world import serving

PING = '{"jsonrpc": "2.0", "id": 1, "method": "ping"}'
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
NEAR_MISSES = st.fixed_dictionaries(
    {}, optional={"jsonrpc": st.just("2.0") | JSON, "id": JSON, "method": st.text() | JSON, "params": JSON}
)


def read(*lines: str) -> tuple[list[str], list[dict[str, Any]]]:
    """The lines that are passed on, and the answers to others."""
    answers: list[dict[str, Any]] = []

    async def given_lines() -> AsyncIterator[str]:
        for line in lines:
            yield line

    async def answer(text: str) -> None:
        assert text.endswith("\n")
        answers.append(json.loads(text))

    async def body() -> list[str]:
        return [line async for line in messages(given_lines(), answer)]

    return asyncio.run(body()), answers


def test_messages_are_passed_on_as_they_are() -> None:
    lines = (PING, '{"jsonrpc": "2.0", "method": "notifications/initialized"}', f" {PING}\r")
    assert read(*lines) == (list(lines), [])


@pytest.mark.parametrize(
    "line",
    [
        '{"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": [1]}',
        '{"jsonrpc": "2.0", "id": 7, "method": 5}',
        '{"id": 7, "method": "ping"}',
        '{"jsonrpc": "1.0", "id": 7, "method": "ping"}',
    ],
)
def test_a_request_that_is_none_is_refused_under_its_id(line: str) -> None:
    passed, [answer] = read(line)
    assert passed == []
    assert (answer["id"], answer["error"]["code"]) == (7, -32600)


@pytest.mark.parametrize(
    "line",
    [
        "no JSON",
        "[]",
        f"[{PING}]",
        "[" * 100_000,
        '{"jsonrpc": "2.0", "id": 7}',
        '{"id": [7], "method": "ping"}',
    ],
)
def test_what_cannot_be_answered_is_logged_without_its_content(
    line: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert read(line, PING) == ([PING], [])
    assert caplog.messages == [f"a line of {len(line)} characters was no JSON-RPC message and is ignored"]


def test_an_empty_line_is_nothing(caplog: pytest.LogCaptureFixture) -> None:
    assert read("", "\r", PING) == ([PING], [])
    assert caplog.messages == []


def test_half_a_character_becomes_a_replacement_and_whole_ones_stay() -> None:
    cut = json.dumps(
        {"jsonrpc": "2.0", "id": 1, "method": "x", "params": {"a": "\ud83e\udd8a \ud83e", "b": "\udd8a"}}
    )

    [passed], answers = read(cut)

    assert json.loads(passed)["params"] == {"a": "\N{FOX FACE} \ufffd", "b": "\ufffd"}
    assert answers == []


@given(st.text() | JSON.map(json.dumps) | NEAR_MISSES.map(json.dumps))
def test_whatever_a_line_is_only_messages_are_passed_on_and_at_most_one_thing_happens(line: str) -> None:
    passed, answers = read(line)
    for message in passed:
        jsonrpc_message_adapter.validate_json(message, by_name=False)
    assert len(passed) + len(answers) <= 1


def test_a_prompt_that_was_cut_within_a_character_makes_an_image() -> None:
    with serving() as server:
        server.shake_hands()
        result = server.call("generate_image", prompt="a red fox \ud83e", model="local")
        assert not result["isError"]
        assert server.call("list_images")["structuredContent"]["images"][0]["prompt"] == "a red fox \ufffd"


def test_a_broken_request_is_answered_by_the_server() -> None:
    with serving() as server:
        server.shake_hands()
        assert server.process.stdin is not None
        server.process.stdin.write(b'{"jsonrpc": "2.0", "id": 77, "method": "tools/call", "params": [1]}\n')
        server.process.stdin.flush()
        assert server.answer(77)["error"]["code"] == -32600
        assert "result" in server.ask("ping")
