"""A streamed answer: previews while it is made, then one completed event an image."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from imagegen.errors import ImagegenError
from imagegen.providers.openai_answers import bad_response, build_result, decode, read_image, refused_stream
from imagegen.providers.openai_errors import Call
from imagegen.providers.progress import ProgressReporter
from imagegen.types import ProviderImage, ProviderResult

if TYPE_CHECKING:
    from openai._legacy_response import LegacyAPIResponse

_PARTIAL = ("image_generation.partial_image", "image_edit.partial_image")
_COMPLETED = ("image_generation.completed", "image_edit.completed")


class StreamReader:
    """Collects the finished images of a stream, so that those which came before it broke are kept.

    It stops listening after `wanted` images: a server that is slow to close holds nothing back.
    """

    def __init__(self, call: Call, progress: ProgressReporter, *, wanted: int) -> None:
        self._call = call
        self._progress = progress
        self._wanted = wanted
        self._headers: Mapping[str, str] = {}
        self._completed: list[Mapping[str, Any]] = []
        self.images: list[ProviderImage] = []

    async def read(self, response: LegacyAPIResponse[Any]) -> None:
        """Read to the last wanted image. Raises BadResponse where the stream holds none."""
        from openai import AsyncStream

        self._headers = response.headers
        if "json" in self._headers.get("content-type", ""):
            raise refused_stream(await response.http_response.aread(), self._headers, self._call)
        async with response.parse(to=AsyncStream[object]) as events:
            await self._read_events(events)
        if not self.images:
            raise bad_response("ended the stream without a finished image", self._call, self._headers)

    async def _read_events(self, events: Any) -> None:
        try:
            async for event in events:
                self._take(event)
                if len(self.images) >= self._wanted:
                    return
        except (ValueError, RecursionError) as exc:
            raise bad_response("sent a stream that cannot be read", self._call, self._headers) from exc

    def _take(self, event: object) -> None:
        if not isinstance(event, Mapping):
            return
        if event.get("type") in _COMPLETED:
            self.images.append(read_image(event, self._call, self._headers))
            self._completed.append(event)
        elif event.get("type") in _PARTIAL:
            self._preview(event)

    def _preview(self, event: Mapping[str, Any]) -> None:
        """A preview that cannot be read is left out: the image itself is still to come."""
        preview, index = decode(event.get("b64_json")), event.get("partial_image_index")
        if preview is not None:
            self._progress.tell("partial", preview, index if isinstance(index, int) else 0)

    def result(self, broken_by: ImagegenError | None = None) -> ProviderResult:
        """The images that came, with a note where they are fewer than wanted."""
        notes: tuple[str, ...] = ()
        if len(self.images) < self._wanted:
            why = f": {broken_by.message}" if broken_by else "."
            notes = (f"the stream ended after {len(self.images)} of {self._wanted} images{why}",)
        return build_result(self.images, self._completed, self._headers, notes)
