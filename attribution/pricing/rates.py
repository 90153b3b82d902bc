"""From an entry of the price map to the rates of one request: tier, long-context cliff, multipliers, fallbacks.

Keys of the map are `<quantity>[_above_<N>k_tokens][_<tier>]`. A rate that is needed and not there stays unknown; the
few documented rules that fill a gap are rows of the tables below.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Context, Decimal
from typing import Any

from attribution.money import PICO_PER_USD, plain
from attribution.pricing.sellers import SellerTerms

__all__ = ["METERS", "Conditions", "Entry", "Meter", "Rate"]

_EXACT = Context(prec=60)
_MAX_KEPT = 1024
_CLIFF = re.compile(r"(?:in|out)put_cost_per_token_above_(\d+)k_tokens")


@dataclass(frozen=True, slots=True)
class Rate:
    """A price of one unit, as a fraction of pico-dollars so that charging is integer arithmetic."""

    usd: str  # US dollars a unit, plain decimal
    numerator: int
    denominator: int

    @classmethod
    def of(cls, usd: Decimal) -> Rate:
        numerator, denominator = _EXACT.multiply(usd, Decimal(PICO_PER_USD)).as_integer_ratio()
        return cls(plain(usd), numerator, denominator)

    def charge(self, units: int) -> int:
        """Pico-dollars for `units`, rounded half to even once."""
        amount, rest = divmod(units * self.numerator, self.denominator)
        doubled = 2 * rest
        return amount + (doubled > self.denominator or (doubled == self.denominator and amount % 2 == 1))


@dataclass(frozen=True, slots=True)
class Meter:
    """One component of a charge: which quantity of a Usage it counts and which key of the map prices it."""

    component: str
    quantity: str
    key: str


METERS = (
    Meter("input", "input_tokens", "input_cost_per_token"),
    Meter("cache_read", "cache_read_tokens", "cache_read_input_token_cost"),
    Meter("cache_write_5m", "cache_write_5m_tokens", "cache_creation_input_token_cost"),
    Meter("cache_write_1h", "cache_write_1h_tokens", "cache_creation_input_token_cost_above_1hr"),
    Meter("output", "output_tokens", "output_cost_per_token"),
    Meter("reasoning", "reasoning_tokens", "output_cost_per_reasoning_token"),
    Meter("audio_input", "audio_input_tokens", "input_cost_per_audio_token"),
    Meter("audio_output", "audio_output_tokens", "output_cost_per_audio_token"),
    Meter("image_input", "image_input_tokens", "input_cost_per_image_token"),
    Meter("image_output", "image_output_tokens", "output_cost_per_image_token"),
)

# Key → the key that stands in for it, and the kind of input the model must take. Reasoning is output wherever it has no
# price at the tier; the others only where the model has no such price at all, since the map lists one input rate for
# models that take several kinds of input at the same price.
_REASONING = "output_cost_per_reasoning_token"
_STAND_INS: Mapping[str, tuple[str, str | None]] = {
    _REASONING: ("output_cost_per_token", None),
    "input_cost_per_audio_token": ("input_cost_per_token", "audio"),
    "input_cost_per_image_token": ("input_cost_per_token", "image"),
    "cache_read_input_audio_token_cost": ("cache_read_input_token_cost", None),
}

_HALF = Decimal("0.5")
# Documented discounts on the standard rate, for quantities whose discounted rate the map leaves out of a model that is
# sold at the tier.
_DISCOUNTS: Mapping[tuple[str, str], Mapping[str, Decimal]] = {
    # Anthropic: "usage is charged at 50% of the standard API prices", cache included (batch processing, pricing).
    ("anthropic", "_batches"): {"cache_creation_input_token_cost_above_1hr": _HALF},
    # Gemini API pricing: batch and flex are half the standard input and output price, on both sides of the cliff.
    ("gemini", "_batches"): {"input_cost_per_token": _HALF, "output_cost_per_token": _HALF},
    ("gemini", "_flex"): {"input_cost_per_token": _HALF, "output_cost_per_token": _HALF},
}


@dataclass(frozen=True, slots=True)
class Conditions:
    """What selects among the rates of one entry."""

    tier: str = ""  # suffix of the map's keys: "", "_flex", "_priority", "_batches" …
    prompt_tokens: int = 0
    multipliers: tuple[tuple[str, bool], ...] = ()  # key of a multiplier, and whether it must be known
    off_peak: bool = False


class Entry:
    """One entry of the price map, read for its seller. Rates are resolved when they are asked for, then kept."""

    __slots__ = ("_kept", "_raw", "_terms", "_thresholds", "key")

    def __init__(self, key: str, raw: Mapping[str, Any], terms: SellerTerms) -> None:
        self.key = key
        self._raw = raw
        self._terms = terms
        cliffs = {int(found.group(1)) for name in raw if (found := _CLIFF.match(name))}
        self._thresholds = sorted((cliff * 1000 for cliff in cliffs), reverse=True)
        self._kept: dict[tuple[str, str, int, tuple[tuple[str, bool], ...], bool], Rate | None] = {}

    @property
    def terms(self) -> SellerTerms:
        return self._terms

    @property
    def raw(self) -> Mapping[str, Any]:
        return self._raw

    def rate(self, key: str, conditions: Conditions) -> Rate | None:
        """The rate of one quantity, or None where the map does not say."""
        cliff = self._cliff(conditions.prompt_tokens)
        place = (key, conditions.tier, cliff, conditions.multipliers, conditions.off_peak)
        if place not in self._kept:
            if len(self._kept) >= _MAX_KEPT:  # words from the wire are in the key: keep the memory bounded
                self._kept.clear()
            usd = self._resolve(key, cliff, conditions)
            self._kept[place] = None if usd is None else self._multiplied(usd, conditions.multipliers)
        return self._kept[place]

    def unit_rate(self, key: str, size: str = "medium") -> Rate | None:
        """A price per use rather than per token; some depend on a size."""
        value = self._raw.get(key)
        if isinstance(value, Mapping):
            value = value.get(f"search_context_size_{size}")
        usd = _decimal(value)
        return None if usd is None else Rate.of(usd)

    def _cliff(self, prompt_tokens: int) -> int:
        """The highest threshold the prompt is beyond, 0 below all; in a tiered table, the upper end of its range."""
        tiers = self._raw.get("tiered_pricing")
        if isinstance(tiers, list):
            ends = sorted(int(tier["range"][1]) for tier in tiers if "range" in tier)
            return next((end for end in ends if prompt_tokens <= end), -1)
        for threshold in self._thresholds:
            if prompt_tokens > threshold or (self._terms.cliff_is_inclusive and prompt_tokens == threshold):
                return threshold
        return 0

    def _resolve(self, key: str, cliff: int, conditions: Conditions) -> Decimal | None:
        found = self._stated(key, cliff, conditions)
        if found is not None:
            return found
        if key == "cache_creation_input_token_cost" and self._terms.plain_cache_writes and key not in self._raw:
            return self._resolve("input_cost_per_token", cliff, conditions)
        stand_in, kind = _STAND_INS.get(key, (None, None))
        if stand_in is None or (key in self._raw and key != _REASONING) or (kind is not None and not self._takes(kind)):
            return None
        return self._resolve(stand_in, cliff, conditions)

    def _stated(self, key: str, cliff: int, conditions: Conditions) -> Decimal | None:
        if conditions.off_peak:
            lowered = _decimal(self._raw["off_peak_pricing"].get(key))
            if lowered is not None:
                return lowered
        tiers = self._raw.get("tiered_pricing")
        if isinstance(tiers, list):
            held = [tier for tier in tiers if "range" in tier and int(tier["range"][1]) == cliff]
            return _decimal(held[0].get(key)) if held and not conditions.tier else None
        above = f"_above_{cliff // 1000}k_tokens" if cliff else ""
        stated = _decimal(self._raw.get(f"{key}{above}{conditions.tier}"))
        discount = _DISCOUNTS.get((self._terms.name, conditions.tier), {}).get(key)
        if stated is None and discount is not None and f"input_cost_per_token{conditions.tier}" in self._raw:
            standard = _decimal(self._raw.get(f"{key}{above}"))
            return None if standard is None else _EXACT.multiply(standard, discount)
        return stated

    def _takes(self, kind: str) -> bool:
        modalities = self._raw.get("supported_modalities")
        if isinstance(modalities, list) and kind in modalities:
            return True
        return bool(self._raw.get("supports_audio_input" if kind == "audio" else "supports_vision"))

    def _multiplied(self, usd: Decimal, multipliers: tuple[tuple[str, bool], ...]) -> Rate | None:
        for name, required in multipliers:
            factor = self.multiplier(name)
            if factor is None and required:
                return None
            usd = _EXACT.multiply(usd, factor or Decimal(1))
        return Rate.of(usd)

    def multiplier(self, name: str) -> Decimal | None:
        """A factor on every token rate: `<key>`, or `<key>.<name>` where the entry has several under one key."""
        key, _, inner = name.partition(".")
        value = self._raw.get(key)
        if inner:
            value = value.get(inner) if isinstance(value, Mapping) else None
        return _decimal(value)


def _decimal(value: object) -> Decimal | None:
    if isinstance(value, Decimal):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    return None
