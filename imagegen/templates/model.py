"""What a template is, what rendering one gives, and what can be wrong with its file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from imagegen.types import TemplateUse

BUILTIN = "built-in"


class Kind(StrEnum):
    """What an argument's value may be."""

    TEXT = "text"
    CHOICE = "choice"
    BOOL = "bool"


@dataclass(frozen=True, slots=True, kw_only=True)
class Argument:
    """One fact that a template asks for.

    `values` maps the known values of a choice to the words that `|words` puts into the text for them; with
    `open` other values are taken too. `kind` is the `type` of the template's file.
    """

    name: str
    description: str = ""
    required: bool = False
    kind: Kind = Kind.TEXT
    values: Mapping[str, str] = field(default_factory=dict)
    open: bool = False
    example: str | None = None

    @property
    def notation(self) -> str:
        """The argument on one line: `mood: calm exciting`, `style: modern bold …`, `include_logo: bool`."""
        if self.kind is Kind.BOOL:
            return f"{self.name}: bool"
        if not self.values:
            return f"{self.name}…" if self.open else self.name
        return f"{self.name}: {', '.join(self.values)}{' …' if self.open else ''}"

    @property
    def sample(self) -> str:
        """A value that the argument takes, to show how it is given."""
        if self.example is not None:
            return self.example
        return "true" if self.kind is Kind.BOOL else next(iter(self.values), "…")


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A prompt with gaps, and what suits its use.

    `recommended_size` is WIDTHxHEIGHT in pixels; `size_for` maps an argument and its value to another one.
    `quality` and `style` are hints in the Images API's words. `path` is None for a built-in one.
    """

    name: str
    title: str
    text: str
    description: str = ""
    meant_for: str = ""
    arguments: tuple[Argument, ...] = ()
    recommended_size: str | None = None
    size_for: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    aspect_ratio: str | None = None
    quality: str | None = None
    style: str | None = None
    path: Path | None = None
    replaces_builtin: bool = False

    @property
    def source(self) -> str:
        """Where the template comes from: `built-in`, or a file, which may replace a built-in one."""
        if self.path is None:
            return BUILTIN
        return f"{self.path} (replaces {BUILTIN})" if self.replaces_builtin else str(self.path)

    @property
    def signature(self) -> str:
        """The arguments with their values: the required ones first, the optional ones in brackets."""
        return self._in_brackets({argument.name: argument.notation for argument in self.arguments})

    @property
    def outline(self) -> str:
        """The names of the arguments: the required ones first, the optional ones in brackets."""
        return self._in_brackets({argument.name: argument.name for argument in self.arguments})

    def _in_brackets(self, written: Mapping[str, str]) -> str:
        needed = "; ".join(written[a.name] for a in self.arguments if a.required)
        optional = "; ".join(written[a.name] for a in self.arguments if not a.required)
        return " ".join(part for part in (needed, f"[{optional}]" if optional else "") if part)

    def argument(self, name: str) -> Argument | None:
        """The argument of that name."""
        return next((argument for argument in self.arguments if argument.name == name), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """A prompt that a template made, and the hints that go with it; None where there is no hint.

    `arguments` are those that were given, checked and in their own spelling; `source` is the template's.
    """

    text: str
    name: str
    arguments: Mapping[str, str]
    recommended_size: str | None
    aspect_ratio: str | None
    quality: str | None
    style: str | None
    source: str

    @property
    def use(self) -> TemplateUse:
        """What a request and the sidecar record of it."""
        return TemplateUse(
            name=self.name,
            arguments=self.arguments,
            recommended_size=self.recommended_size,
            quality=self.quality,
        )


class Severity(StrEnum):
    """Whether a template can be used in spite of a problem."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What is wrong with a template's file or the brand file; `line` and `column` count from 1."""

    path: Path
    message: str
    line: int | None = None
    column: int | None = None
    severity: Severity = Severity.ERROR

    def __str__(self) -> str:
        place = f":{self.line}:{self.column}" if self.line else ""
        return f"{self.path}{place}: {self.severity}: {self.message}"
