"""Images made here from a stored one: kept beside it, free, with the original as their parent."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from imagegen.imaging import EXTENSIONS, ImageFacts, probe
from imagegen.store import ImageStore
from imagegen.types import CostBasis, CostInfo, FileInfo, ImageRecord

CONVERTED = "converted"
PROCESSED = "processed"
"""Keys in the details of a derived image: the format it was brought into, or the step that made it."""

FREE = CostInfo(estimated_cost_usd=Decimal(0), cost_usd=Decimal(0), basis=CostBasis.FREE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What was done to the original: `note` for people, `details` for programs, `outdated` notes to drop."""

    note: str
    details: Mapping[str, Any] = field(default_factory=dict)
    outdated: tuple[str, ...] = ()
    task_id: str | None = None  # None: it belongs to the task of the original


def save_derived(store: ImageStore, original: ImageRecord, data: bytes, change: Change) -> ImageRecord:
    """Keep `data` as made from `original`, whose prompt and model it shares. Blocking.

    Raises UnreadableImage where the bytes are no image, StorageError.
    """
    facts = probe(data)
    # Newer than what it was made from, also where the clock was set back in between.
    created_at = max(datetime.now(UTC), original.created_at + timedelta(microseconds=1))
    image_id = store.new_image_id(created_at)
    kept = tuple(note for note in original.notes if note not in change.outdated)
    record = replace(
        original,
        image_id=image_id,
        task_id=change.task_id or original.task_id,
        created_at=created_at,
        file_info=file_info(store, image_id, created_at, data, facts),
        cost_info=FREE,
        parents=(original.image_id,),
        notes=(*kept, change.note),
        details={**original.details, **change.details},
    )
    return store.save(record, data)


def file_info(
    store: ImageStore, image_id: str, created_at: datetime, data: bytes, facts: ImageFacts
) -> FileInfo:
    """Where the bytes will be kept, and what they are."""
    return FileInfo(
        filename=store.filename_for(image_id, EXTENSIONS[facts.format], created_at),
        size_bytes=len(data),
        format=facts.format,
        width=facts.width,
        height=facts.height,
        sha256=hashlib.sha256(data).hexdigest(),
    )
