"""Filter options of `history list`, `search` and `export`, and how people write times and sizes."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer

from imagegen.cli.options import SharedOption, grouped
from imagegen.errors import UsageError
from imagegen.types import HistoryQuery, Operation

DURATION = re.compile(r"(\d+)\s*([smhdw]?)")
SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)b?", re.IGNORECASE)
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks", "": "days"}


def parse_duration(text: str) -> timedelta:
    """`30d`, `12h`, `2w`, `45m`; a bare number counts days. Raises UsageError."""
    match = DURATION.fullmatch(text.strip().lower())
    if not match:
        raise UsageError(f"{text} is no length of time.", hint="Write it like 30d, 12h or 2w.")
    try:
        return timedelta(**{UNITS[match[2]]: int(match[1])})
    except OverflowError as exc:
        raise UsageError(f"{text} is too long a time.", hint="Write it like 30d, 12h or 2w.") from exc


def parse_bytes(text: str) -> int:
    """`10GB`, `500MB` (decimal), `1GiB` (binary), or a number of bytes. Raises UsageError."""
    match = SIZE.fullmatch(text.strip())
    if not match:
        raise UsageError(f"{text} is no size.", hint="Write it like 10GB or 500MB.")
    step = 1024 if match[3] else 1000
    power = " kmgt".index(match[2].lower() or " ")
    return int(float(match[1]) * step**power)


def parse_time(text: str, *, end_of_day: bool = False) -> datetime:
    """A day (`2026-11-22`, UTC) or a time in ISO 8601. Raises UsageError.

    With `end_of_day` a bare day stands for its end, so that `--until` a day includes it.
    """
    try:
        when = datetime.fromisoformat(text.strip())
        if len(text.strip()) <= len("2026-11-22") and end_of_day:
            when += timedelta(days=1)
        return when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
    except (ValueError, OverflowError) as exc:
        raise UsageError(
            f"{text} cannot be used as a date.", hint="Write it like 2026-11-22 or 2026-11-22T15:00:00Z."
        ) from exc


def _query(values: dict[str, Any]) -> HistoryQuery:
    since = values["since"]
    if values["days"] is not None and since is not None:
        raise UsageError("--days and --since say the same; give one of them.")
    start = parse_time(since) if since else None
    if values["days"] is not None:
        start = datetime.now(UTC) - timedelta(days=values["days"])
    until = values["until"]
    provider, _, model = (values["model"] or "").rpartition("/")
    return HistoryQuery(
        since=start,
        until=parse_time(until, end_of_day=True) if until else None,
        model=model or None,
        provider=values["provider"] or provider or None,
        operation=values["operation"],
        limit=values.get("limit", 100),
        cursor=values.get("cursor"),
    )


_FILTERS = (
    SharedOption(
        "days",
        Annotated[
            int | None,
            typer.Option(help="Only the last N days.", metavar="N", min=0, max=36500, show_default=False),
        ],
    ),
    SharedOption(
        "since", Annotated[str | None, typer.Option(help="From this day or time on (UTC).", metavar="DATE")]
    ),
    SharedOption(
        "until", Annotated[str | None, typer.Option(help="Up to and including this day.", metavar="DATE")]
    ),
    SharedOption(
        "model", Annotated[str | None, typer.Option("-m", "--model", help="Of this model.", metavar="MODEL")]
    ),
    SharedOption("provider", Annotated[str | None, typer.Option(help="Of this provider.", metavar="NAME")]),
    SharedOption("operation", Annotated[Operation | None, typer.Option(help="Made by this command.")]),
)
_PAGES = (
    SharedOption("limit", Annotated[int, typer.Option(help="How many at a time.", min=1, max=1000)], 20),
    SharedOption(
        "cursor", Annotated[str | None, typer.Option(help="Continue a former list.", metavar="CURSOR")]
    ),
)


def with_filters(command: Callable[..., None], *, paged: bool) -> Callable[..., None]:
    """Give a command the filters of the history, as one `HistoryQuery` in its argument `query`."""
    return grouped(command, "query", (*_FILTERS, *_PAGES) if paged else _FILTERS, _query)
