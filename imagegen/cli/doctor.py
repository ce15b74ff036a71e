"""`imagegen doctor`."""

from __future__ import annotations

import typer

from imagegen.cli.options import JsonOutput

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(epilog="\b\nExamples:\n  imagegen doctor\n  imagegen doctor --json")
def doctor(ctx: typer.Context, as_json: JsonOutput = False) -> None:
    """Check the installation and say what to do: settings, providers, disk, history.

    Sends nothing over the network. Exits with 3 when there is a problem.
    """
    from imagegen.cli.doctor_checks import run_checks
    from imagegen.cli.doctor_view import show_checks

    show_checks(run_checks(ctx.find_root().obj), as_json=as_json)
