"""A streamed answer: drafts while the model thinks, then words and whole images, chunk by chunk.

It is read without the SDK: its chunks have lost `finishMessage`, and it warns of every word that is newer.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from imagegen.providers.gemini_answers import (
    Answer,
    answer_from,
    answer_object,
    bad_response,
    drafts,
    error_document,
    objects,
    shown_parts,
)
from imagegen.providers.gemini_errors import GeminiCall, refusal
from imagegen.types import JSONObject

if TYPE_CHECKING:
    from httpx2 import Response

OnDraft = Callable[[bytes, int], None]

_ONCE = ("promptFeedback", "modelVersion", "responseId")


class StreamReader:
    """Puts the chunks of a stream together, so that an image which came before it broke is kept.

    At most `drafts` drafts are passed on, numbered from 0. It stops listening at the last chunk: a server
    that is slow to close holds nothing back.
    """

    def __init__(self, call: GeminiCall, on_draft: OnDraft, *, drafts: int) -> None:
        self._call = call
        self._on_draft = on_draft
        self._drafts = drafts
        self._passed_on = 0
        self._answer: JSONObject = {}
        self._parts: list[JSONObject] = []
        self._is_over = False

    async def read(self, response: Response) -> None:
        """Read to the last chunk. Raises what an error stands for, BadResponse where there is no answer."""
        if response.status_code != 200:
            body = (await response.aread()).decode(errors="replace")
            raise refusal(
                error_document(body), self._call, status=response.status_code, headers=response.headers
            )
        if "event-stream" not in response.headers.get("content-type", ""):
            # A server that does not stream answers in one piece.
            self._take((await response.aread()).decode(errors="replace"), response.headers)
            return
        async for event in _events(response.aiter_bytes()):
            self._take(event, response.headers)
            if self._is_over:
                return
        if not self._answer:
            raise bad_response("ended the stream without an answer.", self._call)

    def answer(self, broken_by: str | None = None) -> Answer:
        """What came. `broken_by`: why it may not be all."""
        found = answer_from(self._answer, self._call)
        if broken_by is None:
            return found
        # The counts so far leave out what came last.
        return replace(found, usage=None, notes=(f"the stream broke off after the image: {broken_by}",))

    def _take(self, content: str, headers: Mapping[str, str]) -> None:
        chunk = answer_object(content, headers, self._call)
        for data in drafts(chunk):
            if self._passed_on < self._drafts:
                self._on_draft(data, self._passed_on)
                self._passed_on += 1
        self._add(chunk)

    def _add(self, chunk: Mapping[str, Any]) -> None:
        for name in _ONCE:
            if name in chunk:
                self._answer.setdefault(name, chunk[name])
        if "usageMetadata" in chunk:
            self._answer["usageMetadata"] = chunk["usageMetadata"]
        [candidate] = self._answer.setdefault("candidates", [{"content": {"parts": self._parts}}])
        for part in objects(chunk.get("candidates")):
            candidate |= {name: part[name] for name in ("finishReason", "finishMessage") if part.get(name)}
            for piece in shown_parts(part):
                self._add_part(piece)
            self._is_over = bool(part.get("finishReason")) and "usageMetadata" in chunk

    def _add_part(self, part: Mapping[str, Any]) -> None:
        """A part of the answer; a text goes on where the one before it ended."""
        text, last = part.get("text"), self._parts[-1] if self._parts else {}
        if isinstance(text, str) and isinstance(last.get("text"), str):
            last["text"] += text
        else:
            self._parts.append(dict(part))


async def _events(pieces: AsyncIterator[bytes]) -> AsyncIterator[str]:
    """The data of each server-sent event."""
    data: list[bytes] = []
    async for line in _lines(pieces):
        if line.startswith(b"data:"):
            data.append(line.removeprefix(b"data:").removeprefix(b" "))
        elif not line and data:
            yield b"\n".join(data).decode(errors="replace")
            data = []
    if data:
        yield b"\n".join(data).decode(errors="replace")


async def _lines(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Split at line feeds alone: text in JSON may hold the other characters that end a line."""
    begun: list[bytes] = []
    async for piece in pieces:
        *ended, rest = piece.split(b"\n")
        for end in ended:
            yield b"".join([*begun, end]).removesuffix(b"\r")
            begun = []
        begun.append(rest)
    if last := b"".join(begun):
        yield last
