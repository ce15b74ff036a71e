"""Which characters a value may have: those of one line of text, in the order in which they are shown."""

from __future__ import annotations

import unicodedata

# They turn the order of what follows around, so that a prompt reads otherwise than it is.
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def unfit(value: str, max_chars: int) -> str | None:
    """Why the value cannot stand in a prompt, as the end of a sentence; None where it can."""
    if len(value) > max_chars:
        return f"has {len(value):,} characters; {max_chars:,} are the most"
    for position, character in enumerate(value, start=1):
        if character in "\n\r\u2028\u2029":
            return f"has a line break at character {position}; a value is one line"
        if character in _TURNING or unicodedata.category(character) in ("Cc", "Cs"):
            return f"has the control character U+{ord(character):04X} at character {position}"
    return None
