"""Help that names the templates there are, so that nobody has to know them beforehand."""

from __future__ import annotations

from typing import Any

from typer.core import TyperCommand, TyperGroup

from imagegen.errors import ImagegenError


class GroupWithTemplates(TyperGroup):
    """A group whose help lists every template and what it is for."""

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        _write_templates(ctx, formatter, with_arguments=False)
        super().format_epilog(ctx, formatter)


class CommandWithTemplates(TyperCommand):
    """A command whose help lists every template, what it needs and what it can take."""

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        _write_templates(ctx, formatter, with_arguments=True)
        super().format_epilog(ctx, formatter)


def _write_templates(ctx: Any, formatter: Any, *, with_arguments: bool) -> None:
    from imagegen.cli.prompts_library import load_templates

    try:
        templates = list(load_templates(ctx.find_root().obj).templates.values())
    except ImagegenError:  # help is there for whoever has to mend it
        return
    if not with_arguments:
        with formatter.section("Templates"):
            formatter.write_dl([(t.name, t.description or t.meant_for or t.title) for t in templates])
        return
    with formatter.section("Templates, what they need [and can take]"):
        formatter.write_dl([(template.name, template.signature or "nothing") for template in templates])
