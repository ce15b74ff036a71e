"""What a call will cost and what it came to: exact decimals of USD, from a dated table."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

from imagegen.capabilities import parse_size
from imagegen.price_file import ModelPrice, read_price_files
from imagegen.shapes import DEFAULT_RESOLUTION, resolution_of
from imagegen.types import (
    CostBasis,
    CostInfo,
    EditRequest,
    Estimate,
    GenerateRequest,
    ProviderResult,
    Usage,
)

MICRO_DOLLAR = Decimal("0.000001")
NOTHING = Decimal("0.000000")
SNAPSHOT = re.compile(r"-\d{4}-\d{2}-\d{2}$")
CHARACTERS_PER_TOKEN = 4
CREDIBLE_TOKENS = 1_000_000_000

# What OpenAI's models choose among when the size is theirs to choose.
CHOSEN_SIZES = ("1024x1024", "1536x1024", "1024x1536")
LARGE_SIZES = ("2560x1440", "3840x2160")

UNCOUNTED_FORMATS = frozenset({"gif", "svg"})


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceHint:
    """The price in USD of one image; `quality` is None where the model knows none."""

    quality: str | None
    size: str
    usd: Decimal


@dataclass(frozen=True, slots=True)
class PriceTable:
    """Prices by provider and model, as of a day. Build it with `load_prices()`."""

    as_of: date
    free: frozenset[str]
    models: Mapping[tuple[str, str], ModelPrice]

    def price_of(self, provider: str, model: str) -> ModelPrice | None:
        """The model's entry; a dated snapshot has that of its model."""
        named = self.models.get((provider, model))
        return named or self.models.get((provider, SNAPSHOT.sub("", model)))

    def estimate(self, request: GenerateRequest) -> Estimate:
        """What the call will cost, for a request whose provider and model are resolved.

        Assumes four characters to a token of the prompt, an input image's tokens to grow with its area
        (1024 for 1024x1024 on OpenAI), and each of `n` images to be billed like a call of its own.
        """
        provider, model = request.provider or "", request.model or ""
        if provider in self.free:
            return Estimate(low_usd=NOTHING, high_usd=NOTHING, basis=CostBasis.FREE)
        price = self.price_of(provider, model)
        if price is None:
            return _unknown(f"{provider}/{model} is not in the price table")
        if request.output_format in UNCOUNTED_FORMATS:
            return _unknown(f"no token counts are published for {request.output_format}")
        counts = [count for count in _possible_tokens(price, request) if count is not None]
        if not counts:
            size = request.size or request.resolution
            return _unknown(f"no token counts are known for {request.quality} at {size} of {model}")
        low, high = (_call_usd(price, request, count) for count in (min(counts), max(counts)))
        notes = [*_choices(request, differ=low != high), *([price.note] if price.note else [])]
        return Estimate(low_usd=low, high_usd=high, basis=CostBasis.TABLE, note="; ".join(notes) or None)

    def cost(self, request: GenerateRequest, answer: ProviderResult) -> CostInfo:
        """What the call came to: by the answer's token counts, else by the table for what it reports.

        Where the table leaves a range, its upper end is recorded.
        """
        provider, model = request.provider or "", request.model or ""
        expected = self.estimate(request).high_usd
        tokens = _total(answer.usage)
        if provider in self.free:
            return CostInfo(
                estimated_cost_usd=expected, cost_usd=NOTHING, basis=CostBasis.FREE, tokens_used=tokens
            )
        price = self.price_of(provider, model)
        if price is not None and answer.usage is not None and tokens:
            usd, basis = usage_usd(price, answer.usage), CostBasis.USAGE
            return CostInfo(estimated_cost_usd=expected, cost_usd=usd, basis=basis, tokens_used=tokens)
        made = self.estimate(_as_reported(request, answer))
        return CostInfo(
            estimated_cost_usd=expected, cost_usd=made.high_usd, basis=made.basis, tokens_used=tokens
        )

    def dearest(self, request: GenerateRequest) -> Decimal | None:
        """What the dearest model of the request's provider would cost: for a model without a price."""
        names = [model for provider, model in self.models if provider == request.provider]
        estimates = [self.estimate(replace(request, model=name)).high_usd for name in names]
        return max((usd for usd in estimates if usd is not None), default=None)

    def per_image_hint(self, provider: str, model: str) -> tuple[PriceHint, ...]:
        """The price of one image by quality and size, without prompt and inputs; empty where unknown."""
        price = self.price_of(provider, model)
        return tuple(_hints(price)) if price else ()


def load_prices(user_file: Path | None) -> PriceTable:
    """The built-in prices with the user's on top. Raises ConfigurationError for a broken user file."""
    content = read_price_files(user_file)
    return PriceTable(
        as_of=content.as_of,
        free=frozenset(content.free),
        models={
            (provider, name): price
            for provider, entries in content.models.items()
            for name, price in entries.items()
        },
    )


def usage_usd(price: ModelPrice, usage: Usage) -> Decimal:
    """The price of token counts; cached tokens are part of the input counts and cost less."""
    cached_text = min(usage.cached_text_tokens, usage.input_text_tokens)
    cached_image = min(usage.cached_image_tokens, usage.input_image_tokens)
    return _usd(
        (usage.input_text_tokens - cached_text, price.text_in),
        (cached_text, _first(price.cached_text_in, price.text_in)),
        (usage.input_image_tokens - cached_image, price.image_in),
        (cached_image, _first(price.cached_image_in, price.image_in)),
        (usage.output_image_tokens, price.image_out),
        (usage.output_text_tokens, _first(price.text_out, price.image_out)),
    )


def image_tokens(price: ModelPrice, quality: str, size: str) -> int | None:
    """The output tokens of one image; None where the table cannot tell."""
    if price.resolutions:
        pixels = parse_size(size)
        return price.resolutions.get(resolution_of(*pixels) if pixels else size)
    published = price.tokens.get(quality, {}).get(size)
    pixels = parse_size(size)
    if published or pixels is None or quality not in price.factors:
        return published
    factor = price.factors[quality]
    short, long = sorted(pixels)
    scaled = (2 * factor * short + long) // (2 * long)
    tokens = -(-factor * scaled * (2_000_000 + short * long) // 4_000_000)
    return tokens * price.multipliers.get(quality, 1)


def _possible_tokens(price: ModelPrice, request: GenerateRequest) -> Iterator[int | None]:
    """The counts of every image that the model may decide on."""
    for quality in _qualities(price) if _open(request.quality) else [request.quality or ""]:
        for size in _sizes(price, request.resolution) if _open(request.size) else [request.size or ""]:
            yield image_tokens(price, quality, size)


def _open(wish: str | None) -> bool:
    return wish is None or wish == "auto"


def _qualities(price: ModelPrice) -> Sequence[str]:
    return list(dict.fromkeys([*price.tokens, *price.factors])) or ["auto"]


def _sizes(price: ModelPrice, resolution: str | None) -> Sequence[str]:
    return [resolution or DEFAULT_RESOLUTION] if price.resolutions else CHOSEN_SIZES


def _choices(request: GenerateRequest, *, differ: bool) -> Iterator[str]:
    wishes = {"quality": request.quality, "size": request.size}
    if differ:
        yield f"the model decides on {' and '.join(name for name, wish in wishes.items() if _open(wish))}"


def _call_usd(price: ModelPrice, request: GenerateRequest, tokens: int) -> Decimal:
    output = tokens + (price.partial_tokens or 0) * (request.partial_images or 0)
    prompt = -(-len(request.prompt) // CHARACTERS_PER_TOKEN)
    return _usd(
        (request.n * prompt, price.text_in),
        (request.n * _input_tokens(price, request), price.image_in),
        (request.n * output, price.image_out),
    )


def _input_tokens(price: ModelPrice, request: GenerateRequest) -> int:
    if not isinstance(request, EditRequest):
        return 0
    inputs = [*request.images, *(image for image in (request.mask, request.markup) if image)]
    if price.input_pixels_per_token is None:
        return len(inputs) * (price.input_image_tokens or 0)
    return sum(-(-image.width * image.height // price.input_pixels_per_token) for image in inputs)


def _usd(*counts_and_rates: tuple[int, Decimal]) -> Decimal:
    """Rates are per million tokens, so that the sum is in micro-dollars."""
    micros = sum((count * rate for count, rate in counts_and_rates), start=Decimal(0))
    return (micros * MICRO_DOLLAR).quantize(MICRO_DOLLAR, rounding=ROUND_HALF_UP)


def _first(rate: Decimal | None, fallback: Decimal) -> Decimal:
    return fallback if rate is None else rate


def _unknown(note: str) -> Estimate:
    return Estimate(low_usd=None, high_usd=None, basis=CostBasis.UNKNOWN, note=note)


def _total(usage: Usage | None) -> int | None:
    """The tokens that the answer says were used; None where it says nothing, or nothing credible."""
    if usage is None:
        return None
    parts = (
        usage.input_text_tokens,
        usage.input_image_tokens,
        usage.output_image_tokens,
        usage.output_text_tokens,
    )
    others = (usage.cached_text_tokens, usage.cached_image_tokens, usage.total_tokens)
    if not any(parts) or not all(0 <= count <= CREDIBLE_TOKENS for count in (*parts, *others)):
        return None
    return usage.total_tokens or sum(parts)


def _as_reported(request: GenerateRequest, answer: ProviderResult) -> GenerateRequest:
    """The request as the provider says it carried it out."""
    size, quality = (answer.reported.get(name) for name in ("size", "quality"))
    return replace(
        request,
        n=len(answer.images),
        size=size if isinstance(size, str) else request.size,
        quality=quality if isinstance(quality, str) else request.quality,
    )


def _hints(price: ModelPrice) -> Iterator[PriceHint]:
    sizes = [*price.resolutions] or [*CHOSEN_SIZES, *(LARGE_SIZES if price.factors else ())]
    for quality in _qualities(price):
        for size in sizes:
            tokens = image_tokens(price, quality, size)
            if tokens is not None:
                named = None if price.resolutions else quality
                yield PriceHint(quality=named, size=size, usd=_usd((tokens, price.image_out)))
