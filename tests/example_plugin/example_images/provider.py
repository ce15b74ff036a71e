"""A provider that paints stripes in the colours that the prompt's hash gives. No network, no key."""

from __future__ import annotations

import asyncio
import hashlib
import struct
import zlib
from collections.abc import Sequence
from typing import ClassVar, Self

from imagegen.capabilities import Choice, ModelInfo, Range, SizeRule, parse_size
from imagegen.providers.base import Availability, Provider, WireCall
from imagegen.settings import Settings
from imagegen.types import (
    EditRequest,
    GenerateRequest,
    JSONObject,
    Operation,
    Progress,
    ProgressCallback,
    ProviderImage,
    ProviderResult,
)

SIZE = "256x256"
STRIPES = ModelInfo(
    id="stripes",
    provider="example",
    title="stripes in eight colours",
    operations=frozenset(Operation),
    parameters={
        "n": Range(1, 4),
        "size": SizeRule(fixed=("auto", SIZE, "512x512")),
        "seed": Range(0, 1_000),
        "output_format": Choice(("png",)),
    },
    max_prompt_chars=4_000,
    max_input_images=1,
    notes=("An edit paints over the input in the colours of both.",),
)


class ExampleProvider(Provider):
    """Stripes."""

    name: ClassVar[str] = "example"
    title: ClassVar[str] = "Example (stripes)"

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:  # noqa: ARG003 - it has no settings
        return cls()

    @property
    def default_model(self) -> str:
        return STRIPES.id

    def availability(self) -> Availability:
        return Availability(enabled=True, reason="paints stripes; no network, no key")

    def models(self) -> Sequence[ModelInfo]:
        return (STRIPES,)

    def wire_call(self, request: GenerateRequest) -> WireCall:
        return WireCall(endpoint="example stripes", parameters=_parameters(request))

    async def generate(self, request: GenerateRequest, *, on_progress: ProgressCallback) -> ProviderResult:
        return await _painted(request, on_progress)

    async def edit(self, request: EditRequest, *, on_progress: ProgressCallback) -> ProviderResult:
        return await _painted(request, on_progress)


def _parameters(request: GenerateRequest) -> JSONObject:
    inputs = [image.sha256 for image in request.images] if isinstance(request, EditRequest) else []
    size = SIZE if request.size in (None, "auto") else request.size
    return {
        "prompt": request.prompt,
        "n": request.n,
        "size": size,
        "seed": request.seed or 0,
        "inputs": inputs,
    }


async def _painted(request: GenerateRequest, on_progress: ProgressCallback) -> ProviderResult:
    on_progress(Progress(stage="sending", model=STRIPES.id))
    parameters = _parameters(request)
    images = await asyncio.to_thread(lambda: [_stripes(parameters, number) for number in range(request.n)])
    on_progress(Progress(stage="received", model=STRIPES.id))
    return ProviderResult(images=tuple(ProviderImage(data=data) for data in images))


def _stripes(parameters: JSONObject, number: int) -> bytes:
    """A PNG with eight stripes across."""
    words = f"{parameters['prompt']} {parameters['seed'] + number} {parameters['inputs']}"
    digest = hashlib.sha256(words.encode()).digest()
    width, height = parse_size(parameters["size"]) or (256, 256)
    colours = [digest[3 * i : 3 * i + 3] for i in range(8)]
    row = b"\0" + b"".join(colours[x * 8 // width] for x in range(width))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = (_chunk(b"IHDR", header), _chunk(b"IDAT", zlib.compress(row * height)), _chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
