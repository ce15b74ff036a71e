"""`imagegen process`."""

from __future__ import annotations

from typing import Annotated

import typer

from imagegen.cli import completion
from imagegen.cli.options import JsonOutput, OneImage, Quiet

app = typer.Typer(rich_markup_mode=None, add_completion=False)

EXAMPLES = """\b
Steps:
  resize:WIDTHxHEIGHT   scale to fit inside; also resize:800x, resize:50%,
                        resize:512x512,mode=cover (crops) or mode=stretch
  convert:FORMAT        png, jpeg, webp or gif; convert:webp,quality=80
  watermark:TEXT        or watermark:image=logo.png; then ,at=bottom-right
                        ,opacity=60,size=25,font=FILE
  strip-metadata        drop Exif, XMP, texts and content credentials
Plugins add more. Unknown names are answered with all there are.

\b
Examples:
  imagegen process last resize:800x600 convert:webp,quality=80 -o small.webp
  imagegen process photo.jpg strip-metadata -o clean.jpg
  imagegen process last "watermark:© Studio,at=top-left,opacity=50"
"""


@app.command(epilog=EXAMPLES)
def process(
    ctx: typer.Context,
    image: OneImage,
    steps: Annotated[
        list[str],
        typer.Argument(
            help="What to do, in order.", metavar="NAME[:ARGS]...", autocompletion=completion.processors
        ),
    ],
    output: Annotated[
        str | None,
        typer.Option(
            "-o", "--output", help="Also write a copy to this file or folder; - for stdout.", metavar="PATH"
        ),
    ] = None,
    as_json: JsonOutput = False,
    quiet: Quiet = False,
) -> None:
    """Resize, convert, watermark or strip an image, beside the original.

    Each step makes an image of its own in the history, with the one before it as its parent. It is free.
    """
    from imagegen.cli.process_view import show_processed
    from imagegen.cli.session import open_session

    with open_session(ctx, as_json=as_json, quiet=quiet) as session:
        show_processed(session, image, steps, output=output, as_json=as_json)
