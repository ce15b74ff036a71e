"""What a HistoryQuery becomes in SQL, and what a record becomes in a row."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from imagegen.errors import UsageError
from imagegen.store.sidecar import micro_dollars, write_row
from imagegen.types import HistoryQuery, ImageRecord

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MAX_POSITION = 2**63 - 2**20  # room for the ties at the end of time
TIES = 1024

# Scripts that are written without spaces between words: every character is a word of its own.
_UNSPACED = re.compile("([\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff])")


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL and the values for its placeholders."""

    sql: str
    values: list[Any]


def position_at(moment: datetime) -> int:
    """The first position of an instant."""
    micros = (moment - EPOCH) // timedelta(microseconds=1)
    return min(max(micros * TIES, 0), MAX_POSITION)


def position_of(record: ImageRecord) -> int:
    """Where a record belongs; the next free position is its own."""
    return position_at(record.created_at) + int(record.image_id[-12:-9], 16) * TIES // 4096


def moment_of(position: int) -> datetime:
    """The instant of a position, in UTC."""
    return EPOCH + timedelta(microseconds=position // TIES)


def searchable(text: str) -> str:
    """Text as the word index takes it: no control characters, no half surrogates."""
    clean = re.sub(r"[\x00-\x1f]+", " ", text).encode("utf-8", "replace").decode("utf-8")
    return _UNSPACED.sub(r" \1 ", clean)


def match_expression(text: str) -> str | None:
    """An FTS5 expression that asks for every word of `text`; None when there is no word in it.

    Each word is a quoted string, so that nothing in it is syntax.
    """
    words = ['"' + searchable(word).strip().replace('"', '""') + '"' for word in searchable_words(text)]
    return " ".join(words) or None


def searchable_words(text: str) -> list[str]:
    """The words of a search, each once."""
    return list(dict.fromkeys(re.sub(r"[\x00-\x1f]+", " ", text).split()))


def row_of(record: ImageRecord) -> tuple[Any, ...]:
    """The columns of `images` after `position`."""
    return (
        record.image_id,
        f"{record.created_at.astimezone(UTC):%Y-%m-%d}",
        _storable(record.provider),
        _storable(record.model),
        str(record.operation),
        record.file_info.size_bytes,
        micro_dollars(record.cost_info.cost_usd),
        bytes.fromhex(record.file_info.sha256),
        write_row(record),
    )


def _storable(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")


def page_statement(query: HistoryQuery, *, oldest_first: bool = False) -> Statement:
    """The rows (position, sidecar) of a page and one more. Raises UsageError for a cursor that is none."""
    conditions, values = _conditions(query)
    if query.cursor is not None:
        conditions.append(f"position {'>' if oldest_first else '<'} ?")
        values.append(parse_cursor(query.cursor))
    source, order = "images", "position"
    if match := match_expression(query.text or ""):
        # The word index walks its own rowids in order; sorting by `position` would collect every match first.
        source, order = "prompts JOIN images ON position = prompts.rowid", "prompts.rowid"
        conditions = ["prompts MATCH ?", *(c.replace("position", "prompts.rowid") for c in conditions)]
        values.insert(0, match)
    where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
    direction = "ASC" if oldest_first else "DESC"
    sql = f"SELECT position, sidecar FROM {source} {where} ORDER BY {order} {direction} LIMIT ?"  # noqa: S608
    return Statement(sql, [*values, query.limit + 1])


def _conditions(query: HistoryQuery) -> tuple[list[str], list[Any]]:
    wanted = {
        "position >= ?": query.since and position_at(query.since),
        "position < ?": query.until and position_at(query.until),
        "model = ?": query.model and _storable(query.model),
        "provider = ?": query.provider and _storable(query.provider),
        "operation = ?": query.operation and str(query.operation),
    }
    given = {condition: value for condition, value in wanted.items() if value is not None}
    return list(given), list(given.values())


def write_cursor(position: int) -> str:
    """A cursor as the caller sees it."""
    return f"{position:x}"


def parse_cursor(cursor: str) -> int:
    """The position in a cursor. Raises UsageError."""
    if not re.fullmatch(r"[0-9a-f]{1,16}", cursor) or int(cursor, 16) >= 2**63:
        raise UsageError(f"{cursor!r} is no cursor.", hint="Take next_cursor of the page before it.")
    return int(cursor, 16)
