"""Bring the ledger up to date with one repository: read it whole, store what was read, allocate every call again.

Allocation is a pure function of calls and facts, so running it twice changes nothing. A source that cannot be read
raises before anything is written: the last good state stays.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from attribution.changes.base import ChangeSource
from attribution.ledger.base import Allocate, Ledger, Window
from attribution.model import Allocation, ChangeKind, RepositoryFacts, Rule
from attribution.remembering import remember

__all__ = ["SyncReport", "synchronise"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncReport:
    """What one sync found. `calls` and `calls_by_rule` are those of the whole ledger: all were allocated again."""

    repository: str
    aliases: tuple[str, ...]
    production_branch: str
    read_at: datetime
    changes: int
    merged: int
    reverts: int  # changes that undo another
    undone: int  # changes that were undone, at whatever age
    calls: int
    calls_by_rule: tuple[tuple[Rule, int], ...]  # in the order of Rule, rules without a call left out


def synchronise(
    ledger: Ledger,
    source: ChangeSource,
    allocate: Allocate,
    *,
    now: datetime,
    told: Callable[[str], None] = lambda _step: None,
) -> SyncReport:
    """Read `source`, replace what the ledger knows of it and every allocation; what an earlier reading saw of a change
    and this one no longer shows is kept. `told` hears what is being done.

    Raises UserError where the source or the ledger cannot be used.
    """
    told("reading the repository")
    fresh = source.read(now=now)
    known = next((facts for facts in ledger.facts() if facts.repository == fresh.repository), None)
    facts = remember(known, fresh)
    told(f"storing {len(facts.changes)} changes of {facts.repository}")
    ledger.replace_facts(facts)
    told("allocating calls")
    rules: Counter[Rule] = Counter()
    ledger.replace_allocations(_counted(allocate(ledger.allocation_inputs(Window()), ledger.facts()), rules))
    return _report(facts, rules)


def _counted(allocations: Iterable[Allocation], rules: Counter[Rule]) -> Iterator[Allocation]:
    for allocation in allocations:
        rules[allocation.rule] += 1
        yield allocation


def _report(facts: RepositoryFacts, rules: Counter[Rule]) -> SyncReport:
    return SyncReport(
        repository=facts.repository,
        aliases=facts.aliases,
        production_branch=facts.production_branch,
        read_at=facts.read_at,
        changes=len(facts.changes),
        merged=sum(change.merged_at is not None for change in facts.changes),
        reverts=sum(change.kind is ChangeKind.REVERT for change in facts.changes),
        undone=len({row.change_id for row in facts.invalidations}),
        calls=rules.total(),
        calls_by_rule=tuple((rule, rules[rule]) for rule in Rule if rules[rule]),
    )
