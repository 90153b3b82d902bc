"""From the proxy's facts to a charge: what of a call, its attempt and their raw fields a price hangs on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attribution.model import Charge
from attribution.pricing.book import PriceBook
from attribution.pricing.rate import Priceable, rate
from attribution.pricing.sellers import canonical_seller, region_of, seller_at
from attribution.pricing.stated import stated_cost
from proxy.call import Attempt, Call, Outcome, Usage
from proxy.usage import samplings

__all__ = ["BATCH_OPERATIONS", "charge_call", "multipliers_of", "samplings_of", "search_context_of"]

BATCH_OPERATIONS = frozenset({"batch", "messages.batches", "batchGenerateContent"})
_ANTHROPIC = "provider_specific_entry"  # where the map keeps Anthropic's factors
_EVERYWHERE = frozenset({"", "global", "not_available"})
# What the proxy calls an operation that its registry does not have.
_UNKNOWN = "unknown"
# Methods that ask for no work (RFC 9110 section 9.2.1) or undo it: no model answers them.
_NO_GENERATION = frozenset({"GET", "HEAD", "OPTIONS", "DELETE"})


def charge_call(call: Call, attempt: Attempt, book: PriceBook) -> Charge:
    """What one attempt cost. Its seller: whom the public host belongs to, else the name of the configured provider."""
    seller = seller_at(call.server) or canonical_seller(call.seller)
    region = region_of(seller, call.server, call.path)
    metered = attempt.metered
    return rate(
        Priceable(
            seller=seller,
            api=call.operation,
            usage=metered.usage,
            samplings=samplings_of(call.operation, metered.usage, metered.raw_usage, estimated=metered.estimated),
            request_model=call.request_model,
            response_model=metered.response_model,
            served_tier=metered.service_tier,
            requested_tier=call.requested_tier,
            batch=call.operation in BATCH_OPERATIONS,
            region=region,
            multipliers=multipliers_of(seller, metered.raw_usage, metered.raw_response, call.server, region),
            search_context=search_context_of(metered.raw_usage),
            stated=stated_cost(seller, metered.raw_usage),
            timestamp=call.started_at,
            estimated=metered.estimated,
            basis=call.billing_basis,
            failed=_failed(attempt),
            problems=metered.problems,
            unmetered=_unmetered(call, attempt),
        ),
        book,
    )


def _unmetered(call: Call, attempt: Attempt) -> str | None:
    """Why nothing is known of what a call used: it is no operation we read, or the provider told nothing.

    That is never free: providers publish what is, and the registry has it.
    """
    if call.operation == _UNKNOWN:
        if call.method in _NO_GENERATION:
            return f"unmetered: {call.method} of an unknown path, which generates nothing but is not documented as free"
        return f"unmetered: {call.method} of an unknown path of {call.provider}"
    if attempt.metered.usage is None and not attempt.metered.raw_usage:
        return f"unmetered: {'; '.join(attempt.metered.problems) or 'no usage was told'}"
    return None


def _failed(attempt: Attempt) -> bool:
    if attempt.status is None:
        return attempt.outcome is Outcome.ERROR
    return attempt.status >= 400


def multipliers_of(
    seller: str, usage: Mapping[str, Any], response: Mapping[str, Any], server: str, region: str | None = None
) -> tuple[tuple[str, bool], ...]:
    """Factors on every token rate, as keys of the map and whether the price is unknown without them.

    Anthropic: fast mode and inference geography, as the response tells. OpenAI: data residency by the host's first
    label. Vertex AI: any location but the global one.
    """
    found: list[tuple[str, bool]] = []
    if (usage.get("speed") or response.get("speed")) == "fast":
        found.append((f"{_ANTHROPIC}.fast", True))
    geography = usage.get("inference_geo") or response.get("inference_geo")
    if isinstance(geography, str) and geography.lower() not in _EVERYWHERE:
        found.append((f"{_ANTHROPIC}.{geography.lower()}", False))
    label = server.partition(".")[0]
    if seller == "openai" and (residency := region or label) in ("eu", "us"):
        found.append((f"regional_processing_uplift_multiplier_{residency}", False))
    if seller == "vertex_ai":
        location = region or label.removesuffix("-aiplatform").removesuffix("aiplatform")
        if location.lower() not in _EVERYWHERE:
            found.append(("regional_endpoint_uplift_multiplier", False))
    return tuple(found)


def samplings_of(
    api: str, usage: Usage | None, raw_usage: Mapping[str, Any], *, estimated: bool = False
) -> tuple[tuple[str | None, Usage], ...]:
    """Each sampling of a response that lists several, with its model; empty where the whole is one."""
    return () if usage is None or estimated else samplings(api, raw_usage)


def search_context_of(usage: Mapping[str, Any]) -> str:
    """The search context size a response tells (Perplexity); medium is the providers' default."""
    size = usage.get("search_context_size")
    return size if size in ("low", "medium", "high") else "medium"
