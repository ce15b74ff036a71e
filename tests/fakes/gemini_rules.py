"""What the fake Gemini takes: the SDK's own types, unknown fields forbidden, and the limits of each model."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pydantic import ValidationError

TEN_RATIOS = ("1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9")
ALL_RATIOS = (*TEN_RATIOS, "1:4", "4:1", "1:8", "8:1")
TOP_LEVEL = frozenset({"contents", "safety_settings", "generation_config"})
ENTERPRISE_ONLY = frozenset(
    {
        "person_generation",
        "prominent_people",
        "output_mime_type",
        "output_compression_quality",
        "image_output_options",
    }
)
MAGIC = {
    "image/png": (0, b"\x89PNG\r\n\x1a\n"),
    "image/jpeg": (0, b"\xff\xd8\xff"),
    "image/webp": (8, b"WEBP"),
    "image/heic": (4, b"ftyp"),
    "image/heif": (4, b"ftyp"),
}
MAX_IMAGES = 14


@dataclass(frozen=True, slots=True)
class Takes:
    """What a living model takes beyond what all do."""

    ratios: tuple[str, ...]
    sizes: tuple[str, ...]
    levels: tuple[str, ...]


MODELS = {
    "gemini-nano-banana-2.1": Takes(ALL_RATIOS, ("1K", "2K", "4K"), ("MINIMAL", "MEDIUM", "HIGH")),
    "gemini-3-pro-image": Takes(TEN_RATIOS, ("1K", "2K", "4K"), ()),
    "gemini-3.1-flash-lite-image": Takes(ALL_RATIOS, ("1K",), ("MINIMAL", "HIGH")),
    "gemini-3.1-flash-image": Takes(ALL_RATIOS, ("512", "1K", "2K", "4K"), ("MINIMAL", "HIGH")),
}
ANYTHING = Takes(ALL_RATIOS, ("512", "1K", "2K", "4K"), ("MINIMAL", "LOW", "MEDIUM", "HIGH", "XHIGH"))


class Violation(ValueError):
    """A request that no version of the service would take."""


def read_body(document: Any) -> dict[str, Any]:
    """The request's fields, all in snake_case, checked by the SDK's types. Raises Violation."""
    body = snake_case(document)
    if not isinstance(body, dict) or not body.get("contents"):
        raise Violation("contents is not specified")
    for name in set(body) - TOP_LEVEL:
        raise Violation(f'Unknown name "{name}": Cannot find field.')
    config = body.setdefault("generation_config", {})
    for name in set(config) - _generation_fields():
        raise Violation(f"Unknown name \"{name}\" at 'generation_config': Cannot find field.")
    for name in set(config.get("image_config", {})) & ENTERPRISE_ONLY:
        raise Violation(f"Unknown name \"{name}\" at 'generation_config.image_config': Cannot find field.")
    _check_types(body)
    return body


def snake_case(document: Any) -> Any:
    """The document with every name in one spelling, as the service reads `mimeType` and `mime_type` alike."""
    if isinstance(document, dict):
        return {re.sub(r"(?<!^)([A-Z])", r"_\1", k).lower(): snake_case(v) for k, v in document.items()}
    return [snake_case(entry) for entry in document] if isinstance(document, list) else document


@lru_cache(maxsize=1)
def _generation_fields() -> frozenset[str]:
    from google.genai.types import GenerationConfig

    return frozenset({*GenerationConfig.model_fields, "image_config"})


def _check_types(body: Mapping[str, Any]) -> None:
    from google.genai.types import Content, GenerateContentConfig

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # a word that the SDK does not know is a warning there
            for content in body["contents"]:
                Content.model_validate(content)
            settings = {**body["generation_config"], "safety_settings": body.get("safety_settings")}
            GenerateContentConfig.model_validate(settings)
    except (ValidationError, UserWarning) as exc:
        raise Violation(str(exc)) from exc


def objections(body: dict[str, Any], takes: Takes) -> Iterator[str]:
    """What a model objects to in a request that fits the types."""
    config = body["generation_config"]
    image = config.get("image_config", {})
    if "aspect_ratio" in image and image["aspect_ratio"] not in takes.ratios:
        yield f"aspect_ratio {image['aspect_ratio']} is not supported."
    if "image_size" in image and image["image_size"] not in takes.sizes:
        yield f"image_size {image['image_size']} is not supported."
    level = config.get("thinking_config", {}).get("thinking_level")
    if level is not None and level not in takes.levels:
        yield "Thinking level is not supported for this model."
    if config.get("candidate_count", 1) != 1:
        yield "Only one candidate can be specified."
    if "IMAGE" not in config.get("response_modalities", ["TEXT", "IMAGE"]):
        yield "The model makes images."
    if not 0 <= config.get("seed", 0) < 2**31:
        yield "Invalid value at 'generation_config.seed' (TYPE_INT32)"
    yield from _bad_parts(body)


def _bad_parts(body: dict[str, Any]) -> Iterator[str]:
    images = list(inline_images(body))
    if len(images) > MAX_IMAGES:
        yield f"At most {MAX_IMAGES} images are supported."
    for mime_type, data in images:
        offset, magic = MAGIC.get(mime_type, (0, b"?"))
        if not data[offset:].startswith(magic):
            yield f"Unable to process input image: {mime_type} begins with {data[:8]!r}"
    if not any(part.get("text") for part in body["contents"][0]["parts"]):
        yield "A text is required."


def inline_images(body: dict[str, Any]) -> Iterator[tuple[str, bytes]]:
    """Media type and bytes of each input image, in order."""
    from google.genai.types import Blob

    for part in body["contents"][0]["parts"]:
        if "inline_data" in part:
            blob = Blob.model_validate(part["inline_data"])
            yield str(blob.mime_type), blob.data or b""
