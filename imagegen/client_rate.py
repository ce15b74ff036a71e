"""How often a client of a server may ask: SERVER__RATE_LIMIT_RPM, counted in Redis where that is shared."""

from __future__ import annotations

import asyncio
from importlib import import_module
from typing import TYPE_CHECKING

from imagegen.limits import RateLimit

if TYPE_CHECKING:
    from imagegen.redis_link import RedisLink

SETTING = "SERVER__RATE_LIMIT_RPM"


class ClientRate:
    """At most `per_minute` requests of each client in any minute; 0: no limit. Usable from one event loop."""

    def __init__(self, per_minute: int, *, link: RedisLink | None) -> None:
        self._per_minute = per_minute
        self._link = link
        self._limit: RateLimit | None = None

    async def acquire(self, client: str, *, patience_seconds: float) -> None:
        """Count a request; waits its turn within the patience, else raises RateLimited with the seconds."""
        if not self._per_minute:
            return
        if self._limit is None:
            await asyncio.to_thread(import_module, "limits")  # 0.15 s that a starting server does not spend
        if self._limit is None:
            self._limit = RateLimit(self._per_minute, kind="client", setting=SETTING, link=self._link)
        await self._limit.acquire(client, patience_seconds=patience_seconds)
