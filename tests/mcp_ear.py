"""Clients of either era that hear what a server tells them unasked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from mcp import Client
from mcp.shared.exceptions import MCPDeprecationWarning
from mcp.shared.subscriptions import PromptsListChanged, ResourcesListChanged, ResourceUpdated

from imagegen.mcp.notices import HISTORY_URI, STATS_URI

WAIT_SECONDS = 30
LIST, PROMPTS, HISTORY, STATS = "list", "prompts", HISTORY_URI, STATS_URI
IMAGES = {LIST, HISTORY, STATS}


class Ear:
    """What a client hears, of either era, in words that are the same for both."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self._words: asyncio.Queue[str] = asyncio.Queue()

    async def hears(self, expected: set[str]) -> list[str]:
        """Listen until all of that was heard; gives everything that was heard meanwhile."""
        heard: list[str] = []
        async with asyncio.timeout(WAIT_SECONDS):
            while not expected <= set(heard):
                heard.append(await self._words.get())
        return heard

    def take(self, news: Any) -> None:
        word = _word(news)
        if word:
            self._words.put_nowait(word)


def _word(news: Any) -> str | None:
    if isinstance(news, ResourceUpdated):
        return news.uri
    if isinstance(news, ResourcesListChanged | PromptsListChanged):
        return LIST if isinstance(news, ResourcesListChanged) else PROMPTS
    method = getattr(news, "method", "")
    if method == "notifications/resources/updated":
        return str(news.params.uri)
    return {"notifications/resources/list_changed": LIST, "notifications/prompts/list_changed": PROMPTS}.get(
        method
    )


@asynccontextmanager
async def listening_client(where: Any, era: str) -> AsyncIterator[Ear]:
    """A client that wants to hear of everything there is."""
    ears: list[Ear] = []

    async def hear(message: Any) -> None:
        if era == "legacy":  # what comes on a stream that is listened to comes here too
            ears[0].take(message)

    async with Client(where, mode=era, message_handler=hear) as client:
        ears.append(Ear(client))
        if era == "legacy":
            for uri in (HISTORY, STATS):
                with pytest.warns(MCPDeprecationWarning):
                    await client.subscribe_resource(uri)
            yield ears[0]
            return
        async with client.listen(
            resources_list_changed=True,
            prompts_list_changed=True,
            resource_subscriptions=[HISTORY, STATS],
        ) as events:
            listening_to = asyncio.create_task(_pass_on(events, ears[0]))
            yield ears[0]
            listening_to.cancel()


async def _pass_on(events: Any, ear: Ear) -> None:
    async for event in events:
        ear.take(event)
