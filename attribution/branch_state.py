"""What became of work on a branch without a change (R9), as of an instant. Pure.

A view over targets, as acceptance is: it says what a branch is and moves no spend. The first row of STATES that holds
decides. What became known after the instant does not count: later calls, commits, landings and ends of changes.

A branch without a commit of its own points to a commit of production, as a landed one does. So only a head that was
committed after the branch's first call of the window has landed, and none that is itself the landing of another branch:
those were there before the work, or were pulled into it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from attribution.ledger.base import CallSpan
from attribution.model import BranchHead, Change, RepositoryFacts, Target
from attribution.tenure import FactsIndex

__all__ = ["BranchHistory", "BranchLimits", "BranchStanding", "BranchState", "branch_standings", "branch_state"]


class BranchState(StrEnum):
    LANDED = "landed"  # without a request: its head is on the production branch
    AFTER_LAST_CHANGE = "after_last_change"  # its last call came after its last change had ended
    ABANDONED = "abandoned"  # neither a call nor a commit for so long
    IN_PROGRESS = "in_progress"


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchLimits:
    """Settings of the states, printed with the method."""

    abandoned_after: timedelta = timedelta(days=14)
    skew: timedelta = timedelta(seconds=120)


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchHistory:
    """What is known of one branch. The calls are those up to the instant it is judged at; the rest may be later."""

    first_call_at: datetime | None = None
    last_call_at: datetime | None = None
    committed_at: datetime | None = None  # its head
    landed_at: datetime | None = None  # when its head came to production, by no change of the branch
    changes_ended_at: tuple[datetime, ...] = ()  # merges and closes of its changes


@dataclass(frozen=True, slots=True)
class BranchStanding:
    state: BranchState
    last_call_at: datetime | None  # None where every call is later than the instant


def branch_state(history: BranchHistory, *, as_of: datetime, limits: BranchLimits) -> BranchState:
    """The state of a branch as of `as_of` (aware UTC)."""
    known = _known_by(as_of, history)
    return next(state for state, holds in STATES if holds(known, as_of, limits))


def _known_by(as_of: datetime, history: BranchHistory) -> BranchHistory:
    def known(moment: datetime | None) -> datetime | None:
        return moment if moment is not None and moment <= as_of else None

    return replace(
        history,
        committed_at=known(history.committed_at),
        landed_at=known(history.landed_at),
        changes_ended_at=tuple(ended for ended in history.changes_ended_at if ended <= as_of),
    )


# Differences are compared, not sums: clients wrote dates at the end of time, and nothing can be added to those.
def _has_landed(known: BranchHistory, _as_of: datetime, limits: BranchLimits) -> bool:
    if known.landed_at is None or known.committed_at is None or known.first_call_at is None:
        return False
    return known.first_call_at - known.committed_at <= limits.skew


def _outlived_its_change(known: BranchHistory, _as_of: datetime, limits: BranchLimits) -> bool:
    last = known.last_call_at
    return last is not None and any(last - ended > limits.skew for ended in known.changes_ended_at)


def _lies_idle(known: BranchHistory, as_of: datetime, limits: BranchLimits) -> bool:
    own_commit = known.committed_at if known.landed_at is None else None
    active = [moment for moment in (known.last_call_at, own_commit) if moment is not None]
    return bool(active) and as_of - max(active) >= limits.abandoned_after


def _otherwise(_known: BranchHistory, _as_of: datetime, _limits: BranchLimits) -> bool:
    return True


STATES: tuple[tuple[BranchState, Callable[[BranchHistory, datetime, BranchLimits], bool]], ...] = (
    (BranchState.LANDED, _has_landed),
    (BranchState.AFTER_LAST_CHANGE, _outlived_its_change),
    (BranchState.ABANDONED, _lies_idle),
    (BranchState.IN_PROGRESS, _otherwise),
)


def branch_standings(
    targets: Iterable[Target],
    spans: Iterable[CallSpan],
    facts: Sequence[RepositoryFacts],
    index: FactsIndex,
    *,
    as_of: datetime,
    limits: BranchLimits,
) -> dict[str, BranchStanding]:
    """The standing of each branch target, by its id. `spans`: their calls up to `as_of`; `index` is that of `facts`."""
    wanted = frozenset(targets)
    repositories = {target.repository_and_branch[0] for target in wanted}
    clones = {known.repository: _Clone.of(known) for known in facts if known.repository in repositories}
    called = {span.target: span for span in spans}
    standings = {}
    for target in wanted:
        span = called.get(target)
        repository, branch = target.repository_and_branch
        history = _history(clones.get(repository), branch, index.changes_of(repository, branch), span)
        state = branch_state(history, as_of=as_of, limits=limits)
        standings[target.id] = BranchStanding(state, span.last_call_at if span else None)
    return standings


@dataclass(frozen=True, slots=True)
class _Clone:
    heads: Mapping[str, BranchHead]
    commits: Mapping[str, int | None]
    landings: Mapping[int, Change]  # by position on the production branch

    @classmethod
    def of(cls, known: RepositoryFacts) -> _Clone:
        placed = ((known.commits.get(change.landing_sha or ""), change) for change in known.changes)
        return cls(
            heads={head.name: head for head in known.branches},
            commits=known.commits,
            landings={position: change for position, change in placed if position is not None},
        )


def _history(clone: _Clone | None, branch: str, own: Sequence[Change], span: CallSpan | None) -> BranchHistory:
    calls = BranchHistory(
        first_call_at=span.first_call_at if span else None,
        last_call_at=span.last_call_at if span else None,
        changes_ended_at=tuple(change.ended_at for change in own if change.ended_at is not None),
    )
    head = clone.heads.get(branch) if clone else None
    if clone is None or head is None:
        return calls
    position = clone.commits.get(head.sha)
    landing = clone.landings.get(position) if position is not None else None
    if position is None or (landing is not None and landing in own):
        return replace(calls, committed_at=head.committed_at)
    if landing is not None and landing.landing_sha == head.sha and (landing.number or landing.head_ref):
        return calls  # the merge or squash of somebody else's branch
    merged_at = landing.merged_at if landing else None
    return replace(calls, committed_at=head.committed_at, landed_at=merged_at or head.committed_at)
