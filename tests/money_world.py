"""What money tests share: a picture that costs five cents, quick hints to wait, and the accounts."""

from __future__ import annotations

import csv
import io
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

from imagegen.service import ImageService, open_service
from imagegen.settings_sources import load_settings
from imagegen.types import GenerateRequest
from tests.command import run
from tests.fakes.openai_behaviours import Behaviour, error, ok

T = TypeVar("T")

MODEL = "gpt-image-2.5-flare"
# Whatever the prompt says, 500 tokens at 100 dollars a million.
FIVE_CENTS = f"""
[models.openai."{MODEL}"]
text_in = 0
image_out = 100
tokens = {{ low = {{ 1024x1024 = 500 }} }}
"""
CHEAP = ("-m", MODEL, "-q", "low", "-s", "1024x1024")


def set_price_to_five_cents(home: Path) -> None:
    """Estimate and cost of `wish()` and of CHEAP are $0.05 from here on."""
    folder = home / "config"
    folder.mkdir(exist_ok=True)
    (folder / "prices.toml").write_text(FIVE_CENTS, encoding="utf-8")


def wish(prompt: str = "a fox", **more: Any) -> GenerateRequest:
    return GenerateRequest(prompt=prompt, model=MODEL, quality="low", size="1024x1024", **more)


def unmetered() -> Behaviour:
    """A good answer that does not count tokens, so that its cost is the table's."""
    return ok(answer={"usage": None})


def busy(status: int = 429, code: str | None = "rate_limit_exceeded", **headers: str) -> Behaviour:
    """A failure that costs nothing; asks for a wait of ten milliseconds unless `headers` say another."""
    hints = {name.replace("_", "-"): value for name, value in headers.items()} or {"retry-after-ms": "10"}
    return error(status, code, "Not now.", kind="requests", headers=hints)


def attempts() -> list[dict[str, str]]:
    """Every attempt as `stats --spend --csv` prints it."""
    ran = run("stats", "--spend", "--csv")
    assert ran.code == 0
    return list(csv.DictReader(io.StringIO(ran.out)))


def total() -> dict[str, Any]:
    found: dict[str, Any] = run("stats", "--spend", "--json").json["total"]
    return found


async def in_service(work: Callable[[ImageService], Awaitable[T]]) -> T:
    async with open_service(load_settings().settings) as service:
        return await work(service)
