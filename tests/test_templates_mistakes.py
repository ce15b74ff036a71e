from __future__ import annotations

import json

import pytest

from imagegen.templates import (
    Severity,
    check_file,
    load_library,
)
from tests.templates_world import OLDER_FORM, own


@pytest.mark.parametrize(
    ("content", "place", "said"),
    [
        ('text = """\nA {{ titel }}."""\n[[argument]]\nname = "title"\n', (2, 6), "titel is no argument"),
        ('text = "A {titel} {title}"\n[[argument]]\nname = "title"\n', (1, 12), "Did you mean title?"),
        ('text = "\\u00e9\\t{titel} {title}"\n[[argument]]\nname = "title"\n', (1, 18), "titel"),
        ("text = '''\nA\n  {{ brand.colour }}'''", (3, 12), "Did you mean colors?"),
        ('text = """\nA \\\n   B {{ x }}"""', (3, 9), "x is no argument"),
        ('text = "{{ a|uppr }}"\n[[argument]]\nname = "a"', (1, 14), "Did you mean upper?"),
        ('text = "{% if a %}"\n[[argument]]\nname = "a"', (1, 9), "endif"),
        ('text = "ok {% for a in b %}{% endfor %}"', (1, 15), "Loops"),
        ('text = ""', (1, 8), "no text"),
        ('title = "x"', (1, 1), "no text"),
        ('text = "x"\nrecommended_size = "1200 by 630"', (2, 20), "no size"),
        ('text = "x"\nrecommended_size = "1200x99999"', (2, 20), "too large"),
        ('text = "x"\nrecommended_size = "1200x630"\naspect_ratio = "16:9"', (3, 16), "not that of 1200x630"),
        ('text = "x"\naspect_ratio = "wide"', (2, 16), "no aspect ratio"),
        ('text = "x"\nquality = "ultra"', (2, 11), "no quality"),
        ('text = "x"\nname = "two words"', (2, 8), "no name"),
        ('text = "{a}"\n[[argument]]\nname = "a"\ntype = "number"', (4, 8), "text, choice or bool"),
        ('text = "{a}"\n[[argument]]\nname = "a"\nvalues = [1]', (4, 10), "texts"),
        ('text = "{a}"\n[[argument]]\nname = "a"\nrequired = "yes"', (4, 12), "true or false"),
        ('text = "x"\n[[argument]]\nname = "a-b"', (3, 8), "no name for an argument"),
        ('text = "{a}"\n[[argument]]\nname = "a"\n[[argument]]\nname = "a"', (3, 8), "twice"),
        ('text = "{a}"\n[size_for.b]\nx = "1x1"\n[[argument]]\nname = "a"', (2, 11), "no argument b"),
        (
            'text = "{a}"\n[size_for.a]\nx = "1 by 1"\n[[argument]]\nname = "a"\nvalues = ["x"]',
            (3, 5),
            "no size",
        ),
    ],
)
def test_a_mistake_is_named_by_line_and_column(content: str, place: tuple[int, int], said: str) -> None:
    errors = [p for p in check_file(own("mine.toml", content)) if p.severity is Severity.ERROR]

    assert (errors[0].line, errors[0].column) == place
    assert said in errors[0].message


@pytest.mark.parametrize(
    ("content", "place", "said"),
    [
        ('text = "x"\n[[argument]]\nname = "mood"', (3, 8), "mood is never used"),
        ('text = "x"\nrecomended_size = "1x1"', (2, 19), "Did you mean recommended_size?"),
        ('text = "a } b"', (1, 11), "brace"),
    ],
)
def test_a_harmless_mistake_is_a_warning(content: str, place: tuple[int, int], said: str) -> None:
    problems = check_file(own("mine.toml", content))

    assert [(p.line, p.column, p.severity) for p in problems] == [(*place, Severity.WARNING)]
    assert said in problems[0].message
    assert "mine" in load_library().templates


@pytest.mark.parametrize(
    ("change", "place", "said"),
    [
        ({"template": 'A "{event}" in\n{plaice} {place}'}, (5, 35), "Did you mean place?"),
        ({"arguments": {"required": ["event"], "optional": ["place", "hour"]}}, (4, 0), "hour is never used"),
        ({"metadata": {"recommended_size": "large"}}, (0, 0), "no size"),
    ],
)
def test_mistakes_in_json_have_places_too(
    change: dict[str, object], place: tuple[int, int], said: str
) -> None:
    rows = [f'  "{key}": {json.dumps(value)}' for key, value in {**OLDER_FORM, **change}.items()]
    path = own("poster.json", "{\n" + ",\n".join(rows) + "\n}")

    problem = check_file(path)[0]

    assert said in problem.message
    assert problem.line == (place[0] or 6)
    assert not place[1] or problem.column == place[1]


@pytest.mark.parametrize(
    ("content", "place"),
    [('{"name": "x",\n  oops}', (2, 3)), ("[1, 2]", (1, 1)), ('{"template": 1}', (1, 14))],
)
def test_broken_json_is_named_by_line_and_column(content: str, place: tuple[int, int]) -> None:
    problem = check_file(own("mine.json", content))[0]

    assert (problem.line, problem.column) == place


def test_a_file_that_is_no_text_is_named_by_line_and_column() -> None:
    path = own("mine.toml", "")
    path.write_bytes(b"# fine\ntext = \xff")

    assert str(check_file(path)[0]) == f"{path}:2:8: error: This is not UTF-8 text."


def test_a_file_with_a_byte_order_mark_and_windows_line_ends_is_fine() -> None:
    path = own("mine.toml", "")
    path.write_bytes(b"\xef\xbb\xbf" + b'name = "mine"\r\ntext = """\r\nA\r\n\r\nB {{ x }}"""\r\n')

    assert [(p.line, p.column) for p in check_file(path)] == [(5, 6)]
