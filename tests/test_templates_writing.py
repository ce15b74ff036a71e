"""Jinja compiles the same tree to Python; what we write from it without compiling must be the same text."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagegen.templates import load_library
from imagegen.templates.language import build_environment, parse_allowed, prepare_plain_text
from imagegen.templates.vocabulary import FILTERS, Value, shown
from imagegen.templates.writing import write

NAMES = ("a", "b", "c")
WORDS = ("", "fox", "Honest", "NASA map", "x")

atoms = st.sampled_from([*NAMES, "brand.name", "brand.voice", "'fox'", "''", "true", "false", "none"])
lists = st.lists(st.sampled_from([*NAMES, "'fox'", "'x'"]), max_size=3).map(
    lambda items: f"[{', '.join(items)}]"
)
plain_filters = st.sampled_from([name for name in FILTERS if name != "default"])


def _grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pair = st.tuples(inner, inner)
    return st.one_of(
        pair.map(lambda p: f"({p[0]} and {p[1]})"),
        pair.map(lambda p: f"({p[0]} or {p[1]})"),
        inner.map(lambda e: f"(not {e})"),
        pair.map(lambda p: f"({p[0]} == {p[1]})"),
        st.tuples(inner, inner, inner).map(lambda p: f"({p[0]} != {p[1]} == {p[2]})"),
        st.tuples(inner, lists).map(lambda p: f"({p[0]} in {p[1]})"),
        st.tuples(inner, lists).map(lambda p: f"({p[0]} not in {p[1]})"),
        st.tuples(inner, inner, inner).map(lambda p: f"({p[0]} if {p[1]} else {p[2]})"),
        st.tuples(inner, plain_filters).map(lambda p: f"({p[0]}|{p[1]})"),
        pair.map(lambda p: f"({p[0]}|default({p[1]}))"),
        inner.map(lambda e: f"({e} is given)"),
        inner.map(lambda e: f"({e} is not defined)"),
    )


expressions = st.recursive(atoms, _grown, max_leaves=8)
pieces = st.one_of(
    expressions.map(lambda e: f"{{{{ {e} }}}}"),
    st.sampled_from(["plain {a} text", "{brand.name}", "\n\n", "{# a remark #}", "{b}{c}", " } { "]),
)


def _blocks(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    several = st.lists(inner, max_size=3).map("".join)
    return st.one_of(
        several,
        st.tuples(expressions, several).map(lambda p: f"{{% if {p[0]} %}}{p[1]}{{% endif %}}"),
        st.tuples(expressions, several, expressions, several, several).map(
            lambda p: f"{{% if {p[0]} %}}{p[1]}{{% elif {p[2]} %}}{p[3]}{{% else %}}{p[4]}{{% endif %}}"
        ),
    )


texts = st.recursive(pieces, _blocks, max_leaves=6)
values = st.one_of(
    st.sampled_from(WORDS), st.booleans(), st.just(Value("fox", "a red fox")), st.just(Value("x", ""))
)


@given(text=texts, a=values, b=values, c=values)
def test_a_text_is_written_as_jinja_would_write_it(text: str, a: object, b: object, c: object) -> None:
    environment = build_environment()
    environment.finalize = shown
    tree, outputs = parse_allowed(environment, text, frozenset(NAMES))
    prepare_plain_text(outputs, frozenset(NAMES))
    variables = {"a": a, "b": b, "c": c, "brand": {"name": "Acme", "voice": ""}}
    assert "".join(write(tree, variables)) == environment.from_string(tree).render(variables)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A fox {{ mood if mood }}.", "A fox ."),
        ("A fox {{ (mood if mood)|default('at rest') }}.", "A fox at rest."),
        ("{% if (mood if mood) is given %}A mood{% else %}No mood{% endif %}", "No mood"),
    ],
)
def test_a_condition_without_else_is_a_value_that_was_not_given(
    tmp_path: Path, text: str, expected: str
) -> None:
    content = f'name = "own"\ndescription = "d"\ntext = """{text}"""\n[[argument]]\nname = "mood"\n'
    (tmp_path / "own.toml").write_text(content, encoding="utf-8")
    assert load_library(tmp_path).render("own", {}).text == expected
