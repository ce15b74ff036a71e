"""The price table's file: `prices.toml` of this package, overlaid with the user's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from importlib.resources import as_file, files
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from imagegen.config_formats import is_there, read_toml
from imagegen.errors import ConfigurationError


def _exact(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise ValueError("it takes a number")  # noqa: TRY004 - pydantic collects no TypeError
    return value


Rate = Annotated[Decimal, BeforeValidator(_exact), Field(ge=0, le=1_000_000)]
Count = Annotated[int, Field(strict=True, gt=0, le=1_000_000_000)]


class ModelPrice(BaseModel):
    """One model's entry; the keys are explained at the top of `prices.toml`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str | None = None
    like: str | None = None
    note: str | None = None
    text_in: Rate = Decimal(0)
    cached_text_in: Rate | None = None
    image_in: Rate = Decimal(0)
    cached_image_in: Rate | None = None
    image_out: Rate = Decimal(0)
    text_out: Rate | None = None
    tokens: dict[str, dict[str, Count]] = {}
    factors: dict[str, Count] = {}
    multipliers: dict[str, Count] = {}
    resolutions: dict[str, Count] = {}
    partial_tokens: Count | None = None
    input_image_tokens: Count | None = None
    input_pixels_per_token: Count | None = None


class PriceFile(BaseModel):
    """A whole file: models by provider and id, and the providers that cost nothing."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    as_of: date = date.min
    free: tuple[str, ...] = ()
    models: dict[str, dict[str, ModelPrice]] = {}


def read_price_files(user_file: Path | None) -> PriceFile:
    """The built-in prices, with the user's entries in place of theirs; a user file need not exist.

    Raises ConfigurationError that names file and entry.
    """
    with as_file(files("imagegen") / "prices.toml") as path:
        tables = _read(path)
    if user_file is not None and is_there(user_file):
        mine = _read(user_file)
        tables = _overlaid(tables, {**mine, "free": [*tables["free"], *mine.get("free", ())]})
    origin = user_file or Path("prices.toml")
    models = {
        provider: {name: _inherited(entries, name, f"models.{provider}.{name}", origin) for name in entries}
        for provider, entries in tables["models"].items()
    }
    return PriceFile.model_validate({**tables, "models": models})


def _read(path: Path) -> dict[str, Any]:
    tables = read_toml(path, parse_float=Decimal)
    try:
        PriceFile.model_validate(tables)
    except ValidationError as exc:
        problems = list(_problems(exc, path))
        raise ConfigurationError(" ".join(problems), problems=problems, path=str(path)) from exc
    return tables


def _problems(error: ValidationError, path: Path) -> Iterator[str]:
    for problem in error.errors():
        subject = f"{'.'.join(str(part) for part in problem['loc'])} in {path}"
        if problem["type"] == "extra_forbidden":
            known = PriceFile if len(problem["loc"]) == 1 else ModelPrice
            yield f"{subject} is no entry of a price table; there are {', '.join(known.model_fields)}."
        else:
            yield f"{subject} is {_shown(problem['input'])}: {problem['msg'].removeprefix('Value error, ')}."


def _shown(value: object) -> str:
    if isinstance(value, dict | list):
        return "a table" if isinstance(value, dict) else "a list"
    return repr(value[:80]) if isinstance(value, str) else str(value)


def _overlaid(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    both = {
        key: _overlaid(below[key], value)
        for key, value in above.items()
        if isinstance(value, dict) and isinstance(below.get(key), dict)
    }
    return {**below, **above, **both}


def _inherited(entries: Mapping[str, Any], name: str, subject: str, path: Path) -> dict[str, Any]:
    """The entry with all that it takes over from the models it is `like`."""
    entry, seen = dict(entries[name]), {name}
    parent = entry.get("like")
    while parent is not None:
        if parent not in entries or parent in seen:
            problem = "which is not in the table" if parent not in entries else "and so like itself"
            raise ConfigurationError(f"{subject} in {path} is like {parent}, {problem}.", path=str(path))
        seen.add(parent)
        entry = _overlaid(entries[parent], entry)
        parent = entries[parent].get("like")
    if "image_out" not in entry:
        raise ConfigurationError(
            f"{subject} in {path} has no image_out.",
            hint="Give it, in USD per million tokens, or `like` with another model.",
            path=str(path),
        )
    return entry
