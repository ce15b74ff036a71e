"""`generate` through the service against the same SDK call, base64 decode and one fsynced write by hand."""

from __future__ import annotations

import asyncio
import base64
import io
import os
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

from imagegen.service import open_service
from imagegen.settings import Settings
from imagegen.types import GenerateRequest
from tests.benchmarks.measure import Ratio
from tests.fakes.openai_behaviours import premade
from tests.fakes.openai_server import running_openai

RUNS = 60
MODEL = "gpt-image-2.5-flare"


def ratios() -> Iterator[Ratio]:
    """In one process and one event loop, in turn."""
    image = _photograph_sized_png()
    with running_openai() as fake, tempfile.TemporaryDirectory() as folder:
        fake.script(*([premade(image)] * (2 * RUNS + 4)))
        subject, floor = asyncio.run(_measure(fake.base_url, Path(folder)))
    name = f"generate ({len(image) / 1e6:.1f} MB) / SDK call, decode, one fsync"
    yield Ratio(name, subject, floor, 1.3)


def _photograph_sized_png() -> bytes:
    """1536x1024 pixels of mild noise: about as many bytes as a generated picture has."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.effect_noise((1536, 1024), 40).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


async def _measure(base_url: str, folder: Path) -> tuple[float, float]:
    from openai import AsyncOpenAI

    section = {"api_key": "sk-benchmark-0123456789", "base_url": base_url}
    settings = Settings.model_validate(
        {"providers": {"openai": section}, "storage": {"base_path": str(folder / "store")}}
    )
    client = AsyncOpenAI(api_key="sk-benchmark", base_url=base_url, max_retries=0)
    request = GenerateRequest(
        prompt="a red fox", model=MODEL, size="1536x1024", quality="low", use_cache=False
    )

    async def by_hand() -> None:
        answer = await client.images.generate(
            model=MODEL, prompt="a red fox", size="1536x1024", quality="low"
        )
        assert answer.data and answer.data[0].b64_json
        _write(folder / "by-hand.png", base64.b64decode(answer.data[0].b64_json))

    async with open_service(settings) as service, client:

        async def through_the_service() -> None:
            await service.generate(request)

        await through_the_service()
        await by_hand()
        pairs = [(await _seconds(through_the_service), await _seconds(by_hand)) for _ in range(RUNS)]
    return statistics.median(p[0] for p in pairs), statistics.median(p[1] for p in pairs)


def _write(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


async def _seconds(work: Callable[[], Awaitable[None]]) -> float:
    began = time.perf_counter()
    await work()
    return time.perf_counter() - began
