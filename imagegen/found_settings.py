"""What one place says of the settings: its values by dotted name, and what is unknown or odd there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from imagegen.settings import Settings
from imagegen.settings_fields import (
    DELIMITER,
    FIELDS,
    PREFIX,
    SERVER_FIELDS,
    SERVERS,
    SettingField,
    field_named,
    is_group,
    printable,
    suggestion,
)

LEGACY_VARIABLES: Mapping[str, str] = {"storage.retention_days": "STORAGE_RETENTION_DAYS"}

# The older flat config.json, key by key.
LEGACY_KEYS: Mapping[str, str] = {
    "openai_api_key": "providers.openai.api_key",
    "openai_organization": "providers.openai.organization",
    "default_quality": "images.default_quality",
    "default_size": "images.default_size",
    "default_style": "images.default_style",
    "moderation_level": "images.default_moderation",
    "log_level": "server.log_level",
    "server_port": "server.port",
    "rate_limit_requests_per_minute": "server.rate_limit_rpm",
    "cache_backend": "cache.backend",
    "cache_enabled": "cache.enabled",
    "cache_ttl_hours": "cache.ttl_hours",
    "max_cache_size_mb": "cache.max_size_mb",
}


@dataclass(frozen=True, slots=True)
class Found:
    """A value as its place spells it; `origin` says where it stands, `subject` begins a sentence about it."""

    value: Any
    origin: str
    subject: str


@dataclass(slots=True)
class Source:
    """One place that settings come from. Problems and notes are whole sentences."""

    found: dict[str, Found] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def in_overrides(overrides: Mapping[str, object]) -> Source:
    """Values from the command line, by dotted name; None is no value."""
    source = Source()
    for name, value in overrides.items():
        if field_named(name) is None:
            source.problems.append(f"No setting is called {printable(name)}. {suggestion(name)}")
        elif value is not None:
            source.found[name] = Found(value, "command line", f"{name} on the command line")
    return source


def in_variables(variables: Mapping[str, str], file: str | None = None) -> Source:
    """Our own variables: of the environment, or of a .env `file`. An empty one counts as unset."""
    fields = [*FIELDS.values(), *_server_fields(variables)]
    source = Source(problems=list(_misspelt(variables, fields, file)), notes=list(_foreign_groups(variables)))
    for setting in fields:
        spellings = [PREFIX + setting.environment, setting.environment, LEGACY_VARIABLES.get(setting.name)]
        source.found.update(_first(variables, setting.name, spellings, file))
    return source


def in_vendor_variables(variables: Mapping[str, str], file: str | None = None) -> Source:
    """The variables that the vendors' own tools read."""
    source = Source()
    for setting in FIELDS.values():
        spellings = [setting.vendor, setting.vendor_alias]
        source.found.update(_first(variables, setting.name, spellings, file))
    return source


def in_tables(tables: Mapping[str, Any], origin: str, *, legacy: bool = False) -> Source:
    """The values of a TOML or JSON file; `legacy` admits the keys of the older flat form."""
    source = Source()
    for written, value in _leaves(tables):
        name = LEGACY_KEYS.get(written, written) if legacy else written
        subject = f"{printable(written)} in {origin}"
        if value is None:
            continue
        if field_named(name) is not None:
            source.found[name] = Found(value, origin, subject)
        elif is_group(name):
            source.problems.append(f"{subject} is not a table. {suggestion(name)}")
        else:
            source.problems.append(f"{subject} is no setting. {suggestion(name)}")
    return source


def _leaves(tables: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in tables.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict) and is_group(name):
            yield from _leaves(value, f"{name}.")
        else:
            yield name, value


def _first(
    variables: Mapping[str, str], name: str, spellings: list[str | None], file: str | None
) -> dict[str, Found]:
    """The strongest of the spellings that has a value, if any has."""
    for variable in spellings:
        if variable and variables.get(variable):
            return {name: Found(variables[variable], *_naming(variable, file))}
    return {}


def _naming(variable: str, file: str | None) -> tuple[str, str]:
    if file is None:
        return f"environment variable {variable}", f"Environment variable {variable}"
    return f"{variable} in {file}", f"{variable} in {file}"


def _nested(variables: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Set variables that are spelt like ours, each with the dotted name it would be."""
    for variable, value in variables.items():
        if value and DELIMITER in variable.removeprefix(PREFIX):
            yield variable, variable.removeprefix(PREFIX).replace(DELIMITER, ".")


_SERVER_VARIABLE = re.compile(
    rf"(?:{PREFIX})?{SERVERS.replace('.', DELIMITER).upper()}{DELIMITER}"
    rf"([A-Z0-9_-]+?){DELIMITER}({'|'.join(SERVER_FIELDS).upper()})"
)


def _server_fields(variables: Mapping[str, str]) -> Iterator[SettingField]:
    """The settings of servers that the variables speak of."""
    for variable in variables:
        parts = _SERVER_VARIABLE.fullmatch(variable)
        field = parts and field_named(f"{SERVERS}.{parts[1].lower()}.{parts[2].lower()}")
        if field:
            yield field


def _misspelt(variables: Mapping[str, str], fields: list[SettingField], file: str | None) -> Iterator[str]:
    known = {setting.environment for setting in fields}
    ours = {group.upper() for group in Settings.model_fields}
    for variable, dotted in _nested(variables):
        if dotted.partition(".")[0] not in ours or variable.removeprefix(PREFIX) in known:
            continue
        step = suggestion(dotted.lower(), as_variables=True)
        yield f"{_naming(printable(variable), file)[1]} is no setting. {step}"


def _foreign_groups(variables: Mapping[str, str]) -> Iterator[str]:
    """Our prefix with a group that does not exist: said, since only this program reads such names."""
    ours = {group.upper() for group in Settings.model_fields}
    for variable, dotted in _nested(variables):
        if variable.startswith(PREFIX) and dotted.partition(".")[0] not in ours:
            yield f"{printable(variable)} is not read: settings begin with {', '.join(sorted(ours))}."
