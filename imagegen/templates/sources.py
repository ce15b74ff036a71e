"""A template's file as text in which things have places, so that a fault is named by line and column."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imagegen.templates.model import Problem, Severity

MAX_FILE_BYTES = 100_000

_PIECE = re.compile(
    r"""\\(?: (?P<joined>[ \t]*\n\s*) | u(?P<short>[0-9a-fA-F]{4}) | U(?P<long>[0-9a-fA-F]{8}) | (?P<mark>.) )
      | (?P<plain>.)""",
    re.DOTALL | re.VERBOSE,
)
_MARKS = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r", "e": "\x1b"}


@dataclass(frozen=True, slots=True)
class SourceFile:
    """The path and the text of a TOML or JSON file, its line ends as `\\n`."""

    path: Path
    text: str

    def problem(self, message: str, offset: int = 0, severity: Severity = Severity.ERROR) -> Problem:
        """A problem at a character of the file."""
        before = self.text[:offset]
        line, column = before.count("\n") + 1, offset - before.rfind("\n")
        return Problem(path=self.path, message=message, line=line, column=column, severity=severity)

    def offset_of(self, key: str, value: str | None = None) -> int:
        """Where the value of `key` stands, of several the one that reads `value`; else any mention of it."""
        found = [match.end() for match in self._keys(key)]
        if value is not None:
            found = [at for at in found if self._reads(at, value)] or found
        word = re.search(rf"(?<!\w){re.escape(key)}(?!\w)", self.text)
        return found[0] if found else word.start() if word else 0

    def offsets_in(self, key: str, value: str) -> list[int] | None:
        """Where every character of the string `value` under `key` stands; None where that is unclear."""
        for match in self._keys(key):
            decoded = _decode(self.text, match.end())
            if decoded and decoded[0] == value:
                return decoded[1]
        return None

    def _keys(self, key: str) -> Iterator[re.Match[str]]:
        word = re.escape(key)
        pattern = (
            rf'"{word}"\s*:\s*'
            if self.path.suffix == ".json"
            else (rf"""(?m)(?:^[ \t]*|^[^#\n]*[{{,][ \t]*)["']?{word}["']?[ \t]*=[ \t]*""")
        )
        return re.finditer(pattern, self.text)

    def _reads(self, offset: int, value: str) -> bool:
        decoded = _decode(self.text, offset)
        return decoded is not None and decoded[0] == value


def _decode(text: str, start: int) -> tuple[str, list[int]] | None:
    """The string of TOML or JSON that begins at `start`, and where each of its characters stands."""
    quote = text[start : start + 1]
    if not quote or quote not in "\"'":
        return None
    delimiter = quote * 3 if text.startswith(quote * 3, start) else quote
    position = start + len(delimiter)
    if len(delimiter) == 3 and text.startswith("\n", position):
        position += 1
    characters: list[str] = []
    offsets: list[int] = []
    while position < len(text) and not text.startswith(delimiter, position):
        piece = None if quote == "'" else _PIECE.match(text, position)
        character = _character(piece) if piece else text[position]
        characters.append(character)
        offsets += [position] * len(character)
        position = piece.end() if piece else position + 1
    return "".join(characters), offsets


def _character(piece: re.Match[str]) -> str:
    if piece["plain"] is not None:
        return piece["plain"]
    if piece["joined"] is not None:
        return ""
    code = piece["short"] or piece["long"]
    if code:
        return chr(int(code, 16) % 0x110000)
    return _MARKS.get(piece["mark"], piece["mark"])


def is_missing(path: Path) -> bool:
    """Whether there is nothing at the path. What cannot be looked at is not missing: reading it says why."""
    try:
        return not path.exists()
    except OSError:
        return False


def read_source(path: Path) -> SourceFile | Problem:
    """The file's text, or why it cannot be read; nothing but a regular file of up to 100 kB is opened."""
    try:
        if not path.is_file():
            return Problem(path=path, message="This is no regular file.")
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as exc:
        return Problem(path=path, message=f"This cannot be read: {exc.strerror or exc}.")
    if len(data) > MAX_FILE_BYTES:
        return Problem(path=path, message=f"This is larger than {MAX_FILE_BYTES // 1000} kB.")
    return _decoded(path, data)


def _decoded(path: Path, data: bytes) -> SourceFile | Problem:
    try:
        return SourceFile(path, data.decode("utf-8-sig").replace("\r\n", "\n"))
    except UnicodeDecodeError as exc:
        before = data[: exc.start]
        line, column = before.count(b"\n") + 1, exc.start - before.rfind(b"\n")
        return Problem(path=path, message="This is not UTF-8 text.", line=line, column=column)


def parse(source: SourceFile) -> dict[str, Any] | Problem:
    """The tables of a TOML file, or the object of a JSON file by its suffix, or why there are none."""
    import json
    import tomllib

    try:
        content = (json if source.path.suffix == ".json" else tomllib).loads(source.text)
    except json.JSONDecodeError as exc:
        return source.problem(f"{exc.msg}.", exc.pos)
    except tomllib.TOMLDecodeError as exc:
        return _toml_problem(source, str(exc))
    except RecursionError:
        return source.problem("This is nested too deeply.")
    except ValueError:
        return source.problem("A number in it has too many digits.")
    if not isinstance(content, dict):
        return source.problem("A JSON object is expected: {…}.")
    return content


def _toml_problem(source: SourceFile, text: str) -> Problem:
    message, _, place = text.partition(" (at ")
    numbers = re.match(r"line (\d+), column (\d+)", place)
    if not numbers:
        return source.problem(f"{message}.", len(source.text))
    return Problem(path=source.path, message=f"{message}.", line=int(numbers[1]), column=int(numbers[2]))
