"""Arguments on their way into a template: as they are given, checked, and as the text sees them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path

from imagegen.errors import NotFound, UsageError
from imagegen.templates.characters import unfit
from imagegen.templates.model import Argument, Kind, Problem, Template
from imagegen.templates.sources import SourceFile, is_missing, parse, read_source
from imagegen.templates.vocabulary import Value

MAX_VALUE_CHARS = 2_000

_TRUE, _FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")


def parse_pairs(pairs: Sequence[str]) -> dict[str, str]:
    """`key=value` texts as a mapping; the value may hold more equals signs. Raises UsageError."""
    given: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        name = name.strip()
        if not equals or not name:
            raise UsageError(
                f"{pair[:80]} is no argument.", hint='Write name=value, such as -a title="Ship faster".'
            )
        if name in given:
            raise UsageError(
                f"The argument {name} is given twice.", hint="Leave one of them out.", argument=name
            )
        given[name] = value
    return given


def load_arguments(path: Path) -> dict[str, str]:
    """The arguments in a TOML file, or a JSON file by its suffix. Raises NotFound or UsageError."""
    if is_missing(path):
        raise NotFound(f"There is no file {path}.", path=str(path))
    source = read_source(path)
    content = parse(source) if isinstance(source, SourceFile) else source
    if isinstance(content, Problem):
        place = f" at line {content.line}, column {content.column}" if content.line else ""
        raise UsageError(
            f"The arguments in {path} cannot be read{place}: {content.message}",
            hint='Write it as TOML (name = "value"), or as JSON in a file that ends in .json.',
            path=str(path),
        )
    return {name: _plain(path, name, value) for name, value in content.items()}


def _plain(path: Path, name: str, value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return ""
    if isinstance(value, str | int | float):
        return str(value)
    raise UsageError(
        f"The argument {name} in {path} is no single value.", hint="Give it a text.", path=str(path)
    )


def gather_arguments(pairs: Sequence[str], file: Path | None = None) -> dict[str, str]:
    """The arguments of a file, and over them those of `key=value` texts. Raises NotFound or UsageError."""
    return {**(load_arguments(file) if file else {}), **parse_pairs(pairs)}


def check_arguments(template: Template, given: Mapping[str, str]) -> dict[str, str]:
    """The given arguments in the template's own spelling and order; an empty value counts as not given.

    Raises UsageError, which names everything that is missing, unknown or not among the allowed values.
    """
    values = {name: value.strip() for name, value in given.items() if value.strip()}
    faults = [*_missing(template, values), *_unknown(template, given), *_unfitting(template, values)]
    if faults:
        raise UsageError(
            f"{template.name}: {' '.join(faults)}",
            hint=f"See: imagegen prompts show {template.name}",
            template=template.name,
            missing=[a.name for a in template.arguments if a.required and a.name not in values] or None,
            unknown=[name for name in given if not template.argument(name)] or None,
        )
    return {a.name: _canonical(a, values[a.name]) for a in template.arguments if a.name in values}


def _missing(template: Template, values: Mapping[str, str]) -> Iterator[str]:
    for argument in template.arguments:
        if argument.required and argument.name not in values:
            means = argument.description.rstrip(".")
            explained = f" ({means[0].lower()}{means[1:]})" if means else ""
            yield f"{argument.name} is missing{explained}; give {argument.name}={_quoted(argument.sample)}."


def _quoted(sample: str) -> str:
    return f'"{sample}"' if " " in sample else sample


def _unknown(template: Template, given: Mapping[str, str]) -> Iterator[str]:
    known = [argument.name for argument in template.arguments]
    for name in given:
        if name in known:
            continue
        near = get_close_matches(name.lower().replace("-", "_"), known, n=1)
        hint = (
            f"did you mean {near[0]}?"
            if near
            else f"there are {', '.join(known)}."
            if known
            else "there are none."
        )
        yield f"There is no argument {name[:80]}: {hint}"


def _unfitting(template: Template, values: Mapping[str, str]) -> Iterator[str]:
    for argument in template.arguments:
        value = values.get(argument.name)
        if value is None:
            continue
        problem = unfit(value, MAX_VALUE_CHARS)
        if problem:
            yield f"{argument.name} {problem}."
        elif argument.kind is Kind.BOOL and value.lower() not in (*_TRUE, *_FALSE):
            yield f"{argument.name} takes true or false, not {value[:80]}."
        elif argument.kind is Kind.CHOICE and not argument.open and _listed(argument, value) is None:
            near = get_close_matches(value.lower(), argument.values, n=1)
            hint = f" Did you mean {near[0]}?" if near else ""
            yield f"{argument.name} takes {', '.join(argument.values)}, not {value[:80]}.{hint}"


def _listed(argument: Argument, value: str) -> str | None:
    """The listed value that differs in nothing but capitals."""
    folded = value.casefold()
    return next((known for known in argument.values if known.casefold() == folded), None)


def _canonical(argument: Argument, value: str) -> str:
    if argument.kind is Kind.BOOL:
        return "true" if value.lower() in _TRUE else "false"
    return _listed(argument, value) or value


def as_variables(template: Template, arguments: Mapping[str, str]) -> dict[str, str | bool]:
    """What the text sees under every argument's name: an empty text where it was not given."""
    return {a.name: _variable(a, arguments.get(a.name, "")) for a in template.arguments}


def _variable(argument: Argument, value: str) -> str | bool:
    if argument.kind is Kind.BOOL and value:
        return value == "true"
    return Value(value, argument.values[value]) if value in argument.values else value
