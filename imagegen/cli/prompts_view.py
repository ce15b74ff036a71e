"""What the prompts commands do and show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import typer

from imagegen.capabilities import SizeRule
from imagegen.cli.facts import hanging
from imagegen.cli.output import Talk, print_json, print_table, quoted
from imagegen.cli.prompts_library import load_templates
from imagegen.errors import ConfigurationError
from imagegen.providers import load_providers
from imagegen.resolution import resolve
from imagegen.settings_sources import load_settings
from imagegen.templates import (
    Argument,
    Kind,
    Problem,
    Rendered,
    Severity,
    Template,
    check_file,
    gather_arguments,
    nearest_size,
    start_template,
)
from imagegen.templates.documents import problem_document, rendered_document, template_document


def show_templates(config: Path | None, *, as_json: bool, quiet: bool) -> None:
    """A row a template; broken files are named on stderr."""
    library = load_templates(config)
    templates = list(library.templates.values())
    if as_json:
        documents = [template_document(template) for template in templates]
        problems = [problem_document(problem) for problem in library.problems]
        print_json({"templates": documents, "problems": problems, "folder": str(library.folder)})
        return
    rows = [(t.name, t.meant_for, t.recommended_size or "", t.source, t.outline) for t in templates]
    print_table(("template", "meant for", "size", "from", "needs [and can take]"), rows, spare=(3, 2))
    talk = Talk(quiet=quiet, as_json=as_json)
    for problem in library.errors:
        talk.note(str(problem))


def show_template(config: Path | None, name: str, *, as_json: bool) -> None:
    """One template in full."""
    template = load_templates(config).find(name)
    if as_json:
        print_json({**template_document(template), "text": template.text})
        return
    _show_facts(template)
    _show_arguments(template)
    typer.echo(f"example\n  {_example(template)}\ntext")
    for line in template.text.strip().splitlines():
        typer.echo(f"  {line}".rstrip())


def _show_facts(template: Template) -> None:
    typer.echo(f"{template.name}  {template.title}")
    if template.description:
        typer.echo(f"  {hanging(template.description, 2)}")
    facts = {
        "meant for": template.meant_for,
        "size": " ".join(filter(None, (template.recommended_size, _ratio(template.aspect_ratio)))),
        "quality": template.quality,
        "style": template.style,
        "from": template.source,
    }
    for name, value in facts.items():
        if value:
            typer.echo(f"  {name:<20}{hanging(value, 22)}")
    for name, sizes in template.size_for.items():
        for value, size in sizes.items():
            typer.echo(f"  {'size':<20}{size} for {name}={value}")


def _show_arguments(template: Template) -> None:
    if not template.arguments:
        return
    typer.echo("arguments")
    for argument in template.arguments:
        typer.echo(f"  {argument.name:<20}{hanging(_meaning(argument), 22)}")


def _meaning(argument: Argument) -> str:
    parts = ["required" if argument.required else "", argument.description]
    if argument.kind is Kind.BOOL:
        parts.append("true or false")
    elif argument.values:
        parts.append(", ".join(argument.values) + (", or any other" if argument.open else ""))
    elif argument.example:
        parts.append(f"such as “{argument.example}”")
    return "; ".join(part for part in parts if part)


def _example(template: Template) -> str:
    needed = [a for a in template.arguments if a.required] or list(template.arguments[:1])
    pairs = [word for argument in needed for word in ("-a", f"{argument.name}={argument.sample}")]
    return quoted(["imagegen", "generate", "--template", template.name, *pairs])


def _ratio(ratio: str | None) -> str:
    return f"({ratio})" if ratio else ""


@dataclass(frozen=True, slots=True)
class Fit:
    """The model that a prompt is for, and the size it can make that is nearest to the recommended one."""

    model: str
    size: str | None


def show_prompt(
    config: Path | None,
    name: str,
    pairs: Sequence[str],
    file: Path | None,
    *,
    model: str | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """The prompt on stdout, its hints on stderr."""
    rendered = load_templates(config).render(name, gather_arguments(pairs, file))
    if not as_json:
        typer.echo(rendered.text)
    talk = Talk(quiet=quiet, as_json=as_json)
    fit = _fit(config, model, rendered) if as_json or not talk.silent else None
    if as_json:
        document = rendered_document(rendered)
        print_json({**document, "model": fit and fit.model, "nearest_size": fit and fit.size})
    elif fit is not None:
        talk.detail(_hints(rendered, fit))


def _fit(config: Path | None, model: str | None, rendered: Rendered) -> Fit:
    """What the named model, or the one that would be used, makes of the recommended size."""
    settings = load_settings(config=config).settings
    found = resolve(
        load_providers(settings).providers,
        provider=None,
        model=model,
        default_model=settings.images.default_model,
    ).model
    rule = found.parameters.get("size")
    wanted = rendered.recommended_size
    size = nearest_size(wanted, rule) if wanted and isinstance(rule, SizeRule) else None
    return Fit(found.full_name, size)


def _hints(rendered: Rendered, fit: Fit) -> str:
    size = " ".join(filter(None, (rendered.recommended_size, _ratio(rendered.aspect_ratio))))
    hints = (
        f"suits {size}" if size else "",
        f"{fit.model} makes {fit.size}" if fit.size else "",
        f"quality {rendered.quality}" if rendered.quality else "",
    )
    return f"{rendered.name}: {', '.join(filter(None, hints)) or rendered.source}"


def start_file(config: Path | None, name: str, copy_of: str | None, *, force: bool, as_json: bool) -> None:
    """Write the file and say where it is."""
    path = start_template(name, load_templates(config).folder, overwrite=force, copy_of=copy_of)
    if as_json:
        print_json({"path": str(path)})
    else:
        typer.echo(str(path))


def check_files(config: Path | None, file: Path | None, *, as_json: bool) -> None:
    """Every problem on a line of its own. Raises ConfigurationError where a file cannot be used."""
    checked, problems = _checked(config, file)
    broken = sorted({str(problem.path) for problem in problems if problem.severity is Severity.ERROR})
    if as_json:
        documents = [problem_document(problem) for problem in problems]
        print_json({"valid": not broken, "files": [str(path) for path in checked], "problems": documents})
    else:
        for problem in problems:
            typer.echo(str(problem))
    if broken:
        raise ConfigurationError(
            f"{len(broken)} of {len(checked)} files cannot be used: {', '.join(broken)}.",
            hint="Correct the lines named above.",
        )
    if not as_json and not problems:
        typer.echo(f"{len(checked)} {'file' if len(checked) == 1 else 'files'} checked, no problems")


def _checked(config: Path | None, file: Path | None) -> tuple[list[Path], tuple[Problem, ...]]:
    if file is not None:
        return [file], check_file(file)
    library = load_templates(config)
    brand = [library.brand.path] if library.brand.path else []
    return [*library.files, *brand], library.problems
