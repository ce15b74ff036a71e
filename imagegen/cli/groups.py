"""Groups of commands: called without one, they show what there is."""

from __future__ import annotations

import typer


def build_group(help_text: str, *examples: str) -> typer.Typer:
    """A group of commands with its help and examples."""
    lines = "".join(f"\n  {example}" for example in examples)
    group = typer.Typer(
        rich_markup_mode=None,
        add_completion=False,
        invoke_without_command=True,
        help=help_text,
        epilog=f"\b\nExamples:{lines}",
    )

    @group.callback()
    def show_help_without_command(ctx: typer.Context) -> None:
        help_when_alone(ctx)

    return group


def help_when_alone(ctx: typer.Context) -> None:
    """Print the group's help when no command of it was named."""
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())
        raise typer.Exit
