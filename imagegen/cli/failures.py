"""Errors for a person or, as one JSON object, for a program; always on stderr."""

from __future__ import annotations

import json

import typer

from imagegen.errors import ImagegenError, Interrupted, UsageError


def report(error: Exception, *, as_json: bool) -> int:
    """Print the error and return the exit code."""
    ours = _as_ours(error)
    if as_json:
        typer.echo(json.dumps({"error": ours.to_json()}, ensure_ascii=False), err=True)
        return int(ours.exit_code)
    typer.secho("Error: ", fg=typer.colors.RED, bold=True, err=True, nl=False)
    typer.echo(printable(ours.message), err=True)
    if ours.hint:
        typer.echo(f"  {printable(ours.hint)}", err=True)
    if ours.may_be_billed:
        typer.echo("  The provider may charge for this call.", err=True)
    return int(ours.exit_code)


def printable(text: str) -> str:
    """The text without characters that a terminal would act on: names in messages come from anywhere."""
    return "".join(c if c.isprintable() or c in "\n\t" else ascii(c)[1:-1] for c in text)


def _as_ours(error: Exception) -> ImagegenError:
    """Typer's own errors are usage errors: a missing argument, an unknown option, a wrong type."""
    if isinstance(error, ImagegenError):
        return error
    if isinstance(error, typer.Abort):
        return Interrupted("Cancelled.")
    message = error.format_message() if isinstance(error, typer.TyperException) else str(error)
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "imagegen"
    return UsageError(message, hint=f"See: {path} --help")
