"""`imagegen --help` and `--version` against importing typer."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from tests.benchmarks.measure import Ratio, command, compare


def ratios() -> Iterator[Ratio]:
    """Whole processes."""
    typer = command(sys.executable, "-c", "import typer")
    for option in ("--help", "--version"):
        subject = command(sys.executable, "-m", "imagegen", option)
        yield compare(f"imagegen {option} / import typer", subject, typer, promised=1.6, runs=25)
