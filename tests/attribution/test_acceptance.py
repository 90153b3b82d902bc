from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attribution.acceptance import judge
from attribution.model import Change, ChangeKind, Invalidation, Verdict, VerdictState
from tests.factories import make_change

MERGED = datetime(2026, 10, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def change(**values) -> Change:
    return make_change(7, **{"created_at": MERGED - DAY, "merged_at": MERGED, **values})


def undone_after(days: float, *, change_id: str | None = None, by: str = "c" * 40) -> Invalidation:
    return Invalidation(
        change_id=change_id or change().id, signal="git_revert", invalidated_by=by, invalidated_at=MERGED + days * DAY
    )


def judged(days: float, *invalidations: Invalidation, survival_days: int = 30, **values) -> Verdict:
    """As of so many days after the merge."""
    return judge(change(**values), invalidations, as_of=MERGED + days * DAY, survival_days=survival_days)


@pytest.mark.parametrize(
    ("days", "undone", "state", "accepted"),
    [
        (0, None, VerdictState.SEASONING, None),
        (29.99, None, VerdictState.SEASONING, None),
        (30, None, VerdictState.ACCEPTED, True),
        (400, None, VerdictState.ACCEPTED, True),
        (10, 10, VerdictState.REJECTED, False),
        (400, 30, VerdictState.REJECTED, False),
        (400, 30.01, VerdictState.ACCEPTED, True),
        (9, 10, VerdictState.SEASONING, None),
    ],
)
def test_a_merged_change_is_judged_by_its_own_window(days, undone, state, accepted) -> None:
    verdict = judged(days, *([] if undone is None else [undone_after(undone)]))
    assert (verdict.state, verdict.accepted) == (state, accepted)


def test_a_rejected_change_says_by_what_and_when() -> None:
    verdict = judged(400, undone_after(12, by="d" * 40), undone_after(4.5))
    assert (verdict.signal, verdict.invalidated_by, verdict.days_to_invalidation) == ("git_revert", "c" * 40, 4.5)


def test_the_survival_window_is_a_setting() -> None:
    assert judged(20, survival_days=14).accepted
    assert judged(80, undone_after(70), survival_days=90).accepted is False


def test_before_its_merge_a_change_is_open_and_after_its_close_closed() -> None:
    assert judged(-0.5).state is VerdictState.OPEN
    assert judged(-0.5).accepted is None
    closed = judged(1, merged_at=None, closed_at=MERGED)
    assert (closed.state, closed.accepted) == (VerdictState.CLOSED, False)
    assert judged(-1, merged_at=None, closed_at=MERGED).state is VerdictState.OPEN


def test_a_change_merged_elsewhere_is_never_accepted() -> None:
    verdict = judged(400, to_production=False)
    assert (verdict.state, verdict.accepted) == (VerdictState.MERGED_ELSEWHERE, False)
    assert judged(-1, to_production=False).state is VerdictState.OPEN


@pytest.mark.parametrize(
    ("days", "invalidations", "accepted"), [(1, (), None), (40, (), True), (40, (undone_after(3),), False)]
)
def test_a_revert_stays_a_revert_and_is_judged_for_itself(days, invalidations, accepted) -> None:
    verdict = judged(days, *invalidations, kind=ChangeKind.REVERT)
    assert (verdict.state, verdict.accepted) == (VerdictState.REVERT, accepted)


def test_what_undid_another_change_says_nothing_of_this_one() -> None:
    assert judged(40, undone_after(1, change_id="github.com/acme/shop#8")).accepted


def test_clocks_that_disagree_do_not_make_a_revert_come_first() -> None:
    assert judged(40, undone_after(-0.1)).days_to_invalidation == 0.0
    assert judged(40, undone_after(-0.1)).accepted is False


days = st.floats(0, 200)


@given(st.lists(days), days, days, st.integers(14, 90))
def test_a_verdict_once_final_never_changes(undone, first, second, survival_days) -> None:
    early, late = sorted((first, second))
    rows = [undone_after(day) for day in undone]
    before, after = (judged(day, *rows, survival_days=survival_days) for day in (early, late))
    assert before.accepted is None or before.accepted == after.accepted


@given(st.lists(days), days, st.integers(14, 90), st.randoms())
def test_the_order_of_signals_and_those_not_yet_known_do_not_matter(undone, day, survival_days, random) -> None:
    rows = [undone_after(at, by=f"{place:040x}") for place, at in enumerate(undone)]
    verdict = judged(day, *rows, survival_days=survival_days)
    shuffled = [row for row in rows if row.invalidated_at <= MERGED + day * DAY]
    random.shuffle(shuffled)
    assert judged(day, *shuffled, survival_days=survival_days) == verdict
