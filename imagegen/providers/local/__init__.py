"""The embedded provider: composes a vector drawing of the prompt; no network, no key, no AI model."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, ClassVar, Self

from imagegen.capabilities import ModelInfo, parse_size
from imagegen.errors import InputImageError, UnsupportedParameter
from imagegen.providers.base import Availability, Provider, WireCall
from imagegen.providers.local.model import AUTO_SIZE, COMPOSER, TITLE
from imagegen.settings import LocalSettings, Settings
from imagegen.types import (
    EditRequest,
    GenerateRequest,
    Progress,
    ProgressCallback,
    ProviderImage,
    ProviderResult,
)

__all__ = ["LocalProvider"]

WHAT_IT_IS = "local composer: vector drawing, no AI model"
ENDPOINT = "local composer"
QUALITY = 90  # of jpeg and webp where the request does not say
VERSION = 1  # raise it when equal requests come to draw differently: it is part of the fingerprint


class LocalProvider(Provider):
    """Draws known words as vector scenes, and edits with a closed set of operations."""

    name: ClassVar[str] = "local"
    title: ClassVar[str] = TITLE

    def __init__(self, settings: LocalSettings) -> None:
        self._settings = settings

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """The provider of PROVIDERS__LOCAL__*."""
        return cls(settings.providers.local)

    @property
    def default_model(self) -> str:
        """Its only model."""
        return COMPOSER.id

    def availability(self) -> Availability:
        """Enabled unless PROVIDERS__LOCAL__ENABLED=false; it needs nothing else."""
        if self._settings.enabled:
            return Availability(enabled=True, reason=WHAT_IT_IS)
        return Availability(enabled=False, reason=f"{WHAT_IT_IS}; off by PROVIDERS__LOCAL__ENABLED=false")

    def models(self) -> Sequence[ModelInfo]:
        """The composer."""
        return (COMPOSER,)

    def wire_call(self, request: GenerateRequest) -> WireCall:
        """What will be drawn or edited; refuses an edit that it does not understand."""
        parameters = _edit_call(request) if isinstance(request, EditRequest) else _generate_call(request)
        return WireCall(endpoint=ENDPOINT, parameters=parameters)

    async def generate(self, request: GenerateRequest, *, on_progress: ProgressCallback) -> ProviderResult:
        """Draw `n` pictures, each of the next seed."""
        parameters = _generate_call(request)
        on_progress(Progress(stage="sending", model=COMPOSER.id))
        result = await asyncio.to_thread(self._draw, parameters)
        on_progress(Progress(stage="received", model=COMPOSER.id))
        return result

    async def edit(self, request: EditRequest, *, on_progress: ProgressCallback) -> ProviderResult:
        """Carry out the edits that the prompt names on the one image."""
        parameters = _edit_call(request)
        on_progress(Progress(stage="sending", model=COMPOSER.id))
        result = await asyncio.to_thread(_edited, request, parameters)
        on_progress(Progress(stage="received", model=COMPOSER.id))
        return result

    def _draw(self, parameters: dict[str, Any]) -> ProviderResult:
        from imagegen.providers.local.motifs import load_library
        from imagegen.providers.local.raster import encode
        from imagegen.providers.local.scene import compose

        width, height = parse_size(parameters["size"]) or AUTO_SIZE
        library = load_library(self._settings.motifs_path)
        transparent = parameters["background"] == "transparent"
        seeds = [parameters["seed"] + index for index in range(parameters["n"])]
        images = []
        for seed in seeds:
            drawing = compose(
                parameters["prompt"], seed, width, height, library=library, transparent=transparent
            )
            data = encode(
                drawing.svg, width, height, parameters["output_format"], parameters["output_compression"]
            )
            images.append(ProviderImage(data=data))
        return ProviderResult(
            images=tuple(images),
            notes=_notes(drawing.not_drawn),
            reported={name: parameters[name] for name in ("size", "background", "output_format")},
            details={
                "drawn": list(drawing.drawn),
                "not_drawn": list(drawing.not_drawn),
                "composition": "abstract" if drawing.is_abstract else "scene",
                "seeds": seeds,
            },
        )


def _notes(not_drawn: Sequence[str]) -> tuple[str, ...]:
    if not not_drawn:
        return ()
    return (f"not drawn: {', '.join(not_drawn)} ({WHAT_IT_IS}: it draws only the words that it knows)",)


def _generate_call(request: GenerateRequest) -> dict[str, Any]:
    from imagegen.providers.local.scene import seed_of

    size = request.size if request.size not in (None, "auto") else f"{AUTO_SIZE[0]}x{AUTO_SIZE[1]}"
    output_format = request.output_format or "png"
    if request.background == "transparent" and output_format == "jpeg":
        raise UnsupportedParameter(
            "A jpeg cannot have a transparent background.",
            hint="Choose output_format png, webp or svg, or background opaque.",
            parameter="background",
            allowed=["auto", "opaque"],
        )
    return {
        **_common(request),
        "size": size,
        "seed": seed_of(request.prompt) if request.seed is None else request.seed,
        "n": request.n,
        "background": "transparent" if request.background == "transparent" else "opaque",
        "output_format": output_format,
        "output_compression": QUALITY if request.output_compression is None else request.output_compression,
    }


def _common(request: GenerateRequest) -> dict[str, Any]:
    return {"model": COMPOSER.id, "version": VERSION, "prompt": request.prompt}


def _edit_call(request: EditRequest) -> dict[str, Any]:
    from imagegen.providers.local.edit_steps import describe

    _check_edit(request)
    return {
        **_common(request),
        "edits": [describe(step) for step in _steps(request)],
        "output_format": request.output_format or "png",
        "output_compression": QUALITY if request.output_compression is None else request.output_compression,
    }


def _steps(request: EditRequest) -> tuple[Any, ...]:
    from imagegen.providers.local.edit_words import colour_words, read_edits
    from imagegen.providers.local.lexicon import load_vocabulary

    return read_edits(request.prompt, colour_words(load_vocabulary()))


def _check_edit(request: EditRequest) -> None:
    if request.mask is not None or request.markup is not None:
        raise UnsupportedParameter(
            f"The local composer takes no {'mask' if request.mask is not None else 'markup'}.",
            hint="Leave it out, or choose a model of another provider.",
            parameter="mask" if request.mask is not None else "markup",
        )
    if request.n != 1 or request.output_format == "svg":
        name = "n" if request.n != 1 else "output_format"
        raise UnsupportedParameter(
            f"An edit by the local composer cannot have {name} {getattr(request, name)}.",
            hint="It makes one image, in png, jpeg or webp.",
            parameter=name,
            allowed=[1] if name == "n" else ["png", "jpeg", "webp"],
        )
    if len(request.images) != 1:
        raise InputImageError(
            f"The local composer edits one image, not {len(request.images)}.", hint="Give one image."
        )


def _edited(request: EditRequest, parameters: dict[str, Any]) -> ProviderResult:
    from imagegen.providers.local.edits import apply_edits

    data = apply_edits(
        request.images[0], _steps(request), parameters["output_format"], parameters["output_compression"]
    )
    return ProviderResult(
        images=(ProviderImage(data=data),),
        reported={"output_format": parameters["output_format"]},
        details={"edits": parameters["edits"]},
    )
