"""`imagegen config`."""

from __future__ import annotations

from typing import Annotated

import typer

from imagegen.cli import completion
from imagegen.cli.groups import build_group
from imagegen.cli.options import JsonOutput

app = build_group(
    "Show and change settings.",
    "imagegen config set providers.openai.api_key",
    "imagegen config show",
)

Name = Annotated[
    str,
    typer.Argument(help="A setting's dotted name.", metavar="NAME", autocompletion=completion.setting_names),
]


@app.command(epilog="\b\nExample:\n  imagegen config init")
def init(
    force: Annotated[bool, typer.Option("--force", help="Write over an existing file.")] = False,
    as_json: JsonOutput = False,
) -> None:
    """Write a commented config.toml to start from."""
    from imagegen.cli.config_view import start_file

    start_file(force=force, as_json=as_json)


@app.command(epilog="\b\nExamples:\n  imagegen config show\n  imagegen config show --changed --json")
def show(
    ctx: typer.Context,
    changed: Annotated[bool, typer.Option("--changed", help="Only what is not the default.")] = False,
    as_json: JsonOutput = False,
) -> None:
    """Show every setting, its value and where it comes from; secrets are masked."""
    from imagegen.cli.config_view import show_settings

    show_settings(ctx.find_root().obj, changed=changed, as_json=as_json)


@app.command(epilog="\b\nExample:\n  imagegen config get images.default_size")
def get(
    ctx: typer.Context,
    name: Name,
    reveal: Annotated[bool, typer.Option("--reveal", help="Print a secret as it is.")] = False,
    as_json: JsonOutput = False,
) -> None:
    """Print one setting."""
    from imagegen.cli.config_view import show_setting

    show_setting(ctx.find_root().obj, name, reveal=reveal, as_json=as_json)


@app.command(
    "set",
    epilog="\b\nExamples:\n  imagegen config set images.default_size 1024x1024"
    "\n  imagegen config set providers.openai.api_key",
)
def set_(
    name: Name,
    value: Annotated[
        str | None,
        typer.Argument(
            help="The new value; a secret is better typed when asked, or piped in.", show_default=False
        ),
    ] = None,
    unset: Annotated[bool, typer.Option("--unset", help="Go back to the default.")] = False,
    as_json: JsonOutput = False,
) -> None:
    """Write one setting into config.toml, after checking it."""
    from imagegen.cli.config_view import change_setting

    change_setting(name, value, unset=unset, as_json=as_json)


@app.command(epilog="\b\nExample:\n  imagegen config path")
def path(as_json: JsonOutput = False) -> None:
    """Print where config.toml is."""
    from imagegen.cli.output import print_json
    from imagegen.paths import config_file

    found = config_file()
    if as_json:
        print_json({"path": str(found), "exists": found.exists()})
    else:
        typer.echo(str(found))


@app.command(epilog="\b\nExamples:\n  imagegen config check\n  imagegen --config ci.toml config check --json")
def check(ctx: typer.Context, as_json: JsonOutput = False) -> None:
    """Validate all settings from all sources; exit 3 and name every fault."""
    from imagegen.cli.config_view import check_settings

    check_settings(ctx.find_root().obj, as_json=as_json)
