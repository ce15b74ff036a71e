"""`imagegen models`."""

from __future__ import annotations

from typing import Annotated

import typer

from imagegen.cli import completion
from imagegen.cli.groups import build_group
from imagegen.cli.options import JsonOutput

app = build_group(
    "List and explain the models.",
    "imagegen models list",
    "imagegen models show gpt-image-2.5-flare",
    "imagegen models refresh",
)


@app.command("list", epilog="\b\nExamples:\n  imagegen models list\n  imagegen models list --all --json")
def list_models(
    ctx: typer.Context,
    everything: Annotated[bool, typer.Option("--all", help="Also those that were shut down.")] = False,
    as_json: JsonOutput = False,
) -> None:
    """List the models, where they stand, and what an image costs."""
    from imagegen.cli.models_view import show_models
    from imagegen.cli.session import open_session

    with open_session(ctx, as_json=as_json) as session:
        show_models(session, everything=everything, as_json=as_json)


@app.command(epilog="\b\nExamples:\n  imagegen models show gpt-image-2.5-flare\n  imagegen models show local")
def show(
    ctx: typer.Context,
    model: Annotated[
        str,
        typer.Argument(
            help="Model, provider/model, or provider.", metavar="MODEL", autocompletion=completion.models
        ),
    ],
    as_json: JsonOutput = False,
) -> None:
    """Show all that a model takes, its life cycle and its prices."""
    from imagegen.cli.models_view import show_model
    from imagegen.cli.session import open_session

    with open_session(ctx, as_json=as_json) as session:
        show_model(session, model, as_json=as_json)


@app.command(epilog="\b\nExamples:\n  imagegen models refresh\n  imagegen models refresh --json")
def refresh(ctx: typer.Context, as_json: JsonOutput = False) -> None:
    """Ask the providers which models they have and when those end, and remember it.

    Costs nothing. Exits with 6 when every provider that was asked failed.
    """
    from imagegen.cli.models_refresh_view import refresh_models
    from imagegen.cli.session import open_session

    with open_session(ctx, as_json=as_json) as session:
        refresh_models(session, as_json=as_json)
