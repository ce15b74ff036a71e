"""Print every speed that the project promises, as a ratio to a floor measured in the same run.

Run it from the project's folder: `python -m tests.benchmarks.run`. It exits with 1 when a promise is missed.
"""

from __future__ import annotations

import platform
import sys

from tests.benchmarks import (
    cache_floor,
    generate_floor,
    history_scale,
    ledger_floor,
    local_stages,
    mcp_floor,
    startup,
    template_rendering,
)


def main() -> int:
    """Measure and print."""
    print(f"Python {platform.python_version()}, {platform.system()} {platform.machine()}")  # noqa: T201 - a report
    missed = False
    for source in (startup.ratios, generate_floor.ratios, history_scale.ratios):
        for ratio in source():
            print(ratio.line(), flush=True)  # noqa: T201 - a report
            missed = missed or ratio.value > ratio.promised
    for lines in (
        cache_floor.lines,
        ledger_floor.lines,
        template_rendering.lines,
        local_stages.lines,
        mcp_floor.lines,
    ):
        for line in lines():
            print(line, flush=True)  # noqa: T201 - a report
            missed = missed or line.endswith("MISSED")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
