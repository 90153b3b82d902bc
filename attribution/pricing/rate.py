"""From what a call used to what it cost. Pure: the same request and the same book give the same charge for ever.

Each quantity times its rate is rounded half to even to a whole pico-dollar; the total is the sum of the components. A
quantity whose price is unknown makes the charge `unpriced`: no total, never $0, the known components kept and the
missing named. A cost the provider states as billed wins over the list, within bounds.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime

from attribution.model import Charge, PriceStatus
from attribution.money import pico_of_usd, usd
from attribution.pricing.book import PriceBook
from attribution.pricing.offpeak import is_off_peak
from attribution.pricing.rates import METERS, Conditions, Entry, Rate
from attribution.pricing.sellers import terms_of
from attribution.pricing.stated import Stated
from attribution.pricing.tiers import tier_suffix
from attribution.pricing.tools import SECONDS_KEY, tool_rate
from proxy.call import BillingBasis, Usage
from proxy.usage import FREE_OPERATIONS

__all__ = ["Priceable", "rate"]

MAX_TOKENS = 10**9  # beyond any context window; also keeps every amount within 64 bits
STATED_BOUND = 100  # a stated cost beyond this multiple of the list price is not believed
STATED_MAX_USD = 10_000  # nor beyond this where there is no list price

# A dated snapshot of a model: the requested name and a date. https://platform.openai.com/docs/models (snapshots)
_DATE = re.compile(r"[-@](?:\d{4}-\d{2}-\d{2}|\d{8})")


_PLACES = {meter.component: place for place, meter in enumerate(METERS)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Priceable:
    """All that the price of one response hangs on. Names as the provider, OpenTelemetry or litellm spell them."""

    seller: str
    api: str  # the provider's name of the operation
    usage: Usage | None = None
    # Samplings of one response that bill at models of their own (None: the response's); empty where there is one.
    samplings: tuple[tuple[str | None, Usage], ...] = ()
    request_model: str | None = None
    response_model: str | None = None
    served_tier: str | None = None
    requested_tier: str | None = None
    batch: bool = False
    region: str | None = None  # as in the keys of the map
    multipliers: tuple[tuple[str, bool], ...] = ()  # see Conditions
    search_context: str = "medium"  # the providers' default
    stated: Stated | None = None
    timestamp: datetime | None = None  # None: the newest base rates
    estimated: bool = False
    basis: BillingBasis = BillingBasis.METERED
    failed: bool = False  # refused or failed by the provider
    problems: tuple[str, ...] = ()  # what was wrong with the usage, for the reason
    unmetered: str | None = None  # why nothing is known of what the call used, where its shape is not read


@dataclass(slots=True)
class _Bill:
    """The list price while it is added up."""

    components: dict[str, int] = field(default_factory=dict)
    rates: dict[str, str] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    note: str | None = None
    stated: bool = False

    def add(self, component: str, units: int, price: Rate | None, *, name: str | None = None) -> None:
        if units == 0:
            return
        if price is None:
            self.missing.append(f"no price for {name or component}")
            return
        self.rates[name or component] = price.usd
        self.components[component] = self.components.get(component, 0) + price.charge(units)

    @property
    def total(self) -> int | None:
        return None if self.missing else sum(self.components.values())


def rate(request: Priceable, book: PriceBook) -> Charge:
    """The charge for one response. Never raises on what the wire may hold."""
    if request.api in FREE_OPERATIONS:
        return _charge(book, PriceStatus.FREE, _Bill(), 0)
    if request.stated is not None and request.stated.problem is not None:
        return _charge(book, PriceStatus.UNPRICED, _Bill(), None, request.stated.problem)
    if request.usage is None and request.stated is None:
        if request.failed:
            return _charge(book, PriceStatus.FREE, _Bill(), 0)
        reason = request.unmetered or "; ".join(request.problems) or "no usage was told"
        return _charge(book, PriceStatus.UNPRICED, _Bill(), None, reason)
    bill = _list_price(request, book)
    if request.stated is not None and request.stated.usd is not None:
        bill = _stated_price(request.stated, pico_of_usd(request.stated.usd), bill)
    return _settled(request, book, bill)


def _settled(request: Priceable, book: PriceBook, bill: _Bill) -> Charge:
    if request.basis is BillingBasis.PLAN:
        return _plan(book, bill)
    if bill.total is None:
        return _charge(book, PriceStatus.UNPRICED, bill, None, "; ".join(bill.missing))
    status = PriceStatus.PRICED
    if bill.stated:
        status = PriceStatus.PROVIDER_STATED
    elif request.estimated:
        status = PriceStatus.ESTIMATED
    return _charge(book, status, bill, bill.total, bill.note)


def _list_price(request: Priceable, book: PriceBook) -> _Bill:
    bill = _Bill()
    if request.usage is None:
        bill.missing.append("no usage was told")
        return bill
    whole = request.usage
    if max(whole.prompt_tokens, whole.completion_tokens, *(count for _, count in whole.other), 0) > MAX_TOKENS:
        bill.missing.append(f"a quantity beyond {MAX_TOKENS} is no usage of one call")
        return bill
    entry = _entry(request, book, bill)
    suffix = tier_suffix(request.served_tier, request.requested_tier, batch=request.batch)
    if suffix is None:
        bill.missing.append(f"no list price for the tier {request.served_tier or request.requested_tier}")
    if entry is None or suffix is None:
        return bill
    for model, usage in request.samplings or ((None, whole),):
        own = entry if model is None else book.find(request.seller, model, region=request.region)
        if own is None:
            bill.missing.append(f"model {model} is not in the price book of {terms_of(request.seller).name}")
        else:
            _add_tokens(bill, own, usage, suffix, request)
    _add_uses(bill, entry, whole, request)
    return bill


def _add_tokens(bill: _Bill, entry: Entry, usage: Usage, suffix: str, request: Priceable) -> None:
    conditions = Conditions(
        tier=suffix,
        prompt_tokens=usage.prompt_tokens,
        multipliers=request.multipliers,
        off_peak=is_off_peak(entry.raw.get("off_peak_pricing"), request.timestamp),
    )
    cached_audio = dict(usage.other).get("cache_read_audio_tokens", 0)
    for meter in METERS:
        tokens = getattr(usage, meter.quantity)
        if meter.component == "cache_read" and cached_audio:
            tokens -= cached_audio
            price = entry.rate("cache_read_input_audio_token_cost", conditions)
            bill.add("cache_read", cached_audio, price, name="cache_read_audio")
        if tokens:
            bill.add(meter.component, tokens, entry.rate(meter.key, conditions))


def _add_uses(bill: _Bill, entry: Entry, usage: Usage, request: Priceable) -> None:
    for name, count in usage.other:
        if name == "audio_input_milliseconds":
            price = entry.unit_rate(SECONDS_KEY)
            thousandth = Rate(price.usd, price.numerator, price.denominator * 1000) if price is not None else None
            bill.add("audio_input", count, thousandth)
        elif name != "cache_read_audio_tokens":
            uses, price = tool_rate(entry, name, count, search_context=request.search_context)
            bill.add("tool", uses, price, name=name)


def _entry(request: Priceable, book: PriceBook, bill: _Bill) -> Entry | None:
    """The entry the bill names: the response's model, or the requested one where the response's is its dated snapshot
    or where the seller sells by the requested name."""
    asked, answered = request.request_model, request.response_model
    terms = terms_of(request.seller)
    if terms.is_self_hosted:
        bill.missing.append(f"{terms.name} runs on a machine of one's own, which has no price by the token")
        return None
    name = asked if terms.sells_by_request and asked else answered or asked
    if name is None:
        bill.missing.append("no model was named")
        return None
    found = book.find(request.seller, name, region=request.region)
    if (
        found is None
        and asked is not None
        and asked != name
        and name.startswith(asked)
        and _DATE.fullmatch(name[len(asked) :])
    ):
        found = book.find(request.seller, asked, region=request.region)
        bill.note = f"priced as {asked}, of which {name} is a dated snapshot"
    if found is None:
        bill.missing.append(f"model {name} is not in the price book of {terms.name}")
        bill.note = None
    return found


def _stated_price(stated: Stated, amount: int, bill: _Bill) -> _Bill:
    """The stated amount as the one component; the list price, flagged, where the statement is beyond belief."""
    listed = bill.total
    limit = listed * STATED_BOUND if listed else STATED_MAX_USD * 10**12
    if amount > limit:
        doubt = f"the provider states {stated.usd} USD, beyond belief"
        if listed is None:
            return _Bill(missing=[doubt])
        bill.note = f"{doubt} against a list price of {usd(listed)} USD"
        return bill
    return _Bill(components={"provider_stated": amount}, stated=True)


def _plan(book: PriceBook, bill: _Bill) -> Charge:
    """A subscription pays for the call: nothing is billed, the list price stands apart where it is known."""
    if bill.total is None:
        return _charge(book, PriceStatus.FREE, _Bill(), 0, f"plan; list price unknown: {'; '.join(bill.missing)}")
    return _charge(book, PriceStatus.PRICED, bill, 0, bill.note, list_total=bill.total)


def _place(component: tuple[str, int]) -> int:
    """Components stand in the order of METERS, uses after tokens."""
    return _PLACES.get(component[0], len(_PLACES))


def _charge(
    book: PriceBook,
    status: PriceStatus,
    bill: _Bill,
    total: int | None,
    reason: str | None = None,
    *,
    list_total: int | None = None,
) -> Charge:
    return Charge(
        status=status,
        components=tuple((name, amount) for name, amount in sorted(bill.components.items(), key=_place) if amount),
        total=total,
        list_total=list_total,
        rates=tuple(bill.rates.items()),
        price_book=book.name,
        price_book_revision=book.revision,
        reason=reason,
    )
