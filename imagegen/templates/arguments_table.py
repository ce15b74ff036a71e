"""The `[[argument]]` tables of a template's file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from imagegen.templates.model import Argument, Kind

if TYPE_CHECKING:
    from imagegen.templates.loading import Reading

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
MAX_ARGUMENTS = 50

_KEYS = ("name", "description", "required", "type", "values", "open", "example")
# Words of the template language, and names that Jinja gives a meaning of its own.
_RESERVED = frozenset(
    {"brand", "true", "false", "none", "True", "False", "None", "and", "or", "not", "in", "is", "if", "else"}
    | {"elif", "endif", "self", "super", "loop", "caller", "varargs", "kwargs", "range"}
)


def read_arguments(reading: Reading) -> tuple[Argument, ...]:
    """The arguments of a template, the required ones first; what is wrong with them goes to `reading`."""
    tables = reading.content.get("argument", [])
    if not isinstance(tables, list) or len(tables) > MAX_ARGUMENTS:
        reading.fault(f"argument takes up to {MAX_ARGUMENTS} tables: [[argument]].", "argument")
        return ()
    found: dict[str, Argument] = {}
    for table in tables:
        argument = _argument(reading, table)
        if argument and argument.name in found:
            reading.fault(f"The argument {argument.name} stands here twice.", "name", argument.name)
        elif argument:
            found[argument.name] = argument
    return tuple(sorted(found.values(), key=lambda argument: not argument.required))


def _argument(reading: Reading, table: Any) -> Argument | None:
    name = table.get("name") if isinstance(table, dict) else None
    if not isinstance(name, str) or not NAME.fullmatch(name) or name in _RESERVED:
        shown = f"{str(name)[:80]} is no name for an argument" if name else "An argument has no name"
        value = name if isinstance(name, str) else None
        reading.fault(f"{shown}: it takes letters, digits and _.", "name", value)
        return None
    _report_unknown_keys(reading, table)
    kind, values = _kind(reading, table, name), _values(reading, table, name)
    if values and kind is not Kind.CHOICE:
        reading.fault(f"The argument {name} has values, so its type is choice.", "type", kind.value)
    if kind is Kind.CHOICE and not table.get("values"):
        reading.fault(f"The choice {name} has no values.", "name", name)
    return Argument(
        name=name,
        description=str(_one(reading, table, "description", str) or ""),
        required=bool(_one(reading, table, "required", bool)),
        kind=kind,
        values=values,
        open=bool(_one(reading, table, "open", bool)),
        example=_one(reading, table, "example", str),
    )


def _report_unknown_keys(reading: Reading, table: Mapping[str, Any]) -> None:
    for key in table.keys() - set(_KEYS):
        near = get_close_matches(key, _KEYS, n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        reading.fault(f"{key} means nothing in an argument.{hint}", key, harmless=True)


def _one(reading: Reading, table: Mapping[str, Any], key: str, wanted: type) -> Any:
    value = table.get(key)
    if value is None or isinstance(value, wanted):
        return value
    reading.fault(f"{key} takes {'true or false' if wanted is bool else 'a text'}.", key)
    return None


def _kind(reading: Reading, table: Mapping[str, Any], name: str) -> Kind:
    written = table.get("type", Kind.CHOICE if table.get("values") else Kind.TEXT)
    if written in tuple(Kind):
        return Kind(written)
    reading.fault(f"The type of {name} is text, choice or bool, not {str(written)[:80]}.", "type")
    return Kind.TEXT


def _values(reading: Reading, table: Mapping[str, Any], name: str) -> Mapping[str, str]:
    """A list of values, or a table of values and the words that stand for them in the text."""
    entry = table.get("values", [])
    words = {value: value for value in entry if isinstance(value, str)} if isinstance(entry, list) else entry
    if not isinstance(words, dict) or len(words) < len(entry):
        reading.fault(f"The values of {name} are a list of different texts.", "values")
        return {}
    if not all(isinstance(text, str) and value.strip() for value, text in words.items()):
        reading.fault(f"The values of {name} are texts.", "values")
        return {}
    return words
