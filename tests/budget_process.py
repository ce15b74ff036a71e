"""One process among several that share a budget. Its orders are a JSON object in its argument.

Says `ready`, starts on a line from stdin, reserves for each of its calls at once, says `reserved`, and on a
second line settles what it got and ends with how many passed, how many were refused, and its notes.
"""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import AsyncExitStack
from decimal import Decimal
from pathlib import Path
from typing import Any

from imagegen.errors import BudgetExceeded
from imagegen.ledger import Accounts, BudgetLimits, OpenAttempt, TaskStart, open_ledger
from tests.ledger_world import Calendar, attempt, cost, in_thread, new_task_id, refused_note


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def main(orders: dict[str, Any]) -> None:
    notes: list[str] = []
    ledger = open_ledger(Path(orders["base"]), note=notes.append, clock=Calendar())
    limits = BudgetLimits(daily_usd=Decimal(orders["daily"]))
    accounts = Accounts(ledger, limits=limits, in_thread=in_thread, note=refused_note)
    task_ids = orders.get("task_ids") or [new_task_id() for _ in range(orders["calls"])]

    async def call(task_id: str, stack: AsyncExitStack) -> OpenAttempt | None:
        try:
            return await stack.enter_async_context(
                accounts.attempt(attempt(orders["estimate"], task_id=task_id))
            )
        except BudgetExceeded:
            return None

    say("ready")
    await asyncio.to_thread(sys.stdin.readline)
    async with AsyncExitStack() as stack:
        if orders.get("task_ids"):
            for task_id in task_ids:
                ledger.tasks.write([TaskStart(task_id, "v1", {"prompt": "a fox"})])
        opened = await asyncio.gather(*(call(task_id, stack) for task_id in task_ids))
        say("reserved")
        await asyncio.to_thread(sys.stdin.readline)
        passed = [one for one in opened if one is not None]
        for one in passed:
            one.answered(cost(orders["cost"]), request_id="req_1")
            one.saved(["img_1"])
    ledger.close()
    say(json.dumps({"passed": len(passed), "refused": len(opened) - len(passed), "notes": notes}))


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
