"""`imagegen cleanup`."""

from __future__ import annotations

from typing import Annotated

import typer

from imagegen.cli.options import JsonOutput, Quiet

app = typer.Typer(rich_markup_mode=None, add_completion=False)

EXAMPLES = """\b
Examples:
  imagegen cleanup --dry-run
  imagegen cleanup --older-than 30d --max-size 10GB --quiet
"""


@app.command(epilog=EXAMPLES)
def cleanup(
    ctx: typer.Context,
    older_than: Annotated[
        str | None, typer.Option(help="Delete images older than this: 30d, 12h, 2w.", metavar="AGE")
    ] = None,
    max_size: Annotated[
        str | None, typer.Option(help="Delete the oldest until this much is left: 10GB.", metavar="SIZE")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be deleted.")] = False,
    as_json: JsonOutput = False,
    quiet: Quiet = False,
) -> None:
    """Delete the oldest images beyond an age or a total size.

    Without options the settings STORAGE__RETENTION_DAYS and STORAGE__MAX_SIZE_GB decide; 0 means no limit.
    """
    from imagegen.cli.cleanup_view import show_cleanup
    from imagegen.cli.filters import parse_bytes, parse_duration
    from imagegen.cli.session import open_session

    age = parse_duration(older_than) if older_than else None
    size = parse_bytes(max_size) if max_size else None
    with open_session(ctx, quiet=quiet, as_json=as_json) as session:
        storage = session.settings.storage
        if older_than is None and max_size is None:
            age, size = storage.max_age, storage.max_size_bytes
        report = session.run(
            lambda service: service.cleanup(older_than=age, max_size_bytes=size, dry_run=dry_run)
        )
        show_cleanup(report, quiet=quiet, as_json=as_json)
