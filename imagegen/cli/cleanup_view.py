"""What a clean-up did, or would do."""

from __future__ import annotations

import typer

from imagegen.cli.output import print_json, print_table, size_text
from imagegen.documents import cleanup_document
from imagegen.types import CleanupReport


def show_cleanup(report: CleanupReport, *, quiet: bool, as_json: bool) -> None:
    """With `quiet` nothing is said when nothing was done, so that cron sends no mail."""
    if as_json:
        print_json(cleanup_document(report))
        return
    if report.dry_run:
        rows = [
            (
                record.image_id,
                record.created_at.strftime("%Y-%m-%d %H:%M"),
                size_text(record.file_info.size_bytes),
                report.reasons[record.image_id],
                record.prompt,
            )
            for record in report.images
        ]
        print_table(("image", "created (UTC)", "size", "because of", "prompt"), rows, right=(2,))
    if quiet and not report.images:
        return
    if report.already_running:
        typer.echo("another clean-up is at work; this one did nothing", err=True)
        return
    verb = "would be deleted" if report.dry_run else "deleted"
    typer.echo(f"{len(report.images)} images {verb}, {size_text(report.freed_bytes)}", err=report.dry_run)
