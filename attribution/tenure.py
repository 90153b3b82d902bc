"""Facts of many repositories, arranged so that a call finds its candidates at once. Pure.

A branch name is held by one change after another. The changes of a (repository, branch) stand in order of creation,
each
with the latest end of life up to it, so that those alive at an instant are a narrow slice found by bisection.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from fnmatch import fnmatchcase

from attribution.model import Change, RepositoryFacts
from proxy.repository_name import as_said

__all__ = ["Claim", "FactsIndex", "HeadEvidence"]

_NEVER = datetime.max.replace(tzinfo=UTC)
_EVER = datetime.min.replace(tzinfo=UTC)


class HeadEvidence(Enum):
    """What the call's HEAD says of a change whose branch it was on."""

    IN_CHANGE = "HEAD is one of its commits"
    BEFORE_FORK = "HEAD is at or before its fork point"
    UNKNOWN = "HEAD unknown"
    ABSENT = "HEAD is not in the clone"
    NO_FORK = "its fork point is unknown"
    ELSEWHERE = "HEAD is elsewhere"


@dataclass(slots=True)
class _Commits:
    """Commits of one clone, found by an abbreviation too."""

    positions: Mapping[str, int | None]
    _sorted: list[str] | None = None

    def resolve(self, prefix: str) -> str | None:
        """The full SHA, where the clone has exactly one that starts so."""
        if prefix in self.positions:
            return prefix
        if self._sorted is None:
            self._sorted = sorted(self.positions)
        return unique_prefix(self._sorted, prefix)


def unique_prefix(shas: Sequence[str], prefix: str) -> str | None:
    """The one SHA of a sorted list that starts with `prefix`; None where there is none, or more than one."""
    start = bisect_left(shas, prefix)
    found = [sha for sha in shas[start : start + 2] if sha.startswith(prefix)]
    return found[0] if len(found) == 1 else None


@dataclass(frozen=True, slots=True)
class Claim:
    """A change that held a branch, with the clone that knows its commits."""

    change: Change
    commits: frozenset[str]
    clone: _Commits

    def evidence(self, head: str | None) -> HeadEvidence:
        """HEAD is full or abbreviated hex; anything else is unknown."""
        sha = (head or "").strip().lower()
        if len(sha) < 4 or sha.strip("0123456789abcdef"):
            return HeadEvidence.UNKNOWN
        # A force-push leaves commits that only the change remembers.
        if sha in self.commits:
            return HeadEvidence.IN_CHANGE
        full = self.clone.resolve(sha)
        if full is None:
            orphans = unique_prefix(sorted(self.commits), sha) if len(sha) < 40 else None
            return HeadEvidence.ABSENT if orphans is None else HeadEvidence.IN_CHANGE
        return HeadEvidence.IN_CHANGE if full in self.commits else self._against_fork(full)

    def _against_fork(self, sha: str) -> HeadEvidence:
        fork = self.change.fork_point
        limit = self.clone.positions.get(fork) if fork else None
        if fork == sha:
            return HeadEvidence.BEFORE_FORK
        if limit is None:
            return HeadEvidence.NO_FORK
        position = self.clone.positions[sha]
        return HeadEvidence.BEFORE_FORK if position is not None and position <= limit else HeadEvidence.ELSEWHERE


@dataclass(slots=True)
class _Tenure:
    """Claims to one branch name, by creation."""

    claims: list[Claim]
    created: list[datetime] = field(default_factory=list)
    ended: list[datetime] = field(default_factory=list)  # latest end of life up to here

    def __post_init__(self) -> None:
        self.claims.sort(key=lambda claim: (_created(claim.change), _ended(claim.change), claim.change.id))
        latest = _EVER
        for claim in self.claims:
            latest = max(latest, _ended(claim.change))
            self.created.append(_created(claim.change))
            self.ended.append(latest)

    def alive(self, *, ended_from: datetime, created_until: datetime) -> Iterator[Claim]:
        first = bisect_left(self.ended, ended_from)
        last = bisect_right(self.created, created_until)
        return (claim for claim in self.claims[first:last] if _ended(claim.change) >= ended_from)


def _created(change: Change) -> datetime:
    return change.created_at or change.ended_at or _EVER


def _ended(change: Change) -> datetime:
    return change.ended_at or _NEVER


class FactsIndex:
    """Everything the rules ask, by (repository, branch), number and SHA."""

    def __init__(
        self, facts: Sequence[RepositoryFacts], *, shared_branches: Sequence[str], default_branches: Sequence[str]
    ) -> None:
        self._shared_globs = tuple(shared_branches)
        self._default_branches = frozenset(default_branches)
        self._facts: dict[str, RepositoryFacts] = {}
        self._called: dict[str, str] = {}  # any name → the repository's own
        self._spelled: dict[str | None, str | None] = {None: None}
        self._shared: dict[tuple[str, str], bool] = {}
        self._tenures: dict[tuple[str, str], _Tenure] = {}
        self._numbers: dict[str, dict[str, Change]] = {}
        self._landings: dict[str, tuple[list[str], dict[str, Change]]] = {}
        ordered = sorted(facts, key=lambda known: known.repository)
        for known in ordered:
            self._facts[known.repository] = known
            self._called[known.repository] = known.repository
        for known in ordered:
            for alias in known.aliases:
                self._called.setdefault(alias, known.repository)
        self._index_changes(ordered)

    def _index_changes(self, ordered: Sequence[RepositoryFacts]) -> None:
        claims: defaultdict[tuple[str, str], list[Claim]] = defaultdict(list)
        for known in ordered:
            clone = _Commits(known.commits)
            by_landing = {change.landing_sha: change for change in known.changes if change.landing_sha}
            self._landings[known.repository] = sorted(by_landing), by_landing
            self._numbers[known.repository] = {
                change.id.removeprefix(known.repository): change for change in known.changes
            }
            for change in known.changes:
                claim = Claim(change, frozenset(change.commits), clone)
                for key in self._held_by(change, known):
                    claims[key].append(claim)
        self._tenures = {key: _Tenure(held) for key, held in claims.items()}

    def _held_by(self, change: Change, known: RepositoryFacts) -> list[tuple[str, str]]:
        """The (repository, branch) a change is worked on at: its head repository's, and nobody else's where that is a
        fork. A shared branch is held by no change of its own repository, but a fork's `main` may be."""
        if change.head_ref is None:
            return []
        head = change.head_repository or known.repository
        home = self._called.get(head, head)
        if home == known.repository and self.is_shared(home, change.head_ref):
            return [(head, change.head_ref)] if head != home else []
        return [(home, change.head_ref)]

    def spelled(self, said: str | None) -> str | None:
        """The canonical name of a repository as a call gave it."""
        if said not in self._spelled:
            self._spelled[said] = as_said(said or "")
        return self._spelled[said]

    def repository(self, spelled: str | None) -> str | None:
        """The name facts know a repository by, which may be one of its other remotes; `owner/name` is completed where
        only one repository is so called."""
        if spelled is None:
            return None
        return self._called.get(spelled) or self.named_repository(spelled, near=None) or spelled

    def named_repository(self, said: str, *, near: str | None) -> str | None:
        """A repository written as `host/owner/name` or `owner/name`: on the host of `near`, else the only one so
        called."""
        name = said.lower().removesuffix(".git")
        host = (near or "").partition("/")[0]
        for full in (name, f"{host}/{name}"):
            if full in self._called:
                return self._called[full]
        found = {own for called, own in self._called.items() if called.partition("/")[2] == name}
        return found.pop() if len(found) == 1 else None

    def change_numbered(self, repository: str, mark: str, number: int) -> Change | None:
        return self._numbers.get(repository, {}).get(f"{mark}{number}")

    def change_landed_by(self, repository: str, prefix: str) -> Change | None:
        shas, by_landing = self._landings.get(repository, ([], {}))
        sha = unique_prefix(shas, prefix)
        return by_landing[sha] if sha else None

    def claims(self, repository: str, branch: str, *, ended_from: datetime, created_until: datetime) -> Iterator[Claim]:
        """Changes of that branch that had not ended by `ended_from`, created by `created_until`; oldest first."""
        tenure = self._tenures.get((repository, branch))
        return iter(()) if tenure is None else tenure.alive(ended_from=ended_from, created_until=created_until)

    def changes_of(self, repository: str, branch: str) -> list[Change]:
        """Every change that branch was ever the head of; oldest first."""
        tenure = self._tenures.get((repository, branch))
        return [] if tenure is None else [claim.change for claim in tenure.claims]

    def is_shared(self, repository: str, branch: str) -> bool:
        key = (repository, branch)
        if key not in self._shared:
            known = self._facts.get(repository)
            defaults = frozenset((known.production_branch,)) if known else self._default_branches
            globs = (*self._shared_globs, *(known.shared_branches if known else ()))
            self._shared[key] = branch in defaults or any(fnmatchcase(branch, glob) for glob in globs)
        return self._shared[key]

    def branch_story(self, repository: str, branch: str, at: datetime) -> str:
        """In words, why a branch has no change that fits."""
        known = self._facts.get(repository)
        if known is None:
            return f"nothing is known of {repository} yet"
        tenure = self._tenures.get((repository, branch))
        if tenure is None:
            return f"no change is known of branch {branch}"
        before = [claim for claim in tenure.claims if _ended(claim.change) < at]
        last = max(before, key=lambda claim: _ended(claim.change), default=None)
        if last is not None:
            return f"after the last change of branch {branch} ended: {last.change.id.removeprefix(repository)}"
        return f"no change of branch {branch} fits its time and HEAD"
