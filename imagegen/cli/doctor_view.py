"""The doctor's report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import typer

from imagegen.cli.doctor_checks import Check
from imagegen.cli.facts import hanging
from imagegen.cli.output import print_json
from imagegen.errors import ConfigurationError

FINDING_COLUMN = 26
MARKS = {
    "ok": ("ok", typer.colors.GREEN),
    "warning": ("look", typer.colors.YELLOW),
    "problem": ("PROBLEM", typer.colors.RED),
}


def show_checks(checks: Sequence[Check], *, as_json: bool) -> None:
    """Print the report; ConfigurationError when there is a problem."""
    problems = [check for check in checks if check.verdict == "problem"]
    if as_json:
        print_json({"healthy": not problems, "checks": [asdict(check) for check in checks]})
    else:
        for check in checks:
            mark, colour = MARKS[check.verdict]
            finding = hanging(check.finding, FINDING_COLUMN)
            typer.echo(f"{typer.style(f'{mark:<8}', fg=colour)}{check.name:<18}{finding}")
            if check.step:
                typer.echo(f"{'':<{FINDING_COLUMN}}{hanging(check.step, FINDING_COLUMN)}")
    if problems:
        raise ConfigurationError(f"{len(problems)} problem(s) found: {', '.join(c.name for c in problems)}.")
