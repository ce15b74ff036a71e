"""Shapes in pixels: what an aspect ratio and a resolution come to within a model's bounds."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from imagegen.capabilities import FreeSize
from imagegen.shapes import (
    COMMON_RATIOS,
    RESOLUTIONS,
    distance,
    fitted_size,
    fixed_size,
    is_exact,
    nearest_ratio,
    nearest_resolution,
    parse_ratio,
    possible_sizes,
    ratio_meant,
    resolution_meant,
)

GPT_IMAGE = FreeSize(multiple=16, max_side=3840, min_area=655_360, max_area=8_294_400, max_ratio=3.0)
ANY = FreeSize(max_side=16_384, max_area=16_384**2, max_ratio=64)


@pytest.mark.parametrize(
    ("ratio", "resolution", "size"),
    [
        ((1, 1), "1K", (1024, 1024)),
        ((16, 9), "1K", (1280, 720)),
        ((16, 9), "2K", (2560, 1440)),
        ((16, 9), "4K", (3840, 2160)),
        ((9, 16), "4K", (2160, 3840)),
        ((1, 1), "4K", (2880, 2880)),
        ((3, 2), "1K", (1248, 832)),
        ((21, 9), "2K", (3024, 1296)),
        ((3, 1), "4K", (3840, 1280)),
        ((1, 1), "512", None),
        ((4, 1), "1K", None),
    ],
)
def test_a_shape_and_a_resolution_are_these_pixels(
    ratio: tuple[int, int], resolution: str, size: tuple[int, int] | None
) -> None:
    assert fitted_size(ratio, resolution, GPT_IMAGE) == size


SIDES = st.integers(1, 40)


@given(SIDES, SIDES, st.sampled_from(sorted(RESOLUTIONS)), st.sampled_from([GPT_IMAGE, ANY]))
@example(34, 11, "1K", GPT_IMAGE)
def test_a_size_is_within_the_bounds_near_the_shape_and_never_larger_than_asked(
    across: int, down: int, resolution: str, free: FreeSize
) -> None:
    size = fitted_size((across, down), resolution, free)
    if size is None:
        return
    assert free.problem(*size) is None
    assert size[0] * size[1] <= RESOLUTIONS[resolution]
    assert distance(size, (across, down)) < 0.03
    assert fitted_size((down, across), resolution, free) == (size[1], size[0])


@pytest.mark.parametrize("text", COMMON_RATIOS)
@pytest.mark.parametrize("free", [GPT_IMAGE, ANY])
def test_the_common_shapes_are_made_exactly(text: str, free: FreeSize) -> None:
    ratio = parse_ratio(text)
    assert ratio is not None
    sizes = possible_sizes(ratio, free)
    assert set(sizes) >= {"1K", "2K", "4K"}
    for size in sizes.values():
        assert is_exact(size, ratio)


def test_a_bound_below_the_resolution_is_no_excuse_for_another_resolution() -> None:
    small = FreeSize(multiple=16, max_side=1536, max_area=1_572_864, max_ratio=3)
    assert set(possible_sizes((1, 1), small)) == {"512", "1K"}


@pytest.mark.parametrize(
    ("ratio", "resolution", "found"),
    [
        ((1, 1), None, ("1024x1024", True)),
        ((3, 2), "1K", ("1536x1024", True)),
        ((1, 1), "2K", ("1024x1024", False)),
        ((1, 1), "512", ("1024x1024", False)),
        ((16, 9), None, ("1536x1024", False)),
        ((1, 3), None, ("1024x1536", False)),
    ],
)
def test_of_fixed_sizes_the_nearest_is_found_and_whether_it_is_what_was_asked(
    ratio: tuple[int, int], resolution: str | None, found: tuple[str, bool]
) -> None:
    assert fixed_size(ratio, resolution, ["auto", "1024x1024", "1536x1024", "1024x1536"]) == found


def test_without_a_size_in_pixels_there_is_none_to_find() -> None:
    assert fixed_size((1, 1), None, ["auto"]) is None


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("16x9", "16:9"),
        ("16/9", "16:9"),
        ("16 : 9", "16:9"),
        (" 16:9", "16:9"),
        ("1920x1080", "16:9"),
        ("Square", "1:1"),
        ("portrait", "2:3"),
        ("16", None),
        ("0:9", None),
        ("", None),
    ],
)
def test_the_ratio_that_was_meant_is_guessed(written: str, meant: str | None) -> None:
    assert ratio_meant(written) == meant


@pytest.mark.parametrize(
    ("written", "meant"),
    [("2k", "2K"), ("2 K", "2K"), ("1024", "1K"), ("0.5k", "512"), ("8K", None), ("", None)],
)
def test_the_resolution_that_was_meant_is_guessed(written: str, meant: str | None) -> None:
    assert resolution_meant(written) == meant


def test_the_nearest_is_nearest_as_a_factor() -> None:
    assert nearest_ratio(5, 3, ["1:1", "16:9", "3:2"]) == "16:9"
    assert nearest_resolution("512", ["1K", "2K"]) == "1K"
    assert nearest_resolution("4K", ["512", "2K"]) == "2K"
