"""Client profiles: what is known of the programs that call, as a table that users can extend."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from imagegen.errors import ConfigurationError

FILE_NAME = "clients.toml"
REMEMBERED = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientProfile:
    """One row of the table; None leaves it to the settings."""

    name: str
    structured: bool = True
    preview_size: int | None = None
    wait_seconds: float | None = None

    def fits(self, client: str) -> bool:
        return fnmatchcase(client.lower(), self.name.lower())


ANYBODY = ClientProfile(name="*")


class ClientProfiles:
    """All rows, the users' own first. `find` remembers the names it was asked for last."""

    def __init__(self, rows: Sequence[ClientProfile]) -> None:
        self.rows = rows
        self.find = lru_cache(REMEMBERED)(self._find)

    def _find(self, client: str) -> ClientProfile:
        """The first row that fits the client's name."""
        return next((row for row in self.rows if row.fits(client)), ANYBODY)


def load_profiles(config_folder: Path) -> ClientProfiles:
    """The table of this package with the one in the config folder before it. Raises ConfigurationError."""
    own = config_folder / FILE_NAME
    rows = list(_rows(_read(own), str(own))) if own.exists() else []
    builtin = files(__package__).joinpath(FILE_NAME).read_text(encoding="utf-8")
    return ClientProfiles((*rows, *_rows(builtin, FILE_NAME)))


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigurationError(f"{path} cannot be read: {exc}.") from exc


def _rows(text: str, source: str) -> Iterator[ClientProfile]:
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        raise ConfigurationError(f"{source} is no TOML: {exc}.") from exc
    for number, row in enumerate(tables.get("client", []), start=1):
        yield _profile(row, f"client {number} in {source}")


def _profile(row: Any, subject: str) -> ClientProfile:
    allowed = {"name": str, "structured": bool, "preview_size": int, "wait_seconds": int | float}
    names = ", ".join(field.name for field in fields(ClientProfile))
    if not isinstance(row, dict) or "name" not in row or not row.keys() <= allowed.keys():
        raise ConfigurationError(f"{subject} needs a name, and may have {names}.")
    for key, value in row.items():
        is_number_for_truth = isinstance(value, bool) and key != "structured"
        if not isinstance(value, allowed[key]) or is_number_for_truth:
            raise ConfigurationError(f"{key} of {subject} cannot be {value!r}.")
    return ClientProfile(**row)
