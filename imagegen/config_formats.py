"""TOML, JSON and .env files become plain values; what is broken in them is named by file, line and column."""

from __future__ import annotations

import io
import json
import os
import re
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from imagegen.errors import ConfigurationError


def is_there(path: Path) -> bool:
    """Whether there is something of that name; no, where a folder above it is closed to us."""
    return os.path.exists(path)  # noqa: PTH110 - Path.exists raises there


def read_toml(path: Path, *, parse_float: Callable[[str], Any] = float) -> dict[str, Any]:
    """The tables of a TOML file. Raises ConfigurationError where it cannot be read or is broken."""
    text = read_text(path)
    with _syntax_errors(path, text):
        return tomllib.loads(text, parse_float=parse_float)


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file. Raises ConfigurationError where it cannot be read or is broken."""
    text = read_text(path)
    with _syntax_errors(path, text):
        content = json.loads(text)
    if not isinstance(content, dict):
        raise ConfigurationError(
            f"{path} holds no settings: a JSON object is expected, {{…}}.", path=str(path)
        )
    return content


def read_dotenv(path: Path) -> dict[str, str]:
    """The variables of a .env file, `${NAME}` expanded. Raises ConfigurationError where it is broken."""
    import dotenv
    from dotenv.parser import parse_stream

    text = read_text(path)
    for binding in parse_stream(io.StringIO(text)):
        if binding.error:
            raise _broken(
                path, "This is not NAME=value", *_start_of(binding.original.string, binding.original.line)
            )
    values = dotenv.dotenv_values(stream=io.StringIO(text))
    return {name: value for name, value in values.items() if value is not None}


def read_text(path: Path) -> str:
    """The text of a UTF-8 file, with or without a byte-order mark, its line ends as `\\n`."""
    try:
        data = path.read_bytes()
    except OSError as exc:
        reason = exc.strerror or str(exc)
        raise ConfigurationError(f"Cannot read {path}: {reason}.", path=str(path)) from exc
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as exc:
        before = data[: exc.start]
        line, column = before.count(b"\n") + 1, exc.start - before.rfind(b"\n")
        raise _broken(path, "This is not UTF-8 text", line, column) from exc


@contextmanager
def _syntax_errors(path: Path, text: str) -> Iterator[None]:
    try:
        yield
    except tomllib.TOMLDecodeError as exc:
        problem, _, place = str(exc).partition(" (at ")
        numbers = re.match(r"line (\d+), column (\d+)", place)
        line, column = map(int, numbers.groups()) if numbers else _end_of(text)
        raise _broken(path, problem, line, column) from exc
    except json.JSONDecodeError as exc:
        raise _broken(path, exc.msg, exc.lineno, exc.colno) from exc
    except RecursionError as exc:
        raise ConfigurationError(f"{path} is nested too deeply to be settings.", path=str(path)) from exc
    except (ValueError, ArithmeticError) as exc:
        raise ConfigurationError(f"{path} holds a number of too many digits.", path=str(path)) from exc


def _broken(path: Path, problem: str, line: int, column: int) -> ConfigurationError:
    return ConfigurationError(
        f"{path} is broken at line {line}, column {column}: {problem}.",
        hint="Correct that line.",
        path=str(path),
        line=line,
        column=column,
    )


def _start_of(text: str, line: int) -> tuple[int, int]:
    """Line and column of the first character in `text` that is no space; `text` begins on `line`."""
    blank = text[: len(text) - len(text.lstrip())]
    return line + blank.count("\n"), len(blank) - blank.rfind("\n")


def _end_of(text: str) -> tuple[int, int]:
    return text.count("\n") + 1, len(text) - text.rfind("\n")
