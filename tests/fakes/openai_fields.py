"""Whether a request is one that the SDK's own parameter types describe, extra fields forbidden.

The types say nothing of ranges or models; `openai_rules` does.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from pydantic import ConfigDict, TypeAdapter, with_config

from tests.fakes.http import Part, RecordedRequest

GENERATIONS = "/images/generations"
EDITS = "/images/edits"
_NUMBERS = ("n", "output_compression", "partial_images", "frame_count", "frame_duration_ms")
_FILES = ("image", "image[]", "mask", "markup")
_MAGIC = {"image/png": b"\x89PNG\r\n\x1a\n", "image/jpeg": b"\xff\xd8\xff", "image/webp": b"RIFF"}


class Violation(ValueError):
    """A request that no well-behaved client sends."""


def read_fields(request: RecordedRequest) -> dict[str, Any]:
    """The parameters as the SDK's types name them; files are (name, bytes, media type). Raises Violation."""
    edit = request.path.endswith(EDITS)
    try:
        fields = _multipart_fields(request.parts) if edit else request.json
        checked = {**fields}
        # The service takes it on edits; the SDK's types do not have it there.
        moderation = checked.pop("moderation", "auto") if edit else "auto"
        if moderation not in ("auto", "low"):
            raise Violation(f"moderation: {moderation}")
        _adapter(edit=edit, streamed=bool(fields.get("stream"))).validate_python(checked, strict=True)
    except (ValueError, KeyError, TypeError) as exc:
        raise Violation(str(exc)) from exc
    return fields


@lru_cache
def _adapter(*, edit: bool, streamed: bool) -> TypeAdapter[Any]:
    # Imported when the first request comes: the SDK takes over a second.
    from openai.types import image_edit_params as edits
    from openai.types import image_generate_params as generations

    strict = with_config(ConfigDict(extra="forbid", arbitrary_types_allowed=True))
    if edit:

        @strict
        class Edit(edits.ImageEditParamsNonStreaming): ...

        @strict
        class StreamedEdit(edits.ImageEditParamsStreaming): ...

        return TypeAdapter(StreamedEdit if streamed else Edit)

    @strict
    class Generate(generations.ImageGenerateParamsNonStreaming): ...

    @strict
    class StreamedGenerate(generations.ImageGenerateParamsStreaming): ...

    return TypeAdapter(StreamedGenerate if streamed else Generate)


def _multipart_fields(parts: list[Part]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    images: list[Any] = []
    for part in parts:
        if part.name in ("image", "image[]"):
            images.append(_file(part))
        elif part.name in _FILES:
            fields[part.name] = _file(part)
        else:
            _put(fields, part)
    names = [part.name for part in parts]
    if names.count("image") > 1 or {"image", "image[]"} <= set(names):
        raise Violation("image is one file alone; several go into image[]")
    fields["image"] = images[0] if "image" in names else images
    return fields


def _put(fields: dict[str, Any], part: Part) -> None:
    """Place a text part; `svg[reasoning][effort]` goes into nested objects."""
    if part.filename is not None:
        raise Violation(f"{part.name} came as a file")
    *outer, last = part.name.replace("]", "").split("[")
    for name in outer:
        fields = fields.setdefault(name, {})
    if last in fields:
        raise Violation(f"{part.name} came twice")
    fields[last] = _value(last, part.data.decode())


def _value(name: str, text: str) -> object:
    if name in _NUMBERS:
        return int(text)
    if name == "stream":
        return {"true": True, "false": False}[text]
    return text


def _file(part: Part) -> tuple[str, bytes, str]:
    """A file with a name, a media type, and bytes that are of that type."""
    magic = _MAGIC.get(part.content_type or "")
    if magic is None or not part.data.startswith(magic):
        raise Violation(f"{part.name} is called {part.content_type} and begins with {part.data[:8]!r}")
    if not part.filename or "." not in part.filename or "/" in part.filename:
        raise Violation(f"{part.name} has the file name {part.filename!r}")
    return (part.filename, part.data, str(part.content_type))
