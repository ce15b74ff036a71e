"""Money as whole micro-dollars: what is stored and added up. Decimal dollars are for people and documents."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

MICRO_DOLLARS = 1_000_000


def micro_usd(amount: Decimal, *, rounding: str = ROUND_HALF_UP) -> int:
    """Dollars in whole micro-dollars."""
    return int((amount * MICRO_DOLLARS).to_integral_value(rounding=rounding))


def usd(micro: int) -> Decimal:
    """Micro-dollars in dollars, exactly, with six decimals."""
    return Decimal(micro).scaleb(-6)


def show_usd(micro: int) -> str:
    """Micro-dollars for a person: `$1.25`, `$0.0065`; two decimals, or as many as it takes to be true."""
    whole, _, decimals = f"{usd(micro):.6f}".partition(".")
    return f"${whole}.{decimals.rstrip('0').ljust(2, '0')}"
