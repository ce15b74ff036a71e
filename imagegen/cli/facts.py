"""A value beside its name: wrapped under itself on a terminal, as it is in a pipe."""

from __future__ import annotations

import re
import shutil
import sys

from imagegen.cli.failures import printable

LEAST_COLUMNS = 20

# A command that is broken over two lines cannot be pasted.
_COMMAND = re.compile(r"\b(?:imagegen|pip install)(?: [\w.:/=\[\]\"'-]+)+")
_NO_BREAK = "\ue000"


def hanging(text: str, indent: int) -> str:
    """The text, its second and later lines moved in by `indent` columns, which its first line has behind it.

    Characters that a terminal would act on are written out.
    """
    lines = printable(text).splitlines() or [""]
    if sys.stdout.isatty():
        room = max(shutil.get_terminal_size().columns - indent, LEAST_COLUMNS)
        lines = [piece for line in lines for piece in _wrapped(line, room)]
    return f"\n{' ' * indent}".join(lines)


def _wrapped(line: str, room: int) -> list[str]:
    """Pieces of at most `room` columns, broken between words; a longer word is left to the terminal."""
    from rich.cells import cell_len

    pieces = [""]
    for word in _COMMAND.sub(lambda command: command[0].replace(" ", _NO_BREAK), line).split(" "):
        longer = f"{pieces[-1]} {word}" if pieces[-1] else word
        if pieces[-1] and cell_len(longer) > room:
            pieces.append(word)
        else:
            pieces[-1] = longer
    return [piece.replace(_NO_BREAK, " ") for piece in pieces]
