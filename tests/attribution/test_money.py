"""Money is integer pico-dollars: exact in, exact out, split without loss."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attribution.money import apportion, pico_of_usd, plain, usd


@pytest.mark.parametrize(
    ("dollars", "pico"),
    [
        ("0", 0),
        ("0.0000005", 500_000),
        ("1", 10**12),
        ("0.0000000000005", 0),  # half to even: down to 0
        ("0.0000000000015", 2),  # half to even: up to 2
        ("0.0000000000025", 2),  # half to even: down to 2
        ("0.00000000000150000000000000000001", 2),
        ("-0.0000000000015", -2),
        ("123456789012345.123456789012", 123456789012345123456789012),
    ],
)
def test_dollars_become_whole_picodollars_rounded_half_to_even(dollars: str, pico: int) -> None:
    assert pico_of_usd(Decimal(dollars)) == pico


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("5E-7", "0.0000005"),
        ("1E+3", "1000"),
        ("1.500", "1.5"),
        ("0.00", "0"),
        ("-0", "0"),
        ("-0.0", "0"),
        ("100", "100"),
    ],
)
def test_a_decimal_is_written_without_exponent_or_trailing_zeros(value: str, text: str) -> None:
    assert plain(Decimal(value)) == text


@pytest.mark.parametrize(
    ("pico", "text"),
    [(1_500_000_000, "0.0015"), (1, "0.000000000001"), (0, "0"), (10**12, "1"), (-1, "-0.000000000001")],
)
def test_picodollars_are_written_as_plain_dollars(pico: int, text: str) -> None:
    assert usd(pico) == text


@given(st.integers(-(10**30), 10**30))
def test_writing_and_reading_picodollars_loses_nothing(pico: int) -> None:
    assert pico_of_usd(Decimal(usd(pico))) == pico


def test_apportioning_gives_the_remainder_to_the_largest_fractions() -> None:
    assert apportion(10, [1, 1, 1]) == [4, 3, 3]
    assert apportion(10, [1, 1, 1], order=[2, 1, 0]) == [3, 3, 4]
    assert apportion(100, [2, 1, 0]) == [67, 33, 0]


@pytest.mark.parametrize("weights", [[], [0, 0], [1, -1], [2, -1]])
def test_apportioning_by_nothing_or_by_negative_weights_is_refused(weights: list[int]) -> None:
    with pytest.raises(ValueError, match="weights must be"):
        apportion(10, weights)


@given(st.integers(-(10**24), 10**24), st.lists(st.integers(0, 10**12), min_size=1, max_size=8))
def test_the_parts_of_an_apportioned_total_sum_to_it_and_are_each_within_one_of_their_share(
    total: int, weights: list[int]
) -> None:
    if sum(weights) == 0:
        weights = [weight + 1 for weight in weights]
    parts = apportion(total, weights)
    assert sum(parts) == total
    assert all(
        abs(part * sum(weights) - total * weight) < sum(weights) for part, weight in zip(parts, weights, strict=True)
    )
