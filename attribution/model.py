"""The facts money is told in: charges, changes, verdicts, targets. All frozen, all pure.

Names are the field's own; the rules behind them are in docs/metric.md and docs/attribution.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from proxy.call import Attempt, Call, require_utc

__all__ = [
    "Allocation",
    "AllocationInput",
    "BranchHead",
    "Category",
    "Change",
    "ChangeKind",
    "Charge",
    "Grade",
    "Invalidation",
    "PriceStatus",
    "RecordedCall",
    "RepositoryFacts",
    "Rule",
    "Target",
    "TargetKind",
    "Verdict",
    "VerdictState",
]


class PriceStatus(StrEnum):
    PRICED = "priced"
    PROVIDER_STATED = "provider_stated"  # the provider said what it billed
    ESTIMATED = "estimated"  # priced on usage inferred from what was streamed
    UNPRICED = "unpriced"  # a price or a quantity is unknown: no total, never $0
    FREE = "free"  # nothing billable happened


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """What one attempt cost, frozen with the rates that were used. Amounts are pico-dollars.

    `total` is None where the status is unpriced; the known components are kept and `reason` names what is missing.
    A `plan` call (subscription) has total 0 and its list-price equivalent in `list_total`.
    """

    status: PriceStatus
    components: tuple[tuple[str, int], ...] = ()  # name → pico-dollars, zero components left out
    total: int | None = None
    list_total: int | None = None
    rates: tuple[tuple[str, str], ...] = ()  # name → USD per unit, plain decimal string
    price_book: str = ""
    price_book_revision: str = ""
    reason: str | None = None

    def __post_init__(self) -> None:
        if (self.total is None) != (self.status is PriceStatus.UNPRICED):
            raise ValueError(f"a charge has no total exactly when it is unpriced: {self.status}, {self.total}")
        if self.list_total is None and self.total is not None and self.total != sum(p for _, p in self.components):
            raise ValueError(f"components {self.components} do not sum to the total {self.total}")


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedCall:
    """One ledger row: the call, how it ended, what it cost. `revision` grows when a meter amends its own call."""

    call: Call
    attempt: Attempt
    charge: Charge
    stint: str  # run of calls with the same session, repository, worktree, branch and HEAD
    revision: int = 0


class ChangeKind(StrEnum):
    ORDINARY = "ordinary"
    REVERT = "revert"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A logical change set: a pull request, a merge request, or the commit that landed it.

    `id` is `host/owner/name#N` (GitHub), `host/owner/name!N` (GitLab) or `host/owner/name@<sha>` (no number).
    """

    id: str
    repository: str
    title: str
    number: int | None = None
    kind: ChangeKind = ChangeKind.ORDINARY
    head_repository: str | None = None
    head_ref: str | None = None  # branch the work was done on, where known
    base_ref: str | None = None
    to_production: bool = True
    created_at: datetime | None = None
    merged_at: datetime | None = None
    closed_at: datetime | None = None  # closed without a merge
    landing_sha: str | None = None  # the first-parent commit that landed it
    fork_point: str | None = None
    commits: tuple[str, ...] = ()  # every commit ever seen on its branch, and the landing commit
    lines_changed: int = 0  # additions + deletions after exclusions
    excluded_lines: int = 0
    units: int = 1
    source: str = "git"

    def __post_init__(self) -> None:
        for name in ("created_at", "merged_at", "closed_at"):
            moment = getattr(self, name)
            if moment is not None:
                require_utc(moment, f"Change.{name}")

    @property
    def ended_at(self) -> datetime | None:
        """End of life: merged or closed, whichever happened."""
        return self.merged_at or self.closed_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Invalidation:
    """A hard signal against a merged change: who undid it, when, by which row of the signal table."""

    change_id: str
    signal: str  # row of the signal table, for example git_revert
    invalidated_by: str  # landing commit on the production branch
    invalidated_at: datetime
    detail: str = ""


class VerdictState(StrEnum):
    ACCEPTED = "accepted"
    SEASONING = "seasoning"
    REJECTED = "rejected"
    REVERT = "revert"
    OPEN = "open"
    CLOSED = "closed"
    MERGED_ELSEWHERE = "merged_elsewhere"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a change is, as of an instant. `accepted` is None while that cannot be said."""

    change_id: str
    state: VerdictState
    accepted: bool | None
    signal: str | None = None
    invalidated_by: str | None = None
    days_to_invalidation: float | None = None


class TargetKind(StrEnum):
    CHANGE = "change"
    BRANCH = "branch"
    DEFAULT = "default"
    DETACHED = "detached"
    NO_REPO = "no_repo"
    OUT_OF_SCOPE = "out_of_scope"


@dataclass(frozen=True, slots=True, order=True)
class Target:
    """Where a call's dollars go: one per call. `id` is a change id, `branch:<repo>:<name>`, `default:<repo>` …"""

    kind: TargetKind
    id: str

    @classmethod
    def of_branch(cls, repository: str, branch: str) -> Target:
        return cls(TargetKind.BRANCH, f"branch:{repository}:{branch}")

    @property
    def repository_and_branch(self) -> tuple[str, str]:
        """What `of_branch` was given; no canonical repository holds a colon."""
        repository, _, branch = self.id.removeprefix("branch:").partition(":")
        return repository, branch


class Grade(StrEnum):
    """How strong the evidence is: Manual, A, B, C, Unattributed."""

    M = "M"
    A = "A"
    B = "B"
    C = "C"
    U = "U"


class Rule(StrEnum):
    R2 = "R2"
    R3 = "R3"
    R9 = "R9"
    R10 = "R10"
    R11 = "R11"
    R12 = "R12"


@dataclass(frozen=True, slots=True, kw_only=True)
class AllocationInput:
    """The part of a recorded call that allocation may look at. No money: money never decides where money goes."""

    call_id: str
    attempt: int
    started_at: datetime
    repository: str | None
    branch: str | None
    head: str | None
    change: str | None
    purpose: str | None
    key_id: str | None
    team: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocation:
    """The one target of one call, the rule that chose it and why."""

    call_id: str
    attempt: int
    target: Target
    rule: Rule
    grade: Grade
    evidence: str  # one line a person can check


@dataclass(frozen=True, slots=True)
class BranchHead:
    """A branch of a clone and its newest commit; `committed_at` is None where an older version read it."""

    name: str
    sha: str
    committed_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryFacts:
    """All that one look at a repository yields; replaces what was known of it as a whole."""

    repository: str  # canonical host/owner/name
    aliases: tuple[str, ...] = ()  # other remotes of the same clone, canonical
    production_branch: str
    shared_branches: tuple[str, ...] = ()
    changes: tuple[Change, ...] = ()
    invalidations: tuple[Invalidation, ...] = ()
    branches: tuple[BranchHead, ...] = ()
    # Every commit in the clone → position on the production branch's first-parent line (0 = root) of the commit that
    # made it reachable; None where it is not on the production branch. X is an ancestor of Y, both on production and
    # Y on the first-parent line, exactly when commits[X] <= commits[Y].
    commits: Mapping[str, int | None] = field(default_factory=lambda: MappingProxyType({}))
    read_at: datetime


class Category(StrEnum):
    """The lines of the statement, in the order they are printed."""

    ACCEPTED = "accepted"
    SEASONING = "seasoning"
    REJECTED = "rejected"
    REVERT = "revert"
    MERGED_ELSEWHERE = "merged_elsewhere"
    OPEN = "open"
    CLOSED = "closed"
    BRANCH = "branch"
    DEFAULT = "default"
    DETACHED = "detached"
    NO_REPO = "no_repo"
    NO_CALL = "no_call"
    OUT_OF_SCOPE = "out_of_scope"
    ADJUSTMENT = "adjustment"
