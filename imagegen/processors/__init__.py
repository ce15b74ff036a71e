"""The registry of post-processing steps: a name and `module:Class`, whether it is built in or a plugin.

A plugin declares itself in the entry-point group `imagegen.processors`, in the same form:

    [project.entry-points."imagegen.processors"]
    grayscale = "your_package:Grayscale"

No plugin takes a built-in's name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING

from imagegen.errors import ConfigurationError, ImagegenError, NotFound, UsageError
from imagegen.plugins import built_in_points, load_each, plugin_points
from imagegen.processors.base import Processor

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

ENTRY_POINT_GROUP = "imagegen.processors"

BUILT_IN: Mapping[str, str] = MappingProxyType(
    {
        "watermark": "imagegen.processors.watermark:Watermark",
        "resize": "imagegen.processors.resize:Resize",
        "convert": "imagegen.processors.convert:Convert",
        "strip-metadata": "imagegen.processors.strip_metadata:StripMetadata",
    }
)


@dataclass(frozen=True, slots=True)
class Step:
    """A processor with its arguments, and the text that asked for it."""

    text: str
    processor: Processor


@dataclass(frozen=True, slots=True)
class Steps:
    """Steps in the order in which they are taken."""

    steps: tuple[Step, ...]

    def check(self, image_format: str, *, is_animated: bool = False) -> None:
        """Refuse what one of them cannot read when it gets there. Raises UsageError."""
        for step in self.steps:
            check_format(step, image_format)
            if is_animated and step.processor.still_only:
                raise UsageError(
                    f"{step.processor.name} works on still images, and this {image_format} will be animated.",
                    hint="Ask for another format with -f, or leave the step out.",
                )
            image_format = step.processor.gives(image_format)

    def gives(self, image_format: str) -> str:
        """The format that comes out of the last step."""
        for step in self.steps:
            image_format = step.processor.gives(image_format)
        return image_format


@dataclass(frozen=True, slots=True)
class LoadedProcessors:
    """The steps that can be taken, by name, and for each that cannot be loaded the reason."""

    processors: Mapping[str, type[Processor]]
    broken: Mapping[str, str]


def check_format(step: Step, image_format: str) -> None:
    """Refuse a format that the step cannot read. Raises UsageError."""
    if image_format not in step.processor.formats:
        allowed = ", ".join(step.processor.formats)
        raise UsageError(
            f"{step.processor.name} cannot read {image_format}; it takes {allowed}.",
            hint="Ask for one of these with -f, or leave the step out.",
        )


def load_processors() -> LoadedProcessors:
    """Load every built-in step and every plugin. One that fails is reported, the rest kept."""
    points = [*built_in_points(ENTRY_POINT_GROUP, BUILT_IN), *plugin_points(ENTRY_POINT_GROUP)]
    sources = [(point.name, point.value, partial(_load, point)) for point in points]
    return LoadedProcessors(*load_each(sources, "processor"))


def _load(point: EntryPoint) -> type[Processor]:
    """Import the class behind an entry point. Raises TypeError where it is no processor."""
    loaded: object = point.load()
    if not (isinstance(loaded, type) and issubclass(loaded, Processor)):
        raise TypeError(f"{point.value} is not a subclass of imagegen.processors.base.Processor")
    missing = [
        name for name in ("name", "usage", "summary") if not isinstance(getattr(loaded, name, None), str)
    ]
    if missing:
        raise TypeError(f"{point.value} has no {', '.join(missing)}")
    if loaded.name != point.name:
        raise TypeError(f"{point.value} calls itself {loaded.name}, not {point.name}")
    return loaded


def parse_steps(texts: Sequence[str]) -> Steps:
    """Steps from `name` or `name:arguments`, before anything is sent or changed.

    Raises NotFound for an unknown name, UsageError for arguments, ConfigurationError for a broken plugin.
    """
    loaded = load_processors() if texts else None
    return Steps(tuple(_parsed(text, loaded) for text in texts) if loaded else ())


def _parsed(text: str, loaded: LoadedProcessors) -> Step:
    name, _, arguments = text.partition(":")
    if name in loaded.broken:
        raise ConfigurationError(
            f"The processor {name} is broken: {loaded.broken[name]}.", hint="See: imagegen doctor"
        )
    if name not in loaded.processors:
        raise NotFound(
            f"There is no processor {name!r}.", hint=f"There are {', '.join(sorted(loaded.processors))}."
        )
    kind = loaded.processors[name]
    try:
        step: object = kind.parse(arguments)
    except ImagegenError:
        raise
    except Exception as exc:  # foreign code may raise anything, and it has to be named
        raise ConfigurationError(
            f"The processor {name} failed to read {arguments!r}: {type(exc).__name__}: {exc}.",
            hint=f"It is written {kind.usage}",
        ) from exc
    if not isinstance(step, Processor):
        raise ConfigurationError(f"The processor {name} built a {type(step).__name__}, no step.")
    return Step(text, step)
