"""The bytes of images as results carry them: small previews, kept for a while, or the whole in base64."""

from __future__ import annotations

import asyncio
import base64
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from imagegen.imaging import MIME_TYPES, UnreadableImage
from imagegen.preview_pool import PreviewPool
from imagegen.preview_process import Wanted
from imagegen.service import ImageService
from imagegen.types import ImageRecord

WEBP = MIME_TYPES["webp"]
PREVIEW_CHARS = 90_000  # of base64, for one image
PICTURE_CHARS = 560_000  # of base64, for all pictures of a result: the rest of 700 KB is text
PATIENCE_SECONDS = 15.0  # with a preview; others that take their time may be before it
KEPT_BYTES = 8_000_000
SHOWN_WHOLE = frozenset({"png", "jpeg", "webp", "gif"})  # what clients can render

Key = tuple[str, int, int]


@dataclass(frozen=True, slots=True)
class EncodedImage:
    """An image in base64. `note` says where it is not the image itself."""

    base64: str
    mime_type: str
    note: str | None = None

    @property
    def data_url(self) -> str:
        return f"data:{self.mime_type};base64,{self.base64}"


class Pictures:
    """Makes what is shown of stored images. A preview is made once for all who want it at the same time."""

    def __init__(self, service: ImageService) -> None:
        self._service = service
        self._pool = PreviewPool()
        self._expected: dict[str, int] = {}  # the side in pixels, by task
        self._making: dict[Key, Future[EncodedImage]] = {}
        self._kept: OrderedDict[Key, EncodedImage] = OrderedDict()
        self._kept_bytes = 0
        self._lock = threading.Lock()

    @contextmanager
    def expected(self, task_id: str, *, side: int) -> Iterator[None]:
        """While somebody waits for the images of a task, to see previews of them."""
        if side == 0:
            yield
            return
        self._expected[task_id] = side
        self._pool.warm_up(len(self._expected))
        try:
            yield
        finally:
            self._expected.pop(task_id, None)

    def saved(self, records: Sequence[ImageRecord]) -> None:
        """Begin with the previews that are expected, as soon as the images are there. From any thread."""
        for record in records:
            side = self._expected.get(record.task_id)
            if side is not None:
                with suppress(RuntimeError):  # the server is stopping: nobody will see it
                    self._begin(record, (record.image_id, side, preview_chars(len(records))))

    async def preview(self, record: ImageRecord, *, side: int, max_chars: int) -> EncodedImage | None:
        """A WebP of at most `max_chars` characters; None where the image cannot be shown small in time."""
        key = (record.image_id, side, max_chars)
        kept = self._find(key)
        if kept is not None:
            return kept
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                return await asyncio.shield(asyncio.wrap_future(self._begin(record, key)))  # others may wait
        except (UnreadableImage, TimeoutError):
            return None

    async def whole(self, record: ImageRecord, *, max_chars: int) -> EncodedImage | None:
        """The image itself, or the best rendition that fits; None where there is none."""
        info = record.file_info
        if info.format in SHOWN_WHOLE and _base64_size(info.size_bytes) <= max_chars:
            data = await self._service.read_bytes(record)
            return EncodedImage(base64.b64encode(data).decode("ascii"), MIME_TYPES[info.format])
        side = min(max(info.width or 1024, info.height or 1024), 2048)
        rendition = await self.preview(record, side=side, max_chars=max_chars)
        if rendition is None:
            return None
        note = f"the {info.format} of {info.size_bytes:,} bytes is shown as a WebP; resource_uri has it whole"
        return EncodedImage(rendition.base64, rendition.mime_type, note)

    def under_way(self) -> tuple[Key, ...]:
        """The previews that are being made: image id, side and room of each."""
        with self._lock:
            return tuple(self._making)

    def close(self) -> None:
        """End what makes previews."""
        self._pool.close()

    def _begin(self, record: ImageRecord, key: Key) -> Future[EncodedImage]:
        _, side, max_chars = key
        path = str(self._service.path_of(record))
        with self._lock:
            making = self._making.get(key)
            if making is not None:
                return making
            wanted = Wanted(path, record.file_info.format, side, max_chars * 3 // 4)
            making = self._making[key] = self._pool.submit(wanted, lambda data: self._keep(key, data))
        making.add_done_callback(lambda _: self._forget(key))
        return making

    def _forget(self, key: Key) -> None:
        with self._lock:
            del self._making[key]

    def _find(self, key: Key) -> EncodedImage | None:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def _keep(self, key: Key, data: bytes) -> EncodedImage:
        encoded = EncodedImage(base64.b64encode(data).decode("ascii"), WEBP)
        with self._lock:
            self._kept[key] = encoded
            self._kept_bytes += len(encoded.base64)
            while self._kept_bytes > KEPT_BYTES:
                self._kept_bytes -= len(self._kept.popitem(last=False)[1].base64)
        return encoded


def preview_chars(images: int) -> int:
    """How many characters of base64 the preview of one of so many images may have."""
    return min(PREVIEW_CHARS, PICTURE_CHARS // images)


def _base64_size(size_bytes: int) -> int:
    return (size_bytes + 2) // 3 * 4
