from __future__ import annotations

from pathlib import Path

import pytest

from imagegen.errors import NotFound, UsageError
from imagegen.templates import (
    gather_arguments,
    load_arguments,
    load_library,
)


def test_everything_wrong_with_the_arguments_is_said_at_once() -> None:
    given = {"brandname": "Northwind", "text_layout": "centred", "include_logo": "perhaps"}

    with pytest.raises(UsageError) as caught:
        load_library().render("og-image-prompt", given)

    message = str(caught.value)
    assert "title is missing" in message
    assert "no argument brandname: did you mean brand_name?" in message
    assert (
        "text_layout takes centered, left-aligned, split, overlay, not centred. Did you mean centered?"
        in message
    )
    assert "include_logo takes true or false, not perhaps" in message
    assert caught.value.details["missing"] == ["title"]
    assert caught.value.details["unknown"] == ["brandname"]


@pytest.mark.parametrize(
    ("word", "value"), [("YES", "true"), ("1", "true"), ("on", "true"), ("No", "false"), ("0", "false")]
)
def test_truth_values_have_several_spellings_and_one_record(word: str, value: str) -> None:
    prompt = load_library().render("og-image-prompt", {"title": "x", "include_logo": word})

    assert prompt.arguments == {"title": "x", "include_logo": value}
    assert ("lower right corner" in prompt.text) is (value == "true")


def test_a_listed_value_may_differ_in_capitals() -> None:
    prompt = load_library().render(
        "social-media-post-prompt", {"platform": "LinkedIn", "content_type": "TIP"}
    )

    assert prompt.arguments == {"platform": "linkedin", "content_type": "tip"}
    assert prompt.recommended_size == "1200x627"


def test_an_empty_optional_argument_counts_as_not_given() -> None:
    library = load_library()

    assert library.render("og-image-prompt", {"title": "x", "brand_name": " "}) == library.render(
        "og-image-prompt", {"title": "x"}
    )


def test_an_empty_required_argument_is_missing() -> None:
    with pytest.raises(UsageError, match="title is missing"):
        load_library().render("og-image-prompt", {"title": "  "})


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("x" * 2001, "2,000 are the most"),
        ("one\ntwo", "line break at character 4"),
        ("bell\a", "U+0007"),
        ("turn\u202earound", "U+202E"),
        ("half\ud83d", "U+D83D"),
    ],
)
def test_a_value_is_one_line_of_plain_text(value: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        load_library().render("og-image-prompt", {"title": value})

    assert said in str(caught.value)


@pytest.mark.parametrize(
    "value", ["{{ title }}", "{% if x %}", "{title}", "{brand.name}", "{# no #}", "👩‍🚀 é", "שלום"]
)
def test_a_value_is_data_and_is_never_read_as_a_template(value: str) -> None:
    assert f"“{value}”" in load_library().render("og-image-prompt", {"title": value}).text


def test_an_unknown_template_is_not_found_with_the_nearest_name() -> None:
    with pytest.raises(UsageError, match=r"no template og-image\. Did you mean og-image-prompt"):
        load_library().find("og-image")


def test_a_part_of_a_name_is_enough_for_a_suggestion() -> None:
    with pytest.raises(UsageError, match="hero-banner-prompt"):
        load_library().find("hero")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("facts.toml", 'title = "Ship faster"\ninclude_logo = true\nyear = 2026\n'),
        ("facts.json", '{"title": "Ship faster", "include_logo": true, "year": 2026}'),
    ],
)
def test_arguments_come_from_a_file_and_the_command_line_is_stronger(
    home: Path, name: str, content: str
) -> None:
    (home / name).write_text(content, encoding="utf-8")

    given = gather_arguments(["title=Ship = now", "extra="], home / name)

    assert given == {"title": "Ship = now", "include_logo": "true", "year": "2026", "extra": ""}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("title = ", "line 1, column 9"),
        ("title = ['a']", "title"),
        ("[title]\na = 1", "title"),
        ("\xff", "UTF-8"),
    ],
)
def test_a_broken_arguments_file_is_named_with_the_place(home: Path, content: str, said: str) -> None:
    path = home / "facts.toml"
    path.write_bytes(content.encode("latin-1"))

    with pytest.raises(UsageError) as caught:
        load_arguments(path)

    assert said in str(caught.value)
    assert "facts.toml" in str(caught.value)


def test_a_missing_arguments_file_is_not_found(home: Path) -> None:
    with pytest.raises(NotFound, match=r"facts\.toml"):
        load_arguments(home / "facts.toml")


@pytest.mark.parametrize("pairs", [["title"], ["=x"], ["title=a", "title=b"]])
def test_a_pair_names_one_argument_once(pairs: list[str]) -> None:
    with pytest.raises(UsageError):
        gather_arguments(pairs)
