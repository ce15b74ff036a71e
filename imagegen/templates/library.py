"""All templates there are: the built-in ones, and the user's own over them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TYPE_CHECKING

from imagegen.errors import ConfigurationError, NotFound, UsageError
from imagegen.paths import config_folder
from imagegen.templates.brand import BRAND_FILE, Brand, load_brand
from imagegen.templates.loading import read_template
from imagegen.templates.model import Problem, Rendered, Severity, Template
from imagegen.templates.sources import SourceFile, is_missing, read_source

if TYPE_CHECKING:
    from jinja2 import nodes

SUFFIXES = (".toml", ".json")


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateLibrary:
    """The templates by name, the brand, and what is wrong with the user's files.

    `folder` is for the user's own templates, whether or not it exists; `files` are those that were read.
    """

    templates: Mapping[str, Template]
    brand: Brand
    folder: Path
    files: tuple[Path, ...] = ()
    problems: tuple[Problem, ...] = ()
    _texts: dict[str, nodes.Template] = field(default_factory=dict, repr=False, compare=False)

    @property
    def errors(self) -> tuple[Problem, ...]:
        """The problems that make a file unusable."""
        return tuple(problem for problem in self.problems if problem.severity is Severity.ERROR)

    def find(self, name: str) -> Template:
        """The template of that name. Raises UsageError, with the nearest, or ConfigurationError.

        A broken file stands in the way of the built-in template of its name: another picture than the one
        that was meant is never made silently.
        """
        for problem in self.errors:
            if problem.path.stem == name and problem.path in self.files:
                raise ConfigurationError(
                    f"The template {name} is broken: {problem}",
                    hint="Correct it, and see: imagegen prompts check",
                    template=name,
                )
        template = self.templates.get(name)
        if template is None:
            raise UsageError(f"There is no template {name[:80]}.", hint=self._nearest(name), template=name)
        return template

    def _nearest(self, name: str) -> str:
        wanted = name.lower().replace("_", "-")
        near = (
            get_close_matches(wanted, self.templates, n=2) or [t for t in self.templates if wanted in t][:3]
        )
        return f"Did you mean {' or '.join(near)}?" if near else "See: imagegen prompts list"

    def render(self, name: str, arguments: Mapping[str, str]) -> Rendered:
        """The prompt that a template makes. Raises UsageError or ConfigurationError."""
        from imagegen.templates.rendering import read_text, render

        template = self.find(name)
        if name not in self._texts:
            self._texts[name] = read_text(template)
        return render(template, self._texts[name], arguments, self.brand)


class _Templates(Mapping[str, Template]):
    """Templates by name, in order; a built-in one is read when it is first wanted."""

    def __init__(self, own: Mapping[str, Template]) -> None:
        self._builtin = _builtin_files()
        self._known = {name: replace(t, replaces_builtin=name in self._builtin) for name, t in own.items()}

    def __getitem__(self, name: str) -> Template:
        if name not in self._known:
            self._known[name] = _read_builtin(name, self._builtin[name])
        return self._known[name]

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._builtin.keys() | self._known.keys()))

    def __len__(self) -> int:
        return len(self._builtin.keys() | self._known.keys())


def template_folder() -> Path:
    """Where the user's own templates live if no setting says otherwise."""
    return config_folder() / "templates"


def load_library(
    folder: Path | None = None, brand_file: Path | None = None, *, custom: bool = True
) -> TemplateLibrary:
    """Read the built-in templates, and with `custom` the user's own in `folder`.

    The brand file is `brand.toml` beside the user's templates, else the one in the config folder. A broken
    file becomes a problem and hides nothing else.
    """
    own = folder or template_folder()
    found = tuple(_template_files(own)) if custom else ()
    problems = list(_folder_problems(folder)) if custom else []
    mine: dict[str, Template] = {}
    for path in found:
        template, faults = _read(path)
        problems += faults
        if template and template.name in mine:
            problems.append(_twice(path, mine[template.name]))
        elif template:
            mine[template.name] = template
    brand, brand_problems = load_brand(brand_file or _brand_file(own))
    return TemplateLibrary(
        templates=_Templates(mine),
        brand=brand,
        folder=own,
        files=found,
        problems=(*problems, *brand_problems),
    )


def check_file(path: Path) -> tuple[Problem, ...]:
    """What is wrong with one template file, or a brand file called brand.toml. Raises NotFound."""
    if is_missing(path):
        raise NotFound(f"There is no file {path}.", path=str(path))
    if path.name == BRAND_FILE:
        return load_brand(path)[1]
    return _read(path)[1]


def builtin_source(name: str) -> str | None:
    """The file of a built-in template as text."""
    entry = _builtin_files().get(name)
    return entry.read_text(encoding="utf-8") if entry else None


def _builtin_files() -> dict[str, Traversable]:
    entries = files(__package__).joinpath("builtin").iterdir()
    return {entry.name.removesuffix(".toml"): entry for entry in entries if entry.name.endswith(".toml")}


def _read_builtin(name: str, entry: Traversable) -> Template:
    source = SourceFile(Path(entry.name), entry.read_text(encoding="utf-8"))
    template, problems = read_template(source, builtin=True)
    if template is None or template.name != name:
        raise ConfigurationError(f"The built-in template {name} is broken: {'; '.join(map(str, problems))}")
    return template


def _template_files(folder: Path) -> Iterator[Path]:
    try:
        entries = sorted(folder.iterdir())
    except OSError:  # reported by _folder_problems where somebody asked for this folder
        return
    for path in entries:
        hidden = path.name.startswith(".") or path.name == BRAND_FILE
        if path.suffix in SUFFIXES and not hidden:
            yield path


def _folder_problems(folder: Path | None) -> Iterator[Problem]:
    if folder is None:
        return
    with suppress(OSError):
        if folder.is_dir():
            return
    yield Problem(path=folder, message="There is no such folder.", severity=Severity.WARNING)


def _read(path: Path) -> tuple[Template | None, tuple[Problem, ...]]:
    source = read_source(path)
    return (None, (source,)) if isinstance(source, Problem) else read_template(source)


def _twice(path: Path, first: Template) -> Problem:
    return Problem(
        path=path, message=f"{first.path} has a template of the same name, {first.name}; that one counts."
    )


def _brand_file(folder: Path) -> Path:
    beside = folder / BRAND_FILE
    return config_folder() / BRAND_FILE if is_missing(beside) else beside
