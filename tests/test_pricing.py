"""Estimates before a call and costs after it: exact decimals, nothing invented."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagegen.pricing import MICRO_DOLLAR, image_tokens, load_prices, usage_usd
from imagegen.types import (
    CostBasis,
    EditRequest,
    Estimate,
    GenerateRequest,
    InputImage,
    ProviderImage,
    ProviderResult,
    Usage,
)

PRICES = load_prices(None)
MODELS = sorted(PRICES.models)


def estimate(model: str, provider: str = "openai", **wishes: Any) -> Estimate:
    return PRICES.estimate(asked(model, provider, **wishes))


def asked(model: str, provider: str = "openai", **wishes: Any) -> GenerateRequest:
    return GenerateRequest(**{"prompt": "a fox", "provider": provider, "model": model, **wishes})


def tokens(model: str, quality: str, size: str, provider: str = "openai") -> int | None:
    return image_tokens(PRICES.models[provider, model], quality, size)


def answer(usage: Usage | None = None, images: int = 1, **reported: str) -> ProviderResult:
    return ProviderResult(
        images=tuple(ProviderImage(data=b"") for _ in range(images)), usage=usage, reported=reported
    )


def picture(width: int, height: int) -> InputImage:
    return InputImage(
        data=b"", format="png", width=width, height=height, sha256="", has_alpha=False, source="x.png"
    )


# Estimates


def test_an_estimate_adds_prompt_inputs_images_and_partials() -> None:
    request = EditRequest(
        prompt="x" * 401,  # 101 tokens
        provider="openai",
        model="gpt-image-2",
        images=(picture(1024, 1024), picture(512, 513)),  # 1024 + 257 tokens
        mask=picture(1024, 1024),
        size="1536x1024",
        quality="medium",  # 1372 tokens
        n=2,
        partial_images=3,
    )
    micros = 2 * (101 * 5 + (1024 + 257 + 1024) * 8 + (1372 + 300) * 30)
    found = PRICES.estimate(request)
    assert found.low_usd == found.high_usd == micros * MICRO_DOLLAR
    assert found.basis is CostBasis.TABLE
    assert found.note is None


def test_gemini_inputs_count_by_image() -> None:
    request = EditRequest(
        prompt="",
        provider="gemini",
        model="gemini-3-pro-image",
        images=(picture(9, 9),) * 2,
        size="1024x1024",
    )
    assert PRICES.estimate(request).high_usd == (2 * 560 * 2 + 1120 * 120) * MICRO_DOLLAR


@pytest.mark.parametrize("quality", [None, "auto"])
def test_what_the_model_decides_gives_a_range(quality: str | None) -> None:
    found = estimate("gpt-image-2", quality=quality, size="1536x1024", prompt="")
    assert found.low_usd == estimate("gpt-image-2", quality="low", size="1536x1024", prompt="").low_usd
    assert found.high_usd == estimate("gpt-image-2", quality="high", size="1536x1024", prompt="").low_usd
    assert found.note == "the model decides on quality"


def test_an_open_size_ranges_over_the_sizes_a_model_chooses() -> None:
    found = estimate("gpt-image-1.5", quality="low", size="auto", prompt="")
    assert (found.low_usd, found.high_usd) == (272 * 32 * MICRO_DOLLAR, 408 * 32 * MICRO_DOLLAR)
    assert found.note == "the model decides on size"


def test_a_dated_snapshot_costs_what_its_model_does() -> None:
    wishes = {"quality": "high", "size": "1024x1024"}
    snapshot = estimate("gpt-image-2-2026-04-21", **wishes)
    assert snapshot.high_usd is not None
    assert snapshot == estimate("gpt-image-2", **wishes)


def test_the_local_provider_is_free() -> None:
    found = estimate("composer", provider="local")
    assert found.low_usd == found.high_usd == 0
    assert found.basis is CostBasis.FREE
    cost = PRICES.cost(GenerateRequest(prompt="", provider="local", model="composer"), answer())
    assert cost.estimated_cost_usd == cost.cost_usd == 0
    assert cost.basis is CostBasis.FREE


@pytest.mark.parametrize(
    ("model", "wishes", "word"),
    [
        ("dream-9", {}, "openai/dream-9"),
        ("gpt-image-2.6-flare", {"output_format": "svg"}, "svg"),
        ("gpt-image-2.6-flare", {"output_format": "gif"}, "gif"),
        ("gpt-image-1.5", {"quality": "low", "size": "2048x2048"}, "2048x2048"),
        ("gpt-image-2", {"quality": "xhigh", "size": "1024x1024"}, "xhigh"),
    ],
)
def test_what_nobody_published_is_not_invented(model: str, wishes: dict[str, str], word: str) -> None:
    found = estimate(model, **wishes)
    assert (found.low_usd, found.high_usd, found.basis) == (None, None, CostBasis.UNKNOWN)
    assert found.note is not None
    assert word in found.note


# Costs

REQUEST = GenerateRequest(
    prompt="a fox", provider="openai", model="gpt-image-2.5-flare", size="1024x1024", quality="auto", n=2
)


def test_the_answers_token_counts_decide_the_cost() -> None:
    usage = Usage(
        input_text_tokens=100,
        cached_text_tokens=40,
        input_image_tokens=1000,
        cached_image_tokens=500,
        output_image_tokens=1372,
        total_tokens=2472,
    )
    cost = PRICES.cost(REQUEST, answer(usage))
    micros = 60 * 5 + 40 * Decimal("1.25") + 500 * 8 + 500 * 2 + 1372 * 30
    assert cost.cost_usd == micros * MICRO_DOLLAR
    assert (cost.basis, cost.tokens_used) == (CostBasis.USAGE, 2472)
    assert cost.estimated_cost_usd == PRICES.estimate(REQUEST).high_usd


def test_without_token_counts_the_reported_quality_and_images_are_priced() -> None:
    cost = PRICES.cost(REQUEST, answer(images=1, quality="low", size="1536x1024"))
    assert cost.cost_usd == (2 * 5 + 158 * 30) * MICRO_DOLLAR
    assert (cost.basis, cost.tokens_used) == (CostBasis.TABLE, None)


def test_where_nothing_is_reported_the_upper_end_is_recorded() -> None:
    cost = PRICES.cost(REQUEST, answer(images=2))
    assert cost.cost_usd == PRICES.estimate(REQUEST).high_usd


@pytest.mark.parametrize(
    "usage",
    [Usage(), Usage(output_image_tokens=-5, input_text_tokens=9), Usage(output_image_tokens=10**30)],
)
def test_token_counts_that_cannot_be_are_not_believed(usage: Usage) -> None:
    cost = PRICES.cost(REQUEST, answer(usage, images=2))
    assert (cost.basis, cost.tokens_used) == (CostBasis.TABLE, None)
    assert cost.cost_usd == PRICES.estimate(REQUEST).high_usd


def test_a_model_without_a_price_has_an_unknown_cost_but_its_tokens() -> None:
    request = GenerateRequest(prompt="", provider="openai", model="dream-9")
    cost = PRICES.cost(request, answer(Usage(output_image_tokens=10)))
    assert (cost.cost_usd, cost.basis, cost.tokens_used) == (None, CostBasis.UNKNOWN, 10)


def test_text_out_has_its_own_rate_where_there_is_one() -> None:
    usage = Usage(output_image_tokens=1120, output_text_tokens=200)
    assert usage_usd(PRICES.models["gemini", "gemini-3-pro-image"], usage) == Decimal("0.1368")
    assert usage_usd(PRICES.models["openai", "gpt-image-2"], Usage(output_text_tokens=7)) == Decimal(
        "0.00021"
    )


def test_half_a_micro_dollar_is_rounded_up() -> None:
    usage = Usage(input_text_tokens=2, cached_text_tokens=2)  # 2.5 micro-dollars
    assert usage_usd(PRICES.models["openai", "gpt-image-2"], usage) == Decimal("0.000003")


# Properties

COUNTS = st.integers(0, 1_000_000)
USAGES = st.builds(
    Usage,
    input_text_tokens=COUNTS,
    input_image_tokens=COUNTS,
    cached_text_tokens=st.just(0),
    cached_image_tokens=st.just(0),
    output_image_tokens=COUNTS,
    output_text_tokens=COUNTS,
)


def both(one: Usage, other: Usage) -> Usage:
    return Usage(
        input_text_tokens=one.input_text_tokens + other.input_text_tokens,
        input_image_tokens=one.input_image_tokens + other.input_image_tokens,
        output_image_tokens=one.output_image_tokens + other.output_image_tokens,
        output_text_tokens=one.output_text_tokens + other.output_text_tokens,
    )


@given(st.sampled_from(MODELS), USAGES, USAGES)
def test_two_calls_cost_what_they_would_as_one(key: tuple[str, str], one: Usage, other: Usage) -> None:
    price = PRICES.models[key]
    apart = usage_usd(price, one) + usage_usd(price, other)
    assert abs(apart - usage_usd(price, both(one, other))) <= MICRO_DOLLAR


@given(
    st.sampled_from(MODELS),
    st.sampled_from([None, "auto", "low", "medium", "high", "xhigh", "max"]),
    st.sampled_from([None, "auto", "1024x1024", "1536x1024", "2048x1152", "3840x2160"]),
    st.integers(1, 9),
    st.integers(0, 3),
)
def test_an_estimate_is_in_micro_dollars_and_grows_with_n(
    key: tuple[str, str], quality: str | None, size: str | None, n: int, partial_images: int
) -> None:
    wishes = {"quality": quality, "size": size, "partial_images": partial_images}
    one = estimate(key[1], key[0], n=n, **wishes)
    more = estimate(key[1], key[0], n=n + 1, **wishes)
    if one.low_usd is None or one.high_usd is None or more.low_usd is None or more.high_usd is None:
        assert one == more
        return
    assert 0 < one.low_usd <= one.high_usd
    assert more.low_usd > one.low_usd
    assert more.high_usd > one.high_usd
    for usd in (one.low_usd, one.high_usd):
        assert usd.as_tuple().exponent == MICRO_DOLLAR.as_tuple().exponent


@given(
    st.integers(16, 3840), st.integers(16, 3840), st.sampled_from(["low", "medium", "high", "xhigh", "max"])
)
def test_portrait_and_landscape_cost_the_same_by_formula(width: int, height: int, quality: str) -> None:
    model = "gpt-image-2.5-flare"
    found = tokens(model, quality, f"{width}x{height}")
    assert found is not None
    assert found >= 0
    assert found == tokens(model, quality, f"{height}x{width}")
