"""The statement: every dollar in one line, units beside them, verdicts moving dollars only between lines."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attribution.branch_state import BranchStanding, BranchState
from attribution.errors import UserError
from attribution.ledger.base import AllocatedSum, OtherCharge, Window
from attribution.model import (
    Category,
    Change,
    Grade,
    PriceStatus,
    Rule,
    Target,
    TargetKind,
    Verdict,
    VerdictState,
)
from attribution.statement import Books, BranchLine, Statement, StatementError, StatementLine, category_of, statement_of
from tests.factories import NOON, REPOSITORY, make_change

OCTOBER = Window(datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC))


def row(target: Target, picodollars: int, **values: object) -> AllocatedSum:
    return AllocatedSum(
        target=target,
        picodollars=picodollars,
        **{"rule": Rule.R3, "grade": Grade.A, "status": PriceStatus.PRICED, "calls": 1, **values},  # type: ignore[arg-type]
    )


def on(change: Change) -> Target:
    return Target(TargetKind.CHANGE, change.id)


def verdicts(states: Mapping[Change, VerdictState]) -> dict[str, Verdict]:
    return {change.id: Verdict(change_id=change.id, state=state, accepted=None) for change, state in states.items()}


def books(
    *sums: AllocatedSum, states: Mapping[Change, VerdictState] | None = None, charges: tuple[OtherCharge, ...] = ()
) -> Books:
    states = states or {}
    total = sum(each.picodollars for each in sums) + sum(each.picodollars for each in charges)
    return Books(
        window=OCTOBER,
        sums=sums,
        charges=charges,
        changes=tuple(states),
        verdicts=verdicts(states),
        branches={
            each.target.id: BranchStanding(BranchState.ABANDONED, NOON)
            for each in sums
            if each.target.kind is TargetKind.BRANCH
        },
        changes_with_spend=frozenset(each.target.id for each in sums),
        total_picodollars=total,
    )


def october(of: Books) -> Statement:
    return statement_of(of, month="2026-10", time_zone="UTC", as_of=NOON)


def line(answer: Statement, category: Category) -> StatementLine:
    return next(each for each in answer.lines if each.category is category)


NO_REPO = Target(TargetKind.NO_REPO, "no-repo")
STATES = st.sampled_from(VerdictState)
AMOUNTS = st.integers(0, 2**70)


@given(
    st.lists(
        st.tuples(
            st.integers(1, 9) | st.sampled_from([kind for kind in TargetKind if kind is not TargetKind.CHANGE]),
            st.sampled_from(Grade),
            st.sampled_from(PriceStatus),
            AMOUNTS,
        )
    ),
    st.lists(STATES, min_size=9, max_size=9),
    st.lists(st.tuples(st.booleans(), st.integers(-(2**70), 2**70))),
)
def test_lines_sum_to_the_total_and_grades_to_their_line_in_any_world(sums, states, charged) -> None:
    changes = {make_change(number): state for number, state in enumerate(states, start=1)}
    rows = [
        row(
            Target(target, target.value) if isinstance(target, TargetKind) else on(make_change(target)),
            amount,
            grade=grade,
            status=status,
        )
        for target, grade, status, amount in sums
    ]
    charges = tuple(
        OtherCharge(id=str(n), dated=NOON, is_adjustment=adjustment, picodollars=amount, description="")
        for n, (adjustment, amount) in enumerate(charged)
    )
    answer = october(books(*rows, states=changes, charges=charges))
    assert [each.category for each in answer.lines] == list(Category)
    assert sum(each.picodollars for each in answer.lines) == answer.total_picodollars
    assert answer.calls == len(rows)
    for each in answer.lines:
        if each.category not in (Category.NO_CALL, Category.ADJUSTMENT):
            assert sum(amount for _, amount in each.grades) == each.picodollars


def test_a_ledger_that_holds_more_than_the_lines_stops_the_statement() -> None:
    whole = books(row(NO_REPO, 5))
    short = Books(
        window=OCTOBER,
        sums=(),
        charges=(),
        changes=(),
        verdicts={},
        branches={},
        changes_with_spend=frozenset(),
        total_picodollars=whole.total_picodollars,
    )
    with pytest.raises(StatementError, match="sum to 0 picodollars but the ledger to 5") as raised:
        october(short)
    assert raised.value.exit_code == 3


@pytest.mark.parametrize("state", VerdictState)
def test_a_change_stands_in_the_line_of_its_verdict(state: VerdictState) -> None:
    change = make_change()
    assert category_of(on(change), verdicts({change: state})).value == state.value


@pytest.mark.parametrize("kind", [kind for kind in TargetKind if kind is not TargetKind.CHANGE])
def test_what_is_no_change_stands_in_the_line_of_its_kind(kind: TargetKind) -> None:
    assert category_of(Target(kind, "x"), {}).value == kind.value


def test_an_allocation_to_a_change_nobody_knows_asks_for_a_sync() -> None:
    with pytest.raises(UserError, match=rf"{REPOSITORY}#7, which is not known any more; run `mergecost sync`"):
        category_of(on(make_change(7)), {})


@given(
    st.lists(
        st.tuples(
            st.sampled_from([Target.of_branch(REPOSITORY, "a"), Target.of_branch("local/b", "b"), NO_REPO]),
            st.sampled_from(PriceStatus),
            st.integers(1, 9),
            AMOUNTS,
        )
    )
)
def test_branches_sum_to_the_line_of_branches_in_dollars_and_calls(sums) -> None:
    rows = [row(target, amount, status=status, calls=calls) for target, status, calls, amount in sums]
    answer = october(books(*rows))
    whole = line(answer, Category.BRANCH)
    assert sum(each.picodollars for each in answer.branches) == whole.picodollars
    assert sum(each.calls for each in answer.branches) == whole.calls
    assert sum(each.unpriced for each in answer.branches) == whole.unpriced
    assert len({(each.repository, each.branch) for each in answer.branches}) == len(answer.branches)
    assert [each.picodollars for each in answer.branches] == sorted(
        (each.picodollars for each in answer.branches), reverse=True
    )


def test_a_branch_has_its_name_its_state_and_its_last_call() -> None:
    answer = october(books(row(Target.of_branch(REPOSITORY, "spike/graph"), 5, calls=2)))
    assert answer.branches == (
        BranchLine(
            repository=REPOSITORY,
            branch="spike/graph",
            state=BranchState.ABANDONED,
            picodollars=5,
            calls=2,
            unpriced=0,
            last_call_at=NOON,
        ),
    )


def test_adjustments_and_charges_without_a_call_have_lines_of_their_own() -> None:
    seat = OtherCharge(id="seat", dated=NOON, is_adjustment=False, picodollars=50, description="")
    credit = OtherCharge(id="credit", dated=NOON, is_adjustment=True, picodollars=-20, description="")
    answer = october(books(charges=(seat, credit)))
    assert line(answer, Category.NO_CALL).picodollars == 50
    assert line(answer, Category.ADJUSTMENT).picodollars == -20
    assert answer.total_picodollars == 30


def test_unpriced_calls_are_counted_beside_the_dollars() -> None:
    answer = october(books(row(NO_REPO, 5), row(NO_REPO, 0, status=PriceStatus.UNPRICED, calls=3)))
    assert (answer.unpriced, answer.calls, answer.total_picodollars) == (3, 4, 5)


def test_cost_per_accepted_unit_keeps_the_cost_of_all_other_work_in_it() -> None:
    good, bad = make_change(1, units=3), make_change(2)
    states = {good: VerdictState.ACCEPTED, bad: VerdictState.REJECTED}
    answer = october(books(row(on(good), 10**12), row(on(bad), 10**12), row(NO_REPO, 1), states=states))
    assert answer.cost_per_accepted_unit == Decimal("0.666666666667")
    assert (answer.work.accepted_units, answer.work.rejected, answer.work.survival_rate) == (3, 1, Decimal("0.5"))


def test_without_accepted_units_there_is_no_cost_per_unit_and_no_survival_rate() -> None:
    answer = october(books(row(NO_REPO, 5), states={make_change(): VerdictState.SEASONING}))
    assert answer.cost_per_accepted_unit is None
    assert answer.work.survival_rate is None
    assert answer.provisional


def test_only_changes_merged_to_production_in_the_window_count_and_reverts_do_not() -> None:
    states = {
        make_change(1, merged_at=OCTOBER.since): VerdictState.ACCEPTED,
        make_change(2, merged_at=OCTOBER.until): VerdictState.ACCEPTED,
        make_change(3, merged_at=datetime(2026, 9, 30, tzinfo=UTC)): VerdictState.ACCEPTED,
        make_change(4): VerdictState.REVERT,
        make_change(5): VerdictState.MERGED_ELSEWHERE,
        make_change(6, merged_at=None): VerdictState.OPEN,
    }
    work = october(books(states=states)).work
    assert (work.merged, work.accepted_units) == (1, 1)


def test_merged_changes_nothing_was_spent_on_are_listed() -> None:
    paid, unpaid = make_change(1), make_change(2)
    states = {paid: VerdictState.ACCEPTED, unpaid: VerdictState.SEASONING}
    answer = october(books(row(on(paid), 5), states=states))
    assert answer.work.without_spend == (unpaid.id,)


@pytest.mark.parametrize(
    ("units", "warning"), [(24, "fewer than 25 are noise"), (25, "a trend only"), (99, "a trend only"), (100, None)]
)
def test_a_small_sample_is_said(units: int, warning: str | None) -> None:
    answer = october(books(states={make_change(units=units): VerdictState.ACCEPTED}))
    assert (warning is None) if answer.sample_warning is None else (warning or "?") in answer.sample_warning


def test_shares_are_none_where_nothing_was_spent() -> None:
    assert {each.share for each in october(books()).lines} == {None}
