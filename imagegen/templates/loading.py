"""From a file to a template: TOML as in `builtin/`, or the JSON form with `template` and `metadata`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from math import log
from typing import Any

from imagegen.capabilities import parse_size
from imagegen.templates.arguments_table import read_arguments
from imagegen.templates.checking import check_text
from imagegen.templates.model import Argument, Problem, Severity, Template
from imagegen.templates.sources import SourceFile, parse

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
RATIO = re.compile(r"(\d{1,4}(?:\.\d{1,3})?):(\d{1,4}(?:\.\d{1,3})?)")
QUALITIES = ("auto", "low", "medium", "high", "xhigh", "max")
OLDER_QUALITIES = {"standard": "medium", "hd": "high"}
MAX_SIDE = 8192
RESERVED_NAMES = frozenset({"brand"})  # brand.toml is the brand's

_KEYS = (
    "name", "title", "description", "meant_for", "text", "recommended_size", "size_for", "aspect_ratio",
    "quality", "style", "argument",
)  # fmt: skip


@dataclass(slots=True)
class Reading:
    """A file on its way to a template, and what is wrong with it; `text_key` is its word for the text."""

    source: SourceFile
    content: Mapping[str, Any]
    text_key: str = "text"
    problems: list[Problem] = field(default_factory=list)

    def fault(self, message: str, key: str, value: str | None = None, *, harmless: bool = False) -> None:
        """Note a problem at the place of a key."""
        severity = Severity.WARNING if harmless else Severity.ERROR
        self.problems.append(self.source.problem(message, self.source.offset_of(key, value), severity))

    def text(self, key: str) -> str | None:
        """A text, trimmed; None where there is none."""
        value = self.content.get(key)
        if value is None or isinstance(value, str):
            return (value or "").strip() or None
        self.fault(f"{key} takes a text.", key)
        return None


def read_template(
    source: SourceFile, *, builtin: bool = False
) -> tuple[Template | None, tuple[Problem, ...]]:
    """The template in a file, None where it cannot be used, and what is wrong with the file.

    The text of a built-in one is not checked: the tests did, and rendering refuses what is not allowed.
    """
    content = parse(source)
    if isinstance(content, Problem):
        return None, (content,)
    older = "template" in content
    reading = Reading(source, _from_json_form(content), "template") if older else Reading(source, content)
    template = _build(reading, builtin=builtin)
    if not builtin:
        _check_text(reading, template)
    usable = template.text and all(p.severity is not Severity.ERROR for p in reading.problems)
    in_order = sorted(reading.problems, key=lambda problem: (problem.line or 0, problem.column or 0))
    return (template if usable else None), tuple(in_order)


def _from_json_form(content: Mapping[str, Any]) -> dict[str, Any]:
    """`{"name", "arguments": {"required", "optional"}, "template", "metadata": {…}}` in the keys of TOML."""
    rest = {key: value for key, value in content.items() if key not in ("arguments", "template", "metadata")}
    metadata, groups = content.get("metadata") or {}, content.get("arguments") or {}
    known = dict(metadata) if isinstance(metadata, dict) else {"metadata": metadata}
    tables: Any = groups
    if isinstance(groups, dict):
        tables = [
            row for group in ("required", "optional") for row in _rows(groups.get(group), group == "required")
        ]
    return {**known, **rest, "text": content["template"], "argument": tables}


def _rows(entries: Any, required: bool) -> Iterator[Any]:
    for entry in entries if isinstance(entries, list) else [entries] if entries else []:
        table = entry if isinstance(entry, dict) else {"name": entry}
        yield {**table, "required": required}


def _build(reading: Reading, *, builtin: bool) -> Template:
    for key in reading.content.keys() - set(_KEYS):
        near = get_close_matches(key, _KEYS, n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        reading.fault(f"{key} means nothing here.{hint}", key, harmless=True)
    arguments = read_arguments(reading)
    name = _name(reading)
    size = _size(reading, reading.text("recommended_size"), "recommended_size")
    return Template(
        name=name,
        title=reading.text("title") or re.sub(r"[_.-]+", " ", name).strip().capitalize(),
        text=_prompt(reading),
        description=reading.text("description") or "",
        meant_for=reading.text("meant_for") or "",
        arguments=arguments,
        recommended_size=size,
        size_for=_sizes(reading, arguments),
        aspect_ratio=_ratio(reading, size),
        quality=_quality(reading),
        style=reading.text("style"),
        path=None if builtin else reading.source.path,
    )


def _name(reading: Reading) -> str:
    name = reading.text("name") or reading.source.path.stem
    if not NAME.fullmatch(name) or name in RESERVED_NAMES:
        takes = "letters, digits, - and _, at most 64 of them"
        reading.fault(f"{name[:80]} is no name for a template: it takes {takes}.", "name")
    return name


def _prompt(reading: Reading) -> str:
    value = reading.content.get("text")
    if isinstance(value, str) and value.strip():
        return value
    missing = value is None or isinstance(value, str)
    reading.fault("There is no text." if missing else f"{reading.text_key} takes a text.", reading.text_key)
    return ""


def _size(reading: Reading, size: str | None, key: str) -> str | None:
    if size is None or size == "auto":
        return None
    pixels = parse_size(size)
    if pixels is None:
        reading.fault(f"{size[:80]} is no size: write WIDTHxHEIGHT, such as 1200x630.", key, size)
    elif max(pixels) > MAX_SIDE:
        reading.fault(f"{size} is too large: a side has at most {MAX_SIDE} pixels.", key, size)
    else:
        return size
    return None


def _sizes(reading: Reading, arguments: tuple[Argument, ...]) -> dict[str, dict[str, str]]:
    """`[size_for.ARGUMENT]` tables: value = size."""
    tables, sizes = reading.content.get("size_for", {}), {}
    if not isinstance(tables, dict) or not all(isinstance(table, dict) for table in tables.values()):
        reading.fault("size_for takes a table: [size_for.ARGUMENT], then value = size.", "size_for")
        return {}
    known = {argument.name: argument for argument in arguments}
    for name, table in tables.items():
        if name not in known:
            reading.fault(f"size_for.{name}: there is no argument {name}.", name)
            continue
        for value in table:
            if value not in known[name].values:
                reading.fault(f"size_for.{name}: {name} has no value {value}.", value)
        sizes[name] = {v: s for v, text in table.items() if (s := _size(reading, str(text), v))}
    return sizes


def _ratio(reading: Reading, size: str | None) -> str | None:
    ratio = reading.text("aspect_ratio")
    match = RATIO.fullmatch(ratio) if ratio else None
    if ratio is None:
        return None
    if not match or not float(match[1]) or not float(match[2]):
        reading.fault(f"{ratio[:80]} is no aspect ratio: write 16:9 or 1.91:1.", "aspect_ratio")
        return None
    pixels = parse_size(size) if size else None
    if pixels and abs(log(float(match[1]) / float(match[2]) * pixels[1] / pixels[0])) > 0.02:
        reading.fault(f"The aspect ratio {ratio} is not that of {size}.", "aspect_ratio")
    return ratio


def _quality(reading: Reading) -> str | None:
    quality = reading.text("quality")
    if quality is None or quality in QUALITIES:
        return quality
    if quality in OLDER_QUALITIES:
        return OLDER_QUALITIES[quality]
    reading.fault(f"{quality[:80]} is no quality: there are {', '.join(QUALITIES)}.", "quality")
    return None


def _check_text(reading: Reading, template: Template) -> None:
    """Faults of the text, at their places in the file, and arguments that it never uses."""
    if not template.text:
        return
    findings, used = check_text(template.text, {argument.name for argument in template.arguments})
    places = reading.source.offsets_in(reading.text_key, template.text) or []
    start = reading.source.offset_of(reading.text_key)
    for finding in findings:
        severity = Severity.WARNING if finding.harmless else Severity.ERROR
        offset = places[min(finding.offset, len(places) - 1)] if places else start
        reading.problems.append(reading.source.problem(finding.message, offset, severity))
    for argument in template.arguments:
        if argument.name not in used and argument.name not in template.size_for:
            message = f"The argument {argument.name} is never used."
            by_table = reading.text_key == "text"
            offset = reading.source.offset_of(*("name", argument.name) if by_table else (argument.name,))
            reading.problems.append(reading.source.problem(message, offset, Severity.WARNING))
