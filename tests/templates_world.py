"""Template files of a user's own, and arguments for the built-in ones."""

from __future__ import annotations

import json
from pathlib import Path

from imagegen.templates import (
    Template,
    load_library,
    template_folder,
)

NAMES = tuple(load_library(custom=False).templates)
OLDER_FORM = {
    "name": "poster",
    "description": "A poster",
    "arguments": {"required": ["event"], "optional": ["place"]},
    "template": "A poster for {event} {place} in bold letters",
    "metadata": {"recommended_size": "1024x1536", "quality": "high", "style": "vivid"},
}


def own(name: str, content: str) -> Path:
    """A file in the user's template folder."""
    path = template_folder() / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return path


def toml(text: str, *arguments: str, name: str = "mine", head: str = "") -> str:
    tables = "".join(f'\n[[argument]]\nname = "{argument}"\n' for argument in arguments)
    return f"name = {json.dumps(name)}\n{head}\ntext = {json.dumps(text)}\n{tables}"


def rendered(text: str, *arguments: str, **given: str) -> str:
    own("mine.toml", toml(text, *arguments))
    return load_library().render("mine", given).text


def given_for(template: Template, share: str) -> dict[str, str]:
    """The required arguments, and no, some or all of the optional ones."""
    optional = [argument for argument in template.arguments if not argument.required]
    chosen = {"none": [], "some": optional[::2], "all": optional}[share]
    required = [argument for argument in template.arguments if argument.required]
    return {argument.name: argument.sample for argument in (*required, *chosen)}
