"""A new template's file: a commented example, or a copy of a built-in template."""

from __future__ import annotations

import re
from pathlib import Path

from imagegen.errors import NotFound, StorageError, UsageError
from imagegen.templates.library import builtin_source
from imagegen.templates.loading import NAME, RESERVED_NAMES
from imagegen.whole_files import write_whole

_EXAMPLE = '''\
# A template of your own. Try it out, then change it:
#   imagegen prompts render @NAME@ -a subject="a paper boat"
#   imagegen prompts check

name = "@NAME@"
title = "@TITLE@"
description = "What the picture shows, in one sentence."
meant_for = "where the picture will be used"

# What suits the use. The model makes the nearest size that it can.
recommended_size = "1200x630"
quality = "medium"              # auto, low, medium, high, xhigh or max

# The text. {{ subject }} is the value of an argument; {subject} means the same.
# What stands between {% if mood %} and {% endif %} is left out where no mood was given.
# Filters: default, words, article, capitalize, lower, upper, title, trim.
# brand.toml beside this file fills {{ brand.name }}, brand.colors, brand.fonts and brand.voice.
# Line breaks and repeated spaces become one space; an empty line begins a paragraph.
text = """
Photograph of {{ subject }}, seen at eye level, {{ background|words }} behind it.
{% if mood %}The mood is {{ mood }}. {% endif %}
{% if include_text_space %}
Keep the left third calm and empty, since a headline will be laid over it.
{% endif %}
{% if brand.colors %}Accents in the brand's colors: {{ brand.colors }}. {% endif %}
No lettering and no watermark.
"""

# The facts that the text asks for, one table each. Leave out `required` for an optional one.
[[argument]]
name = "subject"
description = "What the picture shows"
required = true
example = "a paper boat on a pond"

# A choice: nothing but these values, unless `open = true` takes others too.
# Each value may have words of its own, which {{ background|words }} puts into the text.
[[argument]]
name = "background"
description = "What is behind the subject"
required = true
[argument.values]
plain = "a plain light wall"
nature = "soft green foliage, out of focus"

[[argument]]
name = "mood"
description = "How it feels"
values = ["calm", "cheerful", "dramatic"]
open = true

[[argument]]
name = "include_text_space"
description = "Leave room for a headline"
type = "bool"

# Another size for a value of a choice:
# [size_for.background]
# nature = "1920x1080"
'''


def start_template(name: str, folder: Path, *, overwrite: bool = False, copy_of: str | None = None) -> Path:
    """Write `NAME.toml` into the folder, an example or a copy of a built-in template; returns its path.

    Raises UsageError for an impossible name or an existing file, NotFound, StorageError.
    """
    if not NAME.fullmatch(name) or name in RESERVED_NAMES:
        raise UsageError(
            f"{name[:80]} is no name for a template.",
            hint="It takes letters, digits, - and _, at most 64 of them.",
        )
    text = _copy(copy_of, name) if copy_of else _example(name)
    path = folder / f"{name}.toml"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write(path, text, overwrite=overwrite)
    except FileExistsError as exc:
        raise UsageError(
            f"{path} exists already.",
            hint="Write over it with --force, or choose another name.",
            path=str(path),
        ) from exc
    except OSError as exc:
        raise StorageError(f"Cannot write {path}: {exc.strerror or exc}.", path=str(path)) from exc
    return path


def _example(name: str) -> str:
    title = re.sub(r"[_.-]+", " ", name).strip().capitalize()
    return _EXAMPLE.replace("@NAME@", name).replace("@TITLE@", title)


def _copy(template: str, name: str) -> str:
    text = builtin_source(template)
    if text is None:
        raise NotFound(f"There is no built-in template {template[:80]}.", hint="See: imagegen prompts list")
    return re.sub(r'(?m)^name = ".*"$', f'name = "{name}"', text, count=1)


def _write(path: Path, text: str, *, overwrite: bool) -> None:
    """The whole file or none; an existing one stays unless it shall be written over."""
    if path.exists() and not overwrite:
        raise FileExistsError
    write_whole(path, text.encode(), mode=0o644)
