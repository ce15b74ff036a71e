"""Rendering a template in a process that has started: its first time (reading, compiling), and again."""

from __future__ import annotations

import statistics
import subprocess
import sys
from collections.abc import Iterator

LIMIT_MS = 5.0
RUNS = 9
PROGRAM = """
import time
from imagegen.templates import load_library
library = load_library()
library.render("creative-image-prompt", {"subject": "a fox"})
arguments = {"title": "Ship faster", "brand_name": "Acme", "text_layout": "split"}
began = time.perf_counter()
library.render("og-image-prompt", arguments)
first = time.perf_counter()
library.render("og-image-prompt", arguments)
print((first - began) * 1000, (time.perf_counter() - first) * 1000)
"""


def lines() -> Iterator[str]:
    """The report: medians over processes."""
    pairs = [_render() for _ in range(RUNS)]
    for name, milliseconds in zip(("first render", "later render"), zip(*pairs, strict=True), strict=True):
        median = statistics.median(milliseconds)
        verdict = "ok" if median < LIMIT_MS else "MISSED"
        yield f"template, {name:<42}{median:>9.2f} ms  (promised < {LIMIT_MS:g} ms)  {verdict}"


def _render() -> tuple[float, float]:
    done = subprocess.run([sys.executable, "-c", PROGRAM], check=True, capture_output=True, text=True)
    first, later = map(float, done.stdout.split())
    return first, later
