"""The images that are kept: found, read, counted, deleted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

from imagegen.errors import NotFound
from imagegen.store import ImageStore, ReindexReport, StoreMark, parse_image_id
from imagegen.threads import InThread
from imagegen.types import CleanupReport, HistoryPage, HistoryQuery, ImageRecord, LastCleanup, StoreStats


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineage:
    """An image, the stored images it was made from, and those made from it."""

    record: ImageRecord
    parents: tuple[ImageRecord, ...]
    children: tuple[ImageRecord, ...]


class Archive:
    """A store, asked from an event loop; the work is done in threads. Every method raises StorageError."""

    def __init__(self, store: ImageStore, in_thread: InThread) -> None:
        self._store = store
        self._in_thread = in_thread

    # Finding images

    async def list_images(self, query: HistoryQuery) -> HistoryPage:
        """One page of the history, newest first."""
        return await self._in_thread(lambda: self._store.list(query))

    async def get_image(self, image_id: str) -> ImageRecord:
        """The record of an image id or of `last`. Raises UsageError for a malformed id, NotFound."""
        return await self._in_thread(lambda: self._find(image_id))

    def _find(self, image_id: str) -> ImageRecord:
        if image_id != "last":
            parse_image_id(image_id)
            return self._store.get(image_id)
        latest = self._store.latest()
        if latest is None:
            raise NotFound("There is no image yet.", hint='Make one: imagegen generate "a red fox"')
        return latest

    async def lineage(self, image_id: str) -> Lineage:
        """The image with its parents and children that are still in the history."""
        record = await self.get_image(image_id)
        parents = await self._in_thread(lambda: self._store.parents_of(record))
        children = await self._in_thread(lambda: self._store.children_of(record.image_id))
        return Lineage(record=record, parents=parents, children=children)

    async def check_writable(self) -> None:
        """Raise StorageError where an image could not be saved."""
        await self._in_thread(self._store.check_writable)

    def path_of(self, record: ImageRecord) -> Path:
        """Where the image's bytes are."""
        return self._store.path_of(record)

    async def read_bytes(self, record: ImageRecord) -> bytes:
        """The image's bytes as the provider sent them. Raises NotFound, StorageError."""
        return await self._in_thread(lambda: self.bytes_now(record))

    def bytes_now(self, record: ImageRecord) -> bytes:
        """Like `read_bytes`, for who is in a thread already. Blocking."""
        return self._store.read_bytes(record)

    async def read_image(self, image_id: str) -> tuple[ImageRecord, bytes]:
        """The record of an image id or of `last`, and its bytes; the rest as for `get_image`."""

        def read() -> tuple[ImageRecord, bytes]:
            record = self._find(image_id)
            return record, self._store.read_bytes(record)

        return await self._in_thread(read)

    # Keeping house

    async def delete(self, image_ids: Sequence[str]) -> tuple[ImageRecord, ...]:
        """Delete images with their sidecars; all ids are checked before the first goes."""
        records = [await self.get_image(image_id) for image_id in image_ids]
        ids = list(dict.fromkeys(record.image_id for record in records))
        return await self._in_thread(lambda: self._store.delete(ids))

    async def reindex(self) -> ReindexReport:
        """Build the index anew from the sidecars on disk."""
        return await self._in_thread(self._store.reindex)

    async def stats(self, *, since: datetime | None = None) -> StoreStats:
        """Sums over the history; the rows by model and day cover what was made from `since` on."""
        return await self._in_thread(lambda: self._store.stats(since))

    async def cleanup(
        self,
        *,
        older_than: timedelta | None,
        max_size_bytes: int | None,
        dry_run: bool = False,
        unless_within: timedelta | None = None,
    ) -> CleanupReport:
        """Delete the oldest images beyond an age or a total size; None means no such bound.

        Does nothing where another clean-up has run `unless_within` that time. Being cancelled ends the work
        in its thread soon after.
        """
        now, cancelled = datetime.now(UTC), Event()
        try:
            return await self._in_thread(
                lambda: self._store.cleanup(
                    older_than=older_than,
                    max_size_bytes=max_size_bytes,
                    dry_run=dry_run,
                    now=now,
                    unless_within=unless_within,
                    is_stopped=cancelled.is_set,
                )
            )
        finally:
            cancelled.set()

    async def last_cleanup(self) -> LastCleanup | None:
        """The last clean-up that ran through, whoever ran it."""
        return await self._in_thread(self._store.last_cleanup)

    async def look(self) -> StoreMark:
        """What differs from an earlier look where something in the store has changed; cheap."""
        return await self._in_thread(self._store.look)
