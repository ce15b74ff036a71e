"""`imagegen edit`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from imagegen.cli.options import INPUT_FIDELITY, CallOptions, with_call_options

if TYPE_CHECKING:
    from imagegen.cli.calls import Outcome, Proposal
    from imagegen.service import ImageService

app = typer.Typer(rich_markup_mode=None, add_completion=False)

EXAMPLES = """\b
Examples:
  imagegen edit last "make it rain"
  imagegen edit photo.jpg logo.png "put the logo on the cup" -o cup.png
  imagegen edit room.png --mask sofa.png "a green sofa"
  imagegen edit photo.jpg "crop to 16:9, grayscale" -m local
"""


def edit(
    ctx: typer.Context,
    images_and_prompt: Annotated[
        list[str],
        typer.Argument(
            help="One or more images (path, image id, last, URL, data URL, or - for stdin), then the prompt.",
            metavar="IMAGE... PROMPT",
            show_default=False,
        ),
    ],
    mask: Annotated[
        str | None,
        typer.Option(
            help="PNG whose transparent pixels say where to change the first image.", metavar="IMAGE"
        ),
    ] = None,
    markup: Annotated[
        str | None,
        typer.Option(
            help="Transparent PNG with marks over the first image that guide the edit.", metavar="IMAGE"
        ),
    ] = None,
    *,
    options: CallOptions,
) -> None:
    """Change images with a prompt and keep the results in the history."""
    from imagegen.cli.calls import carry_out, request_fields, show
    from imagegen.cli.session import open_session
    from imagegen.cli.sources import load_source
    from imagegen.errors import UsageError
    from imagegen.types import EditRequest

    *sources, prompt = images_and_prompt
    if not sources:
        raise UsageError(
            "Give at least one image and then the prompt.", hint='imagegen edit photo.jpg "make it snow"'
        )

    async def work(service: ImageService) -> Outcome | Proposal:
        request = EditRequest(
            prompt=prompt,
            images=tuple([await load_source(service, source) for source in sources]),
            mask=await load_source(service, mask) if mask else None,
            markup=await load_source(service, markup) if markup else None,
            **request_fields(options),
        )
        return await carry_out(service, request, options, session.talk)

    with open_session(ctx, quiet=options.quiet, as_json=options.as_json) as session:
        show(session.run(work), options, session.talk)


app.command(epilog=EXAMPLES)(with_call_options(edit, also=(INPUT_FIDELITY,)))
