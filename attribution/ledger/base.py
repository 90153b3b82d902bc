"""What a ledger is: the one Protocol every storage engine implements, and the rows it answers with.

Rules of every implementation:
- one row per (call id, attempt); recording the same pair again changes nothing unless `revision` is higher (a meter
  that amends its own call), so a replayed journal is harmless;
- a batch and the journal checkpoint that covers it are one transaction;
- sums are exact beyond 64 bits;
- readers never block the recorder.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from attribution.errors import UserError
from attribution.model import (
    Allocation,
    AllocationInput,
    Grade,
    PriceStatus,
    RecordedCall,
    RepositoryFacts,
    Rule,
    Target,
    TargetKind,
)
from proxy.call import Usage, require_utc

__all__ = [
    "Allocate",
    "AllocatedSum",
    "CallSpan",
    "Dimension",
    "Key",
    "Ledger",
    "LedgerError",
    "OtherCharge",
    "PriceBookUse",
    "SpendRow",
    "Window",
]


Allocate = Callable[[Iterable[AllocationInput], Sequence[RepositoryFacts]], Iterable[Allocation]]
"""The pure allocation, its limits already bound."""


class LedgerError(UserError):
    """A ledger that cannot be used; the message names it and the mend."""


@dataclass(frozen=True, slots=True)
class Window:
    """Half-open interval of instants, aware UTC: since <= t < until. None is unbounded."""

    since: datetime | None = None
    until: datetime | None = None

    def __post_init__(self) -> None:
        for name in ("since", "until"):
            if (moment := getattr(self, name)) is not None:
                require_utc(moment, f"Window.{name}")


class Dimension(StrEnum):
    """What spend can be grouped by."""

    TEAM = "team"
    MODEL = "model"
    PROVIDER = "provider"
    SELLER = "seller"
    OPERATION = "operation"
    REPO = "repo"
    BRANCH = "branch"
    SESSION = "session"
    PURPOSE = "purpose"
    ACTOR = "actor"
    KEY = "key"
    CLIENT = "client"
    OUTCOME = "outcome"
    PRICE_STATUS = "price_status"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True, slots=True, kw_only=True)
class SpendRow:
    """Sums over a group of calls. `picodollars` leaves out unpriced calls, which are counted beside it.

    `components` make up `picodollars`: those of plan calls and the known ones of unpriced calls are left out. `usage`
    is all that was consumed, whoever paid and whether a price is known or not.
    """

    group: tuple[tuple[Dimension, str | None], ...]
    calls: int
    retries: int  # attempts after the first of a call, and calls their client marked as retries
    failed: int  # outcome other than ok
    unpriced: int
    estimated: int
    picodollars: int
    list_picodollars: int  # list-price equivalent of plan traffic, never added to picodollars
    components: tuple[tuple[str, int], ...]
    usage: Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class AllocatedSum:
    """Sums over the calls of one target, rule, grade and price status."""

    target: Target
    rule: Rule
    grade: Grade
    status: PriceStatus
    calls: int
    picodollars: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CallSpan:
    """When the first and the last call of a target started."""

    target: Target
    first_call_at: datetime
    last_call_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherCharge:
    """Dollars without a call of their own: an adjustment of a closed month, a seat, provisioned capacity."""

    id: str
    dated: datetime
    is_adjustment: bool
    picodollars: int
    description: str
    call_id: str | None = None  # the call an adjustment corrects


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceBookUse:
    """How many calls were priced from one revision of one price book."""

    price_book: str
    revision: str
    calls: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A proxy key. The secret is never stored: `secret_hash` is its SHA-256, which suffices for 256 random bits."""

    id: str
    secret_hash: str
    team: str
    actor: str | None
    purpose: str | None
    created_at: datetime
    revoked_at: datetime | None = None


class Ledger(Protocol):
    def record(self, calls: Sequence[RecordedCall], *, checkpoint: str | None = None) -> int:
        """Store calls and, in the same transaction, the journal checkpoint. Returns how many rows it changed."""
        ...

    def checkpoint(self) -> str | None:
        """The last stored journal checkpoint."""
        ...

    def calls(
        self, window: Window, *, target: Target | None = None
    ) -> Iterator[tuple[RecordedCall, Allocation | None]]:
        """Recorded calls by start time, with their allocation where there is one."""
        ...

    def call(self, call_id: str) -> list[RecordedCall]:
        """Every attempt of one call."""
        ...

    def spend(self, by: Sequence[Dimension], window: Window, *, time_zone: str = "UTC") -> list[SpendRow]:
        """Sums grouped by `by`, largest first; one row over everything where `by` is empty. Days, weeks and months
        are those of `time_zone` (IANA name)."""
        ...

    def total(self, window: Window) -> int:
        """Exact sum of total_picodollars over the calls of a window, and of the other charges dated in it."""
        ...

    def price_books(self, window: Window) -> list[PriceBookUse]:
        """The price books the calls of a window were priced from; calls that needed none are left out."""
        ...

    def snapshot(self, window: Window = ..., allocate: Allocate | None = None) -> AbstractContextManager[None]:
        """What this thread reads inside the `with` is of one instant, whatever is recorded meanwhile.

        Calls of `window` without a stored allocation, because they were recorded after the last sync, have the one
        `allocate` gives them, where it is given, for as long as it lasts. Nothing is written.
        """
        ...

    def allocation_inputs(self, window: Window, *, only_unallocated: bool = False) -> Iterator[AllocationInput]: ...

    def replace_allocations(self, allocations: Iterable[Allocation]) -> int:
        """Replace every allocation by these, atomically."""
        ...

    def allocated_sums(self, window: Window) -> list[AllocatedSum]:
        """Sums over the calls of a window that have an allocation."""
        ...

    def call_spans(self, kind: TargetKind, window: Window) -> list[CallSpan]:
        """First and last call within a window of each target of that kind, by target."""
        ...

    def changes_with_spend(self) -> frozenset[str]:
        """Ids of the changes that any call, of whatever time, is allocated to."""
        ...

    def other_charges(self, window: Window) -> list[OtherCharge]: ...

    def add_other_charge(self, charge: OtherCharge) -> None: ...

    def replace_facts(self, facts: RepositoryFacts) -> None:
        """Replace all that is known of one repository, atomically."""
        ...

    def facts(self) -> list[RepositoryFacts]:
        """What is known of every repository, as of its last sync."""
        ...

    def add_key(self, key: Key) -> None: ...

    def keys(self) -> list[Key]:
        """All keys, revoked ones too."""
        ...

    def revoke_key(self, key_id: str, at: datetime) -> bool:
        """Returns False where there is no such key."""
        ...

    def check(self) -> None:
        """Raise LedgerError where the ledger cannot be read and written."""
        ...

    def close(self) -> None: ...
