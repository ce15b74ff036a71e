"""The command that would make a stored image again, from its record."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from imagegen.derived import CONVERTED, PROCESSED
from imagegen.errors import NotFound
from imagegen.prompt_words import avoidance
from imagegen.rewording import NEAREST
from imagegen.shapes import SHAPE
from imagegen.types import PARAMETERS, ImageRecord, Operation

_OVERLAYS = ("mask", "markup")

FindParent = Callable[[str], ImageRecord | None]
"""From a parent (`img_…` or `sha256:…`) to an image of the history; None where it is gone."""


def command_again(record: ImageRecord, find_parent: FindParent) -> tuple[str, ...]:
    """The words of the command, unquoted. An equal request that is still in the cache costs nothing.

    Raises NotFound where an image that it was made from is not in the history.
    """
    step = record.details.get(PROCESSED)
    if record.operation is Operation.GENERATE and step is None:
        return _call("generate", [_prompt(record)], _options(record))
    parents = [_found(parent, find_parent) for parent in record.parents]
    if isinstance(step, str) and parents:
        return ("imagegen", "process", parents[0].image_id, step)
    if CONVERTED in record.details and parents:
        return command_again(parents[0], find_parent)
    inputs = [parent.image_id for parent in parents]
    overlays = [name for name in _OVERLAYS if name in _parameters(record, "sent")]
    images, laid_over = inputs[: len(inputs) - len(overlays)], inputs[len(inputs) - len(overlays) :]
    named = [word for name, image in zip(overlays, laid_over, strict=True) for word in (f"--{name}", image)]
    return _call("edit", [*images, _prompt(record)], [*named, *_options(record)])


def _prompt(record: ImageRecord) -> str:
    """The prompt without what an option of its own says again."""
    unwanted = dict(_asked(record)).get("negative_prompt")
    return record.prompt.removesuffix(avoidance(str(unwanted))) if unwanted is not None else record.prompt


def _found(parent: str, find_parent: FindParent) -> ImageRecord:
    record = find_parent(parent)
    if record is None:
        raise NotFound(f"{parent}, which the image was made from, is not in the history.")
    return record


def _call(command: str, positional: list[str], options: list[str]) -> tuple[str, ...]:
    """A prompt that looks like an option, or like stdin, comes last, after the end of options."""
    if positional[-1].startswith("-"):
        return ("imagegen", command, *options, "--", *positional)
    return ("imagegen", command, *positional, *options)


def _options(record: ImageRecord) -> list[str]:
    model = f"{record.provider}/{record.model}"
    said = [word for name, value in _asked(record) for word in (_flag(name), str(value))]
    lenient = ["--lenient"] if any(NEAREST in note for note in record.notes) else []
    return ["-m", model, *said, *lenient]


def _asked(record: ImageRecord) -> Iterator[tuple[str, Any]]:
    """What was said and honoured; what a template recommended counts as said: the prompt stands alone."""
    asked, sent = _parameters(record, "asked"), _parameters(record, "sent")
    dropped = {name for name in asked for note in record.notes if note.startswith(f"dropped {name}=")}
    said = {name: value for name, value in asked.items() if name in PARAMETERS and name not in dropped}
    is_shaped = not said.keys().isdisjoint(SHAPE)
    if record.template is not None:
        hints = ["quality"] if is_shaped else ["size", "quality"]
        said = {**{name: sent[name] for name in hints if name in sent}, **said}
    if is_shaped and "aspect_ratio" not in said and "size" in sent:
        # The shape was that of a default, which may be another one by now.
        said = {name: value for name, value in said.items() if name != "resolution"} | {"size": sent["size"]}
    yield from ((name, value) for name, value in said.items() if isinstance(value, str | int))


def _parameters(record: ImageRecord, key: str) -> Mapping[str, Any]:
    """A record may have been written by anybody's hand."""
    found = record.parameters.get(key)
    return found if isinstance(found, Mapping) else {}


def _flag(name: str) -> str:
    return "-n" if name == "n" else f"--{name.replace('_', '-')}"
