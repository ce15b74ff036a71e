"""`imagegen prompts`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from imagegen.cli import prompts_completion as completion
from imagegen.cli.groups import build_group
from imagegen.cli.options import JsonOutput, Quiet
from imagegen.cli.prompts_help import CommandWithTemplates, GroupWithTemplates
from imagegen.cli.prompts_options import ArgumentsFile, ForModel, Pairs

app = build_group(
    "Turn a few facts into a prompt, with the templates.",
    "imagegen prompts show og-image-prompt",
    'imagegen prompts render og-image-prompt -a title="Ship faster"',
    'imagegen generate --template og-image-prompt -a title="Ship faster"',
)
app.info.cls = GroupWithTemplates

Name = Annotated[
    str,
    typer.Argument(help="A template's name.", metavar="NAME", autocompletion=completion.template_names),
]


@app.command("list", epilog="\b\nExamples:\n  imagegen prompts list\n  imagegen prompts list --json")
def list_templates(ctx: typer.Context, as_json: JsonOutput = False, quiet: Quiet = False) -> None:
    """List the templates, what they are for and what they need."""
    from imagegen.cli.prompts_view import show_templates

    show_templates(ctx.find_root().obj, as_json=as_json, quiet=quiet)


@app.command(epilog="\b\nExample:\n  imagegen prompts show og-image-prompt")
def show(ctx: typer.Context, template: Name, as_json: JsonOutput = False) -> None:
    """Show what a template asks for, which values it takes, and its text."""
    from imagegen.cli.prompts_view import show_template

    show_template(ctx.find_root().obj, template, as_json=as_json)


@app.command(
    cls=CommandWithTemplates,
    epilog='\b\nExamples:\n  imagegen prompts render og-image-prompt -a title="Ship faster"'
    "\n  imagegen prompts render hero-banner-prompt -a website_type=saas | imagegen generate -"
    "\n  imagegen prompts render thumbnail-prompt --args-file facts.toml --json",
)
def render(
    ctx: typer.Context,
    template: Name,
    argument: Pairs = None,
    args_file: ArgumentsFile = None,
    model: ForModel = None,
    as_json: JsonOutput = False,
    quiet: Quiet = False,
) -> None:
    """Print the prompt that a template makes."""
    from imagegen.cli.prompts_view import show_prompt

    show_prompt(
        ctx.find_root().obj,
        template,
        argument or [],
        args_file,
        model=model,
        as_json=as_json,
        quiet=quiet,
    )


@app.command(
    epilog="\b\nExamples:\n  imagegen prompts new event-poster"
    "\n  imagegen prompts new our-preview --from og-image-prompt"
)
def new(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="The name of the new template.", metavar="NAME")],
    copy_of: Annotated[
        str | None,
        typer.Option(
            "--from",
            help="Start from a copy of this built-in template.",
            metavar="NAME",
            autocompletion=completion.template_names,
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over an existing file.")] = False,
    as_json: JsonOutput = False,
) -> None:
    """Write a commented file to start a template of your own from, and print its path."""
    from imagegen.cli.prompts_view import start_file

    start_file(ctx.find_root().obj, name, copy_of, force=force, as_json=as_json)


@app.command(
    epilog="\b\nExamples:\n  imagegen prompts check\n  imagegen prompts check event-poster.toml --json"
)
def check(
    ctx: typer.Context,
    file: Annotated[
        Path | None,
        typer.Argument(
            help="A template file, or brand.toml; without it all of yours.",
            metavar="FILE",
            show_default=False,
        ),
    ] = None,
    as_json: JsonOutput = False,
) -> None:
    """Look for mistakes in your template files, by line and column; exit 3 where one cannot be used."""
    from imagegen.cli.prompts_view import check_files

    check_files(ctx.find_root().obj, file, as_json=as_json)
