"""Timing whole commands and blocks in pairs, so that a machine's drift touches both sides alike."""

from __future__ import annotations

import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ratio:
    """Medians in seconds of a subject and its floor, and their ratio against what is promised."""

    name: str
    subject_seconds: float
    floor_seconds: float
    promised: float

    @property
    def value(self) -> float:
        return self.subject_seconds / self.floor_seconds

    def line(self) -> str:
        verdict = "ok" if self.value <= self.promised else "MISSED"
        return (
            f"{self.name:<52}{self.subject_seconds * 1000:>9.1f} ms /{self.floor_seconds * 1000:>9.1f} ms"
            f" = {self.value:>6.2f}  (promised {self.promised:g})  {verdict}"
        )


def compare(
    name: str, subject: Callable[[], object], floor: Callable[[], object], *, promised: float, runs: int
) -> Ratio:
    """Run both in turn, one warm-up each, and compare medians."""
    subject()
    floor()
    pairs = [(_seconds(subject), _seconds(floor)) for _ in range(runs)]
    return Ratio(
        name,
        statistics.median(pair[0] for pair in pairs),
        statistics.median(pair[1] for pair in pairs),
        promised,
    )


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def command(*words: str) -> Callable[[], object]:
    """A command as a callable that fails loudly."""

    def run(arguments: Sequence[str] = words) -> None:
        subprocess.run(arguments, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    return run
