"""How long a server wants us to wait."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_IN_PROSE = re.compile(r"try again in ((?:\d+(?:\.\d+)?(?:ms|h|m|s))+)", re.IGNORECASE)
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|h|m|s)", re.IGNORECASE)
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_LONGEST = 7 * 24 * 3600.0


def retry_after_seconds(headers: Mapping[str, str], prose: str) -> float | None:
    """The wait in seconds from `retry-after-ms`, `retry-after` or "try again in 1m30s"; None if unsaid."""
    milliseconds = _number(headers.get("retry-after-ms"))
    after = headers.get("retry-after")
    for seconds in (
        None if milliseconds is None else milliseconds / 1000,
        _number(after),
        _until(after),
        _in_prose(prose),
    ):
        if seconds is not None:
            return round(min(max(seconds, 0.0), _LONGEST), 3)
    return None


def _number(text: str | None) -> float | None:
    return float(text) if text and re.fullmatch(r"\s*\d{1,12}(\.\d{1,9})?\s*", text) else None


def _until(text: str | None) -> float | None:
    """Seconds from now to an HTTP date."""
    try:
        when = parsedate_to_datetime(text or "")
    except ValueError:
        return None
    aware = when if when.tzinfo else when.replace(tzinfo=UTC)
    return (aware - datetime.now(UTC)).total_seconds()


def _in_prose(prose: str) -> float | None:
    found = _IN_PROSE.search(prose)
    if found is None:
        return None
    return sum(float(number) * _SECONDS[unit.lower()] for number, unit in _PART.findall(found[1]))
