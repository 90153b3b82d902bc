"""Invariants of pricing: components sum to the total, rounding is half to even, more never costs less."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from attribution.model import Charge, PriceStatus
from attribution.pricing.book import PriceBook, load_bundled_book
from attribution.pricing.rate import Priceable, rate
from attribution.pricing.rates import METERS, Rate
from attribution.pricing.stated import Stated, stated_cost
from proxy.call import BillingBasis, Usage

BOOK = load_bundled_book()
QUANTITIES = tuple(quantity.name for quantity in fields(Usage) if quantity.name != "other")


def book_of(**rates: str) -> PriceBook:
    """A book with one model, `m`, sold by `openai` at these rates."""
    body = "".join(f', "{key}": {value}' for key, value in rates.items())
    return PriceBook.from_bytes(f'{{"m": {{"litellm_provider": "openai"{body}}}}}'.encode(), name="test")


def priced(usage: Usage | None, book: PriceBook, **more: Any) -> Charge:
    return rate(Priceable(seller="openai", api="chat.completions", request_model="m", usage=usage, **more), book)


@pytest.mark.parametrize(
    ("usd", "units", "pico"),
    [
        ("0.0000000000005", 1, 0),
        ("0.0000000000005", 3, 2),
        ("0.0000000000015", 1, 2),
        ("0.00000000000051", 1, 1),
        ("0.00000000000033", 100, 33),
        ("0.000003", 7, 21_000_000),
    ],
)
def test_a_rate_times_units_is_rounded_once_half_to_even(usd: str, units: int, pico: int) -> None:
    assert Rate.of(Decimal(usd)).charge(units) == pico


@given(st.decimals("0", "1", places=15), st.integers(0, 10**9))
def test_integer_charging_equals_decimal_arithmetic(usd: Decimal, units: int) -> None:
    assert Rate.of(usd).charge(units) == int((usd * units * 10**12).to_integral_value(rounding="ROUND_HALF_EVEN"))


def test_each_component_is_rounded_on_its_own() -> None:
    half = "0.0000000000005"
    book = book_of(input_cost_per_token=half, output_cost_per_token=half)
    charge = priced(Usage(input_tokens=3, output_tokens=3), book)
    assert (charge.components, charge.total) == ((("input", 2), ("output", 2)), 4)


def test_a_missing_price_keeps_the_known_components_and_names_every_gap() -> None:
    book = book_of(input_cost_per_token="0.000001")
    charge = priced(Usage(input_tokens=5, cache_read_tokens=2, output_tokens=3, other=(("web_search", 1),)), book)
    assert (charge.status, charge.total, charge.components) == (PriceStatus.UNPRICED, None, (("input", 5_000_000),))
    assert charge.reason == "no price for cache_read; no price for output; no price for web_search"


def test_a_quantity_of_zero_needs_no_price() -> None:
    charge = priced(Usage(input_tokens=5), book_of(input_cost_per_token="0.000001"))
    assert (charge.status, charge.total) == (PriceStatus.PRICED, 5_000_000)


def test_a_published_price_of_zero_is_a_price() -> None:
    charge = priced(Usage(input_tokens=5), book_of(input_cost_per_token="0.0"))
    assert (charge.status, charge.total, charge.components) == (PriceStatus.PRICED, 0, ())


def test_estimated_usage_gives_an_estimated_charge() -> None:
    charge = priced(Usage(input_tokens=5), book_of(input_cost_per_token="0.000001"), estimated=True)
    assert (charge.status, charge.total) == (PriceStatus.ESTIMATED, 5_000_000)


def test_a_plan_pays_nothing_and_keeps_the_list_price_apart() -> None:
    charge = priced(Usage(input_tokens=5), book_of(input_cost_per_token="0.000001"), basis=BillingBasis.PLAN)
    assert (charge.total, charge.list_total, charge.components) == (0, 5_000_000, (("input", 5_000_000),))


def test_a_plan_pays_nothing_for_an_unknown_model_either() -> None:
    charge = priced(Usage(input_tokens=5), book_of(), basis=BillingBasis.PLAN)
    assert (charge.status, charge.total, charge.list_total) == (PriceStatus.FREE, 0, None)
    assert charge.reason == "plan; list price unknown: no price for input"


def test_a_failed_call_without_usage_is_free_and_a_silent_one_is_not() -> None:
    book = book_of(input_cost_per_token="0.000001")
    failed, silent = priced(None, book, failed=True), priced(None, book)
    assert (failed.status, failed.total) == (PriceStatus.FREE, 0)
    assert (silent.status, silent.total, silent.reason) == (PriceStatus.UNPRICED, None, "no usage was told")


def test_a_failed_call_with_usage_is_charged() -> None:
    charge = priced(Usage(input_tokens=5), book_of(input_cost_per_token="0.000001"), failed=True)
    assert charge.total == 5_000_000


def test_xai_begins_its_cliff_at_the_threshold_and_others_after_it() -> None:
    entry = {"input_cost_per_token": 1e-6, "input_cost_per_token_above_200k_tokens": 2e-6}
    data = json.dumps({"xai/m": {"litellm_provider": "xai", **entry}, "m": {"litellm_provider": "openai", **entry}})
    book = PriceBook.from_bytes(data.encode(), name="test")
    usage = Usage(input_tokens=200_000)
    totals = [
        rate(Priceable(seller=seller, api="chat.completions", request_model="m", usage=usage), book).total
        for seller in ("xai", "openai")
    ]
    assert totals == [200_000 * 2_000_000, 200_000 * 1_000_000]


def test_a_cliff_the_tier_has_no_price_for_is_unpriced() -> None:
    book = book_of(
        input_cost_per_token="0.000001",
        input_cost_per_token_above_200k_tokens="0.000002",
        input_cost_per_token_priority="0.000003",
    )
    below = priced(Usage(input_tokens=200_000), book, served_tier="priority")
    beyond = priced(Usage(input_tokens=200_001), book, served_tier="priority")
    assert (below.total, beyond.status) == (200_000 * 3_000_000, PriceStatus.UNPRICED)


def test_a_word_from_the_wire_cannot_pick_a_number_of_the_map_as_a_factor() -> None:
    book = book_of(input_cost_per_token="0.000001", max_tokens="64000")
    odd = priced(Usage(input_tokens=5), book, multipliers=(("provider_specific_entry.max_tokens", False),))
    assert odd.total == 5_000_000


@pytest.mark.parametrize(
    ("seller", "usage"),
    [
        ("xai", {"cost_in_usd_ticks": "5"}),
        ("xai", {"cost_in_usd_ticks": -5}),
        ("xai", {"cost_in_usd_ticks": True}),
        ("openrouter", {"cost": -0.1}),
        ("openrouter", {"cost": float("nan")}),
        ("openrouter", {"cost": 0.1, "cost_details": {"upstream_inference_cost": "x"}}),
        ("perplexity", {"cost": 0.1}),
        ("perplexity", {"cost": {"total_cost": None}}),
    ],
)
def test_an_unusable_statement_says_so(seller: str, usage: dict[str, Any]) -> None:
    stated = stated_cost(seller, usage)
    assert stated is not None
    assert stated.usd is None
    assert stated.problem


@pytest.mark.parametrize(("seller", "usage"), [("openai", {"cost": 1}), ("xai", {}), ("openrouter", {"cost": None})])
def test_a_seller_that_states_nothing_is_priced_by_the_list(seller: str, usage: dict[str, Any]) -> None:
    assert stated_cost(seller, usage) is None


def test_a_statement_beyond_belief_without_a_list_price_is_unpriced() -> None:
    charge = priced(Usage(input_tokens=5), book_of(), stated=Stated(Decimal(10_001)))
    assert (charge.status, charge.reason) == (PriceStatus.UNPRICED, "the provider states 10001 USD, beyond belief")


MODELS = st.sampled_from(
    [
        ("openai", "gpt-4o"),
        ("openai", "gpt-5.5"),
        ("openai", "gpt-5.6-sol"),
        ("openai", "gpt-audio"),
        ("anthropic", "claude-sonnet-4-5"),
        ("anthropic", "claude-haiku-5-5"),
        ("gemini", "gemini-2.5-pro"),
        ("gemini", "gemini-2.5-flash"),
        ("xai", "grok-4.3"),
        ("dashscope", "qwen-flash"),
        ("openai", "gpt-9"),
    ]
)
TOKENS = st.integers(0, 150_000)
USAGES = st.builds(Usage, **dict.fromkeys(QUANTITIES, TOKENS))
TIERS = st.sampled_from([None, "default", "flex", "priority", "batch", "ON_DEMAND", "scale"])


@given(model=MODELS, usage=USAGES, tier=TIERS)
def test_components_sum_to_the_total_and_unpriced_says_why(
    model: tuple[str, str], usage: Usage, tier: str | None
) -> None:
    charge = rate(
        Priceable(seller=model[0], api="messages", request_model=model[1], usage=usage, served_tier=tier), BOOK
    )
    if charge.status is PriceStatus.UNPRICED:
        assert charge.total is None
        assert charge.reason
    else:
        assert charge.total == sum(amount for _, amount in charge.components)
    assert all(amount > 0 for _, amount in charge.components)
    places = [[meter.component for meter in METERS].index(name) for name, _ in charge.components]
    assert places == sorted(places)


@given(model=MODELS, usage=USAGES, tier=TIERS, more=st.sampled_from(QUANTITIES), by=st.integers(1, 150_000))
def test_more_tokens_never_cost_less(
    model: tuple[str, str], usage: Usage, tier: str | None, more: str, by: int
) -> None:
    request = Priceable(seller=model[0], api="messages", request_model=model[1], usage=usage, served_tier=tier)
    grown = replace(usage, **{more: getattr(usage, more) + by})
    less, greater = rate(request, BOOK), rate(replace(request, usage=grown), BOOK)
    assume(less.total is not None and greater.total is not None)
    assert less.total is not None
    assert greater.total is not None
    assert less.total <= greater.total
