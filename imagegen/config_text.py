"""config.toml as text: a line is set or removed where it stands, so that comments survive."""

from __future__ import annotations

import copy
import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from imagegen.settings_fields import FIELDS, GROUPS, SERVER_FIELDS, SERVERS, SettingField

HEADING = """\
# Settings of imagegen. A line counts once the "#" at its beginning is gone.
# Stronger than this file: the command line, the environment, a .env file in the current folder.
"""


def toml_value(field: SettingField, value: Any, text: str) -> bool | int | float | str | list[str]:
    """What to write for a validated value that was given as `text`; `~` and `$NAME` stay as they are."""
    if field.octal:
        return f"{value:o}"
    if isinstance(value, Path):
        return text if "~" in text or "$" in text else str(value)
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, bool | int | float) else text


def with_setting(text: str, tables: dict[str, Any], field: SettingField, value: Any) -> str:
    """The file's text, which parses to `tables`, with the setting in it."""
    wanted = copy.deepcopy(tables)
    table = wanted
    for group in field.group.split("."):
        table = table.setdefault(group, {})
    table[field.key] = value
    return _checked(_with_line(text, field.group, field.key, _line(field.key, value)), wanted)


def without_setting(text: str, tables: dict[str, Any], name: str) -> str | None:
    """The file's text without the setting; None where it holds none of that name."""
    wanted = copy.deepcopy(tables)
    *groups, key = name.split(".")
    table: Any = wanted
    for group in groups:
        table = table.get(group) if isinstance(table, dict) else None
    if not isinstance(table, dict) or key not in table:
        return None
    del table[key]
    example = _example(FIELDS[name]) if name in FIELDS else ""
    return _checked(_with_line(text, ".".join(groups), key, example), wanted)


def initial_text() -> str:
    """A config.toml that sets nothing and explains every setting in comments."""
    sections = [section for group in GROUPS for section in _section(group)]
    return HEADING + "".join([*sections, *_server_section()])


def _section(group: str) -> Iterator[str]:
    fields = [field for field in FIELDS.values() if field.group == group]
    if fields:
        yield f"\n# {GROUPS[group]}\n[{group}]\n"
    for field in fields:
        vendors = " or ".join(name for name in (field.vendor, field.vendor_alias) if name)
        also = f" Also read from {vendors}." if vendors else ""
        yield f"\n# {field.description} ({field.takes}).{also}\n{_example(field)}\n"


def _server_section() -> Iterator[str]:
    """How a server is added. The header too is a comment: with it alone the server would be there."""
    yield f"\n# {GROUPS[SERVERS]} Copy this for each:\n#\n#   [{SERVERS}.NAME]\n"
    for field in SERVER_FIELDS.values():
        yield f"#\n#   # {field.description} ({field.takes}).\n#   {_example(field)}\n"


def _example(field: SettingField) -> str:
    default = "" if field.default is None else toml_value(field, field.default, str(field.default))
    return f"# {_line(field.key, default)}"


def _line(key: str, value: Any) -> str:
    """A setting on one line, lists too: the line is what the next change replaces."""
    import tomli_w

    if isinstance(value, list):
        return f"{key} = {json.dumps(value)}"
    return tomli_w.dumps({key: value}).rstrip("\n")


def _checked(text: str, wanted: dict[str, Any]) -> str:
    """The edited text if it means what it should; else (inline tables, dotted keys, …) written anew."""
    import tomli_w

    try:
        faithful = tomllib.loads(text) == wanted
    except tomllib.TOMLDecodeError:
        faithful = False
    return text if faithful else tomli_w.dumps(wanted)


def _with_line(text: str, group: str, key: str, line: str) -> str:
    """The text with `line` for the key in `[group]`: in its place, in its example's place, or at the end."""
    lines = text.split("\n")
    first, end = _extent(lines, group)
    if first is None:
        return f"{text.rstrip()}\n\n[{group}]\n{line}\n".lstrip("\n")
    for pattern in (rf"\s*{re.escape(key)}\s*=", rf"#\s?{re.escape(key)}\s*="):
        for number in range(first, end):
            if re.match(pattern, lines[number]):
                return "\n".join([*lines[:number], line, *lines[number + 1 :]])
    while end > first and not lines[end - 1].strip():
        end -= 1
    return "\n".join([*lines[:end], line, *(lines[end:] or [""])])


def _extent(lines: list[str], group: str) -> tuple[int | None, int]:
    """Where the lines of `[group]` begin and end; the comment above the next table belongs to that table."""
    headers = [number for number, line in enumerate(lines) if line.lstrip().startswith("[")]
    for number, header in enumerate(headers):
        if lines[header].partition("#")[0].replace(" ", "").strip() == f"[{group}]":
            end = headers[number + 1] if number + 1 < len(headers) else len(lines)
            while end < len(lines) and end > header + 1 and lines[end - 1].startswith("#"):
                end -= 1
            return header + 1, end
    return None, len(lines)
