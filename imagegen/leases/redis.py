"""Leases between machines: a key with an end on a Redis or Valkey server."""

from __future__ import annotations

import secrets

from imagegen.errors import StorageError
from imagegen.leases.base import ALONE, LEASE_SECONDS, Lease, RegisteredLease
from imagegen.redis_link import RedisLink

VERSION = 1
# Sets what is unset or ours: a repeated attempt whose first answer was lost finds its own lease, and a
# renewal brings back one that went down with the server.
TAKE = """
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""
GIVE_BACK = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""


class RedisLeases:
    """Leases behind a link, which its owner closes. While the server is away, everybody is granted one."""

    def __init__(
        self, link: RedisLink, *, lease_seconds: float = LEASE_SECONDS, namespace: str = "imagegen"
    ) -> None:
        self.lease_seconds = lease_seconds
        self._link = link
        self._prefix = f"{namespace}:lease:{VERSION}:"

    async def acquire(self, key: str) -> Lease | None:
        name, owner = self._prefix + key, secrets.token_hex(16)
        try:
            return RegisteredLease(self, name, owner) if await self.take(name, owner) else None
        except StorageError:  # the link has told of it
            return ALONE

    async def take(self, name: str, owner: str) -> bool:
        """Make or renew the owner's lease; whether it has it now. Raises StorageError."""
        milliseconds = max(1, int(self.lease_seconds * 1000))
        return bool(await self._link.run(lambda redis: redis.eval(TAKE, 1, name, owner, milliseconds)))

    async def give_back(self, name: str, owner: str) -> None:
        """End the owner's lease, if it has it. Raises StorageError."""
        await self._link.run(lambda redis: redis.eval(GIVE_BACK, 1, name, owner))

    async def aclose(self) -> None:
        """Nothing of its own is open."""
