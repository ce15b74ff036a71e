"""What the config commands do and show."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path

import typer

from imagegen.cli.output import print_json, print_table
from imagegen.config_file import (
    ConfigChange,
    describe,
    get_value,
    init_config,
    set_value,
    unset_value,
)
from imagegen.errors import UsageError
from imagegen.settings_fields import find_setting
from imagegen.settings_sources import DEFAULT, load_settings


def start_file(*, force: bool, as_json: bool) -> None:
    """Write the starting config.toml and say where it is."""
    path = init_config(overwrite=force)
    if as_json:
        print_json({"path": str(path)})
    else:
        typer.echo(str(path))


def show_settings(config: Path | None, *, changed: bool, as_json: bool) -> None:
    """A row a setting."""
    loaded = load_settings(config=config)
    rows = [row for row in describe(loaded) if not changed or row.origin != DEFAULT]
    if as_json:
        print_json({"settings": [asdict(row) for row in rows], "notes": list(loaded.notes)})
        return
    print_table(("setting", "value", "from"), [(row.name, _shown(row.value), row.origin) for row in rows])
    for note in loaded.notes:
        typer.secho(f"note: {note}", err=True, dim=True)


def show_setting(config: Path | None, name: str, *, reveal: bool, as_json: bool) -> None:
    """One value, ready for a script."""
    loaded = load_settings(config=config)
    value = get_value(loaded.settings, name, reveal=reveal)
    if as_json:
        print_json({"name": name, "value": value, "origin": loaded.origin_of(name)})
    else:
        typer.echo(_shown(value))


def change_setting(name: str, value: str | None, *, unset: bool, as_json: bool) -> None:
    """Set, or with `unset` remove, one setting; a missing value is asked for or read from stdin."""
    if unset and value is not None:
        raise UsageError("Give a value or --unset, not both.")
    change = unset_value(name) if unset else set_value(name, _asked(name) if value is None else value)
    if as_json:
        print_json({**asdict(change), "path": str(change.path)})
    else:
        _tell(change)


def _asked(name: str) -> str:
    """The value from stdin: typed without an echo where it is a secret, else the first line of a pipe."""
    field = find_setting(name)
    if sys.stdin.isatty():
        return str(typer.prompt(name, hide_input=field.secret, err=True))
    line = sys.stdin.readline().strip()
    if not line:
        raise UsageError(f"No value for {name}.", hint=f"It takes {field.takes}.")
    return line


def _tell(change: ConfigChange) -> None:
    typer.echo(f"{change.name} = {_shown(change.value)}")
    if change.shadowed_by:
        typer.secho(f"note: {change.shadowed_by} is stronger and stays in force", err=True, dim=True)


def _shown(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return ", ".join(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def check_settings(config: Path | None, *, as_json: bool) -> None:
    """Load everything; faults arrive as one ConfigurationError."""
    loaded = load_settings(config=config)
    changed = sum(1 for origin in loaded.origins.values() if origin != DEFAULT)
    if as_json:
        print_json({"valid": True, "set": changed, "notes": list(loaded.notes)})
        return
    for note in loaded.notes:
        typer.secho(f"note: {note}", err=True, dim=True)
    typer.echo(f"all settings are valid; {changed} differ from their defaults")
