"""The tools' arguments: typed once, as the schemas that clients read, and checked with words of our own.

Models fill in every field that they see, so an empty text or null stands for "not said"; and some clients
send lists as JSON texts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Annotated, Any, TypeVar, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from imagegen.errors import UsageError
from imagegen.mcp.results import ReturnAs
from imagegen.types import JSONObject

ModelT = TypeVar("ModelT", bound=BaseModel)
MAX_WAIT_SECONDS = 3600


def _unsaid(value: object) -> object:
    return None if value == "" else value


def _from_json(value: object) -> object:
    """A list or an object that came as a JSON text; one picture is a list of it."""
    if not isinstance(value, str) or not value:
        return value or None
    try:
        parsed = json.loads(value)
    except ValueError:
        return [value]
    return parsed if isinstance(parsed, list | dict) else [value]


def _plain_texts(value: object) -> object:
    """A template's arguments are texts; a truth value or a number is one too."""
    parsed = _from_json(value)
    if not isinstance(parsed, Mapping):
        return parsed
    return {k: str(v).lower() if isinstance(v, bool) else str(v) for k, v in parsed.items() if v is not None}


Text = Annotated[str | None, BeforeValidator(_unsaid)]
Whole = Annotated[int | None, BeforeValidator(_unsaid)]


class Arguments(BaseModel):
    """What a tool takes; anything else is refused by name."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class NoArguments(Arguments):
    """Nothing."""


class Waiting(Arguments):
    """How an answer is wanted."""

    return_as: Annotated[ReturnAs, BeforeValidator(lambda value: value or "preview")] = Field(
        default="preview",
        description="What to show: a small preview, the full image, only a link, or a data URL",
    )
    wait_seconds: Annotated[float | None, BeforeValidator(_unsaid)] = Field(
        default=None, ge=0, le=MAX_WAIT_SECONDS, description="Then answer with a task_id instead"
    )


class Wish(Waiting):
    """What generating and editing have in common. The names are those of `GenerateRequest`."""

    model: Text = Field(default=None, description="Model id or provider/model, see list_available_models")
    n: Annotated[int, BeforeValidator(lambda value: 1 if value in (None, "") else value)] = Field(
        default=1, ge=1, le=10, description="Number of images"
    )
    size: Text = Field(default=None, description="auto or WIDTHxHEIGHT in pixels, such as 1536x1024")
    aspect_ratio: Text = Field(default=None, description="Shape W:H, such as 16:9, instead of size")
    resolution: Text = Field(default=None, description="512, 1K (default), 2K or 4K, instead of size")
    negative_prompt: Text = Field(default=None, description="What the image must not show")
    quality: Text = Field(default=None, description="auto, low, medium, high, …; decides the price")
    style: Text = Field(default=None, description="vivid or natural")
    moderation: Text = Field(default=None, description="auto or low")
    output_format: Text = Field(default=None, description="png, jpeg, webp, gif or svg")
    output_compression: Whole = Field(default=None, ge=0, le=100, description="For jpeg and webp")
    background: Text = Field(default=None, description="auto, opaque or transparent")
    seed: Whole = Field(default=None, description="For models that take one")
    template: Text = Field(default=None, description="Template to write the prompt with (see the prompts)")
    template_arguments: Annotated[dict[str, str] | None, BeforeValidator(_plain_texts)] = Field(
        default=None, description="The template's arguments"
    )


class GenerateArguments(Wish):
    """Of `generate_image`."""

    prompt: str = Field(description="What the image shows; with a template, what to add to its text")


class EditArguments(Wish):
    """Of `edit_image`."""

    prompt: str = Field(description="What to change")
    image: Text = Field(default=None, description="Path, URL, image_id, data URL, or last (the newest image)")
    image_data: Text = Field(default=None, description="The image in base64, instead of image")
    images: Annotated[list[str] | None, BeforeValidator(_from_json)] = Field(
        default=None, description="Further input images, named like image"
    )
    mask: Text = Field(default=None, description="PNG whose transparent pixels may change, named like image")
    mask_data: Text = Field(default=None, description="The mask in base64")


class TaskArguments(Waiting):
    """Of `get_task`."""

    task_id: str = Field(description="From an earlier answer")


class ListArguments(Arguments):
    """Of `list_images`."""

    query: Text = Field(default=None, description="Words of the prompt")
    model: Text = Field(default=None, description="Only of this model id")
    days: Annotated[int | None, BeforeValidator(_unsaid)] = Field(
        default=None, ge=1, le=36500, description="Only of the last days"
    )
    limit: Annotated[int, BeforeValidator(lambda value: 10 if value in (None, "") else value)] = Field(
        default=10, ge=1, le=100
    )
    cursor: Text = Field(default=None, description="next_cursor of the page before")


def check_arguments(model: type[ModelT], given: Mapping[str, Any]) -> ModelT:
    """The arguments, typed. Raises UsageError that names every one that cannot be used, without its value."""
    unknown = [name for name in given if name not in model.model_fields]
    if unknown:
        raise UsageError(*_unknown(unknown, list(model.model_fields)))
    try:
        return model.model_validate(dict(given))
    except ValidationError as exc:
        problems = {_problem(model, error["loc"], error["type"], error["msg"]) for error in exc.errors()}
        raise UsageError("; ".join(sorted(problems)) + ".") from exc


def _unknown(names: list[str], known: list[str]) -> tuple[str]:
    near = [match for name in names for match in get_close_matches(name.lower(), known, n=1)]
    hint = f"Did you mean {', '.join(near)}?" if near else f"There are {', '.join(known) or 'none'}."
    shown = ", ".join(name[:60] for name in names)
    return (f"Unknown argument{'s' if len(names) > 1 else ''} {shown}. {hint}",)


def _problem(model: type[BaseModel], place: tuple[int | str, ...], kind: str, message: str) -> str:
    name = str(place[0]) if place else "the arguments"
    if kind == "missing":
        return f"{name} is missing"
    if kind == "literal_error":
        return f"{name} must be {', '.join(get_args(_literal_of(model, name)))}"
    said = message.removeprefix("Input should be ").removeprefix("Value error, ")
    return f"{name} must be {said[:1].lower()}{said[1:]}"


def _literal_of(model: type[BaseModel], name: str) -> Any:
    return model.model_fields[name].annotation


def input_schema(model: type[BaseModel]) -> JSONObject:
    """The JSON schema as small as it can be: no titles, no nulls, no defaults of nothing."""
    schema = model.model_json_schema()
    properties = {name: _slim(part) for name, part in schema.get("properties", {}).items()}
    slim: JSONObject = {"type": "object", "properties": properties, "additionalProperties": False}
    if "required" in schema:
        slim["required"] = schema["required"]
    return slim


def _slim(part: JSONObject) -> JSONObject:
    typed: JSONObject = next((option for option in part.get("anyOf", []) if option.get("type") != "null"), {})
    slim = {**typed, **{name: value for name, value in part.items() if name not in ("anyOf", "title")}}
    if slim.get("default", ...) is None:
        del slim["default"]
    return slim
