"""`imagegen cache`."""

from __future__ import annotations

import typer

from imagegen.cli.groups import build_group
from imagegen.cli.options import JsonOutput

app = build_group(
    "Show what the cache holds and saved, or empty it.", "imagegen cache stats", "imagegen cache clear"
)


@app.command(epilog="\b\nExample:\n  imagegen cache stats --json")
def stats(ctx: typer.Context, as_json: JsonOutput = False) -> None:
    """Show how many answers the cache holds and what it has saved."""
    from imagegen.cli.cache_view import show_cache
    from imagegen.cli.session import open_session

    with open_session(ctx, as_json=as_json) as session:
        show_cache(session, as_json=as_json)


@app.command(epilog="\b\nExample:\n  imagegen cache clear")
def clear(ctx: typer.Context, as_json: JsonOutput = False) -> None:
    """Forget all answers, so that every request makes new images; no image is deleted."""
    from imagegen.cli.cache_view import empty_cache
    from imagegen.cli.session import open_session

    with open_session(ctx, as_json=as_json) as session:
        empty_cache(session, as_json=as_json)
