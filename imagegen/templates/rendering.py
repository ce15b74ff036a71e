"""From a template and arguments to a prompt."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from imagegen.errors import ConfigurationError, UsageError
from imagegen.templates.arguments import as_variables, check_arguments
from imagegen.templates.brand import Brand
from imagegen.templates.language import (
    BRAND,
    PARAGRAPH,
    FaultyText,
    build_environment,
    parse_allowed,
    prepare_plain_text,
)
from imagegen.templates.model import Rendered, Template
from imagegen.templates.sizes import aspect_ratio
from imagegen.templates.writing import write

if TYPE_CHECKING:
    from jinja2 import nodes

MAX_PROMPT_CHARS = 32_000

_SPACE = re.compile(r"[ \t\n]+")
_STOPS = re.compile(r"(?<!\.)\.\.(?=\s|$)|(?<=[!?…])\.(?=\s|$)")


def render(template: Template, text: nodes.Template, given: Mapping[str, str], brand: Brand) -> Rendered:
    """The prompt that the template, its text read by `read_text`, makes of the arguments, and its hints.

    Raises UsageError for arguments that do not fit, or a prompt beyond 32,000 characters.
    """
    arguments = check_arguments(template, given)
    variables = {**as_variables(template, arguments), BRAND: brand.words()}
    size = recommended_size(template, arguments)
    ratio = template.aspect_ratio if size == template.recommended_size else None
    return Rendered(
        text=_tidy(_bounded(template.name, write(text, variables))),
        name=template.name,
        arguments=arguments,
        recommended_size=size,
        aspect_ratio=ratio or (aspect_ratio(size) if size else None),
        quality=template.quality,
        style=template.style,
        source=template.source,
    )


def recommended_size(template: Template, arguments: Mapping[str, str]) -> str | None:
    """The size that suits the arguments: the first `size_for` table that knows one, else the general one."""
    for name, sizes in template.size_for.items():
        if arguments.get(name) in sizes:
            return sizes[arguments[name]]
    return template.recommended_size


def read_text(template: Template) -> nodes.Template:
    """The text ready to be written. Raises ConfigurationError where it is not allowed."""
    names = {argument.name for argument in template.arguments}
    environment = build_environment()
    try:
        tree, outputs = parse_allowed(environment, template.text, names)
    except FaultyText as exc:
        raise ConfigurationError(
            f"The template {template.name} ({template.source}) cannot be used: {exc}",
            hint="See: imagegen prompts check",
            template=template.name,
        ) from exc
    prepare_plain_text(outputs, names)
    return tree


def _bounded(name: str, pieces: Iterable[str]) -> str:
    kept: list[str] = []
    room = MAX_PROMPT_CHARS
    for piece in pieces:
        room -= len(piece)
        if room < 0:
            raise UsageError(
                f"The prompt of {name} becomes longer than {MAX_PROMPT_CHARS:,} characters.",
                hint="Give shorter arguments.",
                template=name,
            )
        kept.append(piece)
    return "".join(kept)


def _tidy(text: str) -> str:
    """Single spaces, an empty line between paragraphs, one full stop where a value brought its own."""
    paragraphs = (_SPACE.sub(" ", paragraph).strip() for paragraph in text.split(PARAGRAPH))
    whole = "\n\n".join(paragraph for paragraph in paragraphs if paragraph)
    return _STOPS.sub(_one_stop, whole)


def _one_stop(match: re.Match[str]) -> str:
    return "." if match[0] == ".." else ""
