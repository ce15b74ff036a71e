"""Shape and size in the words that a model has: an aspect ratio and a resolution, or the size they come to.

A model that takes the two as they are gets them; for others they become a size that its rule allows. Every
change is noted, and only `lenient` takes the nearest in place of what was asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from imagegen.capabilities import Choice, FreeSize, ModelInfo, SizeRule, parse_size
from imagegen.errors import UnsupportedParameter
from imagegen.refusals import dropped, flag, refused, shown
from imagegen.shapes import (
    DEFAULT_RESOLUTION,
    LEAST_SHARE,
    RESOLUTIONS,
    SHAPE,
    Pixels,
    fixed_size,
    is_exact,
    nearest_ratio,
    nearest_resolution,
    parse_ratio,
    possible_sizes,
    ratio_meant,
    resolution_meant,
)
from imagegen.types import EditRequest, GenerateRequest

NEAREST = ", the nearest that "
"""In the note on every word that only `lenient` let pass: to say it again needs `lenient` again."""

_IN_PROMPT = {"negative_prompt": "is said at the end of the prompt: avoid: …"}

# For a model that is not in the table: what every one of OpenAI's makes since GPT Image 2.
_USUAL = SizeRule((), FreeSize(multiple=16, max_side=3840, min_area=655_360, max_area=8_294_400, max_ratio=3))


@dataclass(frozen=True, slots=True, kw_only=True)
class Reworded:
    """A request in the model's words, the wishes that have room beside it, and a note on each change."""

    request: GenerateRequest
    wishes: Mapping[str, Any]
    notes: tuple[str, ...] = ()


class _Impossible(Exception):
    """The model does not make what one of the words asks for."""

    def __init__(self, name: str, problem: str, hint: str | None = None) -> None:
        super().__init__(problem)
        self.name, self.problem, self.hint = name, problem, hint


def reworded(request: GenerateRequest, model: ModelInfo, wishes: Mapping[str, Any]) -> Reworded:
    """The request with its aspect ratio and resolution in words that the model has.

    Raises UnsupportedParameter for a word that is not spelt as it must be, for a size beside them and,
    unless it is `lenient`, for what the model does not make.
    """
    said = {name: value for name in SHAPE if (value := getattr(request, name)) is not None}
    if not said:
        return Reworded(request=request, wishes=wishes)
    _check_spelling(said, model)
    _check_alone(request, said)
    wishes = {name: value for name, value in wishes.items() if name != "size" or name not in model.unwished}
    taken_as_they_are = any(name in model.parameters for name in SHAPE)
    try:
        return (_as_they_are if taken_as_they_are else _as_a_size)(request, model, wishes)
    except _Impossible as impossible:
        name, value = impossible.name, said[impossible.name]
        if not request.lenient:
            raise refused(name, value, impossible.problem, model, hint=impossible.hint) from None
        left_out: dict[str, Any] = {name: None}
        rest = reworded(replace(request, **left_out), model, wishes)
        return replace(rest, notes=(dropped(name, value, impossible.problem), *rest.notes))


def rewordings(model: ModelInfo) -> dict[str, str]:
    """What becomes of the parameters that the model takes in other words than their own."""
    unwanted = {} if "negative_prompt" in model.parameters or not model.avoid_in_prompt else _IN_PROMPT
    return {**_reworded_shape(model), **unwanted}


def _reworded_shape(model: ModelInfo) -> dict[str, str]:
    rule = _size_rule(model)
    if rule is None or any(name in model.parameters for name in SHAPE):
        return {}
    if rule.free is None:
        sizes = ", ".join(size for size in rule.fixed if parse_size(size))
        return dict.fromkeys(SHAPE, f"becomes the size that has it ({sizes}); with --lenient the nearest")
    names = ", ".join(possible_sizes((1, 1), rule.free))
    return {
        "aspect_ratio": f"W:H up to {rule.free.max_ratio:g}:1 becomes a size",
        "resolution": f"{names}: as large as the size becomes; {DEFAULT_RESOLUTION} unless said",
    }


# Spelling


def _check_spelling(said: Mapping[str, str], model: ModelInfo) -> None:
    """A slip of the pen says nothing of what the model makes, so `lenient` does not pass over it."""
    for name, value in said.items():
        rule = model.parameters.get(name)
        if rule is not None and rule.accepts(value):
            continue
        if name == "resolution" and value not in RESOLUTIONS:
            form, meant = f"a resolution is one of {', '.join(RESOLUTIONS)}", resolution_meant(value)
        elif name == "aspect_ratio" and not parse_ratio(value):
            meant = ratio_meant(value)
            form = f"an aspect ratio is two whole numbers, W:H, such as {meant or '16:9'}"
        else:
            continue
        raise refused(name, value, form, model, hint=f"Did you mean {meant}?" if meant else "Change it.")


def _check_alone(request: GenerateRequest, said: Mapping[str, str]) -> None:
    if request.size is None:
        return
    words = " and ".join(f"{flag(name)} {shown(value)}" for name, value in said.items())
    raise UnsupportedParameter(
        f"size {shown(request.size)} cannot stand beside {words}: both say how large the image is.",
        hint=f"Leave out size, or {' and '.join(map(flag, said))}.",
        parameter="size",
        value=request.size,
    )


# For models that take the words themselves


def _as_they_are(request: GenerateRequest, model: ModelInfo, wishes: Mapping[str, Any]) -> Reworded:
    values = {name: getattr(request, name) for name in SHAPE}
    notes = []
    for name, value in values.items():
        if value is None or name not in model.parameters or model.parameters[name].accepts(value):
            continue
        values[name] = _nearest_choice(name, value, model, lenient=request.lenient)
        notes.append(f"{name} {value} becomes {values[name]}{NEAREST}{model.full_name} takes")
    wished, ratios = parse_size(wishes.get("size") or ""), _choices(model, "aspect_ratio")
    if values["aspect_ratio"] is None and wished and ratios:
        values["aspect_ratio"] = nearest_ratio(*wished, ratios)
        notes.append(
            f"aspect_ratio {values['aspect_ratio']} comes from {wishes['size']}, the size by default"
        )
    others = {name: value for name, value in wishes.items() if name != "size"}
    return Reworded(request=replace(request, **values), wishes=others, notes=tuple(notes))


def _nearest_choice(name: str, value: str, model: ModelInfo, *, lenient: bool) -> str:
    """The nearest value that the model takes. Raises _Impossible unless `lenient`."""
    choices, wanted = _choices(model, name), parse_ratio(value)
    if not choices:
        raise _Impossible(name, f"it takes {model.parameters[name].describe()}")
    nearest = nearest_ratio(*wanted, choices) if wanted else nearest_resolution(value, choices)
    if lenient:
        return nearest
    hint = f"The nearest is {nearest}; --lenient takes it."
    raise _Impossible(name, f"it takes {', '.join(choices)}", hint)


def _choices(model: ModelInfo, name: str) -> list[str]:
    """The values of a rule that lists them, as far as they are spelt as everywhere."""
    rule = model.parameters.get(name)
    values = rule.values if isinstance(rule, Choice) else ()
    return [value for value in values if value in RESOLUTIONS or parse_ratio(value)]


# For models that take a size


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a size is asked to be: the shape, where that comes from unless it was said, the resolution."""

    ratio: Pixels
    source: str | None
    resolution: str | None

    @property
    def word_for_shape(self) -> str:
        """The parameter to name where there is no size of this shape."""
        return "resolution" if self.source else "aspect_ratio"


def _as_a_size(request: GenerateRequest, model: ModelInfo, wishes: Mapping[str, Any]) -> Reworded:
    said = [name for name in SHAPE if getattr(request, name) is not None]
    rule = _size_rule(model)
    if rule is None:
        raise _Impossible(said[0], f"the model has no {said[0].replace('_', ' ')} setting")
    if isinstance(request, EditRequest) and not {"size", *said}.isdisjoint(model.generate_only):
        raise _Impossible(said[0], "an edit with this model does not take it")
    asked = _asked(request, wishes)
    if rule.free:
        size, how = _free_size(asked, rule.free, model, lenient=request.lenient)
    else:
        size, how = _fixed_size(asked, rule, model, lenient=request.lenient)
    words = " and ".join(f"{name} {getattr(request, name)}" for name in said)
    shape = f", in the shape of {asked.source}" if asked.source else ""
    note = f"{words} {'becomes' if len(said) == 1 else 'become'} size {size}{shape}{how}"
    changed = replace(request, size=size, aspect_ratio=None, resolution=None)
    return Reworded(request=changed, wishes=wishes, notes=(note,))


def _size_rule(model: ModelInfo) -> SizeRule | None:
    rule = model.parameters.get("size")
    if rule is None and model.takes_anything:
        return _USUAL
    return rule if isinstance(rule, SizeRule) else None


def _asked(request: GenerateRequest, wishes: Mapping[str, Any]) -> _Asked:
    """Where no shape was said, an edit keeps its first image's, and all else has that of the default size."""
    said = parse_ratio(request.aspect_ratio or "")
    if said:
        return _Asked(said, None, request.resolution)
    if isinstance(request, EditRequest):
        first = request.images[0]
        return _Asked((first.width, first.height), "the first input image", request.resolution)
    wished = parse_size(wishes.get("size") or "")
    if wished is None:
        raise _Impossible("resolution", "the size that it becomes has no shape yet", "Add an aspect ratio.")
    return _Asked(wished, f"{wishes['size']}, the size by default", request.resolution)


def _free_size(asked: _Asked, free: FreeSize, model: ModelInfo, *, lenient: bool) -> tuple[str, str]:
    """A size within the bounds, and how it came about. Raises _Impossible."""
    ratio = _ratio_within(asked, free, lenient=lenient)
    sizes = possible_sizes(ratio, free)
    if not sizes:
        raise _Impossible(asked.word_for_shape, "the model makes no size of this shape")
    resolution = nearest_resolution(asked.resolution or DEFAULT_RESOLUTION, sizes)
    if asked.resolution not in (None, resolution) and not lenient:
        hint = f"The nearest is {resolution}; --lenient takes it."
        raise _Impossible("resolution", f"in this shape the model makes {', '.join(sizes)}", hint)
    size = sizes[resolution]
    how = "" if asked.resolution else f", at {resolution} because no resolution is said"
    if asked.resolution not in (None, resolution) or ratio != asked.ratio:
        return _text(size), f"{how}{NEAREST}{model.full_name} makes"
    if not is_exact(size, ratio):
        how += f", the nearest shape in steps of {free.multiple}"
    if size[0] * size[1] < RESOLUTIONS[resolution] * LEAST_SHARE:
        how += ", the largest of this shape"
    return _text(size), how


def _ratio_within(asked: _Asked, free: FreeSize, *, lenient: bool) -> Pixels:
    """The shape, or with `lenient` the most extreme one that there is. Raises _Impossible."""
    width, height = asked.ratio
    if max(width, height) <= free.max_ratio * min(width, height):
        return asked.ratio
    if not lenient:
        problem = f"the sides may differ by {free.max_ratio:g}:1 at most"
        raise _Impossible(asked.word_for_shape, problem, "--lenient takes the nearest shape.")
    most = int(free.max_ratio * 1000)
    return (most, 1000) if width > height else (1000, most)


def _fixed_size(asked: _Asked, rule: SizeRule, model: ModelInfo, *, lenient: bool) -> tuple[str, str]:
    """One of the fixed sizes, and how it came about. Raises _Impossible."""
    found = fixed_size(asked.ratio, asked.resolution, rule.fixed)
    if found is None:
        raise _Impossible(asked.word_for_shape, "the model has no size in pixels")
    size, is_the_same = found
    if not is_the_same and not lenient:
        problem = f"the model has fixed sizes only, none of this shape and resolution: {rule.describe()}"
        raise _Impossible(asked.word_for_shape, problem, f"The nearest is size {size}; --lenient takes it.")
    return size, "" if is_the_same else f"{NEAREST}{model.full_name} makes"


def _text(size: Pixels) -> str:
    return f"{size[0]}x{size[1]}"
