"""A request in the words of OpenAI's Images API, for sending it and for showing it: one source for both."""

from __future__ import annotations

from typing import Any

from imagegen.types import EditRequest, GenerateRequest, InputImage, JSONObject, Operation, asked_parameters

PATHS = {Operation.GENERATE: "/images/generations", Operation.EDIT: "/images/edits"}

# What has another shape on the wire, or no place there: `style` and `seed` are errors on GPT Image models.
_SHAPED = frozenset({"n", "partial_images", "svg_model", "svg_effort", "style", "seed"})
_SUFFIXES = {"jpeg": "jpg"}


def body(request: GenerateRequest) -> JSONObject:
    """The JSON fields of a call: what was given, but for one image and moderation auto, its own defaults.

    `partial_images` asks for a stream. `svg_model` and `svg_effort` become the nested `svg` object.
    """
    fields: JSONObject = {"model": request.model, "prompt": request.prompt}
    said = asked_parameters(request)
    fields |= {name: value for name, value in said.items() if name not in _SHAPED}
    if fields.get("moderation") == "auto":
        del fields["moderation"]
    if request.n != 1:
        fields["n"] = request.n
    if request.partial_images is not None:
        fields |= {"stream": True, "partial_images": request.partial_images}
    return fields | _svg(request)


def _svg(request: GenerateRequest) -> JSONObject:
    svg: JSONObject = {}
    if request.svg_model is not None:
        svg["model"] = request.svg_model
    if request.svg_effort is not None:
        svg["reasoning"] = {"effort": request.svg_effort}
    return {"svg": svg} if svg else {}


def unsent_notes(request: GenerateRequest) -> tuple[str, ...]:
    """A note for each thing that was said and has no place in the Images API."""
    unsent = {"style": request.style, "seed": request.seed}
    return tuple(
        f"{name}={value} is not sent: the Images API has no {name}"
        for name, value in unsent.items()
        if value is not None
    )


def shown_parameters(request: GenerateRequest) -> JSONObject:
    """The call's fields under their wire names, each image as its sha256, format, width and height."""
    if not isinstance(request, EditRequest):
        return body(request)
    images = [described(image) for image in request.images]
    overlays = {name: described(overlay) for name, overlay in _overlays(request).items()}
    inputs: JSONObject = {"image": images[0]} if len(images) == 1 else {"image[]": images}
    return {**body(request), **inputs, **overlays}


def call_arguments(request: GenerateRequest) -> dict[str, Any]:
    """The keyword arguments of the SDK's `images.generate` or `images.edit`."""
    arguments = body(request)
    if not isinstance(request, EditRequest):
        return arguments
    # The service takes `moderation` on edits, but the SDK's `images.edit` has no such keyword.
    if "moderation" in arguments:
        arguments["extra_body"] = {"moderation": arguments.pop("moderation")}
    images = [upload(f"image-{number}", image) for number, image in enumerate(request.images, start=1)]
    overlays = {name: upload(name, overlay) for name, overlay in _overlays(request).items()}
    return {**arguments, "image": images[0] if len(images) == 1 else images, **overlays}


def _overlays(request: EditRequest) -> dict[str, InputImage]:
    both = {"mask": request.mask, "markup": request.markup}
    return {name: overlay for name, overlay in both.items() if overlay is not None}


def described(image: InputImage) -> JSONObject:
    """An image as `--dry-run` shows it."""
    return {"sha256": image.sha256, "format": image.format, "width": image.width, "height": image.height}


def upload(name: str, image: InputImage) -> tuple[str, bytes, str]:
    """File name, bytes and media type. The name is neutral: a path is nobody's business but the user's."""
    return (f"{name}.{_SUFFIXES.get(image.format, image.format)}", image.data, f"image/{image.format}")
