"""Reading what follows a step's colon."""

from __future__ import annotations

import re
from collections.abc import Collection

from imagegen.errors import UsageError

_OPTION = re.compile(r"(?P<name>[a-z]+)=(?P<value>[^,]*)")


def split_options(text: str, names: Collection[str]) -> tuple[str, dict[str, str]]:
    """What comes first, and the `name=value` pairs of these names at the end, separated by commas.

    A comma before anything else is part of the first thing, so a text may hold commas.
    """
    options: dict[str, str] = {}
    rest = text
    while rest:
        head, comma, last = rest.rpartition(",")
        match = _OPTION.fullmatch(last)
        if match is None or match["name"] not in names:
            break
        options.setdefault(match["name"], match["value"])
        rest = head
        if not comma:
            break
    return rest, options


def whole_number(text: str, *, what: str, low: int, high: int, usage: str) -> int:
    """A whole number between two bounds, both included. Raises UsageError that names `what`."""
    if re.fullmatch(r"\d{1,6}", text, re.ASCII) and low <= int(text) <= high:
        return int(text)
    raise UsageError(f"{what} {text!r} is not a whole number of {low} to {high}.", hint=f"Write: {usage}")


def one_of(text: str, values: Collection[str], *, what: str, usage: str) -> str:
    """One of a few words. Raises UsageError that names `what`."""
    if text in values:
        return text
    raise UsageError(f"{what} {text!r} is none of {', '.join(values)}.", hint=f"Write: {usage}")
