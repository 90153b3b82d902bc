"""The facts of one call, as the wire gives them.

Rules of this file:
- every fact is a frozen dataclass, valid by construction; times are aware UTC;
- quantities are disjoint, so that a price is a plain sum over them;
- nothing here can hold a prompt, a completion or a secret.

A call that reaches a provider makes one `Call` (known at request start) and one `Attempt` (known at its end) for each
try upstream; the ledger keeps one row per pair, keyed by (call_id, attempt).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any

__all__ = ["Attempt", "BillingBasis", "Call", "Metered", "Outcome", "Stamp", "StampSource", "Usage", "require_utc"]


class Outcome(StrEnum):
    """How an attempt ended, as the client saw it."""

    OK = "ok"
    ERROR = "error"
    CANCELLED = "cancelled"  # the client went away first
    INTERRUPTED = "interrupted"  # the proxy or the provider died mid-call


class BillingBasis(StrEnum):
    """Who pays for a call: an API key (`metered`) or a flat subscription (`plan`). The two are never added."""

    METERED = "metered"
    PLAN = "plan"
    UNKNOWN = "unknown"


class StampSource(StrEnum):
    """Where a stamp's git context came from, strongest first."""

    EXPLICIT = "explicit"  # header, base-URL path segment or W3C baggage
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What one call consumed, in disjoint tokens and counts.

    `input_tokens` is uncached text input and `output_tokens` visible text output; reasoning, cache and media tokens
    stand apart, whatever the provider includes in what. `other` counts what is not tokens, for example
    `(("web_search", 2),)`, and names a part of the quantities above that has a rate of its own
    (`cache_read_audio_tokens`).
    """

    input_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_5m_tokens: int = 0
    cache_write_1h_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    audio_input_tokens: int = 0
    audio_output_tokens: int = 0
    image_input_tokens: int = 0
    image_output_tokens: int = 0
    other: tuple[tuple[str, int], ...] = ()

    def __post_init__(self) -> None:
        for name in _QUANTITIES:
            value = getattr(self, name)
            if type(value) is not int or value < 0:
                raise ValueError(f"usage {name} must be a non-negative integer, got {value!r}")
        for name, count in self.other:
            if type(count) is not int or count < 0:
                raise ValueError(f"usage other {name} must be a non-negative integer, got {count!r}")

    @property
    def prompt_tokens(self) -> int:
        """Everything the model read, cache included: what long-context cliffs are measured on."""
        return (
            self.input_tokens
            + self.cache_read_tokens
            + self.cache_write_tokens
            + self.audio_input_tokens
            + self.image_input_tokens
        )

    @property
    def cache_write_tokens(self) -> int:
        return self.cache_write_5m_tokens + self.cache_write_1h_tokens

    @property
    def completion_tokens(self) -> int:
        """Everything the model wrote, reasoning and media included."""
        return self.output_tokens + self.reasoning_tokens + self.audio_output_tokens + self.image_output_tokens


_QUANTITIES = tuple(quantity.name for quantity in fields(Usage) if quantity.name != "other")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """Which work a call belongs to, as known at request start. Absent means unknown, never guessed."""

    repository: str | None = None  # canonical host/owner/name, lower case, no .git
    worktree: str | None = None
    branch: str | None = None  # vcs.ref.head.name
    head: str | None = None  # vcs.ref.head.revision, full or abbreviated hex
    session: str | None = None
    parent_session: str | None = None
    team: str | None = None
    actor: str | None = None
    purpose: str | None = None
    change: str | None = None  # explicit change id: host/owner/name#N, or N within `repository`
    turn: str | None = None
    source: StampSource = StampSource.NONE
    tags: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One attempt upstream, as known before its first byte leaves. `attempt` counts from 1."""

    call_id: str
    attempt: int
    started_at: datetime
    provider: str  # gen_ai.provider.name: openai, anthropic, gcp.gemini …
    seller: str  # name of the configured provider entry: who sends the bill
    operation: str  # the provider's name of it: chat.completions, responses, messages, generateContent …
    method: str
    path: str  # upstream path without query
    server: str  # upstream host[:port]
    request_model: str | None = None
    requested_tier: str | None = None
    stream: bool = False
    stamp: Stamp = field(default_factory=Stamp)
    key_id: str | None = None
    billing_basis: BillingBasis = BillingBasis.METERED
    client_name: str | None = None
    client_version: str | None = None
    client_retry_count: int | None = None
    request_bytes: int | None = None
    body_hash: str | None = None  # for retry detection only
    problems: tuple[str, ...] = ()  # what was odd about the request, in words

    def __post_init__(self) -> None:
        require_utc(self.started_at, "Call.started_at")
        if self.attempt < 1:
            raise ValueError(f"Call.attempt counts from 1, got {self.attempt}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Metered:
    """What the response said about itself. `usage` is None where no usage was seen: that is not zero."""

    usage: Usage | None = None
    estimated: bool = False  # usage was inferred from what was streamed
    response_model: str | None = None
    response_id: str | None = None
    service_tier: str | None = None  # the tier that was served
    finish_reasons: tuple[str, ...] = ()
    tool_calls: int = 0
    # Numbers and short enumerations only: the provider's usage object and what else a price may hang on.
    raw_usage: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    raw_response: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """How one attempt ended. Durations are in microseconds from `Call.started_at`."""

    outcome: Outcome
    status: int | None = None  # HTTP status the provider answered with; None where it did not answer
    error_type: str | None = None
    duration_us: int = 0
    time_to_first_byte_us: int | None = None
    time_to_first_chunk_us: int | None = None  # first body bytes of a stream
    response_bytes: int = 0
    metered: Metered = field(default_factory=Metered)


def require_utc(moment: datetime, name: str) -> datetime:
    """Return `moment` where it is aware UTC; raise ValueError naming `name` otherwise."""
    if moment.tzinfo is None or moment.utcoffset() != UTC.utcoffset(None):
        raise ValueError(f"{name} must be an aware UTC time, got {moment!r}")
    return moment
