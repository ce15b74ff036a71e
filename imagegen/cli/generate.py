"""`imagegen generate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from imagegen.cli.options import CallOptions, with_call_options
from imagegen.cli.prompts_options import ArgumentsFile, ExactSize, Pairs, TemplateName

app = typer.Typer(rich_markup_mode=None, add_completion=False)

EXAMPLES = """\b
Examples:
  imagegen generate "a red fox under pine trees at night, snow"
  imagegen generate "a paper boat" -m gpt-image-2.5-flare -s 1024x1024 -q low -o boat.png
  echo "a lighthouse in a storm" | imagegen generate - --json
  imagegen generate --template og-image-prompt -a title="Ship faster" --exact-size
  imagegen generate --prompt-file idea.txt -n 3 -o drafts/ --dry-run
"""


def generate(
    ctx: typer.Context,
    prompt: Annotated[
        str | None,
        typer.Argument(help="What to show; - reads it from stdin.", metavar="PROMPT", show_default=False),
    ] = None,
    prompt_file: Annotated[
        Path | None, typer.Option("--prompt-file", help="Read the prompt from this file.", metavar="FILE")
    ] = None,
    template: TemplateName = None,
    argument: Pairs = None,
    args_file: ArgumentsFile = None,
    exact_size: ExactSize = False,
    *,
    options: CallOptions,
) -> None:
    """Make images from a prompt and keep them in the history.

    Without an API key the embedded local composer draws: vector drawings, no AI model.
    """
    from imagegen.cli.calls import carry_out, request_fields, show
    from imagegen.cli.prompt_sources import PromptSource, wanted_size
    from imagegen.cli.session import open_session
    from imagegen.types import GenerateRequest

    source = PromptSource(prompt, prompt_file, template, argument or [], args_file)
    with open_session(ctx, quiet=options.quiet, as_json=options.as_json) as session:
        text, use = source.read(session.settings.prompt_templates)
        size = wanted_size(use) if exact_size else None
        request = GenerateRequest(prompt=text, template=use, **request_fields(options))
        outcome = session.run(
            lambda service: carry_out(service, request, options, session.talk, exact_size=size)
        )
        show(outcome, options, session.talk)


app.command(epilog=EXAMPLES)(with_call_options(generate))
