"""The index: what the sidecars say, arranged for questions. Derived data, whatever holds it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from imagegen.errors import StorageError
from imagegen.types import HistoryPage, HistoryQuery, ImageRecord, SpendRow


class IndexDamaged(StorageError):
    """The index cannot be used as it is; the sidecars can replace it."""

    code = "index_damaged"


class IndexReadOnly(StorageError):
    """The index cannot be opened here without writing."""

    code = "index_read_only"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """The statistics that the index can give: totals of everything, rows since a day."""

    images: int
    size_bytes: int
    cost_usd: Decimal
    unknown_cost: int
    oldest: datetime | None
    newest: datetime | None
    by_model: tuple[SpendRow, ...]
    by_day: tuple[SpendRow, ...]


class Index(Protocol):
    """Answers questions about images in a time that hardly depends on how many there are.

    Every method raises StorageError, and IndexDamaged where a rebuild helps.
    """

    def add(self, records: Iterable[ImageRecord], *, only_if: Callable[[ImageRecord], bool] = ...) -> None:
        """Add or replace records in one transaction, leaving out those that `only_if` denies within it."""

    def remove(self, image_ids: Iterable[str]) -> None:
        """Remove what is there of these ids, in one transaction."""

    def prune(self, *, keep: set[str], is_gone: Callable[[ImageRecord], bool]) -> int:
        """Remove the records not in `keep` that are gone; how many those were."""

    def recount(self) -> None:
        """Compute the sums anew from the records."""

    def check(self) -> None:
        """Raise IndexDamaged when the file is not sound."""

    def get(self, image_id: str) -> ImageRecord | None:
        """One record."""

    def page(self, query: HistoryQuery, *, oldest_first: bool = False) -> HistoryPage:
        """One page. Raises UsageError for a cursor that is none."""

    def ids_starting_with(self, prefix: str, limit: int) -> tuple[str, ...]:
        """Image ids, newest first."""

    def made_from(self, parents: Sequence[str]) -> tuple[ImageRecord, ...]:
        """The records that name one of `parents`, oldest first."""

    def find_sha256(self, sha256: str) -> tuple[ImageRecord, ...]:
        """The records with these bytes, newest first."""

    def sums(self, since: datetime | None) -> Sums:
        """The statistics; rows cover the UTC day of `since` and later."""

    def data_version(self) -> int:
        """A number that has changed when the index was, other than through this object; cheap."""

    def close(self) -> None:
        """Release the file."""
