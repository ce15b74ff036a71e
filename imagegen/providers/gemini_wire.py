"""A request in the words of Gemini's generateContent, for sending it and for showing it: one source for both.

Gemini knows no pixels, no quality and no format: a size becomes an aspect ratio and a resolution, a quality a
thinking level, moderation a set of thresholds. What is lost on the way is said in `translation_notes`.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import log
from typing import TYPE_CHECKING, Any

from imagegen.capabilities import ModelInfo, parse_size
from imagegen.types import EditRequest, GenerateRequest, InputImage, JSONObject

if TYPE_CHECKING:
    from google.genai.types import Content, GenerateContentConfig

# The area in pixels up to which a size is asked for as this resolution.
RESOLUTION_AREAS = (("1K", 1_600_000), ("2K", 6_000_000), ("4K", 10**9))

CATEGORIES = ("HARASSMENT", "HATE_SPEECH", "SEXUALLY_EXPLICIT", "DANGEROUS_CONTENT")
LOW_THRESHOLD = "BLOCK_ONLY_HIGH"


def nearest_ratio(width: int, height: int, ratios: list[str]) -> str:
    """The ratio that the sides are nearest to, as a factor: 2:1 is as far from 1:1 as 1:2 is."""
    wanted = log(width / height)

    def distance(ratio: str) -> float:
        across, down = ratio.split(":")
        return abs(log(int(across) / int(down)) - wanted)

    return min(ratios, key=distance)


def resolution(width: int, height: int) -> str:
    """The resolution that an area in pixels is asked for as."""
    return next(name for name, limit in RESOLUTION_AREAS if width * height <= limit)


def image_config(request: GenerateRequest, model: ModelInfo) -> JSONObject:
    """Aspect ratio and resolution of the request's size; empty where Gemini may choose."""
    pixels = parse_size(request.size or "auto")
    if pixels is None:
        return {}
    config: JSONObject = {"aspectRatio": nearest_ratio(*pixels, model.extra["ratios"])}
    if model.extra["image_sizes"]:
        config["imageSize"] = resolution(*pixels)
    return config


def thinking_level(request: GenerateRequest, model: ModelInfo) -> str | None:
    """The thinking level of the request's quality; None leaves it to the model."""
    levels: dict[str, str] = model.extra["thinking"]
    return levels.get(request.quality or "auto")


def settings(request: GenerateRequest, model: ModelInfo, image: int = 0) -> JSONObject:
    """The fields beside `contents` for the call that makes one image; `image` counts from 0.

    With a seed each image has the next one: equal seeds would make equal images.
    """
    generation: JSONObject = {"responseModalities": ["IMAGE"]}
    if config := image_config(request, model):
        generation["imageConfig"] = config
    if level := thinking_level(request, model):
        generation["thinkingConfig"] = {"thinkingLevel": level}
    if request.seed is not None:
        generation["seed"] = request.seed + image
    return {**_safety(request), "generationConfig": generation}


def _safety(request: GenerateRequest) -> JSONObject:
    if request.moderation != "low":
        return {}
    thresholds = [{"category": f"HARM_CATEGORY_{name}", "threshold": LOW_THRESHOLD} for name in CATEGORIES]
    return {"safetySettings": thresholds}


def shown_parameters(request: GenerateRequest, model: ModelInfo) -> JSONObject:
    """The body of the first call, each image as its sha256, width and height in place of its data."""
    parts = [*({"inlineData": _described(image)} for image in _images(request)), {"text": request.prompt}]
    return {"contents": [{"role": "user", "parts": parts}], **settings(request, model)}


def call_arguments(request: GenerateRequest, model: ModelInfo, image: int) -> dict[str, Any]:
    """The keyword arguments of the SDK's `generate_content` for one image."""
    return {
        "model": model.id,
        "contents": _contents(request),
        "config": _config(settings(request, model, image)),
    }


def _contents(request: GenerateRequest) -> list[Content]:
    from google.genai.types import Content, Part

    images = [
        Part.from_bytes(data=image.data, mime_type=f"image/{image.format}") for image in _images(request)
    ]
    return [Content(role="user", parts=[*images, Part.from_text(text=request.prompt)])]


def _config(fields: JSONObject) -> GenerateContentConfig:
    from google.genai.types import GenerateContentConfig

    safety = {name: value for name, value in fields.items() if name == "safetySettings"}
    return GenerateContentConfig.model_validate({**fields["generationConfig"], **safety})


def _images(request: GenerateRequest) -> tuple[InputImage, ...]:
    return request.images if isinstance(request, EditRequest) else ()


def _described(image: InputImage) -> JSONObject:
    return {
        "mimeType": f"image/{image.format}",
        "sha256": image.sha256,
        "width": image.width,
        "height": image.height,
    }


def translation_notes(request: GenerateRequest, model: ModelInfo) -> tuple[str, ...]:
    """What became of the parameters that Gemini has other words for."""
    return tuple(_translations(request, model))


def _translations(request: GenerateRequest, model: ModelInfo) -> Iterator[str]:
    if config := image_config(request, model):
        at = f" at {config['imageSize']}" if "imageSize" in config else ""
        yield f"size {request.size} becomes {config['aspectRatio']}{at}"
    if request.quality not in (None, "auto"):
        level = thinking_level(request, model)
        named = (
            f"becomes thinking level {level}" if level else "is the model's own thinking level; none is sent"
        )
        yield f"quality {request.quality} {named}"
    if request.moderation == "low":
        yield f"moderation low becomes {LOW_THRESHOLD} in four categories; Gemini's image filter stays"
    if request.n > 1:
        seeds = (
            ""
            if request.seed is None
            else f", with the seeds {request.seed} to {request.seed + request.n - 1}"
        )
        yield f"n={request.n} becomes {request.n} calls of one image each{seeds}"
