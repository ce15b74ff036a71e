"""The user's config.toml: showing what is in force, changing one setting, starting a new file."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from imagegen.config_formats import is_there, read_text, read_toml
from imagegen.config_text import initial_text, toml_value, with_setting, without_setting
from imagegen.errors import ConfigurationError, UsageError
from imagegen.file_locks import alone
from imagegen.found_settings import in_overrides, in_tables, in_variables
from imagegen.paths import config_file
from imagegen.settings import Settings
from imagegen.settings_fields import fields_in, find_setting, plain
from imagegen.settings_sources import LoadedSettings, merge_sources
from imagegen.whole_files import followed, write_whole


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingRow:
    """One setting for a person or a JSON document; `value` and `default` are JSON values, secrets masked."""

    name: str
    environment: str
    vendor: str | None
    value: Any
    origin: str
    default: Any
    takes: str
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigChange:
    """What became of config.toml. `value` is the new one, masked; `shadowed_by` names a stronger source."""

    path: Path
    name: str
    value: Any
    changed: bool
    shadowed_by: str | None


def describe(loaded: LoadedSettings) -> tuple[SettingRow, ...]:
    """Every setting with its value, origin, default and what it takes; those of servers that are set."""
    return tuple(
        SettingRow(
            name=field.name,
            environment=field.environment,
            vendor=field.vendor,
            value=plain(field, field.value_in(loaded.settings)),
            origin=loaded.origin_of(field.name),
            default=plain(field, field.default),
            takes=field.takes,
            description=field.description,
        )
        for field in fields_in(loaded.settings)
    )


def get_value(settings: Settings, name: str, *, reveal: bool = False) -> Any:
    """One setting as a JSON value; a secret is masked unless `reveal`. Raises NotFound."""
    field = find_setting(name)
    value = field.value_in(settings)
    if reveal and isinstance(value, SecretStr):
        return value.get_secret_value()
    return plain(field, value)


def set_value(name: str, text: str) -> ConfigChange:
    """Write one setting into config.toml, with comments and the rest of the file as they are.

    The file as it will be is validated first. Raises NotFound for an unknown name, ConfigurationError for a
    value that the setting does not take or a file that cannot be read or written.
    """
    field = find_setting(name)

    def edited(path: Path, before: str, tables: dict[str, Any]) -> tuple[str, Any]:
        merged = merge_sources([in_overrides({name: text}), in_tables(tables, str(path))])
        value = field.value_in(merged.settings)
        return with_setting(before, tables, field, toml_value(field, value, text)), plain(field, value)

    return _change(name, edited)


def unset_value(name: str) -> ConfigChange:
    """Take one setting out of config.toml, also one that is unknown there. Raises as `set_value` does."""

    def edited(_: Path, before: str, tables: dict[str, Any]) -> tuple[str, None]:
        after = without_setting(before, tables, name)
        if after is None:
            find_setting(name)
        return before if after is None else after, None

    return _change(name, edited)


def initial_config() -> str:
    """A config.toml that sets nothing and explains every setting in comments."""
    return initial_text()


def init_config(*, overwrite: bool = False) -> Path:
    """Write the initial config.toml. Raises UsageError where there is one and it shall not be overwritten."""
    path = config_file()
    with _alone(path):
        if is_there(path) and not overwrite:
            raise UsageError(
                f"{path} exists already.",
                hint="Change it with: imagegen config set NAME VALUE",
                path=str(path),
            )
        _write(path, initial_config())
    return path


def _content(path: Path) -> tuple[str, dict[str, Any]]:
    """The file as text and as tables; nothing of either where there is no file."""
    return (read_text(path), read_toml(path)) if is_there(path) else ("", {})


def _change(name: str, edited: Callable[[Path, str, dict[str, Any]], tuple[str, Any]]) -> ConfigChange:
    """Bring what `edited` makes of the file's text and tables into the file; it also gives the new value."""
    path = config_file()
    before = _content(path)
    after, value = edited(path, *before)  # what is refused is refused before anything is created
    changed = after != before[0]
    if changed:
        with _alone(path):  # and is done to what the file says by then
            after, value = edited(path, *_content(path))
            _write(path, after)
    return ConfigChange(
        path=path, name=name, value=value, changed=changed, shadowed_by=_shadow(name, os.environ)
    )


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Whoever else wants to change the file waits until the block has ended."""
    try:
        target = followed(path)  # a config.toml that is a link into somebody's dotfiles stays one
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with alone(target.with_name(f".{target.name}.lock")):
            yield
    except OSError as exc:
        raise ConfigurationError(f"Cannot write {path}: {exc.strerror or exc}.", path=str(path)) from exc


def _shadow(name: str, variables: Mapping[str, str]) -> str | None:
    stronger = in_variables(variables).found.get(name)
    return stronger.origin if stronger else None


def _write(path: Path, text: str) -> None:
    """Replace the file in one step; its keys are the owner's alone to read from the first byte on."""
    write_whole(followed(path), text.encode(), mode=0o600)
