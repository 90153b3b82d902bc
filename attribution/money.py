"""Money: integer pico-dollars (1e-12 USD), exact sums, largest remainder. No floats.

All rates of the main provider families are whole at 1e-12 USD; where one is not, the product of tokens and rate is
rounded once, half to even.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import NewType

__all__ = ["PICO_PER_USD", "Pico", "apportion", "pico_of_usd", "plain", "usd"]

Pico = NewType("Pico", int)

PICO_PER_USD = 10**12
# Wide enough that no product of a token count and a rate is rounded before the one rounding that is meant.
_EXACT = Context(prec=60, rounding=ROUND_HALF_EVEN)


def pico_of_usd(amount: Decimal) -> Pico:
    """US dollars as whole pico-dollars, rounded half to even."""
    scaled = _EXACT.multiply(amount, Decimal(PICO_PER_USD))
    return Pico(int(scaled.to_integral_value(rounding=ROUND_HALF_EVEN, context=_EXACT)))


def usd(amount: int) -> str:
    """Pico-dollars as a plain decimal string of US dollars: `1500000000` → `"0.0015"`. Never an exponent."""
    return plain(_EXACT.multiply(Decimal(amount), Decimal("1e-12")))


def plain(value: Decimal) -> str:
    """A decimal as digits without exponent or trailing zeros: `Decimal("5E-7")` → `"0.0000005"`."""
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def apportion(total: int, weights: Sequence[int], order: Iterable[int] | None = None) -> list[int]:
    """Split `total` by `weights` so that the parts sum to it exactly.

    Each part is floored; the remainder goes one by one to the largest fractional parts, ties by `order` (default:
    position). Raises ValueError where the weights are negative or sum to nothing.
    """
    whole = sum(weights)
    if whole <= 0 or min(weights) < 0:
        raise ValueError(f"weights must be non-negative and not all zero, got {list(weights)}")
    parts = [total * weight // whole for weight in weights]
    rank = {index: place for place, index in enumerate(order if order is not None else range(len(weights)))}
    by_fraction = sorted(range(len(weights)), key=lambda i: (-(total * weights[i] % whole), rank[i]))
    for index in by_fraction[: total - sum(parts)]:
        parts[index] += 1
    return parts
