from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagegen.templates import Argument, Brand, Kind, Template, TemplateLibrary, load_library

NAMES = sorted(
    path.stem for path in (Path(__file__).parents[1] / "imagegen/templates/builtin").glob("*.toml")
)
BRAND = Brand(
    name="Tidewater Coffee",
    colors=("teal #0B3C49", "sand #F4D35E"),
    fonts=("Lora", "Inter"),
    voice="warm and plain",
)

DANGLING = re.compile(
    r"\b(with|of|in|for|from|about|and|or|the|an?|to|by|on|as|at|is|its|whose|through)\s*[.,;:!?]",
    re.IGNORECASE,
)
WRONG_ARTICLE = re.compile(r"\b(a [aeio]\w|an [bcdfgjklmnpqrstvwxyz]\w)")
WEAK_START = re.compile(r"(?<=[.?!] )[a-z]")


def choices_of(argument: Argument) -> Sequence[str]:
    """Every value worth trying; the empty one stands for not given."""
    values: tuple[str, ...] = ("true", "false") if argument.kind is Kind.BOOL else tuple(argument.values)
    values = values or (argument.sample,)
    return values if argument.required else ("", *values)


def every_combination(template: Template) -> Iterator[dict[str, str]]:
    names = [argument.name for argument in template.arguments]
    for values in product(*map(choices_of, template.arguments)):
        yield dict(zip(names, values, strict=True))


def with_brand(library: TemplateLibrary, brand: Brand) -> TemplateLibrary:
    return TemplateLibrary(templates=library.templates, brand=brand, folder=library.folder)


def blemishes(text: str) -> list[str]:
    """What a reader would stumble over."""
    found = {
        "doubled space": "  " in text,
        "line break": "\n" in text,
        "brace": "{" in text or "}" in text,
        "space before punctuation": re.search(r"\s[.,;:!?]", text),
        "doubled punctuation": re.search(r"[.,;:!?][.,;:!?]", text),
        "dangling word": DANGLING.search(text),
        "article": WRONG_ARTICLE.search(text),
        "small letter after a full stop": WEAK_START.search(text),
        "small first letter": text[:1].islower(),
        "no full stop at the end": not text.endswith("."),
        "value of a program": re.search(r"\b(None|True|False|Undefined)\b", text),
        "untrimmed": text != text.strip(),
        "repeated word": re.search(r"\b(\w+) \1\b", text, re.IGNORECASE),
    }
    return [name for name, seen in found.items() if seen]


@pytest.mark.parametrize("name", NAMES)
def test_every_combination_of_listed_values_reads_well(name: str) -> None:
    library = load_library()

    for arguments in every_combination(library.find(name)):
        text = library.render(name, arguments).text
        assert (blemishes(text), arguments, text) == ([], arguments, text)
        assert 50 <= len(text.split()) <= 140, (len(text.split()), text)


@pytest.mark.parametrize("name", NAMES)
def test_every_combination_reads_well_with_a_brand_too(name: str) -> None:
    library = with_brand(load_library(), BRAND)

    for arguments in every_combination(library.find(name)):
        text = library.render(name, arguments).text
        assert (blemishes(text), arguments, text) == ([], arguments, text)
        assert len(text.split()) <= 150, (len(text.split()), text)


@pytest.mark.parametrize("name", NAMES)
def test_every_listed_value_changes_the_prompt(name: str) -> None:
    library = load_library()
    template = library.find(name)
    base = {a.name: a.sample for a in template.arguments if a.required}

    for argument in template.arguments:
        values = [value for value in choices_of(argument) if value and value != "false"]
        texts = {library.render(name, {**base, argument.name: value}).text for value in values}
        assert len(texts) == len(values)
        assert argument.required or texts != {library.render(name, base).text}


PHRASES = st.text("abcdefgh ÄÖéß0123456789'-&%", min_size=1, max_size=40).filter(lambda text: text.strip())


@given(st.data())
def test_free_values_leave_no_doubled_spaces_or_braces(data: st.DataObject) -> None:
    library = load_library()
    template = library.find(data.draw(st.sampled_from(NAMES)))
    arguments = {}
    for argument in template.arguments:
        free = argument.kind is Kind.TEXT or argument.open
        values = PHRASES if free else st.sampled_from(choices_of(argument))
        if argument.required or data.draw(st.booleans()):
            arguments[argument.name] = data.draw(values)

    text = library.render(template.name, arguments).text

    assert "  " not in text
    assert not set("{}\n") & set(text)
    for name, value in arguments.items():
        argument = next(a for a in template.arguments if a.name == name)
        if argument.kind is Kind.TEXT:
            assert " ".join(value.split()) in text


@given(st.text(min_size=1, max_size=60).filter(lambda text: text.strip() and text.isprintable()))
def test_any_printable_title_stands_in_the_prompt_as_it_is(title: str) -> None:
    text = load_library().render("og-image-prompt", {"title": title}).text

    assert f"“{re.sub(r'[ ]+', ' ', title.strip())}”" in text
