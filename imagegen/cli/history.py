"""`imagegen history`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from imagegen.cli import completion
from imagegen.cli.filters import with_filters
from imagegen.cli.groups import build_group
from imagegen.cli.options import JsonOutput, Quiet, ShowPreview
from imagegen.types import HistoryQuery

if TYPE_CHECKING:
    from imagegen.cli.session import Session
    from imagegen.service import ImageService

app = build_group(
    "Find, show, open, delete and export images.",
    "imagegen history list --days 7",
    "imagegen history search fox",
    "imagegen history show last",
)

ImageId = Annotated[
    str, typer.Argument(help="An image id, or last.", metavar="IMAGE", autocompletion=completion.image_ids)
]
ImageIds = Annotated[
    list[str],
    typer.Argument(help="Image ids, or last.", metavar="IMAGE...", autocompletion=completion.image_ids),
]


def list_images(ctx: typer.Context, *, query: HistoryQuery, as_json: JsonOutput = False) -> None:
    """List images, newest first."""
    _show_page(ctx, query, as_json=as_json)


def search(
    ctx: typer.Context,
    text: Annotated[list[str], typer.Argument(help="Words of the prompt.", metavar="WORD...")],
    *,
    query: HistoryQuery,
    as_json: JsonOutput = False,
) -> None:
    """Find images by words of their prompts, newest first."""
    _show_page(ctx, replace(query, text=" ".join(text)), as_json=as_json)


def _show_page(ctx: typer.Context, query: HistoryQuery, *, as_json: bool) -> None:
    from imagegen.cli.history_views import show_page
    from imagegen.cli.session import open_session

    with open_session(ctx, as_json=as_json) as session:
        show_page(session, query, as_json=as_json)


app.command(
    "list",
    epilog="\b\nExamples:\n  imagegen history list --limit 50\n  imagegen history list -m gpt-image-2 --json",
)(with_filters(list_images, paged=True))
app.command("search", epilog="\b\nExample:\n  imagegen history search red fox --since 2026-11-01")(
    with_filters(search, paged=True)
)


@app.command(epilog="\b\nExamples:\n  imagegen history show last\n  imagegen history show last --json")
def show(
    ctx: typer.Context, image: ImageId, preview: ShowPreview = None, as_json: JsonOutput = False
) -> None:
    """Show an image's record, what it was made from and into."""
    from imagegen.cli.history_views import show_image
    from imagegen.cli.session import open_session

    with open_session(ctx, as_json=as_json) as session:
        show_image(session, image, as_json=as_json, preview=preview)


@app.command("open", epilog="\b\nExample:\n  imagegen history open last")
def open_image(ctx: typer.Context, image: ImageId, as_json: JsonOutput = False) -> None:
    """Open an image in the system's viewer."""
    from imagegen.cli.output import open_in_viewer, print_json
    from imagegen.cli.session import open_session
    from imagegen.errors import NotFound

    with open_session(ctx, as_json=as_json) as session:
        path = _path_of(session, image)
        if not path.is_file():
            raise NotFound(f"{path} is gone.", hint="Bring the index up to date: imagegen history reindex")
        opened = open_in_viewer(path, session.talk)
        if as_json:
            print_json({"path": str(path), "opened": opened})
        else:
            typer.echo(str(path))


def _path_of(session: Session, image: str) -> Path:
    async def find(service: ImageService) -> Path:
        return service.path_of(await service.get_image(image))

    return session.run(find)


@app.command(epilog="\b\nExample:\n  imagegen history delete last --yes")
def delete(
    ctx: typer.Context,
    images: ImageIds,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: JsonOutput = False,
    quiet: Quiet = False,
) -> None:
    """Delete images with their records, for good."""
    from imagegen.cli.history_views import delete_images
    from imagegen.cli.session import open_session

    with open_session(ctx, as_json=as_json, quiet=quiet) as session:
        delete_images(session, images, sure=yes, as_json=as_json)


@app.command(epilog="\b\nExample:\n  imagegen history reindex")
def reindex(ctx: typer.Context, as_json: JsonOutput = False) -> None:
    """Build the index anew from the files on disk."""
    from imagegen.cli.history_views import show_reindex
    from imagegen.cli.session import open_session

    with open_session(ctx, as_json=as_json) as session:
        show_reindex(session, as_json=as_json)


def export(
    ctx: typer.Context,
    target: Annotated[
        str,
        typer.Argument(help="A .zip (with images), .jsonl or .csv file; - for JSON lines.", metavar="FILE"),
    ],
    *,
    query: HistoryQuery,
    as_json: JsonOutput = False,
    quiet: Quiet = False,
) -> None:
    """Write the history, or a part of it, into one file."""
    from imagegen.cli.export import export_history
    from imagegen.cli.session import open_session

    with open_session(ctx, as_json=as_json, quiet=quiet) as session:
        export_history(session, target, query, as_json=as_json)


app.command(
    "export",
    epilog="\b\nExamples:\n  imagegen history export backup.zip\n  imagegen history export - --days 1",
)(with_filters(export, paged=False))
