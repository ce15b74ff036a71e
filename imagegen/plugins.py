"""The one door for what is built in and what plugins bring: a name and `module:Class` in a group."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

T = TypeVar("T")
MAX_REASON_CHARS = 300


def built_in_points(group: str, table: Mapping[str, str]) -> list[EntryPoint]:
    """What this package brings itself, as entry points like any other."""
    from importlib.metadata import EntryPoint

    return [EntryPoint(name, value, group) for name, value in table.items()]


def plugin_points(group: str) -> list[EntryPoint]:
    """What installed packages declare, in order of name."""
    from importlib.metadata import entry_points

    return sorted(entry_points(group=group), key=lambda point: (point.name, point.value))


def load_each(
    sources: Iterable[tuple[str, str, Callable[[], T]]], kind: str
) -> tuple[Mapping[str, T], Mapping[str, str]]:
    """What could be loaded, by name, and for the rest the reason. The first to have a name keeps it.

    A source is a name, where it comes from, and what loads it.
    """
    loaded: dict[str, T] = {}
    broken: dict[str, str] = {}
    for name, origin, load in sources:
        if name in loaded or name in broken:
            broken[f"{name} ({origin})"] = f"the name {name} belongs to another {kind}"
            continue
        try:
            loaded[name] = load()
        except (Exception, SystemExit) as exc:  # noqa: BLE001 - a plugin is foreign code; it must not stop the rest
            broken[name] = f"{type(exc).__name__}: {exc}"[:MAX_REASON_CHARS]
    return MappingProxyType(loaded), MappingProxyType(broken)
