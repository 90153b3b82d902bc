"""`mergecost price`: what a response costs, from its own usage object. JSON lines in, JSON lines out, no state."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import click

from attribution.errors import UserError
from attribution.model import Charge, PriceStatus
from attribution.money import usd
from attribution.pricing.book import PriceBook, PriceBookError, load_bundled_book
from attribution.pricing.charge import BATCH_OPERATIONS, multipliers_of, samplings_of, search_context_of
from attribution.pricing.rate import Priceable, rate
from attribution.pricing.sellers import canonical_seller
from attribution.pricing.stated import stated_cost
from proxy.usage import normalise

__all__ = ["price"]


class _BadLineError(Exception):
    """A line that cannot be priced; the message says why."""


@click.command()
def price() -> None:
    """Price responses: one JSON object a line on stdin, one charge a line on stdout.

    In: {"provider", "model", "api", "usage", "response", "request", "timestamp"}; usage and response as the provider
    sent them, timestamp an ISO time or null for the newest base rates. A line that cannot be priced gives status
    "unpriced" with a reason.
    """
    try:
        book = load_bundled_book()
    except PriceBookError as error:
        raise UserError(str(error)) from error
    for line in sys.stdin.buffer:
        click.echo(json.dumps(_told(_priced(line, book)), ensure_ascii=False))


def _priced(line: bytes, book: PriceBook) -> Charge:
    try:
        return rate(_priceable(_parsed(line)), book)
    except _BadLineError as error:
        return Charge(
            status=PriceStatus.UNPRICED, price_book=book.name, price_book_revision=book.revision, reason=str(error)
        )


def _parsed(line: bytes) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise _BadLineError("the line is not JSON") from error
    if not isinstance(value, dict):
        raise _BadLineError("the line is not a JSON object")
    return value


def _priceable(line: Mapping[str, Any]) -> Priceable:
    seller = canonical_seller(_text(line, "provider", needed=True))
    api = _text(line, "api", needed=True)
    usage, response, request = (_object(line, name) for name in ("usage", "response", "request"))
    region = _text(request, "pricing_region") or None
    normalised = normalise(api=api, usage=usage, response=response, provider=seller)
    return Priceable(
        seller=seller,
        api=api,
        usage=normalised.usage,
        samplings=samplings_of(api, normalised.usage, usage),
        request_model=_text(line, "model") or None,
        response_model=_text(response, "model") or _text(response, "modelVersion") or None,
        served_tier=normalised.service_tier,
        requested_tier=_text(request, "tier") or _text(request, "service_tier") or None,
        batch=request.get("batch") is True or api in BATCH_OPERATIONS,
        region=region,
        multipliers=multipliers_of(seller, usage, response, _host(_text(request, "api_base")), region),
        search_context=search_context_of(usage),
        stated=stated_cost(seller, usage),
        timestamp=_instant(_text(line, "timestamp")),
        problems=normalised.problems,
    )


def _text(holder: Mapping[str, Any], name: str, *, needed: bool = False) -> str:
    value = holder.get(name)
    if value is None and not needed:
        return ""
    if not isinstance(value, str) or not value:
        raise _BadLineError(f"{name} must be a text")
    return value


def _object(holder: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = holder.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _BadLineError(f"{name} must be an object")
    return value


def _instant(text: str) -> datetime | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise _BadLineError("timestamp must be an ISO time such as 2026-10-01T12:00:00Z, or null") from error


def _host(api_base: str) -> str:
    try:
        return urlsplit(api_base).hostname or ""
    except ValueError as error:
        raise _BadLineError("api_base must be a URL") from error


def _told(charge: Charge) -> dict[str, Any]:
    told: dict[str, Any] = {
        "status": str(charge.status),
        "components": {name: usd(amount) for name, amount in charge.components},
        "total": None if charge.total is None else usd(charge.total),
        "picodollars": charge.total,
        "rates": dict(charge.rates),
        "price_book": {"name": charge.price_book, "revision": charge.price_book_revision},
    }
    return told if charge.reason is None else {**told, "reason": charge.reason}
