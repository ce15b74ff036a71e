"""The price table: the vendors' published figures, another table's rates, and the user's own entries."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import genai_prices
import pytest

from imagegen.errors import ConfigurationError
from imagegen.pricing import MICRO_DOLLAR, PriceTable, image_tokens, load_prices
from imagegen.types import Estimate, GenerateRequest

PRICES = load_prices(None)
MODELS = sorted(PRICES.models)


def estimate(model: str, provider: str = "openai", **wishes: Any) -> Estimate:
    return PRICES.estimate(asked(model, provider, **wishes))


def asked(model: str, provider: str = "openai", **wishes: Any) -> GenerateRequest:
    return GenerateRequest(**{"prompt": "a fox", "provider": provider, "model": model, **wishes})


def tokens(model: str, quality: str, size: str, provider: str = "openai") -> int | None:
    return image_tokens(PRICES.models[provider, model], quality, size)


# Published figures


@pytest.mark.parametrize(
    "model", ["gpt-image-1", "gpt-image-1-mini", "gpt-image-1.5", "chatgpt-image-latest"]
)
@pytest.mark.parametrize(
    ("quality", "square", "portrait", "landscape"),
    [("low", 272, 408, 400), ("medium", 1056, 1584, 1568), ("high", 4160, 6240, 6208)],
)
def test_the_first_models_take_the_published_tokens(
    model: str, quality: str, square: int, portrait: int, landscape: int
) -> None:
    assert tokens(model, quality, "1024x1024") == square
    assert tokens(model, quality, "1024x1536") == portrait
    assert tokens(model, quality, "1536x1024") == landscape


FORMULA = {  # factor: (tokens, USD) for 1024x1024, both 3:2 sizes, 2560x1440, 3840x2160
    16: [(196, "0.006"), (158, "0.005"), (205, "0.006"), (371, "0.011")],
    24: [(439, "0.013"), (343, "0.010"), (478, "0.014"), (865, "0.026")],
    48: [(1756, "0.053"), (1372, "0.041"), (1843, "0.055"), (3336, "0.100")],
    64: [(3122, "0.094"), (2459, "0.074"), (3276, "0.098"), (5930, "0.178")],
    96: [(7024, "0.211"), (5488, "0.165"), (7370, "0.221"), (13342, "0.400")],
}
SIZES = [("1024x1024",), ("1536x1024", "1024x1536"), ("2560x1440",), ("3840x2160",)]
FACTORS = {
    "gpt-image-2": {"low": 16, "medium": 48, "high": 96},
    "gpt-image-2.5-flare": {"low": 16, "medium": 24, "high": 48, "xhigh": 64, "max": 96},
    "gpt-image-2.5-sunburst": {"low": 16, "medium": 24, "high": 48, "xhigh": 64, "max": 96},
}


@pytest.mark.parametrize(
    ("model", "quality", "factor"),
    [(model, quality, factor) for model, row in FACTORS.items() for quality, factor in row.items()],
)
def test_the_formula_gives_every_published_count_and_price(model: str, quality: str, factor: int) -> None:
    hints = {(hint.quality, hint.size): hint.usd for hint in PRICES.per_image_hint("openai", model)}
    for sizes, (count, usd) in zip(SIZES, FORMULA[factor], strict=True):
        for size in sizes:
            assert tokens(model, quality, size) == count
            assert hints[quality, size].quantize(Decimal("0.001")) == Decimal(usd)


@pytest.mark.parametrize("model", ["gpt-image-2.6-flare", "gpt-image-2.6-sunburst"])
def test_the_newest_models_are_estimated_and_said_to_be(model: str) -> None:
    assert tokens(model, "low", "1536x1024") == 4 * 158
    assert tokens(model, "medium", "1536x1024") == 4 * 343
    assert tokens(model, "high", "3840x2160") == 3336
    note = estimate(model, quality="low", size="1536x1024").note
    assert note is not None
    assert "estimates" in note


@pytest.mark.parametrize(
    ("model", "size", "usd"),
    [
        ("gemini-nano-banana-2.1", "1K", "0.034"),
        ("gemini-nano-banana-2.1", "2K", "0.050"),
        ("gemini-nano-banana-2.1", "4K", "0.076"),
        ("gemini-3-pro-image", "1K", "0.134"),
        ("gemini-3-pro-image", "2K", "0.134"),
        ("gemini-3-pro-image", "4K", "0.240"),
        ("gemini-3.1-flash-lite-image", "1K", "0.034"),
        ("gemini-3.1-flash-image", "512", "0.045"),
        ("gemini-3.1-flash-image", "1K", "0.067"),
        ("gemini-3.1-flash-image", "2K", "0.101"),
        ("gemini-3.1-flash-image", "4K", "0.151"),
        ("gemini-2.5-flash-image", "1K", "0.039"),
    ],
)
def test_gemini_images_cost_what_google_lists(model: str, size: str, usd: str) -> None:
    hints = {hint.size: hint for hint in PRICES.per_image_hint("gemini", model)}
    assert hints[size].usd.quantize(Decimal("0.001")) == Decimal(usd)
    assert hints[size].quality is None


@pytest.mark.parametrize(
    ("size", "resolution"),
    [("1024x1024", "1K"), ("1536x1024", "1K"), ("2048x2048", "2K"), ("3840x2160", "4K"), ("4K", "4K")],
)
def test_gemini_sizes_are_billed_by_resolution(size: str, resolution: str) -> None:
    model = "gemini-3.1-flash-image"
    assert tokens(model, "auto", size, "gemini") == tokens(model, "auto", resolution, "gemini")


KINDS = {
    "text_in": {"input_tokens": 1},
    "cached_text_in": {"input_tokens": 1, "cache_read_tokens": 1},
    "image_in": {"input_tokens": 1, "input_image_tokens": 1},
    "cached_image_in": {
        "input_tokens": 1,
        "input_image_tokens": 1,
        "cache_read_tokens": 1,
        "cache_image_read_tokens": 1,
    },
    "image_out": {"output_tokens": 1, "output_image_tokens": 1},
    "text_out": {"output_tokens": 1},
}
# genai-prices 0.2.3 was published before these models were.
UNKNOWN_THERE = {("openai", "gpt-image-2.6-flare"), ("openai", "gpt-image-2.6-sunburst")}
PROVIDERS_THERE = {"openai": "openai", "gemini": "google"}


@pytest.mark.parametrize(("provider", "model"), MODELS)
def test_our_rates_are_those_of_genai_prices(provider: str, model: str) -> None:
    ours = PRICES.models[provider, model]
    if (provider, model) in UNKNOWN_THERE:
        with pytest.raises(LookupError):
            rate_there(provider, model, KINDS["text_in"])
        return
    assert rate_there(provider, model, KINDS["text_in"]) == ours.text_in
    assert rate_there(provider, model, KINDS["image_in"]) == ours.image_in
    assert rate_there(provider, model, KINDS["image_out"]) == ours.image_out
    text_out = ours.image_out if ours.text_out is None else ours.text_out
    assert rate_there(provider, model, KINDS["text_out"]) == text_out
    if provider == "openai":  # genai-prices has no cached rates for Gemini's image models, nor have we
        assert rate_there(provider, model, KINDS["cached_text_in"]) == ours.cached_text_in
        assert rate_there(provider, model, KINDS["cached_image_in"]) == ours.cached_image_in


def rate_there(provider: str, model: str, kind: dict[str, int]) -> Decimal:
    usage = genai_prices.Usage(**{name: count * 1_000_000 for name, count in kind.items()})
    return genai_prices.calc_price(usage, model, provider_id=PROVIDERS_THERE[provider]).total_price


# The file


def test_the_table_is_dated_and_every_model_names_its_source() -> None:
    assert PRICES.as_of >= date(2026, 11, 22)
    assert all(price.source for price in PRICES.models.values())


def user_table(folder: Path, text: str) -> PriceTable:
    return load_prices(user_file(folder, text))


def user_file(folder: Path, text: str) -> Path:
    path = folder / "prices.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_user_changes_one_rate_and_adds_a_model(tmp_path: Path) -> None:
    mine = user_table(
        tmp_path,
        """
        free = ["mine"]
        [models.openai.gpt-image-2]
        image_out = 20
        [models.openai.dream-9]
        like = "gpt-image-2"
        factors = { low = 24 }
        [models.mine.thing]
        image_out = 1
        """,
    )
    wishes = {"quality": "low", "size": "1024x1024", "prompt": ""}
    assert mine.estimate(asked("gpt-image-2", **wishes)).high_usd == 196 * 20 * MICRO_DOLLAR
    assert mine.estimate(asked("dream-9", **wishes)).high_usd == 439 * 20 * MICRO_DOLLAR
    assert mine.models["openai", "gpt-image-2.5-flare"].image_out == 20
    assert mine.models["openai", "gpt-image-2"].text_in == 5
    assert mine.free == {"local", "mine"}


def test_a_missing_user_file_leaves_the_built_in_prices(tmp_path: Path) -> None:
    assert load_prices(tmp_path / "prices.toml") == PRICES


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[models.openai\n", ["line 1", "column 15"]),
        ("[models.openai.x]\nimage_out = 'cheap'\n", ["models.openai.x.image_out", "'cheap'", "a number"]),
        ("[models.openai.x]\nimage_out = -1\n", ["models.openai.x.image_out", "-1"]),
        ("[models.openai.x]\nimage_out = nan\n", ["models.openai.x.image_out", "NaN"]),
        ("[models.openai.x]\nimage_out = true\n", ["models.openai.x.image_out", "True"]),
        ("[models.openai.x]\nimage_uot = 1\n", ["models.openai.x.image_uot", "image_out"]),
        ("[models.openai.x]\ntext_in = 1\n", ["models.openai.x", "no image_out"]),
        ("[models.openai.x]\nlike = 'y'\n", ["models.openai.x", "like y", "not in the table"]),
        ("[models.openai.x]\nlike = 'x'\n", ["models.openai.x", "like itself"]),
        ("[models.openai]\nx = 3\n", ["models.openai.x", "3"]),
        ("[models.openai.x]\nimage_out = 1\nfactors = { low = 0 }\n", ["models.openai.x.factors.low", "0"]),
        ("prices = 1\n", ["prices", "models"]),
        ("[models.openai.x]\nimage_out = 1e99999999999999999999999\n", ["digits"]),
    ],
)
def test_a_broken_user_file_is_refused_with_file_and_entry(
    tmp_path: Path, text: str, words: list[str]
) -> None:
    path = user_file(tmp_path, text)
    with pytest.raises(ConfigurationError) as caught:
        load_prices(path)
    for word in [str(path), *words]:
        assert word in str(caught.value)
