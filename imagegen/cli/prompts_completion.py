"""What the shell offers for templates and their arguments; where something is broken, nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import typer

from imagegen.errors import ImagegenError

if TYPE_CHECKING:
    from imagegen.templates import Argument, Template


def template_names(incomplete: str) -> list[tuple[str, str]]:
    """Names of templates, with what they are for."""
    from imagegen.cli.prompts_library import load_templates

    try:
        library = load_templates()
        names = [name for name in library.templates if name.startswith(incomplete)]
        return [(name, library.templates[name].meant_for) for name in names]
    except ImagegenError:
        return []


def argument_pairs(ctx: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """`key=` for the arguments of the template on the line, and `key=value` once the key is clear."""
    from imagegen.cli.prompts_library import load_templates

    try:
        library = load_templates()
        # An option that still waits for its value ends typer's parsing: the name may lie among the rest.
        words = (str(ctx.params.get("template")), *ctx.args)
        name = next((word for word in words if word in library.templates), None)
        return list(_pairs(library.find(name), incomplete)) if name else []
    except ImagegenError:
        return []


def _pairs(template: Template, incomplete: str) -> Iterator[tuple[str, str]]:
    key, equals, value = incomplete.partition("=")
    matching = [a for a in template.arguments if (a.name == key if equals else a.name.startswith(key))]
    for argument in matching:
        values = [known for known in _values(argument) if known.lower().startswith(value.lower())]
        if values and (equals or len(matching) == 1):
            yield from ((f"{argument.name}={known}", argument.description) for known in values)
        elif not equals:
            yield f"{argument.name}=", argument.description


def _values(argument: Argument) -> tuple[str, ...]:
    from imagegen.templates import Kind

    return ("true", "false") if argument.kind is Kind.BOOL else tuple(argument.values)
