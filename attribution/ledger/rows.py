"""RecordedCall ↔ one row of `calls`, both ways, without loss.

Rules:
- quantities and cost components have columns of their own, so that sums need no join; the few without one (web
  searches, a cost the provider stated) stand in a JSON column as [name, amount] pairs;
- usage that was not seen is NULL in every quantity: not zero;
- empty JSON is NULL, because most rows have none and encoding it would cost as much as the rest of the row.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from attribution.model import Charge, PriceStatus, RecordedCall
from proxy.call import Attempt, BillingBasis, Call, Metered, Outcome, Stamp, StampSource, Usage

__all__ = [
    "COLUMNS",
    "COMPONENTS",
    "QUANTITIES",
    "call_from_row",
    "call_to_row",
    "from_text",
    "instant",
    "storable_row",
    "to_text",
]

QUANTITIES = (
    "input_tokens",
    "cache_read_tokens",
    "cache_write_5m_tokens",
    "cache_write_1h_tokens",
    "output_tokens",
    "reasoning_tokens",
    "audio_input_tokens",
    "audio_output_tokens",
    "image_input_tokens",
    "image_output_tokens",
)
"""Quantities of `Usage` with a column of their own."""

COMPONENTS = tuple(name.removesuffix("_tokens") for name in QUANTITIES)
"""Cost components with a column of their own, in the order they are read back."""

COLUMNS = (
    "call_id",
    "attempt",
    "revision",
    "started_at",
    "provider",
    "seller",
    "operation",
    "method",
    "path",
    "server",
    "request_model",
    "requested_tier",
    "stream",
    "repository",
    "worktree",
    "branch",
    "head",
    "session",
    "parent_session",
    "team",
    "actor",
    "purpose",
    "explicit_change",
    "turn",
    "stamp_source",
    "tags",
    "stint",
    "key_id",
    "billing_basis",
    "client_name",
    "client_version",
    "client_retry_count",
    "request_bytes",
    "body_hash",
    "request_problems",
    "outcome",
    "status",
    "error_type",
    "duration_us",
    "time_to_first_byte_us",
    "time_to_first_chunk_us",
    "response_bytes",
    "response_model",
    "response_id",
    "service_tier",
    "finish_reasons",
    "tool_calls",
    "usage_estimated",
    "raw_usage",
    "raw_response",
    "response_problems",
    *QUANTITIES,
    "other_usage",
    "price_status",
    "price_reason",
    "total_picodollars",
    "list_picodollars",
    *(f"{name}_picodollars" for name in COMPONENTS),
    "other_components",
    "rates",
    "price_book",
    "price_book_revision",
)

LARGEST = 2**63 - 1  # what an INTEGER column holds
NO_USAGE = (None,) * (len(QUANTITIES) + 1)


def instant(moment: datetime) -> str:
    """`YYYY-MM-DDTHH:MM:SS.ffffffZ`: sorts as time does."""
    return moment.isoformat(timespec="microseconds")[:26] + "Z"


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def _plain(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else str(value)


_encode = json.JSONEncoder(separators=(",", ":"), default=_plain).encode  # ASCII, so lone surrogates survive too


def to_text(value: Sequence[Any] | Mapping[str, Any]) -> str | None:
    return _encode(value) if value else None


def from_text(text: str | None) -> Any:
    return json.loads(text) if text else ()


def call_to_row(recorded: RecordedCall) -> tuple[Any, ...]:
    """Values of COLUMNS, in their order."""
    call, attempt, charge = recorded.call, recorded.attempt, recorded.charge
    stamp, metered = call.stamp, attempt.metered
    return (
        call.call_id,
        call.attempt,
        recorded.revision,
        instant(call.started_at),
        call.provider,
        call.seller,
        call.operation,
        call.method,
        call.path,
        call.server,
        call.request_model,
        call.requested_tier,
        call.stream,
        stamp.repository,
        stamp.worktree,
        stamp.branch,
        stamp.head,
        stamp.session,
        stamp.parent_session,
        stamp.team,
        stamp.actor,
        stamp.purpose,
        stamp.change,
        stamp.turn,
        stamp.source,
        to_text(stamp.tags),
        recorded.stint,
        call.key_id,
        call.billing_basis,
        call.client_name,
        call.client_version,
        call.client_retry_count,
        call.request_bytes,
        call.body_hash,
        to_text(call.problems),
        attempt.outcome,
        attempt.status,
        attempt.error_type,
        attempt.duration_us,
        attempt.time_to_first_byte_us,
        attempt.time_to_first_chunk_us,
        attempt.response_bytes,
        metered.response_model,
        metered.response_id,
        metered.service_tier,
        to_text(metered.finish_reasons),
        metered.tool_calls,
        metered.estimated,
        to_text(metered.raw_usage),
        to_text(metered.raw_response),
        to_text(metered.problems),
        *_usage_values(metered.usage),
        charge.status,
        charge.reason,
        charge.total,
        charge.list_total,
        *_component_values(charge.components),
        to_text(charge.rates),
        charge.price_book,
        charge.price_book_revision,
    )


def _usage_values(usage: Usage | None) -> tuple[int | str | None, ...]:
    if usage is None:
        return NO_USAGE
    return (
        usage.input_tokens,
        usage.cache_read_tokens,
        usage.cache_write_5m_tokens,
        usage.cache_write_1h_tokens,
        usage.output_tokens,
        usage.reasoning_tokens,
        usage.audio_input_tokens,
        usage.audio_output_tokens,
        usage.image_input_tokens,
        usage.image_output_tokens,
        to_text(usage.other),
    )


def _component_values(components: tuple[tuple[str, int], ...]) -> tuple[int | str | None, ...]:
    own = dict(components)
    others = [pair for pair in components if pair[0] not in COMPONENTS]
    return (*map(own.get, COMPONENTS), to_text(others))


def call_from_row(row: Mapping[str, Any]) -> RecordedCall:
    """The call of a row that has COLUMNS."""
    return RecordedCall(
        call=_call(row), attempt=_attempt(row), charge=_charge(row), stint=row["stint"], revision=row["revision"]
    )


def _call(row: Mapping[str, Any]) -> Call:
    return Call(
        call_id=row["call_id"],
        attempt=row["attempt"],
        started_at=_moment(row["started_at"]),
        provider=row["provider"],
        seller=row["seller"],
        operation=row["operation"],
        method=row["method"],
        path=row["path"],
        server=row["server"],
        request_model=row["request_model"],
        requested_tier=row["requested_tier"],
        stream=bool(row["stream"]),
        stamp=_stamp(row),
        key_id=row["key_id"],
        billing_basis=BillingBasis(row["billing_basis"]),
        client_name=row["client_name"],
        client_version=row["client_version"],
        client_retry_count=row["client_retry_count"],
        request_bytes=row["request_bytes"],
        body_hash=row["body_hash"],
        problems=tuple(from_text(row["request_problems"])),
    )


def _stamp(row: Mapping[str, Any]) -> Stamp:
    return Stamp(
        repository=row["repository"],
        worktree=row["worktree"],
        branch=row["branch"],
        head=row["head"],
        session=row["session"],
        parent_session=row["parent_session"],
        team=row["team"],
        actor=row["actor"],
        purpose=row["purpose"],
        change=row["explicit_change"],
        turn=row["turn"],
        source=StampSource(row["stamp_source"]),
        tags=_pairs(row["tags"]),
    )


def _attempt(row: Mapping[str, Any]) -> Attempt:
    return Attempt(
        outcome=Outcome(row["outcome"]),
        status=row["status"],
        error_type=row["error_type"],
        duration_us=row["duration_us"],
        time_to_first_byte_us=row["time_to_first_byte_us"],
        time_to_first_chunk_us=row["time_to_first_chunk_us"],
        response_bytes=row["response_bytes"],
        metered=Metered(
            usage=_usage(row),
            estimated=bool(row["usage_estimated"]),
            response_model=row["response_model"],
            response_id=row["response_id"],
            service_tier=row["service_tier"],
            finish_reasons=tuple(from_text(row["finish_reasons"])),
            tool_calls=row["tool_calls"],
            raw_usage=MappingProxyType(dict(from_text(row["raw_usage"]))),
            raw_response=MappingProxyType(dict(from_text(row["raw_response"]))),
            problems=tuple(from_text(row["response_problems"])),
        ),
    )


def _usage(row: Mapping[str, Any]) -> Usage | None:
    if row["input_tokens"] is None:
        return None
    return Usage(**{name: row[name] for name in QUANTITIES}, other=_pairs(row["other_usage"]))


def _charge(row: Mapping[str, Any]) -> Charge:
    own = ((name, row[f"{name}_picodollars"]) for name in COMPONENTS)
    return Charge(
        status=PriceStatus(row["price_status"]),
        components=(
            *((name, amount) for name, amount in own if amount is not None),
            *_pairs(row["other_components"]),
        ),
        total=row["total_picodollars"],
        list_total=row["list_picodollars"],
        rates=_pairs(row["rates"]),
        price_book=row["price_book"],
        price_book_revision=row["price_book_revision"],
        reason=row["price_reason"],
    )


def _pairs(text: str | None) -> tuple[tuple[str, Any], ...]:
    return tuple((name, value) for name, value in from_text(text))


def storable_row(recorded: RecordedCall) -> tuple[Any, ...]:
    """Values of COLUMNS as far as a row can hold them: for the rare call that the database refused.

    A provider may claim more tokens than 64 bits count, or a header hold what is no Unicode. Such a call is kept
    without its quantities, unpriced and with the reason: never dropped, never with a wrong price.
    """
    return tuple(_storable(value) for value in call_to_row(_without_absurd_quantities(recorded)))


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    return min(value, LARGEST) if isinstance(value, int) else value


def _without_absurd_quantities(recorded: RecordedCall) -> RecordedCall:
    metered, charge = recorded.attempt.metered, recorded.charge
    counts = [value for value in _usage_values(metered.usage) if isinstance(value, int)]
    amounts = [charge.total or 0, charge.list_total or 0, *(amount for _, amount in charge.components)]
    if max((*counts, *amounts)) <= LARGEST:
        return recorded
    problem = f"quantities or dollars beyond what a ledger row holds: {metered.usage}"
    kept = replace(metered, usage=None, raw_usage={}, problems=(*metered.problems, problem))
    return replace(
        recorded,
        attempt=replace(recorded.attempt, metered=kept),
        charge=Charge(status=PriceStatus.UNPRICED, reason=problem),
    )
