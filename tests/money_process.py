"""One process among several that ask the service. Its orders are a JSON object in its argument.

Says `ready` when the service is open, starts on a line from stdin, and ends with a JSON object: the image ids
that each task got, how many were refused, and the notes. `prompts` are what is asked for, all at once.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from imagegen.errors import BudgetExceeded
from imagegen.service import open_service
from imagegen.settings_sources import load_settings
from imagegen.types import GenerateRequest, GenerationResult


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def main(orders: dict[str, Any]) -> None:
    async with open_service(load_settings().settings) as service:
        say("ready")
        await asyncio.to_thread(sys.stdin.readline)
        requests = [
            GenerateRequest(prompt=prompt, model=orders["model"], quality="low", size="1024x1024")
            for prompt in orders["prompts"]
        ]
        results = await asyncio.gather(*map(service.generate, requests), return_exceptions=True)
        made = [result for result in results if isinstance(result, GenerationResult)]
        refused = sum(isinstance(result, BudgetExceeded) for result in results)
        others = [str(result) for result in results if isinstance(result, Exception)]
        say(
            json.dumps(
                {
                    "images": [record.image_id for result in made for record in result.images],
                    "paid": sum(not result.cached for result in made),
                    "refused": refused,
                    "failed": others if len(others) > refused else [],
                    "notes": service.notes(),
                }
            )
        )


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
