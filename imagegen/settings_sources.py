"""Which settings are in force.

Strongest first: command line · environment · `.env` in the current folder, or `--config FILE` instead of it ·
`config.toml`, then an older `config.json`, in the user's config folder · the vendors' own variables
(OPENAI_API_KEY, …) where none of these says anything · the default.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from imagegen.config_formats import is_there, read_dotenv, read_json, read_toml
from imagegen.errors import ConfigurationError
from imagegen.found_settings import (
    Found,
    Source,
    in_overrides,
    in_tables,
    in_variables,
    in_vendor_variables,
)
from imagegen.paths import config_file
from imagegen.settings import Settings
from imagegen.settings_fields import find_setting, plain, quoted

DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class LoadedSettings:
    """The settings in force, where each value comes from, and what a person should be told of the sources."""

    settings: Settings
    origins: Mapping[str, str]
    notes: tuple[str, ...] = ()

    def origin_of(self, name: str) -> str:
        """Where the value of that dotted name comes from; `default` if nobody set it. Raises NotFound."""
        return self.origins.get(find_setting(name).name, DEFAULT)


def load_settings(
    *, config: Path | None = None, overrides: Mapping[str, object] | None = None
) -> LoadedSettings:
    """All settings from all sources, validated as one.

    `config` stands in for `./.env`; `overrides` are values from the command line by dotted name, None where
    nothing was said. Raises ConfigurationError, which lists every problem found.
    """
    chosen, vendor = _in_file(config, f"--config {config}") if config else _in_dotenv_here()
    return merge_sources(
        [
            in_overrides(overrides or {}),
            in_variables(os.environ),
            chosen,
            _in_users_file(config_file()),
            _in_users_file(config_file().with_suffix(".json")),
            in_vendor_variables(os.environ),
            vendor,
        ]
    )


def merge_sources(sources: Sequence[Source]) -> LoadedSettings:
    """The settings that the sources, strongest first, amount to.

    Raises ConfigurationError with all their problems, and with each winning value that does not validate.
    """
    winners: dict[str, Found] = {}
    for source in reversed(sources):
        winners.update(source.found)
    problems = [problem for source in sources for problem in source.problems]
    try:
        settings = _validated(sources)
    except ValidationError as exc:
        raise _error([*problems, *_refusals(exc, winners)]) from exc
    if problems:
        raise _error(problems)
    notes = [note for source in sources for note in source.notes]
    return LoadedSettings(
        settings=settings,
        origins={name: found.origin for name, found in winners.items()},
        notes=(*notes, *_stray_keys(settings, winners)),
    )


def _in_dotenv_here() -> tuple[Source, Source]:
    here = Path(".env")
    if not is_there(here) or here.is_dir():  # some name a virtual environment so
        return Source(), Source()
    return _in_file(here.absolute(), str(here.absolute()))


def _in_users_file(path: Path) -> Source:
    return _in_file(path, str(path))[0] if is_there(path) else Source()


def _in_file(path: Path, origin: str) -> tuple[Source, Source]:
    """What a file says under our names, and under the vendors' own where it is a .env file."""
    try:
        return _by_kind(path, origin)
    except ConfigurationError as exc:
        return Source(problems=[str(exc)]), Source()


def _by_kind(path: Path, origin: str) -> tuple[Source, Source]:
    if path.suffix == ".toml":
        return in_tables(read_toml(path), origin), Source()
    if path.suffix == ".json":
        return in_tables(read_json(path), origin, legacy=True), Source()
    if path.suffix == ".env" or path.name == ".env" or path.name.startswith(".env."):
        variables = read_dotenv(path)
        return in_variables(variables, origin), in_vendor_variables(variables, origin)
    raise ConfigurationError(
        f"{path} is of no kind that can be read.", hint="Name a .env, .toml or .json file."
    )


class _FromSource(PydanticBaseSettingsSource):
    """A `Source` as pydantic-settings takes it; keys are wrapped before its debug log can show them."""

    def __init__(self, settings_cls: type[BaseSettings], source: Source) -> None:
        super().__init__(settings_cls)
        self._source = source

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002 - theirs
        return self().get(field_name), field_name, False

    def __call__(self) -> dict[str, Any]:
        tables: dict[str, Any] = {}
        for name, found in self._source.found.items():
            *groups, key = name.split(".")
            table = tables
            for group in groups:
                table = table.setdefault(group, {})
            wrap = find_setting(name).secret and isinstance(found.value, str)
            table[key] = SecretStr(found.value) if wrap else found.value
        return {"settings": tables}


def _validated(sources: Sequence[Source]) -> Settings:
    class Merged(BaseSettings):
        model_config = SettingsConfigDict(hide_input_in_errors=True)
        settings: Settings = Settings()

        @classmethod
        def settings_customise_sources(
            cls, settings_cls: type[BaseSettings], *_: Any, **__: Any
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return tuple(_FromSource(settings_cls, source) for source in sources)

    return Merged().settings


def _refusals(error: ValidationError, winners: Mapping[str, Found]) -> Iterator[str]:
    places = (problem["loc"][1:] for problem in error.errors(include_input=False))
    refused = [".".join(str(part) for part in place) + "." for place in places]
    for name, found in winners.items():
        if any(place.startswith(f"{name}.") for place in refused):
            field = find_setting(name)
            yield f"{found.subject} is {quoted(field, found.value)}; it takes {field.takes}."


def _stray_keys(settings: Settings, winners: Mapping[str, Found]) -> Iterator[str]:
    """A caution where a `.env` that lies about redirects requests that carry a key from elsewhere."""
    if not is_there(Path(".env")):
        return
    here = f" in {Path('.env').absolute()}"
    for name, address in winners.items():
        key = winners.get(name.removesuffix("base_url") + "api_key")
        if not name.endswith(".base_url") or key is None or not address.origin.endswith(here):
            continue
        if not key.origin.endswith(here):
            field = find_setting(name)
            server = plain(field, field.value_in(settings))
            yield f"The key from {key.origin} goes to {server}, as {address.origin} says."


def _error(problems: Sequence[str]) -> ConfigurationError:
    if len(problems) == 1:
        return ConfigurationError(problems[0], problems=problems)
    lines = "".join(f"\n- {problem}" for problem in problems)
    return ConfigurationError(f"{len(problems)} settings cannot be used:{lines}", problems=problems)
