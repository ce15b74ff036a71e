"""Two requests have one fingerprint exactly when they ask for the same picture."""

from __future__ import annotations

import hashlib
import json
import math
import re
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagegen.fingerprint import canonical_json, fingerprint_of
from imagegen.types import EditRequest, GenerateRequest, InputImage

ENDPOINT = "POST https://api.example/v1/images/generations"
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


def wish(**changes: Any) -> GenerateRequest:
    return GenerateRequest(**{"prompt": "a red fox", "provider": "openai", "model": "m-1", **changes})


def picture(sha256: str) -> InputImage:
    return InputImage(
        data=b"", format="png", width=8, height=8, sha256=sha256, has_alpha=False, source=f"/{sha256}.png"
    )


def edit(**changes: Any) -> EditRequest:
    values = {"prompt": "a hat", "provider": "openai", "model": "m-1", "images": (picture("aa"),)}
    return EditRequest(**{**values, **changes})


def of(request: GenerateRequest, endpoint: str = ENDPOINT, **parameters: Any) -> str:
    return fingerprint_of(request, endpoint=endpoint, parameters=parameters)


def test_it_names_its_algorithm() -> None:
    assert re.fullmatch(r"v1:sha256:[0-9a-f]{64}", of(wish()))


def test_it_is_the_same_on_every_machine_and_in_every_release() -> None:
    text = (
        '{"endpoint":"POST https://api.example/v1/images/generations","model":"m-1","n":2,'
        '"operation":"generate","parameters":{"prompt":"caf\\u00e9","size":"1024x1024"},'
        '"prompt":"caf\\u00e9","provider":"openai","seed":7}'
    )
    expected = f"v1:sha256:{hashlib.sha256(text.encode()).hexdigest()}"
    assert of(wish(n=2, seed=7, prompt="café"), size="1024x1024", prompt="café") == expected


@given(st.dictionaries(st.text(), json_values, max_size=5))
def test_the_order_of_parameters_does_not_matter(parameters: dict[str, Any]) -> None:
    backwards = dict(reversed(parameters.items()))
    assert fingerprint_of(wish(), endpoint="", parameters=parameters) == fingerprint_of(
        wish(), endpoint="", parameters=MappingProxyType(backwards)
    )


@given(json_values)
def test_canonical_json_says_what_was_meant(value: Any) -> None:
    text = canonical_json(value)
    assert json.loads(text) == value
    assert text.isascii()
    assert canonical_json(json.loads(text)) == text


def test_everything_that_shapes_the_picture_makes_another_one() -> None:
    prints = [
        of(wish()),
        of(wish(prompt="a red fox ")),
        of(wish(provider="compatible")),
        of(wish(model="m-2")),
        of(wish(n=2)),
        of(wish(seed=0)),
        of(wish(), endpoint="POST https://other.example/v1/images/generations"),
        of(wish(), size="1024x1024"),
        of(wish(), size="1024x1536"),
        of(wish(), background=None),
        of(edit()),
        of(edit(images=(picture("bb"),))),
        of(edit(images=(picture("aa"), picture("bb")))),
        of(edit(images=(picture("bb"), picture("aa")))),
        of(edit(mask=picture("cc"))),
        of(edit(markup=picture("cc"))),
        of(edit(mask=picture("bb"))),
    ]
    assert len(set(prints)) == len(prints)


def test_how_the_answer_travels_and_for_whom_makes_no_other_one() -> None:
    streamed = of(wish(partial_images=2, safety_identifier="u-1"), stream=True, partial_images=2, user="u")
    assert streamed == of(wish())


def test_a_wish_that_is_not_sent_makes_no_other_one() -> None:
    assert of(wish(style="vivid", lenient=True, timeout_seconds=5.0)) == of(wish())


def test_where_an_input_came_from_makes_no_other_one() -> None:
    elsewhere = InputImage(
        data=b"",
        format="png",
        width=8,
        height=8,
        sha256="aa",
        has_alpha=False,
        source="https://b",
        image_id="i",
    )
    assert of(edit(images=(elsewhere,))) == of(edit())


def test_a_prompt_with_half_a_character_has_one_too() -> None:
    assert of(wish(prompt="caf\udce9")) != of(wish(prompt="café"))


@pytest.mark.parametrize("value", [object(), b"bytes", {1, 2}])
def test_what_is_no_json_has_none(value: object) -> None:
    with pytest.raises(TypeError, match=type(value).__name__):
        canonical_json({"size": value})


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_number_that_is_none_has_none(value: float) -> None:
    with pytest.raises(ValueError, match="JSON"):
        canonical_json([value])
