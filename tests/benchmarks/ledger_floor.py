"""What the ledger adds to a paid call: a reservation before it and its settlement after it, both durable.

Beside it stands what two appends with an fsync take on the same disk: that is the price of durability.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

from imagegen.ledger import BudgetLimits
from tests.ledger_world import accounts_of, ledger_in, spend

RUNS = 200
ROOM_MS = 10.0  # beyond the two fsyncs; a picture takes seconds
ROOMY = BudgetLimits(daily_usd=Decimal(1_000_000))


def lines() -> Iterator[str]:
    """One line: the median for a call alone, with a daily budget to keep."""
    with tempfile.TemporaryDirectory() as folder:
        floor = statistics.median(_two_appends_ms(Path(folder) / "floor") for _ in range(RUNS))
        subject = asyncio.run(_median_call_ms(Path(folder) / "ledger"))
    promised = floor + ROOM_MS
    verdict = "ok" if subject <= promised else "MISSED"
    yield f"{'  two appends with an fsync':<52}{floor:>9.3f} ms"
    yield f"{'ledger, a paid call':<52}{subject:>9.3f} ms  (promised {promised:.1f} ms)  {verdict}"


async def _median_call_ms(base: Path) -> float:
    ledger = ledger_in(base)
    accounts = accounts_of(ledger, ROOMY)
    await spend(accounts)
    times = []
    for _ in range(RUNS):
        began = time.perf_counter()
        await spend(accounts)
        times.append((time.perf_counter() - began) * 1000)
    ledger.close()
    return statistics.median(times)


def _two_appends_ms(path: Path) -> float:
    began = time.perf_counter()
    for _ in range(2):
        with path.open("ab") as file:
            file.write(b"x" * 400)
            file.flush()
            os.fsync(file.fileno())
    return (time.perf_counter() - began) * 1000
