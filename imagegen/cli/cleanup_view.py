"""What a clean-up did, or would do."""

from __future__ import annotations

from datetime import datetime

import typer

from imagegen.cli.output import print_json, print_table, size_text
from imagegen.documents import cleanup_document
from imagegen.housekeeping import counted
from imagegen.types import CleanupReport


def show_cleanup(report: CleanupReport, *, quiet: bool, as_json: bool) -> None:
    """With `quiet` nothing is said when nothing was done, so that cron sends no mail."""
    if as_json:
        print_json(cleanup_document(report))
        return
    if report.dry_run and (report.images or report.rejected):
        print_table(("image", "created (UTC)", "size", "because of", "prompt"), _rows(report), right=(2,))
    if quiet and not report.images and not report.rejected:
        return
    if report.already_running:
        typer.echo("another clean-up is at work; this one did nothing", err=True)
        return
    verb = "would be deleted" if report.dry_run else "deleted"
    what = counted(len(report.images), len(report.rejected))
    typer.echo(f"{what} {verb}, {size_text(report.freed_bytes)}", err=report.dry_run)


def _rows(report: CleanupReport) -> list[tuple[str, str, str, str, str]]:
    images = [
        (
            record.image_id,
            _minute(record.created_at),
            size_text(record.file_info.size_bytes),
            report.reasons[record.image_id],
            record.prompt,
        )
        for record in report.images
    ]
    rejected = [
        (
            answer.image_id,
            _minute(answer.created_at),
            size_text(answer.size_bytes),
            "age",
            f"(no image, kept as {answer.filename})",
        )
        for answer in report.rejected
    ]
    return images + rejected


def _minute(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M")
