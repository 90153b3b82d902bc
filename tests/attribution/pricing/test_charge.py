"""From the proxy's facts to a charge: seller, failure, served tier, samplings, residency, plan."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from attribution.model import PriceStatus
from attribution.pricing.book import PriceBook
from attribution.pricing.charge import charge_call
from proxy.call import Attempt, BillingBasis, Call, Metered, Outcome, Usage
from proxy.usage import normalise

NOON = datetime(2026, 10, 15, 12, tzinfo=UTC)


def call(**facts: Any) -> Call:
    known: dict[str, Any] = {
        "call_id": "c1",
        "attempt": 1,
        "started_at": NOON,
        "provider": "openai",
        "seller": "openai",
        "operation": "chat.completions",
        "method": "POST",
        "path": "/v1/chat/completions",
        "server": "127.0.0.1:9000",
        "request_model": "gpt-4o",
    }
    return Call(**{**known, **facts})


def answered(usage: dict[str, Any] | None, *, api: str = "chat.completions", **facts: Any) -> Attempt:
    read = normalise(api=api, usage=usage, response={}) if usage is not None else None
    metered: dict[str, Any] = {}
    if read is not None:
        metered = {
            "usage": read.usage,
            "raw_usage": read.raw_usage,
            "service_tier": read.service_tier,
            "problems": read.problems,
        }
    known: dict[str, Any] = {"outcome": Outcome.OK, "status": 200}
    outcome = {name: facts.pop(name) for name in ("outcome", "status") if name in facts}
    return Attempt(metered=Metered(**(metered | facts)), **(known | outcome))


CHAT = {"prompt_tokens": 1000, "completion_tokens": 100}
CHAT_PICO = int((1000 * Decimal("0.0000025") + 100 * Decimal("0.00001")) * 10**12)


def test_a_call_is_charged_at_the_list_price_of_its_seller(book: PriceBook) -> None:
    charge = charge_call(call(), answered(CHAT, response_model="gpt-4o-2024-08-06"), book)
    assert (charge.status, charge.total) == (PriceStatus.PRICED, CHAT_PICO)
    assert (charge.price_book, charge.price_book_revision) == ("litellm", book.revision)


def test_the_public_host_says_who_sells_whatever_the_entry_is_called(book: PriceBook) -> None:
    named = call(seller="our-openai", server="api.openai.com")
    gateway = call(seller="our-gateway", server="gateway.internal:8080")
    assert charge_call(named, answered(CHAT), book).total == CHAT_PICO
    charge = charge_call(gateway, answered(CHAT), book)
    assert charge.reason == "model gpt-4o is not in the price book of our-gateway"


def test_data_residency_is_told_by_the_host(book: PriceBook) -> None:
    charge = charge_call(call(server="eu.api.openai.com", request_model="gpt-5.5"), answered(CHAT), book)
    assert charge.total == int((1000 * Decimal("0.0000055") + 100 * Decimal("0.000033")) * 10**12)


def test_the_served_tier_beats_the_requested_one(book: PriceBook) -> None:
    served = answered(CHAT, service_tier="default")
    silent = answered(CHAT)
    totals = [
        charge_call(call(request_model="gpt-5", requested_tier="flex"), attempt, book).total
        for attempt in (served, silent)
    ]
    assert totals == [
        int((1000 * Decimal("0.00000125") + 100 * Decimal("0.00001")) * 10**12),
        int((1000 * Decimal("0.000000625") + 100 * Decimal("0.000005")) * 10**12),
    ]


@pytest.mark.parametrize(
    ("outcome", "status", "expected"),
    [
        (Outcome.ERROR, 429, PriceStatus.FREE),
        (Outcome.ERROR, 529, PriceStatus.FREE),
        (Outcome.CANCELLED, 500, PriceStatus.FREE),
        (Outcome.ERROR, None, PriceStatus.FREE),
        (Outcome.INTERRUPTED, None, PriceStatus.UNPRICED),
        (Outcome.CANCELLED, 200, PriceStatus.UNPRICED),
        (Outcome.ERROR, 200, PriceStatus.UNPRICED),
    ],
)
def test_without_usage_only_a_call_the_provider_failed_is_free(
    book: PriceBook, outcome: Outcome, status: int | None, expected: PriceStatus
) -> None:
    charge = charge_call(call(), answered(None, outcome=outcome, status=status), book)
    assert charge.status is expected


def test_a_failed_call_with_usage_is_charged(book: PriceBook) -> None:
    charge = charge_call(call(), answered(CHAT, outcome=Outcome.ERROR, status=500), book)
    assert charge.total == CHAT_PICO


def test_an_unsound_usage_gives_its_problem_as_the_reason(book: PriceBook) -> None:
    charge = charge_call(call(), answered({"prompt_tokens": "9", "completion_tokens": 1}), book)
    assert (charge.status, charge.reason) == (PriceStatus.UNPRICED, "prompt_tokens is a string, not a count")


def test_an_estimate_stays_an_estimate(book: PriceBook) -> None:
    charge = charge_call(call(), answered(CHAT, estimated=True), book)
    assert (charge.status, charge.total) == (PriceStatus.ESTIMATED, CHAT_PICO)


def test_plan_traffic_bills_nothing_and_shows_its_list_price(book: PriceBook) -> None:
    charge = charge_call(call(billing_basis=BillingBasis.PLAN), answered(CHAT), book)
    assert (charge.total, charge.list_total) == (0, CHAT_PICO)


@pytest.mark.parametrize("operation", ["messages.count_tokens", "countTokens", "models"])
def test_a_free_operation_is_free(book: PriceBook, operation: str) -> None:
    charge = charge_call(call(operation=operation), answered(None), book)
    assert (charge.status, charge.total, charge.reason) == (PriceStatus.FREE, 0, None)


def test_each_sampling_of_a_response_is_charged_at_its_model(book: PriceBook) -> None:
    usage = {
        "input_tokens": 100,
        "output_tokens": 10,
        "iterations": [
            {"type": "message", "model": "claude-sonnet-4-5", "input_tokens": 100, "output_tokens": 1},
            {"type": "fallback_message", "model": "claude-opus-4-8", "input_tokens": 100, "output_tokens": 10},
        ],
    }
    charge = charge_call(
        call(provider="anthropic", seller="anthropic", operation="messages", request_model="claude-sonnet-4-5"),
        answered(usage, api="messages", response_model="claude-opus-4-8"),
        book,
    )
    expected = (
        100 * Decimal("0.000003") + 1 * Decimal("0.000015") + 100 * Decimal("0.000005") + 10 * Decimal("0.000025")
    )
    assert charge.total == int(expected * 10**12)


def test_a_stated_cost_is_read_from_the_kept_usage(book: PriceBook) -> None:
    usage = {**CHAT, "cost_in_usd_ticks": 37_756_000}
    charge = charge_call(call(seller="xai", request_model="grok-4.3"), answered(usage), book)
    assert (charge.status, charge.components) == (
        PriceStatus.PROVIDER_STATED,
        (("provider_stated", 3_775_600_000),),
    )


def test_a_window_off_peak_is_told_by_the_start_of_the_call(book: PriceBook) -> None:
    peak, off_peak = (
        charge_call(
            call(
                seller="deepseek",
                request_model="deepseek-v4-flash",
                started_at=datetime(2026, 10, 14, hour, tzinfo=UTC),
            ),
            answered({"prompt_tokens": 1000, "completion_tokens": 0}),
            book,
        ).total
        for hour in (8, 5)
    )
    assert (peak, off_peak) == (1000 * 300_000, 1000 * 150_000)


def test_usage_without_tokens_costs_nothing_but_is_priced(book: PriceBook) -> None:
    attempt = Attempt(outcome=Outcome.OK, status=200, metered=Metered(usage=Usage()))
    charge = charge_call(call(), attempt, book)
    assert (charge.status, charge.total) == (PriceStatus.PRICED, 0)


# What is not metered -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "reason"),
    [
        ("POST", "unmetered: POST of an unknown path of openai"),
        ("PUT", "unmetered: PUT of an unknown path of openai"),
        ("GET", "unmetered: GET of an unknown path, which generates nothing but is not documented as free"),
        ("HEAD", "unmetered: HEAD of an unknown path, which generates nothing but is not documented as free"),
        ("OPTIONS", "unmetered: OPTIONS of an unknown path, which generates nothing but is not documented as free"),
        ("DELETE", "unmetered: DELETE of an unknown path, which generates nothing but is not documented as free"),
    ],
)
def test_an_unknown_operation_is_unmetered_and_never_free(book: PriceBook, method: str, reason: str) -> None:
    charge = charge_call(call(operation="unknown", method=method, path="/v1/videos"), answered(None), book)
    assert (charge.status, charge.total, charge.reason) == (PriceStatus.UNPRICED, None, reason)


def test_an_unknown_operation_that_the_provider_refused_is_free(book: PriceBook) -> None:
    refused = answered(None, outcome=Outcome.ERROR, status=404)
    assert charge_call(call(operation="unknown"), refused, book).status is PriceStatus.FREE


def test_a_known_operation_that_tells_no_usage_is_unmetered(book: PriceBook) -> None:
    spoken = answered(None, problems=("the response carries no usage",))
    charge = charge_call(call(operation="audio.speech", request_model="tts-1"), spoken, book)
    assert (charge.status, charge.reason) == (PriceStatus.UNPRICED, "unmetered: the response carries no usage")


@pytest.mark.parametrize("seller", ["ollama", "vllm", "lmstudio", "hosted_vllm"])
def test_a_model_on_a_machine_of_one_s_own_has_no_price_whatever_the_map_says(book: PriceBook, seller: str) -> None:
    charge = charge_call(call(seller=seller, request_model="llama2"), answered(CHAT), book)
    assert charge.status is PriceStatus.UNPRICED
    assert charge.reason is not None
    assert charge.reason.endswith("runs on a machine of one's own, which has no price by the token")


def test_what_is_put_into_a_cache_has_no_price_at_the_gemini_api(book: PriceBook) -> None:
    made = Attempt(
        outcome=Outcome.OK, status=200, metered=Metered(usage=Usage(other=(("cached_content_tokens", 5000),)))
    )
    charge = charge_call(
        call(operation="cachedContents.create", seller="gemini", request_model="gemini-2.5-flash"), made, book
    )
    assert (charge.status, charge.reason) == (PriceStatus.UNPRICED, "no price for cached_content_tokens")


@pytest.mark.parametrize(
    ("operation", "seller", "model"),
    [
        ("batch", "openai", "gpt-4o"),
        ("messages.batches", "anthropic", "claude-sonnet-4-5"),
        ("batchGenerateContent", "gemini", "gemini-2.5-flash"),
    ],
)
def test_a_result_of_a_batch_costs_half(book: PriceBook, operation: str, seller: str, model: str) -> None:
    used = Attempt(outcome=Outcome.OK, status=200, metered=Metered(usage=Usage(input_tokens=1000, output_tokens=100)))
    whole, half = (
        charge_call(call(operation=name, seller=seller, request_model=model), used, book).total
        for name in ("chat.completions", operation)
    )
    assert whole is not None
    assert half == whole // 2
