"""Rendering a template in a process that has started: the first one of that process, and the same again.

Started means that what rendering imports (jinja2, tomllib) is there, as it is in a server; what a process
that renders once pays with those imports is printed beside it.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
from collections.abc import Iterator

LIMIT_MS = 5.0
RUNS = 15
STARTED = "import tomllib, jinja2.sandbox, imagegen.templates.rendering\n"
PROGRAM = """
import time
from imagegen.templates import load_library
library = load_library()
arguments = {"title": "Ship faster", "brand_name": "Acme", "text_layout": "split"}
began = time.perf_counter()
library.render("og-image-prompt", arguments)
first = time.perf_counter()
library.render("og-image-prompt", arguments)
print((first - began) * 1000, (time.perf_counter() - first) * 1000)
"""


def lines() -> Iterator[str]:
    """The report: medians over processes."""
    pairs = [_render(STARTED + PROGRAM) for _ in range(RUNS)]
    for name, milliseconds in zip(("first render", "later render"), zip(*pairs, strict=True), strict=True):
        median = statistics.median(milliseconds)
        verdict = "ok" if median < LIMIT_MS else "MISSED"
        yield f"template, {name:<42}{median:>9.2f} ms  (promised < {LIMIT_MS:g} ms)  {verdict}"
    importing = statistics.median(_render(PROGRAM)[0] for _ in range(RUNS))
    yield f"template, first render with its imports     {importing:>17.2f} ms  (no promise: start-up)"


def _render(program: str) -> tuple[float, float]:
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    first, later = map(float, done.stdout.split())
    return first, later


if __name__ == "__main__":
    for line in lines():
        print(line)  # noqa: T201 - a report
