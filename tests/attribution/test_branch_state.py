"""What became of a branch without a change: by calls, commits, landings and ends of changes, as of an instant."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attribution.branch_state import BranchHistory, BranchLimits, BranchState, branch_standings, branch_state
from attribution.ledger.base import CallSpan
from attribution.model import BranchHead, Change, RepositoryFacts, Target
from attribution.tenure import FactsIndex
from tests.factories import REPOSITORY, make_change, make_facts

T0 = datetime(2026, 10, 1, 12, tzinfo=UTC)
LIMITS = BranchLimits()
IN_PROGRESS, ABANDONED, LANDED, AFTER = (
    BranchState.IN_PROGRESS,
    BranchState.ABANDONED,
    BranchState.LANDED,
    BranchState.AFTER_LAST_CHANGE,
)


def day(count: float) -> datetime:
    return T0 + timedelta(days=count)


def history(
    *,
    calls: tuple[float, ...] = (),
    committed: float | None = None,
    landed: float | None = None,
    ended: tuple[float, ...] = (),
) -> BranchHistory:
    return BranchHistory(
        first_call_at=day(min(calls)) if calls else None,
        last_call_at=day(max(calls)) if calls else None,
        committed_at=None if committed is None else day(committed),
        landed_at=None if landed is None else day(landed),
        changes_ended_at=tuple(day(each) for each in ended),
    )


SECOND = 1 / 86_400


@pytest.mark.parametrize(
    ("known", "as_of", "state"),
    [
        # idle: neither a call nor a commit for 14 days
        (history(calls=(0, 2)), 15.999, IN_PROGRESS),
        (history(calls=(0, 2)), 16, ABANDONED),
        (history(calls=(0, 2), committed=5), 18.999, IN_PROGRESS),
        (history(calls=(0, 2), committed=5), 19, ABANDONED),
        (history(calls=(0, 2), committed=17), 16, ABANDONED),  # that commit is not known yet
        (history(calls=(0, 2), committed=17), 17, IN_PROGRESS),
        (history(), 400, IN_PROGRESS),  # every call is later: nothing speaks of its end
        # landed: the head was made after the work had begun, and is on production
        (history(calls=(0, 2), committed=3, landed=3), 2.5, IN_PROGRESS),
        (history(calls=(0, 2), committed=3, landed=3), 3, LANDED),
        (history(calls=(0, 2), committed=3, landed=3), 400, LANDED),
        (history(calls=(0, 9), committed=3, landed=3), 9, LANDED),  # goes on after its landing
        (history(calls=(0, 2), committed=1, landed=20), 14, IN_PROGRESS),
        (history(calls=(0, 2), committed=1, landed=20), 16, ABANDONED),
        (history(calls=(0, 2), committed=1, landed=20), 20, LANDED),
        (history(calls=(0,), committed=-120 * SECOND, landed=0), 1, LANDED),
        # parked: the head was there before the work, and is no sign of life either
        (history(calls=(0,), committed=-121 * SECOND, landed=0), 1, IN_PROGRESS),
        (history(calls=(0, 2), committed=-1, landed=-1), 16, ABANDONED),
        # its last change ended before its last call
        (history(calls=(0, 9), ended=(8,)), 9, AFTER),
        (history(calls=(0, 9), ended=(8,)), 400, AFTER),
        (history(calls=(9,), ended=(2, 8)), 9, AFTER),
        (history(calls=(0, 8 + 120 * SECOND), ended=(8,)), 10, IN_PROGRESS),
        (history(calls=(0, 8 + 121 * SECOND), ended=(8,)), 10, AFTER),
        (history(calls=(0, 7), ended=(8,)), 10, IN_PROGRESS),
        (history(calls=(0, 7), ended=(8,)), 21, ABANDONED),
        (history(calls=(0, 9), ended=(8, 30)), 20, AFTER),
        (history(calls=(0, 9), committed=10, landed=10, ended=(8,)), 20, LANDED),
    ],
)
def test_a_branch_is_what_was_known_of_it_at_that_instant(
    known: BranchHistory, as_of: float, state: BranchState
) -> None:
    assert branch_state(known, as_of=day(as_of), limits=LIMITS) is state


def test_the_days_until_abandonment_are_a_setting() -> None:
    known = history(calls=(0,))
    assert branch_state(known, as_of=day(3), limits=BranchLimits(abandoned_after=timedelta(days=3))) is ABANDONED


def test_dates_at_the_ends_of_time_are_only_dates() -> None:
    last = datetime.max.replace(tzinfo=UTC)
    known = BranchHistory(
        first_call_at=T0, last_call_at=last, committed_at=last, landed_at=last, changes_ended_at=(T0,)
    )
    assert branch_state(known, as_of=last, limits=LIMITS) is LANDED
    assert branch_state(known, as_of=T0, limits=LIMITS) is AFTER


DAYS = st.integers(0, 60)
HISTORIES = st.builds(
    history,
    calls=st.lists(DAYS, max_size=3).map(tuple),
    committed=st.none() | DAYS,
    landed=st.none() | DAYS,
    ended=st.lists(DAYS, max_size=2).map(tuple),
)


@given(HISTORIES, DAYS, DAYS)
def test_what_is_learned_after_an_instant_does_not_change_what_was_true_at_it(known, as_of, later) -> None:
    before = branch_state(known, as_of=day(as_of), limits=LIMITS)
    news = day(as_of + later + 1)
    more = replace(known, landed_at=known.landed_at or news, changes_ended_at=(*known.changes_ended_at, news))
    assert branch_state(more, as_of=day(as_of), limits=LIMITS) is before


# From facts ----------------------------------------------------------------------------------------------------------

LINE = tuple(f"{place:02x}" + "a" * 38 for place in range(4))  # production's first-parent line
OWN, BROUGHT = "c" * 40, "d" * 40  # a commit that is not on production; one that the landing at 2 brought


def landing(place: int, *, branch: str | None = None, owner: str = REPOSITORY) -> Change:
    """The change landed at a place of the line, a day each: a pull request of that branch, or a plain commit."""
    change = make_change(
        place,
        head_ref=branch,
        head_repository=owner,
        landing_sha=LINE[place],
        created_at=day(place),
        merged_at=day(place),
    )
    return change if branch else replace(change, number=None, id=f"{REPOSITORY}@{LINE[place]}")


def standing(facts: RepositoryFacts | None, *, calls: tuple[float, ...], as_of: float) -> BranchState:
    target = Target.of_branch(REPOSITORY, "topic")
    known = [facts] if facts else []
    found = branch_standings(
        [target],
        [CallSpan(target=target, first_call_at=day(min(calls)), last_call_at=day(max(calls)))] if calls else [],
        known,
        FactsIndex(known, shared_branches=(), default_branches=("main",)),
        as_of=day(as_of),
        limits=LIMITS,
    )
    assert found[target.id].last_call_at == (day(max(calls)) if calls else None)
    return found[target.id].state


def clone(*changes: Change, head: str | None = None, committed: float | None = None) -> RepositoryFacts:
    positions: dict[str, int | None] = {sha: place for place, sha in enumerate(LINE)}
    heads = [] if head is None else [BranchHead("topic", head, None if committed is None else day(committed))]
    return make_facts(*changes, branches=tuple(heads), commits={**positions, OWN: None, BROUGHT: 2})


PLAIN = tuple(landing(place) for place in range(4))
OTHERS = landing(2, branch="others")


@pytest.mark.parametrize(
    ("facts", "state"),
    [
        (None, ABANDONED),
        (clone(*PLAIN), ABANDONED),  # gone from the clone
        (clone(*PLAIN, head=OWN, committed=15), IN_PROGRESS),
        (clone(*PLAIN, head=OWN), ABANDONED),  # read by a version that did not keep dates
        (clone(*PLAIN, head=LINE[2], committed=2), LANDED),  # pushed straight to production
        (clone(*PLAIN, head=LINE[0], committed=0), ABANDONED),  # never committed to
        (clone(PLAIN[0], OTHERS, head=BROUGHT, committed=1.5), LANDED),  # inside somebody else's landing
        (clone(PLAIN[0], OTHERS, head=LINE[2], committed=2), ABANDONED),  # pulled somebody else's landing
        (clone(head=LINE[2], committed=2), LANDED),  # facts that know no change of that landing
        (clone(landing(2, branch="topic"), head=BROUGHT, committed=1.5), ABANDONED),  # by a change of its own
    ],
)
def test_a_branch_is_judged_by_its_head_in_the_clone(facts: RepositoryFacts | None, state: BranchState) -> None:
    assert standing(facts, calls=(1,), as_of=20) is state


def test_a_call_after_the_last_change_of_the_branch_says_so() -> None:
    facts = clone(landing(2, branch="topic"))
    assert standing(facts, calls=(1, 2.5), as_of=20) is AFTER
    assert standing(facts, calls=(1,), as_of=1.5) is IN_PROGRESS


def test_a_fork_has_branches_of_its_own() -> None:
    facts = clone(landing(2, branch="topic", owner="github.com/bob/shop"))
    assert standing(facts, calls=(2.5,), as_of=3) is IN_PROGRESS


@given(st.text(st.characters(exclude_characters=":"), max_size=9), st.text(max_size=9))
def test_a_branch_target_gives_back_what_it_was_made_of(repository: str, branch: str) -> None:
    assert Target.of_branch(repository, branch).repository_and_branch == (repository, branch)
