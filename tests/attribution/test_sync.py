from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from attribution.books import allocator
from attribution.changes.git import GitChanges
from attribution.errors import UserError
from attribution.ledger.base import Window
from attribution.ledger.sqlite import SqliteLedger
from attribution.model import RepositoryFacts, Rule
from attribution.settings import Settings
from attribution.sync import SyncReport, synchronise
from tests.factories import NOON, make_call, make_change, make_facts

NOW = datetime(2026, 12, 1, tzinfo=UTC)
ALLOCATE = allocator(Settings())


@dataclass(frozen=True)
class Known:
    """A source that already knows."""

    facts: RepositoryFacts

    def read(self, *, now: datetime) -> RepositoryFacts:
        return self.facts


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[SqliteLedger]:
    """Two calls: on branch `feature` and on branch `spike`."""
    with closing(SqliteLedger(tmp_path / "ledger.db")) as opened:
        opened.record([make_call("one"), make_call("two", stamp={"branch": "spike"})])
        yield opened


def allocations(ledger: SqliteLedger) -> dict[str, str | None]:
    return {
        recorded.call.call_id: allocation.target.id if allocation else None
        for recorded, allocation in ledger.calls(Window())
    }


def test_a_sync_stores_the_changes_and_allocates_every_call(ledger: SqliteLedger) -> None:
    report = synchronise(ledger, Known(make_facts(make_change(7))), ALLOCATE, now=NOW)
    assert report == SyncReport(
        repository="github.com/acme/shop",
        aliases=(),
        production_branch="main",
        read_at=NOON,
        changes=1,
        merged=1,
        reverts=0,
        undone=0,
        calls=2,
        calls_by_rule=((Rule.R3, 1), (Rule.R9, 1)),
    )
    assert allocations(ledger) == {"one": "github.com/acme/shop#7", "two": "branch:github.com/acme/shop:spike"}


def test_a_second_sync_changes_nothing(ledger: SqliteLedger) -> None:
    source = Known(make_facts(make_change(7)))
    first = synchronise(ledger, source, ALLOCATE, now=NOW), allocations(ledger), ledger.facts()
    assert (synchronise(ledger, source, ALLOCATE, now=NOW), allocations(ledger), ledger.facts()) == first


def test_calls_follow_what_is_learned_and_nothing_outlives_what_is_forgotten(ledger: SqliteLedger) -> None:
    synchronise(ledger, Known(make_facts(make_change(7))), ALLOCATE, now=NOW)
    synchronise(ledger, Known(make_facts(make_change(8, head_ref="spike"))), ALLOCATE, now=NOW)
    assert allocations(ledger) == {"one": "branch:github.com/acme/shop:feature", "two": "github.com/acme/shop#8"}


def test_another_repository_leaves_what_is_known_of_the_first(ledger: SqliteLedger) -> None:
    synchronise(ledger, Known(make_facts(make_change(7))), ALLOCATE, now=NOW)
    synchronise(ledger, Known(make_facts(repository="github.com/acme/lab")), ALLOCATE, now=NOW)
    assert allocations(ledger)["one"] == "github.com/acme/shop#7"


def test_a_source_that_cannot_be_read_leaves_the_last_good_state(ledger: SqliteLedger, tmp_path: Path) -> None:
    synchronise(ledger, Known(make_facts(make_change(7))), ALLOCATE, now=NOW)
    before = allocations(ledger), ledger.facts()
    with pytest.raises(UserError, match="not a git repository"):
        synchronise(ledger, GitChanges(path=tmp_path), ALLOCATE, now=NOW)
    assert (allocations(ledger), ledger.facts()) == before


def test_someone_who_waits_hears_what_is_being_done(ledger: SqliteLedger) -> None:
    heard: list[str] = []
    synchronise(ledger, Known(make_facts(make_change(7))), ALLOCATE, now=NOW, told=heard.append)
    assert heard == ["reading the repository", "storing 1 changes of github.com/acme/shop", "allocating calls"]
