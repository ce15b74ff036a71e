"""How the cache looks."""

from __future__ import annotations

import typer

from imagegen.cli.output import money, print_json, size_text
from imagegen.cli.session import Session
from imagegen.documents import cache_document


def show_cache(session: Session, *, as_json: bool) -> None:
    """What it holds and what it saved."""
    stats = session.run(lambda service: service.cache_stats())
    if as_json:
        print_json(cache_document(stats))
        return
    if stats is None:
        typer.echo("the cache is switched off (CACHE__ENABLED=false)")
        return
    rows = {
        "backend": f"{stats.backend}, {stats.location}",
        "answers": f"{stats.entries:,}, {size_text(stats.size_bytes)}",
        "hits": f"{stats.hits:,}",
        "saved": money(stats.saved_usd),
    }
    for name, value in rows.items():
        typer.echo(f"{name:<10}{value}")


def empty_cache(session: Session, *, as_json: bool) -> None:
    """Forget all answers and say how many those were."""
    forgotten = session.run(lambda service: service.clear_cache())
    if as_json:
        print_json({"forgotten": forgotten})
    else:
        typer.echo(f"{forgotten} answers forgotten")
