"""A request against a model's capabilities: refuse what it cannot honour, before any money is spent.

What a user said is refused or, with `lenient`, dropped and reported; what a model has no field for may be
said in other words, which is noted. Defaults from the settings are wishes: they are sent where the model
takes them and nothing said stands against them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from imagegen.capabilities import ModelInfo, Range, Status
from imagegen.errors import InputImageError, ModelRetired, UnsupportedParameter, UsageError
from imagegen.heif import FORMATS as HEIF_FORMATS
from imagegen.heif import HOW_TO_CONVERT
from imagegen.prompt_words import avoidance_in_prompt, check_prompt, styled_prompt
from imagegen.refusals import dropped, flag, refused, shown
from imagegen.rewording import reworded
from imagegen.types import EditRequest, GenerateRequest, InputImage, Operation, asked_parameters

MAX_MASK_BYTES = 4_000_000
ANY_N = Range(1, 10)


@dataclass(frozen=True, slots=True)
class Settled:
    """A request that its model can honour, and what was noted on the way."""

    request: GenerateRequest
    notes: tuple[str, ...]


def settle(request: GenerateRequest, model: ModelInfo, wishes: Mapping[str, Any], today: date) -> Settled:
    """Check `request` against `model` and fill in the `wishes` it leaves room for.

    Raises UsageError or one of its children; nothing has been sent then.
    """
    check_prompt(request.prompt, model.max_prompt_chars)
    if request.negative_prompt is not None:
        check_prompt(request.negative_prompt, model.max_prompt_chars, name="negative_prompt")
    _check_timeout(request.timeout_seconds)
    notes = _check_life_cycle(model, today)
    _check_operation(request, model)
    if isinstance(request, EditRequest):
        _check_inputs(request, model)
    shaped = reworded(request, model, wishes)
    settled = _settled(shaped.request, model, shaped.wishes)
    return Settled(settled.request, (*notes, *shaped.notes, *settled.notes))


def _settled(request: GenerateRequest, model: ModelInfo, wishes: Mapping[str, Any]) -> Settled:
    """The request with each parameter taken, dropped or said in the prompt."""
    avoided = avoidance_in_prompt(request, model)
    if avoided:
        request = replace(request, negative_prompt=None)
    said, left_out = _taken(request, model)
    room = model.max_prompt_chars - len(avoided)
    prompt = styled_prompt(request, model, room=room) if "style" in left_out else None
    if prompt is not None:
        left_out["style"] += ", so it is said in the prompt"
    # The default format comes first: a compression or a frame count may rest on it, said or wished.
    formats = {name: value for name, value in wishes.items() if name == "output_format"}
    said = _with_wishes(said, request, model, formats)
    said, clashing = _agreeing(said, request, model)
    left_out |= clashing
    values = _with_wishes(said, request, model, {**formats, **wishes})
    cleared = dict.fromkeys(set(left_out) - set(values))
    worded = replace(request, prompt=(prompt or request.prompt) + avoided)
    notes = [f"negative_prompt is said at the end of the prompt: {shown(avoided.strip())}"] if avoided else []
    return Settled(replace(worded, **{**cleared, **values}), (*notes, *left_out.values()))


def _check_timeout(seconds: float | None) -> None:
    if seconds is not None and not 0 < seconds < math.inf:
        raise UsageError(
            f"A time-out of {seconds:g} seconds is not possible.",
            hint="Give a number above 0.",
            parameter="timeout_seconds",
        )


def _check_life_cycle(model: ModelInfo, today: date) -> tuple[str, ...]:
    status = model.status_on(today)
    instead = f" Use {model.replacement}." if model.replacement else ""
    if status is Status.RETIRED:
        since = f" on {model.shutdown_date}" if model.shutdown_date else ""
        raise ModelRetired(
            f"{model.full_name} was shut down{since}.",
            hint=instead.strip() or "See: imagegen models list",
            model=model.id,
            shutdown_date=str(model.shutdown_date) if model.shutdown_date else None,
            replacement=model.replacement,
        )
    if status is Status.DEPRECATED:
        when = f" shuts down on {model.shutdown_date}" if model.shutdown_date else " is deprecated"
        return (f"{model.full_name}{when}.{instead}",)
    return model.notes if status is Status.UNKNOWN else ()


def _check_operation(request: GenerateRequest, model: ModelInfo) -> None:
    if request.operation not in model.operations:
        able = " and ".join(sorted(model.operations))
        raise UsageError(
            f"{model.full_name} cannot {request.operation}; it can {able}.",
            hint="See: imagegen models list",
            model=model.id,
        )


def _taken(request: GenerateRequest, model: ModelInfo) -> tuple[dict[str, Any], dict[str, str]]:
    """What of the said parameters the model takes, and a note for each that was dropped."""
    taken: dict[str, Any] = {}
    left_out: dict[str, str] = {}
    for name, value in asked_parameters(request).items():
        problem = _problem(name, value, model) or _not_in_an_edit(name, request, model)
        if problem is None:
            taken[name] = value
        elif request.lenient and name != "n":
            left_out[name] = dropped(name, value, problem)
        else:
            raise refused(name, value, problem, model)
    return taken, left_out


def _agreeing(
    said: Mapping[str, Any], request: GenerateRequest, model: ModelInfo
) -> tuple[dict[str, Any], dict[str, str]]:
    """What of the parameters can stand together, and a note for each that was dropped."""
    kept = dict(said)
    left_out: dict[str, str] = {}
    # One at a time: leaving one out may end other conflicts, or begin them.
    while found := conflicts(kept, request, model):
        name, problem = found[0]
        value = kept.pop(name)
        if not request.lenient:
            raise UnsupportedParameter(
                f"{flag(name)} {shown(value)}: {problem}.",
                hint="Change one of them, or use --lenient to leave it out.",
                parameter=name,
                value=value,
            )
        left_out[name] = dropped(name, value, problem)
    return kept, left_out


def _problem(name: str, value: Any, model: ModelInfo) -> str | None:
    """Why the model cannot honour this value of this parameter, or None."""
    is_prose = name == "negative_prompt"  # checked as the prompt is, and as free to have lines
    if isinstance(value, str) and not is_prose and not (value and value.isprintable()):
        return "it is empty or holds a character that cannot be shown"
    rule = model.parameters.get(name)
    if rule is None and name == "n" and model.takes_anything:
        rule = ANY_N
    if rule is None:
        passed_on = model.takes_anything and name not in model.unsendable
        return None if passed_on else f"the model has no {name.replace('_', ' ')} setting"
    if rule.accepts(value):
        return None
    explain: Callable[[Any], str | None] = getattr(rule, "problem", lambda _: None)
    why = explain(value)
    return f"{why}; it takes {rule.describe()}" if why else f"it takes {rule.describe()}"


def _not_in_an_edit(name: str, request: GenerateRequest, model: ModelInfo) -> str | None:
    if isinstance(request, EditRequest) and name in model.generate_only:
        return "an edit with this model does not take it"
    return None


def conflicts(values: Mapping[str, Any], request: GenerateRequest, model: ModelInfo) -> list[tuple[str, str]]:
    """Parameters that stand against others: (name of the one to leave out, why)."""
    output_format = values.get("output_format", "png")
    found = []
    takes_alpha = (
        output_format != "jpeg" if model.takes_anything else output_format in model.transparent_formats
    )
    if values.get("background") == "transparent" and not takes_alpha:
        allowed = " or ".join(model.transparent_formats)
        found.append(("background", f"transparency needs {allowed}, not {output_format}"))
    if model.takes_anything:
        return found
    found += [(name, why) for name, needed, why in _FORMAT_BOUND if output_format not in needed]
    if "svg_model" not in values:
        found.append(("svg_effort", "it belongs to svg-model, which is not given"))
    if output_format in ("gif", "svg"):
        found.append(("partial_images", f"{output_format} output cannot be streamed"))
    if output_format in model.single_formats and values.get("n", 1) != 1:
        found.append(("output_format", f"{output_format} is made one at a time, so -n must be 1"))
    if output_format == "gif" and isinstance(request, EditRequest) and request.mask is not None:
        found.append(("output_format", "gif output takes no mask"))
    return [(name, why) for name, why in found if name in values]


_FORMAT_BOUND = (
    ("output_compression", ("jpeg", "webp"), "compression needs jpeg or webp output"),
    ("frame_count", ("gif",), "frames need gif output"),
    ("frame_duration_ms", ("gif",), "frames need gif output"),
    ("svg_model", ("svg",), "it needs svg output"),
    ("svg_effort", ("svg",), "it needs svg output"),
)


def _with_wishes(
    said: dict[str, Any], request: GenerateRequest, model: ModelInfo, wishes: Mapping[str, Any]
) -> dict[str, Any]:
    """Add each wish that the model takes and that brings no conflict with what is there already."""
    values = dict(said)
    for name, value in wishes.items():
        rule = model.parameters.get(name)
        if _not_in_an_edit(name, request, model):
            continue
        if name in values or name in model.unwished or rule is None or not rule.accepts(value):
            continue
        if name == "output_format" and model.converts_locally:
            continue  # bytes stay as the provider sends them unless somebody asks for a format
        wished = {**values, name: value}
        if not conflicts(wished, request, model):
            values = wished
    return values


def _check_inputs(request: EditRequest, model: ModelInfo) -> None:
    count, limit = len(request.images), model.max_input_images
    unlimited = model.takes_anything and not limit
    if count < 1 or (count > limit and not unlimited):
        able = f"1 to {limit} input images" if limit > 1 else "one input image"
        raise InputImageError(
            f"{model.full_name} takes {able}, not {count}.",
            hint="Leave some out." if count else "Give an image to change.",
            parameter="images",
        )
    for image in request.images:
        if image.format not in model.input_formats:
            allowed = ", ".join(model.input_formats)
            raise InputImageError(
                f"{image.source} is a {image.format} image; {model.full_name} takes {allowed}.",
                hint=HOW_TO_CONVERT if image.format in HEIF_FORMATS else "Convert it first.",
                parameter="images",
            )
    if request.mask is not None and request.markup is not None:
        raise InputImageError("A mask and a markup cannot be used together.", hint="Leave one of them out.")
    for role, overlay, taken in (
        ("mask", request.mask, model.takes_mask),
        ("markup", request.markup, model.takes_markup),
    ):
        if overlay is not None:
            _check_overlay(role, overlay, request.images[0], model, taken=taken or model.takes_anything)


def _check_overlay(
    role: str, overlay: InputImage, first: InputImage, model: ModelInfo, *, taken: bool
) -> None:
    """A mask or markup is a PNG with transparency, as large as the first image."""
    if not taken:
        raise InputImageError(
            f"{model.full_name} takes no {role}.",
            hint="Leave it out, or choose another model: imagegen models list",
            parameter=role,
        )
    if (overlay.width, overlay.height) != (first.width, first.height):
        raise InputImageError(
            f"The {role} {overlay.source} has {overlay.width}x{overlay.height} pixels, "
            f"the image {first.source} {first.width}x{first.height}.",
            hint="They must be the same.",
            parameter=role,
        )
    if overlay.format != "png" or not overlay.has_alpha:
        raise InputImageError(
            f"The {role} {overlay.source} is a {overlay.format} image"
            f"{'' if overlay.has_alpha else ' without transparency'}.",
            hint="It must be a PNG with transparent pixels where the image is to change.",
            parameter=role,
        )
    if role == "mask" and len(overlay.data) > MAX_MASK_BYTES:
        raise InputImageError(
            f"The mask {overlay.source} has {len(overlay.data):,} bytes; it may have {MAX_MASK_BYTES:,}.",
            hint="Save it as a PNG with fewer colours.",
            parameter=role,
        )


def wishes_for(operation: Operation, defaults: Mapping[str, Any]) -> dict[str, Any]:
    """The defaults that apply: an edit keeps the input's shape unless a size is said."""
    return {k: v for k, v in defaults.items() if not (operation is Operation.EDIT and k == "size")}
