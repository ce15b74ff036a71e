"""The bytes of images as results carry them: small previews, kept for a while, or the whole in base64."""

from __future__ import annotations

import asyncio
import base64
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from imagegen.imaging import MIME_TYPES, UnreadableImage
from imagegen.previews import make_preview
from imagegen.service import ImageService
from imagegen.types import ImageRecord

WEBP = MIME_TYPES["webp"]
KEPT_BYTES = 8_000_000
THREADS = 2  # previews are made by the processor; more would only keep the loop from its turn
SHOWN_WHOLE = frozenset({"png", "jpeg", "webp", "gif"})  # what clients can render


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
    """Makes what is shown of stored images."""

    def __init__(self, service: ImageService) -> None:
        self._service = service
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="imagegen-preview")
        self._kept: OrderedDict[tuple[str, int, int], EncodedImage] = OrderedDict()
        self._kept_bytes = 0

    async def preview(self, record: ImageRecord, *, side: int, max_chars: int) -> EncodedImage | None:
        """A WebP of at most `max_chars` characters; None where the image cannot be shown small."""
        key = (record.image_id, side, max_chars)
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        loop = asyncio.get_running_loop()
        try:
            encoded = await loop.run_in_executor(self._threads, self._make, record, side, max_chars)
        except UnreadableImage:
            return None
        self._keep(key, encoded)
        return encoded

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

    def _make(self, record: ImageRecord, side: int, max_chars: int) -> EncodedImage:
        """Read here, so that only as many images are in memory as there are threads. Blocking."""
        data = self._service.bytes_now(record)
        preview = make_preview(data, record.file_info.format, side=side, max_bytes=max_chars * 3 // 4)
        return EncodedImage(base64.b64encode(preview.data).decode("ascii"), WEBP)

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _keep(self, key: tuple[str, int, int], encoded: EncodedImage) -> None:
        if key in self._kept:
            return
        self._kept[key] = encoded
        self._kept_bytes += len(encoded.base64)
        while self._kept_bytes > KEPT_BYTES:
            self._kept_bytes -= len(self._kept.popitem(last=False)[1].base64)


def _base64_size(size_bytes: int) -> int:
    return (size_bytes + 2) // 3 * 4
