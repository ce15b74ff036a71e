"""The brand file: facts about a brand that every template can use as `brand.name`, `brand.colors` and so on.

name = "Tidewater Coffee"
colors = ["deep teal #0B3C49", "sand #F4D35E"]     # or a table: main = "#0B3C49"
fonts = ["Lora", "Inter"]
voice = "warm, plain-spoken"
logo = "logo.png"                                  # beside this file, or a whole path
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from imagegen.paths import expanded
from imagegen.templates.characters import unfit
from imagegen.templates.model import Problem, Severity
from imagegen.templates.sources import SourceFile, is_missing, parse, read_source

BRAND_FILE = "brand.toml"
BRAND_KEYS = ("name", "colors", "fonts", "voice", "logo")
MAX_BRAND_CHARS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Brand:
    """A brand; empty where there is no brand file. `logo` is an absolute path, `path` the brand file's."""

    name: str = ""
    colors: tuple[str, ...] = ()
    fonts: tuple[str, ...] = ()
    voice: str = ""
    logo: Path | None = None
    path: Path | None = None

    def words(self) -> Mapping[str, str]:
        """What a template sees: plain text under every key of a brand."""
        return {
            "name": self.name,
            "colors": _listed(self.colors),
            "fonts": _listed(self.fonts),
            "voice": self.voice,
            "logo": str(self.logo or ""),
        }


def _listed(parts: tuple[str, ...]) -> str:
    """`one`, `one and two`, `one, two and three`."""
    return " and ".join(part for part in (", ".join(parts[:-1]), *parts[-1:]) if part)


def load_brand(path: Path) -> tuple[Brand, tuple[Problem, ...]]:
    """The brand in a file, empty where there is no file or it is broken, and what is wrong with the file."""
    if is_missing(path):
        return Brand(), ()
    source = read_source(path)
    content = parse(source) if isinstance(source, SourceFile) else source
    if isinstance(content, Problem) or isinstance(source, Problem):
        return Brand(path=path), tuple(p for p in (content, source) if isinstance(p, Problem))[:1]
    problems = tuple(_problems(source, content))
    if any(problem.severity is Severity.ERROR for problem in problems):
        return Brand(path=path), problems
    logo = content.get("logo")
    return Brand(
        name=content.get("name", ""),
        colors=_several(content.get("colors", ())),
        fonts=_several(content.get("fonts", ())),
        voice=content.get("voice", ""),
        logo=(path.parent / expanded(logo)).absolute() if logo else None,
        path=path,
    ), problems


def _several(entry: Any) -> tuple[str, ...]:
    if isinstance(entry, dict):
        return tuple(f"{value} ({name})" for name, value in entry.items())
    return (entry,) if isinstance(entry, str) else tuple(entry)


def _problems(source: SourceFile, content: Mapping[str, Any]) -> Iterator[Problem]:
    for key, entry in content.items():
        at = source.offset_of(key)
        if key not in BRAND_KEYS:
            near = get_close_matches(key, BRAND_KEYS, n=1)
            hint = f" Did you mean {near[0]}?" if near else f" A brand has {', '.join(BRAND_KEYS)}."
            yield source.problem(f"{key} means nothing here.{hint}", at, Severity.WARNING)
            continue
        fault = _fault(key, entry)
        if fault:
            yield source.problem(fault, at)
        elif key == "logo" and not _logo_exists(source.path, entry):
            yield source.problem(f"The logo {entry} does not exist.", at, Severity.WARNING)


def _fault(key: str, entry: Any) -> str | None:
    several = key in ("colors", "fonts")
    parts = list(entry.values()) if isinstance(entry, dict) else entry if isinstance(entry, list) else [entry]
    if not all(isinstance(part, str) for part in parts) or (not several and not isinstance(entry, str)):
        return f"{key} takes {'a list of texts' if several else 'a text'}."
    for part in parts:
        problem = unfit(part, MAX_BRAND_CHARS)
        if problem:
            return f"{key} {problem}."
    return None


def _logo_exists(path: Path, logo: str) -> bool:
    try:
        return not logo or (path.parent / expanded(logo)).is_file()
    except OSError:  # a path that no system takes
        return False
