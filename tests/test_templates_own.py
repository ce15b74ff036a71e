from __future__ import annotations

import json
from pathlib import Path

import pytest

from imagegen.errors import ConfigurationError, UsageError
from imagegen.templates import (
    Severity,
    check_file,
    load_library,
    start_template,
    template_folder,
)
from tests.templates_world import NAMES, OLDER_FORM, given_for, own, rendered, toml


def test_the_older_json_form_loads_unchanged() -> None:
    own("poster.json", json.dumps(OLDER_FORM))
    library = load_library()

    prompt = library.render("poster", {"event": "Jazz Night"})

    assert library.problems == ()
    assert prompt.text == "A poster for Jazz Night in bold letters"
    assert (prompt.recommended_size, prompt.quality, prompt.style) == ("1024x1536", "high", "vivid")
    assert prompt.use.name == "poster"


def test_json_may_also_have_the_keys_of_toml() -> None:
    own("mine.json", json.dumps({"text": "a {{ x }}", "argument": [{"name": "x", "values": ["b", "c"]}]}))

    assert load_library().render("mine", {"x": "c"}).text == "a c"


@pytest.mark.parametrize(("older", "newer"), [("hd", "high"), ("standard", "medium")])
def test_older_words_for_quality_are_understood(older: str, newer: str) -> None:
    own("poster.json", json.dumps({**OLDER_FORM, "metadata": {"quality": older}}))

    assert load_library().find("poster").quality == newer


def test_a_template_of_ones_own_replaces_a_built_in_one_and_says_so() -> None:
    path = own("preview.toml", toml("My own {{ title }}", "title", name="og-image-prompt"))
    library = load_library()

    assert len(library.templates) == len(NAMES)
    assert library.find("og-image-prompt").replaces_builtin
    assert library.render("og-image-prompt", {"title": "x"}).text == "My own x"
    assert library.find("og-image-prompt").source == f"{path} (replaces built-in)"
    assert library.find("blog-header-prompt").source == "built-in"


def test_without_custom_templates_there_are_the_ten_only() -> None:
    own("mine.toml", toml("x"))

    assert set(load_library(custom=False).templates) == set(NAMES)


def test_a_name_that_is_missing_is_the_files() -> None:
    own("event-poster.toml", 'text = "A poster"')

    assert load_library().find("event-poster").title == "Event poster"


def test_a_broken_file_is_reported_and_hides_nothing_else() -> None:
    bad = own("bad.toml", 'name = "bad"\ntext = ')
    own("mine.toml", toml("fine"))
    library = load_library()

    assert [(p.path, p.line, p.column) for p in library.errors] == [(bad, 2, 8)]
    assert set(library.templates) == {*NAMES, "mine"}
    with pytest.raises(ConfigurationError, match=r"bad\.toml:2:8"):
        library.find("bad")


def test_a_broken_replacement_is_an_error_and_never_the_built_in_one_silently() -> None:
    own("og-image-prompt.toml", toml("{{ titel }}", "title", name="og-image-prompt"))

    with pytest.raises(ConfigurationError, match="titel is no argument"):
        load_library().render("og-image-prompt", {"title": "x"})


def test_the_second_file_of_a_name_is_reported() -> None:
    own("a.toml", toml("first", name="twin"))
    own("b.toml", toml("second", name="twin"))
    library = load_library()

    assert library.render("twin", {}).text == "first"
    assert [problem.path.name for problem in library.errors] == ["b.toml"]


def test_a_folder_that_somebody_named_but_does_not_exist_is_a_warning(home: Path) -> None:
    library = load_library(home / "missing")

    assert [(p.path, p.severity) for p in library.problems] == [(home / "missing", Severity.WARNING)]
    assert load_library().problems == ()


def test_a_starting_file_has_no_mistakes_and_renders() -> None:
    path = start_template("event-poster", template_folder())
    library = load_library()

    assert check_file(path) == ()
    prompt = library.render(
        "event-poster", {"subject": "a paper boat", "background": "nature", "include_text_space": "yes"}
    )
    assert "a paper boat" in prompt.text
    assert "soft green foliage" in prompt.text
    assert "headline" in prompt.text


def test_a_starting_file_never_replaces_one_unasked() -> None:
    path = own("mine.toml", "precious")

    with pytest.raises(UsageError, match="exists already"):
        start_template("mine", template_folder())
    assert path.read_text(encoding="utf-8") == "precious"

    start_template("mine", template_folder(), overwrite=True)
    assert "precious" not in path.read_text(encoding="utf-8")
    assert list(template_folder().iterdir()) == [path]


@pytest.mark.parametrize("name", NAMES)
def test_a_copy_of_a_built_in_template_renders_the_same(name: str) -> None:
    start_template("mine", template_folder(), copy_of=name)
    library = load_library()
    given = given_for(library.find(name), "all")

    assert library.render("mine", given).text == library.render(name, given).text


@pytest.mark.parametrize("name", ["../up", "a b", "", "brand", "x" * 65, ".hidden"])
def test_a_name_stays_inside_the_folder(name: str) -> None:
    with pytest.raises(UsageError):
        start_template(name, template_folder())


def test_a_brand_file_is_available_to_every_template() -> None:
    own(
        "brand.toml",
        'name = "Tidewater"\ncolors = ["teal #0B3C49", "sand"]\nfonts = ["Lora"]\n'
        'voice = "warm"\nlogo = "logo.png"\n',
    )
    (template_folder() / "logo.png").write_bytes(b"")
    own("mine.toml", toml("{brand.name}: {{ brand.colors }}; {{ brand.fonts }}; {{ brand.voice }}"))
    library = load_library()

    assert library.problems == ()
    assert library.brand.logo == template_folder() / "logo.png"
    assert library.render("mine", {}).text == "Tidewater: teal #0B3C49 and sand; Lora; warm"
    og = library.render("og-image-prompt", {"title": "x", "color_scheme": "brand-colors"}).text
    assert "by Tidewater" in og
    assert "the brand's own, teal #0B3C49 and sand." in og


def test_without_a_brand_file_the_brand_is_empty() -> None:
    assert rendered("[{{ brand.name }}{{ brand.logo }}{brand.colors}]") == "[]"


def test_a_brand_file_may_lie_in_the_config_folder_or_anywhere(home: Path) -> None:
    own("../brand.toml", 'name = "Config"\ncolors = {main = "#111", accent = "#222"}')
    assert load_library().brand.name == "Config"
    assert load_library().brand.colors == ("#111 (main)", "#222 (accent)")

    (home / "elsewhere.toml").write_text('name = "Elsewhere"', encoding="utf-8")
    assert load_library(brand_file=home / "elsewhere.toml").brand.name == "Elsewhere"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("name = 3", "name takes a text"),
        ("name = ", "Invalid value"),
        ("colors = [1]", "colors takes a list of texts"),
        ('voice = "a\\u0007"', "control character"),
    ],
)
def test_a_broken_brand_file_is_reported_and_breaks_no_template(content: str, said: str) -> None:
    path = own("brand.toml", content)
    library = load_library()

    assert said in str(library.errors[0])
    assert library.errors[0].path == path
    assert library.errors[0].line == 1
    assert "Northwind" not in library.render("og-image-prompt", {"title": "x"}).text


@pytest.mark.parametrize("logo", ["nowhere.png", "~nobody-lives-here/logo.png"])
def test_a_misspelt_brand_key_and_a_missing_logo_are_warnings(logo: str) -> None:
    own("brand.toml", f'colours = ["red"]\nlogo = "{logo}"')

    messages = [f"{p.line}:{p.severity}:{p.message}" for p in load_library().problems]

    assert messages == [
        "1:warning:colours means nothing here. Did you mean colors?",
        f"2:warning:The logo {logo} does not exist.",
    ]
