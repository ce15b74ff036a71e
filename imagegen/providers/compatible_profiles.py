"""What kinds of servers there are: the TOML file beside this module, which explains its keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Literal

from imagegen.types import Operation

GENERIC = "generic"


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """How one kind of server departs from the Images API."""

    title: str
    send: tuple[str, ...]
    max_n: int
    max_images: int
    input_formats: tuple[str, ...]
    edits: str
    edits_ignore: tuple[str, ...]
    mask: Literal["transparent", "white", ""]
    mask_field: str
    needs_mask: bool
    needs_model: bool
    edits_need_model: bool
    lists_models: bool
    model_in_path: str
    query: Mapping[str, str]
    key_header: str
    default_model: str | None = None
    fixed: Mapping[str, str] | None = None
    edits_fixed: Mapping[str, str] | None = None

    def fixed_fields(self, operation: Operation) -> Mapping[str, str]:
        """Fields of every call."""
        return (self.edits_fixed if operation is Operation.EDIT else self.fixed) or {}

    def path(self, operation: Operation) -> str:
        """The path of an operation, without the model's part."""
        return self.edits if operation is Operation.EDIT else "/images/generations"


def load_profiles() -> Mapping[str, Profile]:
    """Every profile by name."""
    import tomllib

    text = files(__package__).joinpath("compatible_profiles.toml").read_text(encoding="utf-8")
    tables = tomllib.loads(text)
    return {name: _profile({**tables[GENERIC], **table}) for name, table in tables.items()}


def _profile(table: Mapping[str, Any]) -> Profile:
    entries: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in table.items()
    }
    return Profile(**entries)
