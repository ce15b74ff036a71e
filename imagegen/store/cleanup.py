"""One clean-up: what it takes, and how that is reported."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import takewhile
from typing import TypeVar

from imagegen.store.files import BlobStore
from imagegen.store.repair import batches
from imagegen.types import CleanupReport, ImageRecord, RejectedAnswer

T = TypeVar("T")
BATCH = 100  # images deleted in one go: a server that ends waits for no more than that


def never() -> bool:
    """Nobody stops this clean-up."""
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What is to go: images older than that, then the oldest beyond a total size; None means no such bound.

    `is_stopped` is asked between steps, from the thread of the clean-up.
    """

    now: datetime
    older_than: timedelta | None
    max_size_bytes: int | None
    is_stopped: Callable[[], bool] = never

    def is_too_old(self, created_at: datetime) -> bool:
        """Whether what was made then is beyond the age."""
        return self.older_than is not None and self.now - created_at > self.older_than

    def chosen(
        self, oldest_first: Iterable[ImageRecord], total_bytes: int
    ) -> Iterator[tuple[ImageRecord, str]]:
        """The images to delete, oldest first, each with its reason: `age` or `size`."""
        for record in self.until_stopped(oldest_first):
            if self.is_too_old(record.created_at):
                reason = "age"
            elif self.max_size_bytes is not None and total_bytes > self.max_size_bytes:
                reason = "size"
            else:
                return
            total_bytes -= record.file_info.size_bytes
            yield record, reason

    def until_stopped(self, items: Iterable[T]) -> Iterator[T]:
        """The items, up to the moment at which the clean-up is stopped."""
        return takewhile(lambda _: not self.is_stopped(), items)


@dataclass(slots=True)
class Taken:
    """What is to be deleted, or was: images, oldest first, with their reasons, and rejected answers."""

    images: list[ImageRecord] = field(default_factory=list)
    reasons: dict[str, str] = field(default_factory=dict)
    rejected: list[RejectedAnswer] = field(default_factory=list)

    def report(
        self, now: datetime, *, dry_run: bool = False, temporary_files: int = 0, stopped: bool = False
    ) -> CleanupReport:
        """The same as the caller gets it."""
        return CleanupReport(
            ran_at=now,
            dry_run=dry_run,
            images=tuple(self.images),
            reasons=self.reasons,
            freed_bytes=sum(record.file_info.size_bytes for record in self.images)
            + sum(answer.size_bytes for answer in self.rejected),
            temporary_files=temporary_files,
            rejected=tuple(self.rejected),
            stopped=stopped,
        )


def nothing_done(
    now: datetime, *, already_running: bool = False, already_done: bool = False
) -> CleanupReport:
    """The report of a clean-up that left everything to another."""
    return CleanupReport(
        ran_at=now,
        dry_run=False,
        images=(),
        reasons={},
        freed_bytes=0,
        temporary_files=0,
        already_running=already_running,
        already_done=already_done,
    )


def doomed_by(
    rule: Rule, oldest_first: Iterable[ImageRecord], *, total_bytes: int, blobs: BlobStore
) -> Taken:
    """What the rule is for deleting; the folders are searched for rejected answers where it has an age."""
    doomed = Taken()
    for record, reason in rule.chosen(oldest_first, total_bytes):
        doomed.images.append(record)
        doomed.reasons[record.image_id] = reason
    if rule.older_than is not None:
        old = [a for a in rule.until_stopped(blobs.rejected()) if rule.is_too_old(a.created_at)]
        doomed.rejected = sorted(old, key=lambda answer: answer.image_id)
    return doomed


def take(
    doomed: Taken, rule: Rule, *, delete: Callable[[Sequence[ImageRecord]], None], blobs: BlobStore
) -> Taken:
    """Delete what is doomed; gives what of it is gone."""
    taken = Taken()
    for records in rule.until_stopped(batches(doomed.images, BATCH)):
        delete(records)
        taken.images += records
        taken.reasons |= {record.image_id: doomed.reasons[record.image_id] for record in records}
    for answers in rule.until_stopped(batches(doomed.rejected, BATCH)):
        blobs.discard(answers)
        taken.rejected += answers
    return taken
