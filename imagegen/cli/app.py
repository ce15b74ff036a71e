"""The root of the command tree, and the one place where errors become exit codes.

Commands are imported when they are called: `imagegen --help` costs little more than importing typer,
which is also why help is plain text (typer's rich help doubles the start-up time).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, MutableMapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from imagegen.cli.failures import report
from imagegen.cli.groups import help_when_alone
from imagegen.errors import ImagegenError

COMMANDS = {
    "generate": "Make images from a prompt.",
    "edit": "Change images with a prompt.",
    "process": "Resize, convert, watermark or strip an image, beside the original.",
    "inspect": "Show what an image says of itself, and how to make it again.",
    "history": "Find, show, open, delete and export images.",
    "stats": "Show how many images there are, their size and what they cost.",
    "cleanup": "Delete the oldest images beyond an age or a total size.",
    "prompts": "Turn a few facts into a prompt, with the templates.",
    "models": "List and explain the models.",
    "cache": "Show what the cache holds and saved, or empty it.",
    "config": "Show and change settings.",
    "serve": "Serve images to AI assistants over the Model Context Protocol.",
    "doctor": "Check the installation and say what to do.",
}


class _CommandTable(MutableMapping[str, Any]):
    """The commands by name, each built from its module `imagegen.cli.NAME` on first use."""

    def __init__(self) -> None:
        self._built: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in COMMANDS:
            raise KeyError(name)
        if name not in self._built:
            command = typer.main.get_command(import_module(f"imagegen.cli.{name}").app)
            command.name = name
            self._built[name] = command
        return self._built[name]

    def __setitem__(self, name: str, command: Any) -> None:
        self._built[name] = command

    def __delitem__(self, name: str) -> None:
        del self._built[name]

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)


class RootGroup(TyperGroup):
    """The root command: loads commands lazily and translates errors."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = _CommandTable()

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - the base class's signature
        return list(COMMANDS)

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 - the base class's signature
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        words = list(sys.argv[1:] if args is None else args)
        try:
            code = super().main(args, prog_name, complete_var, False, windows_expand_args, **extra)
        except (ImagegenError, typer.TyperException, typer.Abort) as error:
            code = report(error, as_json="--json" in words)
        if not standalone_mode:
            return code
        sys.exit(code if isinstance(code, int) else 0)


app = typer.Typer(
    cls=RootGroup,
    rich_markup_mode=None,
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog='\b\nExample:\n  imagegen generate "a red fox under pine trees at night, snow"',
)


def _show_version(wanted: bool) -> None:
    if wanted:
        from imagegen import __version__

        typer.echo(f"imagegen {__version__}")
        raise typer.Exit


@app.callback()
def root(
    ctx: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option(help="Read settings from this .env, .toml or .json file.", metavar="FILE"),
    ] = None,
    version: Annotated[  # noqa: ARG001 - its callback does the work
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Make and edit images from words, with AI models or the embedded local composer."""
    ctx.obj = config
    help_when_alone(ctx)
