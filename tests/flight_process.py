"""One process among several that ask for the same picture. Its orders are a JSON object in its argument.

Says `ready` when its cache is open, starts on a line from stdin, says `flying` when every request is on its
way, and ends with the JSON list of their results.
"""

from __future__ import annotations

import asyncio
import json
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from imagegen.cache import Cache, CacheEntry, look_up
from imagegen.cache.disk import DiskCache
from imagegen.cache.redis import RedisCache
from imagegen.leases import Leases
from imagegen.leases.disk import DiskLeases
from imagegen.leases.redis import RedisLeases
from imagegen.leases.rows import RowLeases
from imagegen.redis_link import RedisLink
from imagegen.single_flight import SingleFlight

KEY = "v1:sha256:one-and-the-same"
DAY = timedelta(days=1)
PATIENCE_SECONDS = 20.0  # no standstill of the machine is an outage


def open_backends(orders: dict[str, Any]) -> tuple[Cache, Leases]:
    cache, lease_seconds = orders["cache"], orders.get("lease_seconds", 15.0)
    if orders["leases"] == "redis":
        link = RedisLink(SecretStr(cache), note=fail, answer_within_seconds=PATIENCE_SECONDS)
        return RedisCache(link, ttl=DAY), RedisLeases(link, lease_seconds=lease_seconds)
    disk = DiskCache(Path(cache), ttl=DAY, max_size_bytes=10**6, note=fail)
    if orders["leases"] == "rows":
        return disk, RowLeases(Path(cache), note=fail, lease_seconds=lease_seconds)
    return disk, DiskLeases(Path(cache), note=fail)


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def fail(note: str) -> None:
    raise AssertionError(note)


async def exists(_: tuple[str, ...]) -> bool:
    return True


async def call_upstream(port: int) -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answer = (await reader.readline()).decode().strip()
    writer.close()
    await writer.wait_closed()
    if not answer:
        raise ConnectionError("the upstream hung up")
    return answer


async def main(orders: dict[str, Any]) -> None:
    cache, leases = open_backends(orders)
    flight = SingleFlight[str](leases)

    async def work() -> str:
        image_id = await call_upstream(orders["port"])
        made = CacheEntry(
            image_ids=(image_id,),
            task_id="task_1",
            created_at=datetime.now(UTC),
            cost_usd=Decimal("0.04"),
        )
        await cache.put(KEY, made)
        return image_id

    async def found() -> str | None:
        entry = await look_up(cache, KEY, exists=exists)
        return entry.image_ids[0] if entry else None

    say("ready")
    await asyncio.to_thread(sys.stdin.readline)
    requests = [asyncio.create_task(flight.run(KEY, work, found)) for _ in range(orders["tasks"])]
    await asyncio.sleep(0)  # every one of them runs up to its first wait
    say("flying")
    say(json.dumps(await asyncio.gather(*requests)))
    await flight.aclose()
    await cache.aclose()


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
