"""Which change did this call pay for? Pure: calls and facts in, exactly one target a call out, in the order given.

RULES is tried from the top; the first rule that answers decides, and the last always answers. Rules see no money and no
other call, so neither the order of calls nor a change that shares nothing with a call can move it. Git stamps whole
seconds and clocks differ, so times are compared in whole seconds with an allowance.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain

from attribution.model import (
    Allocation,
    AllocationInput,
    Change,
    Grade,
    RepositoryFacts,
    Rule,
    Target,
    TargetKind,
)
from attribution.tenure import Claim, FactsIndex, HeadEvidence

__all__ = ["LinkingLimits", "allocate"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkingLimits:
    """Settings of the rules, printed with every statement. `shared_branches` are globs that hold in every repository;
    `default_branches` are taken for production where nothing is known of a repository."""

    skew: timedelta = timedelta(seconds=120)
    created_after: timedelta = timedelta(days=30)
    out_of_scope_keys: frozenset[str] = frozenset()
    out_of_scope_teams: frozenset[str] = frozenset()
    shared_branches: tuple[str, ...] = ()
    default_branches: tuple[str, ...] = ("main", "master")


@dataclass(frozen=True, slots=True)
class _Answer:
    target: Target
    grade: Grade
    evidence: str


@dataclass(frozen=True, slots=True)
class _Call:
    """A call as the rules see it: its repository by the name facts know it by, its branch without `refs/heads/`."""

    said: AllocationInput
    spelled: str | None  # the repository by its own canonical name
    repository: str | None
    branch: str | None  # None where unknown or HEAD is detached
    at: datetime  # start, in whole seconds


def allocate(
    inputs: Iterable[AllocationInput], facts: Sequence[RepositoryFacts], limits: LinkingLimits
) -> Iterator[Allocation]:
    """One allocation for each input, in order."""
    index = FactsIndex(facts, shared_branches=limits.shared_branches, default_branches=limits.default_branches)
    for said in inputs:
        spelled = index.spelled(said.repository)
        call = _Call(
            said=said,
            spelled=spelled,
            repository=index.repository(spelled),
            branch=_branch(said.branch),
            at=said.started_at.replace(microsecond=0),
        )
        rule, answer = _decide(call, index, limits)
        yield Allocation(
            call_id=said.call_id,
            attempt=said.attempt,
            target=answer.target,
            rule=rule,
            grade=answer.grade,
            evidence=answer.evidence,
        )


def _branch(said: str | None) -> str | None:
    name = (said or "").strip().removeprefix("refs/heads/")
    return None if name in ("", "HEAD") else name


def _decide(call: _Call, index: FactsIndex, limits: LinkingLimits) -> tuple[Rule, _Answer]:
    for rule, answers in RULES:
        if (answer := answers(call, index, limits)) is not None:
            return rule, answer
    raise AssertionError("the last rule answers every call")


def _explicit_change(call: _Call, index: FactsIndex, limits: LinkingLimits) -> _Answer | None:
    """R2: the call names its change, which is known and had not ended, unless the call reviews it."""
    if call.said.change is None:
        return None
    change = _named_change(call.said.change.strip(), call, index)
    if change is None:
        return None
    review = call.said.purpose == "review"
    if change.ended_at is not None and change.ended_at + limits.skew < call.at and not review:
        return None
    return _Answer(Target(TargetKind.CHANGE, change.id), Grade.A, f"the call names {call.said.change.strip()}")


_EXPLICIT = re.compile(
    r"(?:(?P<repository>[^#!@\s]+/[^#!@\s]+))?(?:(?P<mark>[#!])(?P<number>\d+)|@(?P<sha>[0-9a-fA-F]{7,64}))|(?P<bare>\d+)"
)


def _named_change(text: str, call: _Call, index: FactsIndex) -> Change | None:
    """`host/owner/name#N`, `owner/name#N`, `#N`, `!N`, `N` or `@sha`; without a repository, in that of the call."""
    match = _EXPLICIT.fullmatch(text)
    if match is None:
        return None
    repository = (
        index.named_repository(match["repository"], near=call.repository) if match["repository"] else call.repository
    )
    if repository is None:
        return None
    if match["sha"]:
        return index.change_landed_by(repository, match["sha"].lower())
    marks = match["mark"] or "#!"
    number = int(match["number"] or match["bare"])
    found = (index.change_numbered(repository, mark, number) for mark in marks)
    return next((change for change in found if change), None)


def _out_of_scope(call: _Call, _index: FactsIndex, limits: LinkingLimits) -> _Answer | None:
    """R12: configured as no development work."""
    target = Target(TargetKind.OUT_OF_SCOPE, "out-of-scope")
    if call.said.key_id in limits.out_of_scope_keys:
        return _Answer(target, Grade.U, f"key {call.said.key_id} is configured as out of scope")
    if call.said.team in limits.out_of_scope_teams:
        return _Answer(target, Grade.U, f"team {call.said.team} is configured as out of scope")
    return None


def _tenure(call: _Call, index: FactsIndex, limits: LinkingLimits) -> _Answer | None:
    """R3: the change whose branch this was at that time, unless the call's HEAD says otherwise."""
    if call.repository is None or call.spelled is None or call.branch is None:
        return None
    since, until = call.at - limits.skew, call.at + limits.created_after
    alive = index.claims(call.repository, call.branch, ended_from=since, created_until=until)
    if call.spelled != call.repository:  # a fork's own `main`
        alive = chain(alive, index.claims(call.spelled, call.branch, ended_from=since, created_until=until))
    for claim in alive:
        evidence = claim.evidence(call.said.head)
        if evidence is not HeadEvidence.ELSEWHERE:
            return _Answer(
                Target(TargetKind.CHANGE, claim.change.id),
                Grade.A if evidence in _PROOF else Grade.B,
                f"branch {call.branch} of {_title(claim)}; {evidence.value}",
            )
    return None


_PROOF = frozenset({HeadEvidence.IN_CHANGE, HeadEvidence.BEFORE_FORK})


def _title(claim: Claim) -> str:
    return claim.change.id.removeprefix(claim.change.repository)


def _own_branch(call: _Call, index: FactsIndex, _limits: LinkingLimits) -> _Answer | None:
    """R9: a branch of its own without a change that fits."""
    if call.repository is None or call.branch is None or index.is_shared(call.repository, call.branch):
        return None
    target = Target.of_branch(call.repository, call.branch)
    return _Answer(target, Grade.U, index.branch_story(call.repository, call.branch, call.at))


def _shared_branch(call: _Call, _index: FactsIndex, _limits: LinkingLimits) -> _Answer | None:
    """R10: a branch that belongs to no one change."""
    if call.repository is None or call.branch is None:
        return None
    target = Target(TargetKind.DEFAULT, f"default:{call.repository}")
    return _Answer(target, Grade.U, f"{call.branch} is a shared branch")


def _nowhere(call: _Call, _index: FactsIndex, _limits: LinkingLimits) -> _Answer:
    """R11: no branch, or no repository."""
    if call.repository is None:
        return _Answer(Target(TargetKind.NO_REPO, "no-repo"), Grade.U, "the call names no repository")
    why = "HEAD was detached" if call.said.branch else "the call names no branch"
    return _Answer(Target(TargetKind.DETACHED, f"detached:{call.repository}"), Grade.U, why)


_RuleFunction = Callable[[_Call, FactsIndex, LinkingLimits], _Answer | None]

RULES: tuple[tuple[Rule, _RuleFunction], ...] = (
    (Rule.R2, _explicit_change),
    (Rule.R12, _out_of_scope),
    (Rule.R3, _tenure),
    (Rule.R9, _own_branch),
    (Rule.R10, _shared_branch),
    (Rule.R11, _nowhere),
)
