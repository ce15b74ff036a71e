"""Finding everything that is wrong with a template's text, with its place in the text."""

from __future__ import annotations

from collections.abc import Iterator, Set
from dataclasses import dataclass

from imagegen.templates.language import (
    PLACEHOLDER,
    FaultyText,
    build_environment,
    examine,
    parse_text,
    unknown_name,
)

STRAY = (
    "This brace belongs to no placeholder and stays in the prompt. Write {name}, or {{ '{' }} for a real one."
)


@dataclass(frozen=True, slots=True)
class Finding:
    """A fault at a character of the text; a `harmless` one leaves the template usable."""

    offset: int
    message: str
    harmless: bool = False


@dataclass(frozen=True, slots=True)
class _Token:
    offset: int
    line: int
    kind: str
    value: str


def check_text(text: str, names: Set[str]) -> tuple[list[Finding], frozenset[str]]:
    """What is wrong with the text of a template with the arguments `names`, and which of those it uses."""
    environment = build_environment()
    try:
        tree = parse_text(environment, text)
    except FaultyText as error:
        return [Finding(_line_start(text, error.fault.line), error.fault.message)], frozenset(names)
    examined = examine(tree, names)
    tokens = list(_tokens(text, environment.lex(text)))
    plain = [token for token in tokens if token.kind == "data"]
    found = [Finding(_place(tokens, fault.token, fault.line), fault.message) for fault in examined.faults]
    found += [finding for token in plain for finding in _plain_faults(token, names)]
    used = {match[1] for token in plain for match in PLACEHOLDER.finditer(token.value)} | examined.used
    return sorted(found, key=lambda finding: finding.offset), frozenset(used & names)


def _tokens(text: str, lexed: Iterator[tuple[int, str, str]]) -> Iterator[_Token]:
    """Jinja's tokens with their places; white space that it drops lies between them."""
    position = 0
    for line, kind, value in lexed:
        position = max(text.find(value, position), position)
        yield _Token(position, line, kind, value)
        position += len(value)


def _place(tokens: list[_Token], wanted: str | None, line: int) -> int:
    """Where the wanted token stands from that line on; without one, the line's first tag."""
    inside = [token for token in tokens if token.kind not in ("data", "whitespace", "raw_begin", "raw_end")]
    for token in inside:
        if token.line >= line and (token.value == wanted or wanted is None):
            return token.offset
    return next((token.offset for token in inside if token.value == wanted), 0)


def _plain_faults(token: _Token, names: Set[str]) -> Iterator[Finding]:
    """Faults of `{name}` in plain text, and braces that belong to none."""
    rest = token.value
    for match in PLACEHOLDER.finditer(token.value):
        rest = rest[: match.start()] + " " * len(match[0]) + rest[match.end() :]
        fault = unknown_name(match[1], names, token.line)
        if fault:
            yield Finding(token.offset + match.start(1), fault.message)
    stray = min((at for at in (rest.find("{"), rest.find("}")) if at >= 0), default=None)
    if stray is not None:
        yield Finding(token.offset + stray, STRAY, harmless=True)


def _line_start(text: str, line: int) -> int:
    """Where the first tag of that line begins, or its first character that is no space."""
    lines = text.split("\n")
    if line > len(lines):
        return len(text)
    before, content = sum(len(row) + 1 for row in lines[: line - 1]), lines[line - 1]
    tags = [at for at in (content.find("{{"), content.find("{%"), content.find("{#")) if at >= 0]
    return before + (min(tags) if tags else len(content) - len(content.lstrip()))
