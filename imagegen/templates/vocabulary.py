"""The filters and tests of a template's text: all there are, and none of Jinja's own.

{{ mood|default('calm') }}    the value, or these words where none was given
{{ layout|words }}            what the template's file says for that value of a choice
{{ style|article }}           with "a" or "an" before it, where it has no article yet
{{ subject|capitalize }}      with a capital first letter, the rest as it is
{{ style|lower }}  |upper  |title  |trim
{% if mood is given %}        whether there is a value (`defined` means the same)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

_HAS_ARTICLE = re.compile(
    r"(an?|the|one|two|three|some|many|several|my|our|your|his|her|its|their|this|these)\s", re.IGNORECASE
)
# How a word sounds decides, not how it is written.
_SOUNDS_LIKE_A_VOWEL = re.compile(
    r"[aeio]|u(?!ni[cfloqstv]|s[aeu]|t[eio]|k[eur])|hour|honest|honou?r|heir|8|1[18]\b"
)
_SOUNDS_LIKE_A_CONSONANT = re.compile(r"eu|ewe|one\b|once\b")
_SPELT_OUT = re.compile(r"[A-Z]{2,}\b|[A-Z]\b")


class Value(str):
    """The value of a choice that has words of its own."""

    __slots__ = ("words",)
    words: str

    def __new__(cls, value: str, words: str) -> Value:
        made = super().__new__(cls, value)
        made.words = words
        return made


def shown(value: Any) -> str:
    """A value as text: yes and no for truth values, nothing for none."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)


def is_given(value: Any) -> bool:
    """Whether there is a value; false is one."""
    return value is not None and value != ""


def default(value: Any, other: Any) -> Any:
    """The value, or another where none was given."""
    return value if is_given(value) else other


def words(value: Any) -> str:
    """What stands in the text for the value of a choice; the value itself where nothing does."""
    return value.words if isinstance(value, Value) else shown(value)


def article(value: Any) -> str:
    """The text with the indefinite article that fits its sound, unless it has an article or a number."""
    text = shown(value)
    if not text or _HAS_ARTICLE.match(text):
        return text
    return f"{'an' if _begins_with_a_vowel_sound(text) else 'a'} {text}"


def _begins_with_a_vowel_sound(text: str) -> bool:
    if _SPELT_OUT.match(text):
        return text[0] in "AEFHILMNORSX"
    lowered = text.lower()
    return not _SOUNDS_LIKE_A_CONSONANT.match(lowered) and bool(_SOUNDS_LIKE_A_VOWEL.match(lowered))


def capitalize(value: Any) -> str:
    """The text with a capital first letter; the rest stays, so that NASA remains NASA."""
    text = shown(value)
    return text[:1].upper() + text[1:]


def title(value: Any) -> str:
    """The text with a capital first letter in every word."""
    return " ".join(capitalize(word) for word in shown(value).split(" "))


FILTERS: Mapping[str, Callable[..., Any]] = {
    "default": default,
    "words": words,
    "article": article,
    "capitalize": capitalize,
    "lower": lambda value: shown(value).lower(),
    "upper": lambda value: shown(value).upper(),
    "title": title,
    "trim": lambda value: shown(value).strip(),
}
TESTS: Mapping[str, Callable[[Any], bool]] = {"given": is_given, "defined": is_given}
