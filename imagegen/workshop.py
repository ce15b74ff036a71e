"""What can be done with images that are there already: look into them, and make others from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from imagegen.again import command_again
from imagegen.errors import NotFound, UsageError
from imagegen.imaging import UnreadableImage
from imagegen.metadata import Description, Embedded, Origin, describe, embed_origin
from imagegen.processing import process_file, process_stored
from imagegen.processors import Steps
from imagegen.store import ImageStore
from imagegen.threads import InThread
from imagegen.types import GenerationResult, ImageRecord, InputImage


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """What a file says, and what the history knows of it.

    `record` is that of these very bytes, or of the image that the file says it is a copy of (`is_claimed`).
    `command` would make it again, as unquoted words; where there is none, `no_command` says why.
    """

    description: Description
    record: ImageRecord | None
    is_claimed: bool
    command: tuple[str, ...] | None
    no_command: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """Works on stored images and files, off the event loop."""

    store: ImageStore
    in_thread: InThread

    async def inspect(self, image: InputImage) -> Inspection:
        """Read what the file says of itself and look it up by its hash. Raises StorageError."""

        def look() -> Inspection:
            description = describe(image.data)
            exact = self._record_of(image)
            origin = description.origin
            record = exact or (self._parent(origin.image_id) if origin else None)
            command, problem = self._command_of(record) if record else (None, None)
            return Inspection(
                description=description,
                record=record,
                is_claimed=exact is None and record is not None,
                command=command,
                no_command=problem,
            )

        return await self.in_thread(look)

    async def describe(self, record: ImageRecord) -> Description | None:
        """What the stored file says of itself; None where it is gone or damaged."""

        def look() -> Description | None:
            try:
                return describe(self.store.read_bytes(record))
            except (NotFound, UnreadableImage):
                return None

        return await self.in_thread(look)

    async def with_origin(self, record: ImageRecord, data: bytes) -> Embedded:
        """A copy of the image's bytes that says what it is and where it comes from."""
        origin = Origin(
            image_id=record.image_id,
            prompt=record.prompt,
            model=f"{record.provider}/{record.model}",
            created_at=record.created_at.isoformat().replace("+00:00", "Z"),
        )
        return await self.in_thread(lambda: embed_origin(data, origin))

    async def process(self, image: InputImage, steps: Steps) -> tuple[ImageRecord, ...]:
        """Take the steps on a stored image or on a file; each one's image is kept, in order.

        Raises what the steps refuse, StorageError.
        """

        def work() -> tuple[ImageRecord, ...]:
            if image.image_id is None:
                return process_file(self.store, image, steps)
            return process_stored(self.store, self.store.get(image.image_id), image.data, steps)

        return await self.in_thread(work)

    async def process_result(self, result: GenerationResult, steps: Steps) -> GenerationResult:
        """The result with the last step's images for the provider's, which stay in the history."""

        def work() -> tuple[ImageRecord, ...]:
            return tuple(self._last_of(record, steps) for record in result.images)

        return replace(result, images=await self.in_thread(work))

    def _last_of(self, record: ImageRecord, steps: Steps) -> ImageRecord:
        data = self.store.read_bytes(record)
        return process_stored(self.store, record, data, steps, task_id=record.task_id)[-1]

    def _record_of(self, image: InputImage) -> ImageRecord | None:
        """The newest record of these bytes; that of a stored image is its own."""
        if image.image_id is not None:
            return self.store.get(image.image_id)
        return next(iter(self.store.find_sha256(image.sha256)), None)

    def _command_of(self, record: ImageRecord) -> tuple[tuple[str, ...] | None, str | None]:
        try:
            return command_again(record, self._parent), None
        except NotFound as gone:
            return None, gone.message

    def _parent(self, name: str) -> ImageRecord | None:
        found: Sequence[ImageRecord]
        if name.startswith("sha256:"):
            found = self.store.find_sha256(name.removeprefix("sha256:"))
        else:
            try:
                found = [self.store.get(name)]
            except (NotFound, UsageError):  # a record may have been written by anybody's hand
                found = []
        return next(iter(found), None)
