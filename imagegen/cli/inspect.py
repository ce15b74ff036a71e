"""`imagegen inspect`."""

from __future__ import annotations

from typing import Annotated

import typer

from imagegen.cli.options import JsonOutput, OneImage

app = typer.Typer(rich_markup_mode=None, add_completion=False)

EXAMPLES = """\b
Examples:
  imagegen inspect last
  imagegen inspect photo.jpg --json
  imagegen inspect https://example.com/fox.png
"""


@app.command(epilog=EXAMPLES)
def inspect(
    ctx: typer.Context,
    image: OneImage,
    gps: Annotated[bool, typer.Option("--gps", help="Also show where a photo was taken.")] = False,
    as_json: JsonOutput = False,
) -> None:
    """Show what an image says of itself, and how to make it again.

    Format, pixels, Exif, texts and content credentials (C2PA, with the extra imagegen[c2pa]), from the
    bytes alone: nothing else is fetched.
    """
    from imagegen.cli.inspect_view import show_inspection
    from imagegen.cli.session import open_session

    with open_session(ctx, as_json=as_json) as session:
        show_inspection(session, image, gps=gps, as_json=as_json)
