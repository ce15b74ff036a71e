from __future__ import annotations

from pathlib import Path

import pytest

from imagegen.capabilities import FreeSize, SizeRule
from imagegen.errors import UsageError
from imagegen.templates import (
    Template,
    TemplateLibrary,
    aspect_ratio,
    load_library,
    nearest_size,
)
from tests.templates_world import NAMES

GPT = SizeRule(
    ("auto", "1024x1024", "1536x1024", "1024x1536"),
    FreeSize(multiple=16, max_side=3840, min_area=655360, max_area=8294400, max_ratio=3.0),
)
FIXED = SizeRule(("auto", "1024x1024", "1536x1024", "1024x1536"))


@pytest.mark.parametrize(
    ("wanted", "size"),
    [
        ("1024x1024", "1024x1024"),
        ("1280x720", "1280x720"),
        ("1200x630", "1280x672"),
        ("1200x400", "1440x480"),
        ("1600x900", "1792x1008"),
        ("1080x1350", "1088x1360"),
        ("600x200", "1440x480"),
        ("1600x400", "1632x544"),
        ("8000x8000", "2880x2880"),
    ],
)
def test_the_nearest_free_size_has_the_shape_and_covers_the_pixels(wanted: str, size: str) -> None:
    assert nearest_size(wanted, GPT) == size
    assert GPT.accepts(size)


@pytest.mark.parametrize(
    ("wanted", "size"), [("1200x630", "1536x1024"), ("1080x1920", "1024x1536"), ("900x1000", "1024x1024")]
)
def test_the_nearest_fixed_size_has_the_nearest_shape(wanted: str, size: str) -> None:
    assert nearest_size(wanted, FIXED) == size


def test_of_fixed_sizes_of_one_shape_the_smallest_that_covers_is_chosen() -> None:
    rule = SizeRule(("512x512", "1024x1024", "2048x2048"))

    assert [nearest_size(size, rule) for size in ("700x700", "3000x3000", "512x512")] == [
        "1024x1024",
        "2048x2048",
        "512x512",
    ]


def test_a_model_that_chooses_itself_is_left_to() -> None:
    assert nearest_size("1200x630", SizeRule(("auto",))) == "auto"


@pytest.mark.parametrize("name", NAMES)
def test_the_sizes_of_the_ten_can_be_made_larger_than_recommended(name: str) -> None:
    template = load_library().find(name)
    sizes = {
        template.recommended_size,
        *(size for table in template.size_for.values() for size in table.values()),
    }

    for wanted in filter(None, sizes):
        width, height = map(int, wanted.split("x"))
        made = tuple(map(int, nearest_size(wanted, GPT).split("x")))
        assert made[0] >= width and made[1] >= height
        assert made[0] * made[1] <= 1.6 * max(width * height, 655360)


@pytest.mark.parametrize(
    ("size", "ratio"),
    [("1024x1024", "1:1"), ("1920x1080", "16:9"), ("1200x630", "1.9:1"), ("400x1001", "1:2.5")],
)
def test_a_shape_is_said_in_small_numbers(size: str, ratio: str) -> None:
    assert aspect_ratio(size) == ratio


@pytest.mark.parametrize("size", ["auto", "1200", "0x5", "1200X630"])
def test_what_is_no_size_is_refused(size: str) -> None:
    with pytest.raises(UsageError):
        nearest_size(size, GPT)


def test_a_library_can_be_built_of_any_templates(home: Path) -> None:
    template = Template(name="x", title="X", text="fixed")
    library = TemplateLibrary(templates={"x": template}, brand=load_library().brand, folder=home)

    assert library.render("x", {}).text == "fixed"
