"""`imagegen stats`."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from imagegen.cli.options import JsonOutput

app = typer.Typer(rich_markup_mode=None, add_completion=False)

EXAMPLES = """\b
Examples:
  imagegen stats
  imagegen stats --days 7 --json
  imagegen stats --spend --by client
  imagegen stats --spend --csv > spend.csv
"""
DAYS = 30


@app.command(epilog=EXAMPLES)
def stats(
    ctx: typer.Context,
    days: Annotated[
        int | None,
        typer.Option(
            help=f"The period of the rows; unset: {DAYS}, and with --spend everything.",
            metavar="N",
            min=1,
            max=36500,
        ),
    ] = None,
    spend: Annotated[
        bool, typer.Option("--spend", help="What all calls cost, those without an image too.")
    ] = False,
    by: Annotated[
        Literal["day", "model", "provider", "client"] | None,
        typer.Option(help="What a row of --spend stands for; unset: day."),
    ] = None,
    as_csv: Annotated[
        bool, typer.Option("--csv", help="With --spend: one line for each attempt, as CSV.")
    ] = False,
    as_json: JsonOutput = False,
) -> None:
    """Show how many images there are, their size and what they cost, or what was spent."""
    from imagegen.cli.session import open_session
    from imagegen.cli.spend_view import check_asked, print_attempts, show_spend
    from imagegen.cli.stats_view import print_stats

    check_asked(spend=spend, by=by, as_csv=as_csv, as_json=as_json)
    with open_session(ctx, as_json=as_json) as session:
        if as_csv:
            print_attempts(session, days)
        elif spend:
            show_spend(session, by or "day", days, as_json=as_json)
        else:
            print_stats(session, days or DAYS, as_json=as_json)
