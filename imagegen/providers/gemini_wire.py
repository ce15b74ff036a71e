"""A request in the words of Gemini's generateContent, for sending it and for showing it: one source for both.

Gemini knows no pixels, no quality and no format: a size becomes an aspect ratio and a resolution, a quality a
thinking level, moderation a set of thresholds. What is lost on the way is said in `translation_notes`.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from imagegen.capabilities import Choice, ModelInfo, parse_size
from imagegen.shapes import nearest_ratio, nearest_resolution, resolution_of
from imagegen.types import EditRequest, GenerateRequest, InputImage, JSONObject

if TYPE_CHECKING:
    from google.genai.types import Content, GenerateContentConfig

CATEGORIES = ("HARASSMENT", "HATE_SPEECH", "SEXUALLY_EXPLICIT", "DANGEROUS_CONTENT")
LOW_THRESHOLD = "BLOCK_ONLY_HIGH"


def image_config(request: GenerateRequest, model: ModelInfo) -> JSONObject:
    """Aspect ratio and resolution: as they were said, or those of the size; empty where Gemini may choose."""
    pixels = parse_size(request.size or "auto")
    if pixels is None:
        said = {"aspectRatio": request.aspect_ratio, "imageSize": request.resolution}
        return {name: value for name, value in said.items() if value is not None}
    config: JSONObject = {}
    if ratios := _choices(model, "aspect_ratio"):
        config["aspectRatio"] = nearest_ratio(*pixels, ratios)
    if resolutions := _choices(model, "resolution"):
        config["imageSize"] = nearest_resolution(resolution_of(*pixels), resolutions)
    return config


def _choices(model: ModelInfo, name: str) -> tuple[str, ...]:
    rule = model.parameters.get(name)
    return rule.values if isinstance(rule, Choice) else ()


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
    if thinking := _thinking(request, model):
        generation["thinkingConfig"] = thinking
    if request.seed is not None:
        generation["seed"] = request.seed + image
    return {**_safety(request), "generationConfig": generation}


def _thinking(request: GenerateRequest, model: ModelInfo) -> JSONObject:
    level = thinking_level(request, model)
    thinking: JSONObject = {"thinkingLevel": level} if level else {}
    # Previews are drafts that the model makes while it thinks; it keeps them to itself unless asked.
    return thinking | ({"includeThoughts": True} if request.partial_images else {})


def _safety(request: GenerateRequest) -> JSONObject:
    if request.moderation != "low":
        return {}
    thresholds = [{"category": f"HARM_CATEGORY_{name}", "threshold": LOW_THRESHOLD} for name in CATEGORIES]
    return {"safetySettings": thresholds}


def shown_parameters(request: GenerateRequest, model: ModelInfo) -> JSONObject:
    """The body of the first call, each image as its sha256, width and height in place of its data."""
    return _body(request, settings(request, model), _described)


def streamed_body(request: GenerateRequest, model: ModelInfo, image: int) -> JSONObject:
    """The JSON body of the streamed call for one image."""
    return _body(request, settings(request, model, image), _encoded)


def method_of(request: GenerateRequest) -> str:
    """The method of the API that the request is sent to: one that streams where previews were asked for."""
    return "generateContent" if request.partial_images is None else "streamGenerateContent?alt=sse"


def _body(
    request: GenerateRequest, fields: JSONObject, shape: Callable[[InputImage], JSONObject]
) -> JSONObject:
    parts = [*({"inlineData": shape(image)} for image in _images(request)), {"text": request.prompt}]
    return {"contents": [{"role": "user", "parts": parts}], **fields}


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


def _encoded(image: InputImage) -> JSONObject:
    return {"mimeType": f"image/{image.format}", "data": base64.urlsafe_b64encode(image.data).decode()}


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
    if parse_size(request.size or "auto"):
        becomes = " at ".join(image_config(request, model).values())
        yield f"size {request.size} {f'becomes {becomes}' if becomes else 'is not sent'}"
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
    if request.partial_images:
        most = request.partial_images
        yield f"partial_images={most}: at most {most} of the drafts made while thinking; there may be none"
