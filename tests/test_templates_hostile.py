from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagegen.errors import ConfigurationError, ImagegenError, UsageError
from imagegen.templates import (
    Argument,
    Brand,
    Severity,
    Template,
    TemplateLibrary,
    check_file,
    load_library,
    template_folder,
)

SECONDS = 2.0


def library_of(text: str, *arguments: str) -> TemplateLibrary:
    """A library with one template that nobody has checked."""
    template = Template(name="x", title="X", text=text, arguments=tuple(Argument(name=a) for a in arguments))
    return TemplateLibrary(templates={"x": template}, brand=Brand(name="Tidewater"), folder=Path())


def own(name: str, content: str | bytes) -> Path:
    path = template_folder() / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


HOSTILE = {
    "power": "{{ 9**9**9 }}",
    "power in a condition": "{% if 9**9**9 %}x{% endif %}",
    "repetition": "{{ 'a' * 10**9 }}",
    "repetition of a value": "{{ a * 1000000000 }}",
    "addition": "{{ a + a }}",
    "joining": "{{ a ~ a }}",
    "formatting": "{{ '%1000000000d' % 1 }}",
    "format method": "{{ '{0.__class__}'.format(a) }}",
    "format filter": "{{ '%s'|format(a) }}",
    "centering": "{{ 'a'|center(1000000000) }}",
    "indenting": "{{ a|indent(1000000000) }}",
    "replacing": "{{ a|replace('', 'aaaaaaaaaaaaaaaa') }}",
    "a huge number": "{{ " + "9" * 5000 + " }}",
    "a number": "{{ 1 }}",
    "nested loops": "{% for x in a %}{% for y in a %}{{ x }}{% endfor %}{% endfor %}",
    "range": "{% for x in range(10**9) %}x{% endfor %}",
    "range alone": "{{ range }}",
    "recursion": "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "doubling": "{% set b = a %}" + "{% set b = b ~ b %}" * 40 + "{{ b }}",
    "a block of text": "{% set b %}x{% endset %}",
    "with": "{% with b = a %}{{ b }}{% endwith %}",
    "a block": "{% block b %}x{% endblock %}",
    "itself": "{{ self.b() }}",
    "itself printed": "{{ self }}",
    "include": "{% include '/etc/passwd' %}",
    "import": "{% import 'x' as y %}",
    "from import": "{% from 'x' import y %}",
    "extends": "{% extends 'x' %}",
    "call block": "{% call a() %}x{% endcall %}",
    "filter block": "{% filter upper %}x{% endfilter %}",
    "autoescape": "{% autoescape true %}x{% endautoescape %}",
    "do": "{% do a %}",
    "debug": "{% debug %}",
    "class": "{{ ''.__class__.__mro__ }}",
    "class of an argument": "{{ a.__class__ }}",
    "class by filter": "{{ a|attr('__class__') }}",
    "class by item": "{{ a['__class__'] }}",
    "class of the brand": "{{ brand.__class__ }}",
    "items of the brand": "{{ brand.items() }}",
    "values of the brand": "{{ brand.values }}",
    "the whole brand": "{{ brand }}",
    "an item of the brand": "{{ brand['name'] }}",
    "brand of a brand": "{{ brand.name.upper }}",
    "words of a value": "{{ a.words }}",
    "a slice": "{{ a[0:1] }}",
    "a call": "{{ a() }}",
    "cycler": "{{ cycler('a') }}",
    "lipsum": "{{ lipsum(n=100000) }}",
    "namespace": "{{ namespace(a=1) }}",
    "joiner": "{{ joiner }}",
    "a dictionary": "{{ {'a': 'b'} }}",
    "map": "{{ [a]|map('upper') }}",
    "tojson": "{{ a|tojson }}",
    "safe": "{{ a|safe }}",
    "order": "{% if a < b %}x{% endif %}",
    "a text inside a text": "{% if a in b %}x{% endif %}",
    "divisible": "{% if a is divisibleby 0 %}x{% endif %}",
    "sameas": "{% if a is sameas(b) %}x{% endif %}",
    "default with options": "{{ a|default('x', boolean=true) }}",
    "default with a star": "{{ a|default(*a) }}",
    "two filters too many": "{{ a|upper(a) }}",
    "an unknown name": "{{ os }}",
    "an open tag": "{{ a ",
    "an open block": "{% if a %}x",
    "an open comment": "{# x",
    "brackets": "{{ " + "(" * 5000 + "a" + ")" * 5000 + " }}",
    "lists": "{{ " + "[" * 5000 + "]" * 5000 + " }}",
    "braces": "{" * 16000,
    "negations": "{{ " + "not " * 3000 + "a }}",
    "alternatives": "{{ a" + " or a" * 3000 + " }}",
    "filters": "{{ a" + "|upper" * 2000 + " }}",
    "ifs": "{% if a %}" * 1000 + "x" + "{% endif %}" * 1000,
    "branches": "{% if a %}x" + "{% elif b %}y" * 1100 + "{% endif %}",
    "conditions": "{{ " + "a if a else " * 1000 + "a }}",
    "attributes": "{{ a" + ".b" * 5000 + " }}",
    "a long text": "x" * 16001,
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_text_is_refused_at_once_with_its_place(text: str) -> None:
    path = own(
        "mine.toml", f'text = {json.dumps(text)}\n[[argument]]\nname = "a"\n[[argument]]\nname = "b"\n'
    )
    start = time.perf_counter()
    errors = [problem for problem in check_file(path) if problem.severity is Severity.ERROR]

    assert errors
    assert all(problem.line == 1 and problem.column and problem.column >= 8 for problem in errors)
    assert time.perf_counter() - start < SECONDS
    assert "mine" not in load_library().templates


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_rendering_refuses_a_hostile_text_that_nobody_checked(text: str) -> None:
    start = time.perf_counter()

    with pytest.raises(ConfigurationError, match="cannot be used"):
        library_of(text, "a", "b").render("x", {"a": "x" * 2000})
    assert time.perf_counter() - start < SECONDS


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{ a == 'b'" + " == 'b'" * 1500 + " }}", "no"),
        ("{{ a in [" + "'b', " * 3000 + "] }}", "no"),
        ("{% if b %}y{% elif b %}z" + "{% elif b %}y" * 99 + "{% else %}n{% endif %}", "n"),
        ("{% if a %}" * 30 + "x" + "{% endif %}" * 30, "x"),
        ("{{ a|upper }}" * 1200, "C" * 1200),
    ],
)
def test_a_large_but_harmless_text_renders_in_time(text: str, expected: str) -> None:
    start = time.perf_counter()

    assert library_of(text, "a", "b").render("x", {"a": "c"}).text == expected
    assert time.perf_counter() - start < SECONDS


def test_the_longest_text_with_the_longest_values_is_refused_in_time() -> None:
    start = time.perf_counter()

    with pytest.raises(UsageError, match="32,000"):
        library_of("{{a}}" * 3200, "a").render("x", {"a": "ß" * 2000})
    assert time.perf_counter() - start < SECONDS


FRAGMENTS = st.sampled_from(
    [
        *(
            "{{ ",
            " }}",
            "{% if ",
            " %}",
            "{% endif %}",
            "{% else %}",
            "{% elif ",
            "{%- ",
            " -%}",
            "{# ",
            " #}",
            "{",
            "}",
        ),
        *(
            "a",
            "b",
            "brand",
            ".name",
            ".x",
            "|upper",
            "|default('x')",
            "|words",
            " is given",
            " not ",
            " and ",
            " == ",
        ),
        *(
            " in ['x']",
            "'t'",
            '"',
            "(",
            ")",
            "[",
            "]",
            "{a}",
            "{brand.name}",
            "{c}",
            "\n",
            "\n\n",
            "1",
            "true",
            "none",
        ),
        *("~", "*", "for x in a", "set a = b", "()", " ", "{% raw %}", "{% endraw %}", "\\", "…", "é"),
    ]
)


@given(st.lists(FRAGMENTS, max_size=14).map("".join), st.text(max_size=20))
def test_any_text_is_either_refused_or_renders(text: str, value: str) -> None:
    try:
        prompt = library_of(text, "a", "b").render("x", {"a": value})
    except ImagegenError:
        return
    assert "\n\n\n" not in prompt.text
    assert "  " not in prompt.text


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace")))
def test_any_bytes_in_a_file_are_read_or_reported(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    for name in ("mine.toml", "mine.json", "brand.toml"):
        path = tmp_path_factory.getbasetemp() / name
        path.write_bytes(data)
        for problem in check_file(path):
            assert problem.message


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
KEYS = st.sampled_from(
    [
        "name",
        "text",
        "template",
        "arguments",
        "argument",
        "metadata",
        "size_for",
        "recommended_size",
        "quality",
        "aspect_ratio",
    ]
)


@given(st.dictionaries(KEYS, JSON_VALUES, max_size=6))
def test_any_content_of_any_shape_is_read_or_reported(
    tmp_path_factory: pytest.TempPathFactory, content: dict[str, object]
) -> None:
    path = tmp_path_factory.getbasetemp() / "shape.json"
    path.write_text(json.dumps(content), encoding="utf-8")

    assert all(problem.message and problem.line for problem in check_file(path))


@given(
    st.dictionaries(
        st.sampled_from(["name", "type", "values", "required", "open", "example", "description"]), JSON_VALUES
    )
)
def test_an_argument_of_any_shape_is_read_or_reported(
    tmp_path_factory: pytest.TempPathFactory, table: dict[str, object]
) -> None:
    path = tmp_path_factory.getbasetemp() / "argument.json"
    path.write_text(json.dumps({"text": "x", "argument": [table]}), encoding="utf-8")

    assert all(problem.message and problem.line for problem in check_file(path))


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("deep.json", "[" * 100_000, "larger than|nested"),
        ("deep.json", '{"a":' * 10_000, "nested"),
        ("deep.toml", "a = " + "[" * 10_000, "nested"),
        ("large.toml", "# " + "x" * 100_001, "larger than 100 kB"),
        ("digits.json", '{"template": ' + "9" * 5000 + "}", "digits"),
        ("digits.toml", "text = " + "9" * 5000, "digits"),
        ("null.toml", b"text = \"a\0b\"", "Illegal"),
        ("list.json", "[]", "object"),
        ("many.json", json.dumps({"text": "x", "argument": [{"name": f"a{n}"} for n in range(51)]}), "50"),
    ],
)  # fmt: skip
def test_a_hostile_file_is_reported_and_breaks_no_other(name: str, content: str | bytes, said: str) -> None:
    own(name, content)
    own("fine.toml", 'text = "fine"')
    library = load_library()

    assert library.render("fine", {}).text == "fine"
    assert len(library.errors) == 1
    assert any(word in library.errors[0].message for word in said.split("|"))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_in_the_folder_is_not_waited_for() -> None:
    template_folder().mkdir(parents=True)
    os.mkfifo(template_folder() / "pipe.toml")

    assert "regular file" in load_library().errors[0].message


def test_a_folder_and_a_broken_link_with_the_name_of_a_template_are_reported() -> None:
    (template_folder() / "folder.toml").mkdir(parents=True)
    (template_folder() / "link.json").symlink_to("nowhere")

    assert [problem.path.name for problem in load_library().errors] == ["folder.toml", "link.json"]


def test_an_argument_cannot_take_a_name_that_jinja_gives_a_meaning() -> None:
    for name in ("self", "loop", "super", "caller", "brand", "none", "if"):
        assert (
            check_file(own("mine.toml", f'text = "x"\n[[argument]]\nname = "{name}"'))[0].severity
            is Severity.ERROR
        )


def test_the_brand_cannot_be_changed_or_left_by_a_value() -> None:
    library = library_of("{{ a }}|{{ brand.name }}|{a}", "a")

    assert library.render("x", {"a": "{{ brand.__class__ }}{a}"}).text == (
        "{{ brand.__class__ }}{a}|Tidewater|{{ brand.__class__ }}{a}"
    )
