"""The local composer: the whole process against two seconds, and the share of each stage."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator

PROMPT = "a red fox under pine trees at night, snow"
LIMIT_SECONDS = 2.0
STAGES = """
import time
began = time.perf_counter()
from imagegen.service import open_service
from imagegen.settings_sources import load_settings
settings = load_settings().settings
loaded = time.perf_counter()
from imagegen.providers.local.scene import compose
from imagegen.providers.local.raster import rasterise
imported = time.perf_counter()
drawing = compose({prompt!r}, None, 1536, 1024)
composed = time.perf_counter()
png = rasterise(drawing.svg, 1536, 1024)
print(loaded - began, imported - loaded, composed - imported, time.perf_counter() - composed, len(png))
"""


def lines() -> Iterator[str]:
    """The report."""
    with tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, "IMAGEGEN_HOME": home}
        whole = statistics.median(_whole_process(environment) for _ in range(5))
        verdict = "ok" if whole < LIMIT_SECONDS else "MISSED"
        name = "local 1536x1024, process start to end"
        yield f"{name:<52}{whole * 1000:>9.1f} ms  (promised < 2 s)  {verdict}"
        yield from _stages(environment, whole)


def _whole_process(environment: dict[str, str]) -> float:
    began = time.perf_counter()
    words = [sys.executable, "-m", "imagegen", "generate", PROMPT, "-m", "local", "--quiet", "--no-cache"]
    subprocess.run(words, check=True, env=environment, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def _stages(environment: dict[str, str], whole: float) -> Iterator[str]:
    script = STAGES.format(prompt=PROMPT)
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, env=environment, capture_output=True, text=True
    )
    *seconds, size = done.stdout.split()
    for name, text in zip(
        ("settings and service", "drawing modules", "compose", "rasterise"), seconds, strict=True
    ):
        yield f"  {name:<50}{float(text) * 1000:>9.1f} ms  {float(text) / whole:>5.0%}"
    yield f"  the picture has {int(size):,} bytes"
