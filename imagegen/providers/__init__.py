"""The registry: a provider is a name and `module:Class`, whether it is built in or a plugin.

A plugin declares itself in the entry-point group `imagegen.providers`, in the same form:

    [project.entry-points."imagegen.providers"]
    example = "example_images:ExampleProvider"

A server of the settings (`providers.compatible.NAME`) is a provider too. No plugin takes a built-in's name or
a server's, and no server a built-in's: the settings refuse it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING

from imagegen.paths import config_folder
from imagegen.plugins import built_in_points, load_each, plugin_points
from imagegen.providers.base import Provider
from imagegen.providers.fence import FencedProvider, fenced
from imagegen.providers.model_overrides import FILE_NAME, check_owners
from imagegen.settings import Settings

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

ENTRY_POINT_GROUP = "imagegen.providers"

BUILT_IN: Mapping[str, str] = MappingProxyType(
    {
        "openai": "imagegen.providers.openai:OpenAIProvider",
        "gemini": "imagegen.providers.gemini:GeminiProvider",
        "local": "imagegen.providers.local:LocalProvider",
    }
)


@dataclass(frozen=True, slots=True)
class LoadedProviders:
    """The providers that were loaded, by name, and for each that was not the reason."""

    providers: Mapping[str, Provider]
    unloadable: Mapping[str, str]

    @property
    def broken(self) -> Mapping[str, str]:
        """Why each of those cannot be used that was not loaded, or that has failed since."""
        plugins = [each for each in self.providers.values() if isinstance(each, FencedProvider)]
        return {**self.unloadable, **{each.name: each.failure for each in plugins if each.failure}}


def load_providers(settings: Settings) -> LoadedProviders:
    """Load every built-in provider, every server and every plugin. One that fails is reported, the rest kept.

    Raises ConfigurationError where the user's `models.toml` speaks of a provider that there is not.
    """
    providers, unloadable = load_each(_sources(settings), "provider")
    owners = [name for name in (*providers, *unloadable) if name != "local"]
    check_owners(config_folder() / FILE_NAME, owners)
    return LoadedProviders(providers, unloadable)


def _sources(settings: Settings) -> Iterator[tuple[str, str, Callable[[], Provider]]]:
    """Name, origin and builder: built-ins first, then servers, then plugins."""
    for point in built_in_points(ENTRY_POINT_GROUP, BUILT_IN):
        yield point.name, point.value, partial(_build, point, settings)
    for name in settings.providers.compatible:
        yield name, f"providers.compatible.{name}", partial(_build_server, name, settings)
    for point in plugin_points(ENTRY_POINT_GROUP):
        yield point.name, point.value, partial(_build_plugin, point, settings)


def _build_server(name: str, settings: Settings) -> Provider:
    from imagegen.providers.compatible import build_server_class

    return build_server_class(name).from_settings(settings)


def _build(point: EntryPoint, settings: Settings) -> Provider:
    return _class_behind(point).from_settings(settings)


def _build_plugin(point: EntryPoint, settings: Settings) -> Provider:
    return fenced(_class_behind(point)).from_settings(settings)


def _class_behind(point: EntryPoint) -> type[Provider]:
    """Import the class behind an entry point. Raises TypeError where it is no provider's."""
    loaded = point.load()
    if not (isinstance(loaded, type) and issubclass(loaded, Provider)):
        raise TypeError(f"{point.value} is not a subclass of imagegen.providers.base.Provider")
    if loaded.name != point.name:
        raise TypeError(f"{point.value} calls itself {loaded.name}, not {point.name}")
    return loaded
