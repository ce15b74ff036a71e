"""What the ledger adds to a paid call: a reservation before it and its settlement after it.

Beside it stands what one append with an fsync takes on the same disk: the reservation outlives a power cut.
Nothing is promised here; beside a provider's seconds it is nothing.
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
ROOMY = BudgetLimits(daily_usd=Decimal(1_000_000))


def lines() -> Iterator[str]:
    """One line: the median for a call alone, with a daily budget to keep."""
    with tempfile.TemporaryDirectory() as folder:
        floor = statistics.median(_append_ms(Path(folder) / "floor") for _ in range(RUNS))
        subject = asyncio.run(_median_call_ms(Path(folder) / "ledger"))
    name = "ledger, a paid call / an append with an fsync"
    yield f"{name:<52}{subject:>9.2f} ms /{floor:>9.2f} ms = {subject / floor:>6.2f}"


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


def _append_ms(path: Path) -> float:
    began = time.perf_counter()
    with path.open("ab") as file:
        file.write(b"x" * 400)
        file.flush()
        os.fsync(file.fileno())
    return (time.perf_counter() - began) * 1000
