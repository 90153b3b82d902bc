"""Costs a provider states in its response, where it documents them as the amount billed.

- xAI: `usage.cost_in_usd_ticks`, 10^10 to the dollar. https://docs.x.ai/developers/cost-tracking
- OpenRouter: `usage.cost`, what the account is charged; on calls with the user's own provider key (BYOK) the provider's
  bill, `usage.cost_details.upstream_inference_cost`, comes on top.
- Perplexity: `usage.cost.total_cost`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import Any

__all__ = ["Stated", "stated_cost"]

TICKS_PER_USD = Decimal(10**10)


@dataclass(frozen=True, slots=True)
class Stated:
    """A stated cost in US dollars, or why the statement cannot be used."""

    usd: Decimal | None
    problem: str | None = None


def stated_cost(seller: str, usage: Mapping[str, Any]) -> Stated | None:
    """What `seller` (litellm's spelling) states in a usage object; None where it states nothing."""
    reader = _READERS.get(seller)
    return reader(usage) if reader is not None else None


def _xai(usage: Mapping[str, Any]) -> Stated | None:
    ticks = usage.get("cost_in_usd_ticks")
    if ticks is None:
        return None
    if not isinstance(ticks, int) or isinstance(ticks, bool) or ticks < 0:
        return Stated(None, "cost_in_usd_ticks is not a count of ticks")
    return Stated(Decimal(ticks) / TICKS_PER_USD)


def _openrouter(usage: Mapping[str, Any]) -> Stated | None:
    if usage.get("cost") is None:
        return None
    charged = _amount(usage["cost"])
    details = usage.get("cost_details")
    upstream = details.get("upstream_inference_cost") if isinstance(details, Mapping) else None
    if usage.get("is_byok") is False or upstream is None:
        upstream = 0
    provider_bill = _amount(upstream)
    if charged is None or provider_bill is None:
        return Stated(None, "the stated cost is not an amount of money")
    return Stated(charged + provider_bill)


def _perplexity(usage: Mapping[str, Any]) -> Stated | None:
    cost = usage.get("cost")
    if cost is None:
        return None
    if not isinstance(cost, Mapping):
        return Stated(None, "the stated cost is not an object")
    currency = cost.get("currency", "USD")
    if currency != "USD":
        return Stated(None, "the stated cost is not in USD")
    amount = _amount(cost.get("total_cost"))
    return Stated(amount) if amount is not None else Stated(None, "the stated cost is not an amount of money")


def _amount(value: object) -> Decimal | None:
    """A JSON number as the decimal that was written: `repr` of a float gives back the digits of the wire."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        return None
    return Decimal(repr(value))


_READERS: Mapping[str, Callable[[Mapping[str, Any]], Stated | None]] = MappingProxyType(
    {"xai": _xai, "openrouter": _openrouter, "perplexity": _perplexity}
)
