from __future__ import annotations

import pytest

from imagegen.errors import UsageError
from imagegen.templates import (
    Kind,
    load_library,
)
from tests.templates_world import own, rendered


def test_plain_and_jinja_placeholders_mean_the_same() -> None:
    assert rendered("{a} {{ a }} { a }", "a", a="x") == "x x x"


def test_choices_have_words_of_their_own() -> None:
    own(
        "mine.toml",
        'text = "On {{ ground|words|default(\'sand\') }}."\n[[argument]]\nname = "ground"\nopen = true\n'
        '[argument.values]\nwood = "old oak"\n',
    )
    library = load_library()

    assert library.find("mine").arguments[0].kind is Kind.CHOICE
    assert [library.render("mine", g).text for g in ({"ground": "wood"}, {"ground": "ice"}, {})] == [
        "On old oak.",
        "On ice.",
        "On sand.",
    ]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("elegant", "an elegant"),
        ("modern", "a modern"),
        ("unique", "a unique"),
        ("unusual", "an unusual"),
        ("urban", "an urban"),
        ("one-line", "a one-line"),
        ("honest", "an honest"),
        ("European", "a European"),
        ("HDR photo", "an HDR photo"),
        ("UX sketch", "a UX sketch"),
        ("3D render", "a 3D render"),
        ("8-bit", "an 8-bit"),
        ("80s", "an 80s"),
        ("the sea", "the sea"),
        ("An oak", "An oak"),
        ("", ""),
    ],
)
def test_the_article_fits_the_sound(value: str, words: str) -> None:
    assert rendered("x {{ a|article }}", "a", a=value) == f"x {words}".strip()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{ a|capitalize }}", "NASA rover"),
        ("{{ a|upper }}", "NASA ROVER"),
        ("{{ a|lower }}", "nasa rover"),
        ("{{ a|title }}", "NASA Rover"),
        ("{{ b|default('none') }}", "none"),
        ("{{ 'yes' if a is given else 'no' }}{{ 'yes' if b is defined else 'no' }}", "yesno"),
        ("{% if a in ['x', 'NASA rover'] and not b %}in{% else %}out{% endif %}", "in"),
        ("{% if a == 'x' or a != 'NASA rover' %}in{% elif a %}out{% endif %}", "out"),
        ("{{ '{a}' }} {{ none }}{{ true }}", "{a} yes"),
        ("{# nothing #}left", "left"),
    ],
)
def test_the_language_has_these_parts(text: str, expected: str) -> None:
    assert rendered(text, "a", "b", a="NASA rover") == expected


def test_lines_become_one_paragraph_and_an_empty_line_begins_another() -> None:
    text = "One\n{% if b %}\nno\n{% endif %}\ntwo   three.\n\n  Four {{ a }}."

    assert rendered(text, "a", "b", a="five") == "One two three.\n\nFour five."


@pytest.mark.parametrize(
    ("value", "expected"), [("cats.", "About cats."), ("why?", "About why?"), ("wait...", "About wait....")]
)
def test_a_value_that_ends_in_a_full_stop_gets_no_second_one(value: str, expected: str) -> None:
    assert rendered("About {a}.", "a", a=value) == expected


def test_a_prompt_has_a_greatest_length() -> None:
    with pytest.raises(UsageError, match="32,000"):
        rendered("{a}" * 20, "a", a="x" * 2000)
