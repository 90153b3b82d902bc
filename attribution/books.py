"""From a ledger to what answers are made of: allocations that are up to date, verdicts, a window's books.

Calls recorded after the last sync have no stored allocation; they are allocated here, in memory, by the same pure
rules, so that no answer waits for a sync and none leaves a dollar out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from attribution.acceptance import judge
from attribution.branch_state import BranchLimits, BranchStanding, branch_standings
from attribution.ledger.base import Allocate, AllocatedSum, Ledger, Window
from attribution.linking import LinkingLimits, allocate
from attribution.method import method_notes
from attribution.model import Allocation, AllocationInput, Change, Invalidation, RepositoryFacts, TargetKind, Verdict
from attribution.settings import Settings
from attribution.statement import Books, Statement, statement_of
from attribution.tenure import FactsIndex

__all__ = ["KnownChanges", "allocator", "known_changes", "make_statement", "up_to_date"]


@dataclass(frozen=True, slots=True)
class KnownChanges:
    """Every change of every repository once, with what spoke against it by then and its verdict."""

    changes: Mapping[str, Change]
    invalidations: Mapping[str, tuple[Invalidation, ...]]
    verdicts: Mapping[str, Verdict]


def allocator(settings: Settings) -> Allocate:
    """The allocation rules with the configured limits."""
    limits = _linking_limits(settings)

    def allocate_within_limits(
        inputs: Iterable[AllocationInput], facts: Sequence[RepositoryFacts]
    ) -> Iterator[Allocation]:
        return allocate(inputs, facts, limits)

    return allocate_within_limits


def _linking_limits(settings: Settings) -> LinkingLimits:
    return LinkingLimits(
        skew=timedelta(seconds=settings.allocation.skew_seconds),
        created_after=timedelta(days=settings.allocation.created_after_days),
        out_of_scope_keys=frozenset(settings.allocation.out_of_scope_keys),
        out_of_scope_teams=frozenset(settings.allocation.out_of_scope_teams),
        shared_branches=settings.changes.shared_branches,
    )


def known_changes(facts: Iterable[RepositoryFacts], *, as_of: datetime, survival_days: int) -> KnownChanges:
    """The changes in `facts` judged as of an instant. A change two repositories know of is the first one's."""
    changes: dict[str, Change] = {}
    invalidations: dict[str, tuple[Invalidation, ...]] = {}
    for repository in facts:
        for change in repository.changes:
            if change.id not in changes:
                changes[change.id] = change
                invalidations[change.id] = ()
        for row in repository.invalidations:
            if row.invalidated_at <= as_of and row not in invalidations.get(row.change_id, ()):
                invalidations[row.change_id] = (*invalidations.get(row.change_id, ()), row)
    verdicts = {
        change.id: judge(change, invalidations[change.id], as_of=as_of, survival_days=survival_days)
        for change in changes.values()
    }
    return KnownChanges(changes, invalidations, verdicts)


@contextmanager
def up_to_date(ledger: Ledger, window: Window, settings: Settings, *, as_of: datetime | None = None) -> Iterator[None]:
    """Within it the ledger is read as of one instant, and every call of `window` has an allocation; so have the calls
    after it up to `as_of`, which say what became of the window's branches."""
    if window.until is not None and as_of is not None:
        window = Window(window.since, max(window.until, as_of))
    with ledger.snapshot(window, allocator(settings)):
        yield


def make_statement(ledger: Ledger, settings: Settings, *, month: str, window: Window, as_of: datetime) -> Statement:
    """The statement of `window`; to be called within `up_to_date`, with the same `as_of`. Raises StatementError."""
    facts = ledger.facts()
    known = known_changes(facts, as_of=as_of, survival_days=settings.changes.survival_days)
    sums = ledger.allocated_sums(window)
    books = Books(
        window=window,
        sums=sums,
        charges=ledger.other_charges(window),
        changes=tuple(known.changes.values()),
        verdicts=known.verdicts,
        branches=_branch_standings(ledger, settings, sums, facts, window=window, as_of=as_of),
        changes_with_spend=ledger.changes_with_spend(),
        total_picodollars=ledger.total(window),
    )
    notes = method_notes(
        settings, as_of=as_of, rules={row.rule for row in sums}, price_books=ledger.price_books(window)
    )
    return statement_of(books, month=month, time_zone=settings.statement.time_zone, as_of=as_of, notes=notes)


def _branch_standings(
    ledger: Ledger,
    settings: Settings,
    sums: Iterable[AllocatedSum],
    facts: Sequence[RepositoryFacts],
    *,
    window: Window,
    as_of: datetime,
) -> dict[str, BranchStanding]:
    limits = _linking_limits(settings)
    return branch_standings(
        {row.target for row in sums if row.target.kind is TargetKind.BRANCH},
        ledger.call_spans(TargetKind.BRANCH, Window(window.since, as_of)),
        facts,
        FactsIndex(facts, shared_branches=limits.shared_branches, default_branches=limits.default_branches),
        as_of=as_of,
        limits=BranchLimits(abandoned_after=timedelta(days=settings.allocation.abandoned_days), skew=limits.skew),
    )
