"""Base64 from a provider, read by a fast parser: nothing gets past it that the strict one would not take."""

from __future__ import annotations

import base64
import binascii

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagegen.providers.openai_answers import decode

SIGNS = st.text(alphabet='AZaz09+/=-_ \n\r\\"u{}é\x00', max_size=12)


def strictly(text: str) -> bytes | None:
    try:
        return binascii.a2b_base64(text, strict_mode=True) or None
    except ValueError:
        return None


@given(st.binary(max_size=2000))
def test_what_was_encoded_is_decoded(data: bytes) -> None:
    assert decode(base64.b64encode(data).decode("ascii")) == (data or None)


@given(st.binary(max_size=30), SIGNS, st.integers(0, 60), st.integers(0, 4))
def test_what_is_spoilt_is_taken_or_refused_as_by_the_strict_decoder(
    data: bytes, signs: str, position: int, dropped: int
) -> None:
    text = base64.b64encode(data).decode("ascii")
    spoilt = text[:position] + signs + text[position + dropped :]
    assert decode(spoilt) == strictly(spoilt)


@pytest.mark.parametrize("value", [None, 7, b"YQ==", ["YQ=="], ""])
def test_what_is_no_text_or_empty_is_no_image(value: object) -> None:
    assert decode(value) is None
