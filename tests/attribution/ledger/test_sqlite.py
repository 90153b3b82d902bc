"""The SQLite ledger over real files: what goes in comes out, once, whole and exact."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from attribution.ledger.base import (
    AllocatedSum,
    CallSpan,
    Dimension,
    Key,
    LedgerError,
    OtherCharge,
    PriceBookUse,
    Window,
)
from attribution.ledger.sqlite import SqliteLedger
from attribution.model import (
    Allocation,
    BranchHead,
    Charge,
    Grade,
    Invalidation,
    PriceStatus,
    RecordedCall,
    Rule,
    Target,
    TargetKind,
)
from proxy.call import BillingBasis, Outcome, Usage
from tests.factories import (
    NOON,
    REPOSITORY,
    UNPRICED,
    make_allocation,
    make_call,
    make_change,
    make_charge,
    make_facts,
    recorded_calls,
)

ALWAYS = Window()
PROPERTY = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@contextlib.contextmanager
def fresh_ledger() -> Iterator[SqliteLedger]:
    with tempfile.TemporaryDirectory() as directory, contextlib.closing(SqliteLedger(f"{directory}/l.db")) as opened:
        yield opened


# Calls ---------------------------------------------------------------------------------------------------------------


@PROPERTY
@given(recorded_calls())
def test_a_call_reads_back_equal(recorded: RecordedCall) -> None:
    with fresh_ledger() as ledger:
        ledger.record([recorded])
        assert ledger.call(recorded.call.call_id) == [recorded]


def _final(calls: list[RecordedCall]) -> dict[tuple[str, int], RecordedCall]:
    """What a ledger must hold after these: of each call and attempt the first of the highest revision."""
    kept: dict[tuple[str, int], RecordedCall] = {}
    for recorded in calls:
        key = (recorded.call.call_id, recorded.call.attempt)
        if key not in kept or recorded.revision > kept[key].revision:
            kept[key] = recorded
    return kept


@PROPERTY
@given(st.lists(recorded_calls(st.sampled_from(["a", "b", "c"])), max_size=8), st.data())
def test_recording_twice_or_in_any_order_gives_the_same_sums(calls: list[RecordedCall], data: st.DataObject) -> None:
    distinct = list({(row.call.call_id, row.call.attempt, row.revision): row for row in calls}.values())
    shuffled = data.draw(st.permutations([*distinct, *distinct]))
    expected = _final(distinct).values()
    with fresh_ledger() as ledger:
        for start in range(0, len(shuffled), 3):
            ledger.record(shuffled[start : start + 3])
        (row,) = ledger.spend([], ALWAYS)
        assert row.calls == len(expected)
        assert row.picodollars == ledger.total(ALWAYS) == sum(kept.charge.total or 0 for kept in expected)
        assert sum(amount for _, amount in row.components) == row.picodollars
        usages = [kept.attempt.metered.usage for kept in expected if kept.attempt.metered.usage]
        assert row.usage.input_tokens == sum(usage.input_tokens for usage in usages)
        assert sum(count for _, count in row.usage.other) == sum(count for usage in usages for _, count in usage.other)


def test_sums_are_exact_beyond_64_bits(ledger: SqliteLedger) -> None:
    largest = 2**63 - 1
    ledger.record([make_call(str(n), charge=make_charge(input=largest, output=0)) for n in range(5)])
    (row,) = ledger.spend([Dimension.TEAM], ALWAYS)
    assert row.picodollars == ledger.total(ALWAYS) == 5 * largest
    assert row.components == (("input", 5 * largest),)


def test_record_counts_new_and_amended_rows_only(ledger: SqliteLedger) -> None:
    first = make_call("a")
    assert ledger.record([first, make_call("b")]) == 2
    assert ledger.record([first, make_call("c")]) == 1
    assert ledger.record([replace(first, revision=1)]) == 1


def test_a_lower_revision_does_not_undo_an_amendment(ledger: SqliteLedger) -> None:
    amended = make_call("a", revision=2, charge=make_charge(input=5))
    ledger.record([amended])
    assert ledger.record([make_call("a", revision=1)]) == 0
    assert ledger.call("a") == [amended]


def test_attempts_of_a_call_are_rows_of_their_own(ledger: SqliteLedger) -> None:
    failed, retried = make_call("a", outcome=Outcome.ERROR), make_call("a", attempt=2)
    ledger.record([retried, failed])
    assert ledger.call("a") == [failed, retried]


def test_a_batch_and_its_checkpoint_are_stored_together(ledger: SqliteLedger, path: Path) -> None:
    assert ledger.checkpoint() is None
    ledger.record([make_call("a")], checkpoint="segment-1:10")
    with contextlib.closing(SqliteLedger(path)) as reopened:
        assert reopened.checkpoint() == "segment-1:10"


def test_a_refused_batch_leaves_neither_rows_nor_checkpoint(ledger: SqliteLedger) -> None:
    nameless = make_call("b")
    object.__setattr__(nameless, "stint", None)
    with pytest.raises(LedgerError, match="stint"):
        ledger.record([make_call("a"), nameless], checkpoint="segment-1:10")
    assert ledger.call("a") == []
    assert ledger.checkpoint() is None


def test_quantities_no_row_can_hold_leave_the_call_unpriced_and_say_so(ledger: SqliteLedger) -> None:
    absurd = make_call("a", usage=Usage(input_tokens=10**30), charge=make_charge(input=10**31))
    ledger.record([absurd, make_call("b")])
    (kept,) = ledger.call("a")
    assert kept.charge.status is PriceStatus.UNPRICED
    assert kept.attempt.metered.usage is None
    assert "1000000000000000000000000000000" in (kept.charge.reason or "")
    assert ledger.call("b") == [make_call("b")]


def test_text_that_is_no_unicode_does_not_stop_the_batch(ledger: SqliteLedger) -> None:
    odd = make_call("a", client_name="caf\udce9", client_retry_count=10**40)
    ledger.record([odd, make_call("b")])
    (kept,) = ledger.call("a")
    assert kept.call.client_name == "caf\\udce9"
    assert kept.charge == odd.charge


def test_calls_come_by_start_within_a_half_open_window(ledger: SqliteLedger) -> None:
    late, early = make_call("late", started_at=NOON + timedelta(hours=1)), make_call("early")
    ledger.record([late, early])
    assert [recorded for recorded, _ in ledger.calls(ALWAYS)] == [early, late]
    assert [recorded for recorded, _ in ledger.calls(Window(NOON, NOON + timedelta(hours=1)))] == [early]


# Spend ---------------------------------------------------------------------------------------------------------------


def test_spend_without_dimensions_is_one_row_even_of_an_empty_ledger(ledger: SqliteLedger) -> None:
    (row,) = ledger.spend([], ALWAYS)
    assert (row.calls, row.picodollars, row.group) == (0, 0, ())


def test_spend_counts_retries_failures_and_unpriced_calls(ledger: SqliteLedger) -> None:
    ledger.record(
        [
            make_call("a", outcome=Outcome.ERROR),
            make_call("a", attempt=2),
            make_call("b", client_retry_count=1, charge=UNPRICED),
            make_call("c", client_retry_count=0),
        ]
    )
    (row,) = ledger.spend([], ALWAYS)
    assert (row.calls, row.retries, row.failed, row.unpriced) == (4, 2, 1, 1)


def test_spend_groups_by_several_dimensions_largest_first(ledger: SqliteLedger) -> None:
    ledger.record(
        [
            make_call("a", stamp={"team": "small"}, charge=make_charge(input=1, output=0)),
            make_call("b", stamp={"team": "large"}, charge=make_charge(input=9, output=0)),
            make_call("c", stamp={"team": None}, charge=make_charge(input=5, output=0), response_model=None),
        ]
    )
    rows = ledger.spend([Dimension.TEAM, Dimension.MODEL], ALWAYS)
    assert [row.group for row in rows] == [
        ((Dimension.TEAM, "large"), (Dimension.MODEL, "gpt-5-2026-08-07")),
        ((Dimension.TEAM, None), (Dimension.MODEL, "gpt-5")),
        ((Dimension.TEAM, "small"), (Dimension.MODEL, "gpt-5-2026-08-07")),
    ]


@pytest.mark.parametrize(
    ("dimension", "in_utc", "in_auckland"),
    [
        (Dimension.DAY, "2026-11-30", "2026-12-01"),
        (Dimension.WEEK, "2026-W49", "2026-W49"),
        (Dimension.MONTH, "2026-11", "2026-12"),
    ],
)
def test_days_weeks_and_months_are_those_of_the_time_zone(
    ledger: SqliteLedger, dimension: Dimension, in_utc: str, in_auckland: str
) -> None:
    ledger.record([make_call("a", started_at=datetime(2026, 11, 30, 12, tzinfo=UTC))])
    assert ledger.spend([dimension], ALWAYS)[0].group == ((dimension, in_utc),)
    assert ledger.spend([dimension], ALWAYS, time_zone="Pacific/Auckland")[0].group == ((dimension, in_auckland),)


@pytest.mark.parametrize("dimension", list(Dimension))
def test_spend_by_any_dimension_sums_to_the_total(ledger: SqliteLedger, dimension: Dimension) -> None:
    ledger.record([make_call(str(n), started_at=NOON + timedelta(days=n), stamp={"team": str(n)}) for n in range(3)])
    assert sum(row.picodollars for row in ledger.spend([dimension], ALWAYS)) == ledger.total(ALWAYS) == 9_000_000


def test_plan_calls_stand_at_list_price_beside_the_dollars(ledger: SqliteLedger) -> None:
    plan = Charge(status=PriceStatus.PRICED, components=(("input", 70),), total=0, list_total=70)
    ledger.record([make_call("a", charge=plan, billing_basis=BillingBasis.PLAN), make_call("b")])
    (row,) = ledger.spend([], ALWAYS)
    assert (row.picodollars, row.list_picodollars) == (3_000_000, 70)
    assert sum(amount for _, amount in row.components) == row.picodollars


def test_known_components_of_unpriced_calls_are_no_part_of_the_dollars(ledger: SqliteLedger) -> None:
    half_known = Charge(status=PriceStatus.UNPRICED, components=(("input", 70), ("web_search", 5)), reason="no price")
    ledger.record([make_call("a", charge=half_known)])
    (row,) = ledger.spend([], ALWAYS)
    assert (row.picodollars, row.components, row.unpriced) == (0, (), 1)


def test_components_without_a_column_of_their_own_are_summed_too(ledger: SqliteLedger) -> None:
    usage = Usage(input_tokens=1, other=(("web_search", 2),))
    ledger.record([make_call(str(n), usage=usage, charge=make_charge(web_search=10**18)) for n in range(12)])
    (row,) = ledger.spend([Dimension.TEAM], ALWAYS)
    assert dict(row.components)["web_search"] == 12 * 10**18
    assert row.usage.other == (("web_search", 24),)


def test_price_books_are_listed_by_use(ledger: SqliteLedger) -> None:
    ledger.record([make_call("a"), make_call("b"), make_call("c", charge=UNPRICED)])
    assert ledger.price_books(ALWAYS) == [PriceBookUse(price_book="litellm", revision="0a1b2c3", calls=2)]


# Charges, allocations, facts, keys ------------------------------------------------------------------------------------


def test_total_holds_calls_and_charges_without_a_call(ledger: SqliteLedger) -> None:
    ledger.record([make_call("a")])
    seat = OtherCharge(id="seat", dated=NOON, is_adjustment=False, picodollars=10**19 // 2, description="a seat")
    credit = OtherCharge(id="credit", dated=NOON, is_adjustment=True, picodollars=-7, description="refund", call_id="a")
    ledger.add_other_charge(seat)
    ledger.add_other_charge(credit)
    assert ledger.total(ALWAYS) == 3_000_000 + 10**19 // 2 - 7
    assert ledger.other_charges(ALWAYS) == [credit, seat]
    assert ledger.other_charges(Window(until=NOON)) == []


def test_a_charge_is_added_once(ledger: SqliteLedger) -> None:
    seat = OtherCharge(id="seat", dated=NOON, is_adjustment=False, picodollars=5, description="a seat")
    ledger.add_other_charge(seat)
    with pytest.raises(LedgerError, match=r"other_charges\.id"):
        ledger.add_other_charge(seat)


CHANGE_7 = Target(TargetKind.CHANGE, f"{REPOSITORY}#7")


def test_replacing_allocations_leaves_none_of_the_old_ones(ledger: SqliteLedger) -> None:
    first, second = make_call("a"), make_call("b")
    ledger.record([first, second])
    assert ledger.replace_allocations([make_allocation(first), make_allocation(second)]) == 2
    assert ledger.replace_allocations(iter([make_allocation(first, CHANGE_7, rule=Rule.R3, grade=Grade.A)])) == 1
    assert [allocation for _, allocation in ledger.calls(ALWAYS)] == [
        make_allocation(first, CHANGE_7, rule=Rule.R3, grade=Grade.A),
        None,
    ]
    assert [row.call_id for row in ledger.allocation_inputs(ALWAYS, only_unallocated=True)] == ["b"]
    assert [recorded for recorded, _ in ledger.calls(ALWAYS, target=CHANGE_7)] == [first]


def test_allocations_may_be_computed_from_the_ledger_while_they_replace(ledger: SqliteLedger) -> None:
    calls = {name: make_call(name) for name in "abc"}
    ledger.record(list(calls.values()))
    inputs = ledger.allocation_inputs(ALWAYS, only_unallocated=True)
    assert ledger.replace_allocations(make_allocation(calls[row.call_id]) for row in inputs) == 3


def test_an_allocation_of_no_known_call_is_refused_and_the_old_ones_stay(ledger: SqliteLedger) -> None:
    recorded = make_call("a")
    ledger.record([recorded])
    ledger.replace_allocations([make_allocation(recorded)])
    with pytest.raises(LedgerError, match="contradicts"):
        ledger.replace_allocations([make_allocation(make_call("never recorded"))])
    assert ledger.allocated_sums(ALWAYS)[0].calls == 1


def test_the_recorder_is_not_kept_waiting_while_allocations_are_computed(ledger: SqliteLedger, path: Path) -> None:
    recorded = make_call("a")
    ledger.record([recorded])

    def slowly() -> Iterator[Allocation]:
        with contextlib.closing(SqliteLedger(path, busy_timeout_ms=0)) as recorder:
            recorder.record([make_call("b")])
        yield make_allocation(recorded)

    assert ledger.replace_allocations(slowly()) == 1
    assert ledger.call("b") == [make_call("b")]


def test_a_snapshot_allocates_what_is_new_and_stores_nothing(ledger: SqliteLedger) -> None:
    old, new = make_call("old"), make_call("new", charge=UNPRICED)
    ledger.record([old, new])
    ledger.replace_allocations([make_allocation(old, CHANGE_7, rule=Rule.R3, grade=Grade.A)])
    ledger.replace_facts(make_facts(make_change(7)))
    asked: list[str] = []

    def allocate(inputs, facts):
        for row in inputs:
            asked.append(row.call_id)
            yield make_allocation(new, Target(TargetKind.CHANGE, facts[0].changes[0].id), rule=Rule.R3, grade=Grade.B)

    with ledger.snapshot(ALWAYS, allocate):
        sums = {row.grade: row for row in ledger.allocated_sums(ALWAYS)}
        assert [row for row, _ in ledger.calls(ALWAYS, target=CHANGE_7)] == [new, old]
        assert all(allocation for _, allocation in ledger.calls(ALWAYS))
        assert ledger.changes_with_spend() == {CHANGE_7.id}
    assert asked == ["new"]
    assert sums[Grade.B] == AllocatedSum(
        target=CHANGE_7, rule=Rule.R3, grade=Grade.B, status=PriceStatus.UNPRICED, calls=1, picodollars=0
    )
    assert [row.calls for row in ledger.allocated_sums(ALWAYS)] == [1]


def test_the_first_and_the_last_call_of_each_target_are_known_within_a_window(ledger: SqliteLedger) -> None:
    calls = [make_call(f"call-{hour}", started_at=NOON + timedelta(hours=hour)) for hour in range(6)]
    branch, other = (Target.of_branch(REPOSITORY, name) for name in ("feature", "other"))
    targets = [branch, other, branch, CHANGE_7, branch, branch]
    ledger.record(calls)
    ledger.replace_allocations(make_allocation(*each) for each in zip(calls[:4], targets, strict=False))

    def allocate(inputs, facts):
        return [make_allocation(*each) for each in zip(calls[4:], targets[4:], strict=True)]

    until = Window(until=NOON + timedelta(hours=5))
    with ledger.snapshot(ALWAYS, allocate):
        assert ledger.call_spans(TargetKind.BRANCH, until) == [
            CallSpan(target=branch, first_call_at=NOON, last_call_at=NOON + timedelta(hours=4)),
            CallSpan(target=other, first_call_at=NOON + timedelta(hours=1), last_call_at=NOON + timedelta(hours=1)),
        ]
    stored = ledger.call_spans(TargetKind.BRANCH, until)
    assert stored[0].last_call_at == NOON + timedelta(hours=2)
    assert ledger.call_spans(TargetKind.DEFAULT, ALWAYS) == []


def test_a_snapshot_does_not_see_what_is_recorded_meanwhile(ledger: SqliteLedger, path: Path) -> None:
    with ledger.snapshot(), contextlib.closing(SqliteLedger(path)) as recorder:
        before = ledger.total(ALWAYS)
        recorder.record([make_call("a")])
        assert ledger.total(ALWAYS) == before == 0
    assert ledger.total(ALWAYS) == 3_000_000


def test_facts_read_back_equal_and_are_replaced_whole(ledger: SqliteLedger) -> None:
    facts = make_facts(
        make_change(7, commits=("b" * 40, "a" * 40), closed_at=None),
        make_change(8, merged_at=None, created_at=None, head_ref=None),
        aliases=("github.com/fork/shop",),
        invalidations=(
            Invalidation(
                change_id=f"{REPOSITORY}#7",
                signal="git_revert",
                invalidated_by="c" * 40,
                invalidated_at=NOON,
                detail="Revert",
            ),
        ),
        branches=(BranchHead("main", "d" * 40, NOON), BranchHead("feature", "a" * 40)),
        commits={"a" * 40: None, "d" * 40: 3},
    )
    other = make_facts(make_change(7, repository="github.com/acme/till"), repository="github.com/acme/till")
    ledger.replace_facts(facts)
    ledger.replace_facts(other)
    assert ledger.facts() == [facts, other]
    smaller = make_facts(make_change(9))
    ledger.replace_facts(smaller)
    assert ledger.facts() == [smaller, other]


def test_keys_are_listed_and_revoked_once(ledger: SqliteLedger) -> None:
    key = Key(id="key-1", secret_hash="ab" * 32, team="payments", actor=None, purpose="review", created_at=NOON)
    ledger.add_key(key)
    assert ledger.keys() == [key]
    assert ledger.revoke_key("key-1", NOON) is True
    assert ledger.revoke_key("key-1", NOON + timedelta(days=1)) is True
    assert ledger.keys() == [replace(key, revoked_at=NOON)]
    assert ledger.revoke_key("key-2", NOON) is False
