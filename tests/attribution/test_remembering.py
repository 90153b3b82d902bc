"""What a clone has shown once stays known: a deleted branch still belongs to the change it became."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from attribution.changes.git import GitChanges
from attribution.ledger.base import Window
from attribution.ledger.sqlite import SqliteLedger
from attribution.linking import LinkingLimits, allocate
from attribution.model import Rule
from attribution.remembering import remember
from attribution.sync import synchronise
from proxy.clock import SystemClock
from tests.factories import NOON, make_call, make_change, make_facts
from tests.gitrepo import START, GitRepo

HOUR = timedelta(hours=1)


def test_the_first_reading_is_taken_as_it_is():
    facts = make_facts(make_change())
    assert remember(None, facts) is facts


def test_a_head_ref_that_is_no_longer_to_be_seen_is_kept_with_its_commits():
    change = make_change()
    known = replace(
        change, head_ref="feature", fork_point="f" * 40, commits=("a" * 40, "b" * 40), created_at=NOON - HOUR
    )
    fresh = replace(change, head_ref=None, fork_point=None, commits=("b" * 40,), created_at=NOON)
    (kept,) = remember(make_facts(known), make_facts(fresh)).changes
    assert (kept.head_ref, kept.fork_point, kept.created_at) == ("feature", "f" * 40, NOON - HOUR)
    assert set(kept.commits) == {"a" * 40, "b" * 40}


def test_what_the_new_reading_sees_wins():
    known = replace(make_change(), head_ref="old", title="Old")
    fresh = replace(make_change(), head_ref="new", title="New")
    (kept,) = remember(make_facts(known), make_facts(fresh)).changes
    assert (kept.head_ref, kept.title) == ("new", "New")


def test_a_change_that_left_the_history_is_not_kept():
    assert remember(make_facts(make_change()), make_facts()).changes == ()


def test_a_commit_the_clone_lost_is_known_and_no_longer_on_production():
    known = replace(make_facts(), commits={"a" * 40: 3, "b" * 40: 4})
    fresh = replace(make_facts(), commits={"b" * 40: 1})
    assert dict(remember(known, fresh).commits) == {"a" * 40: None, "b" * 40: 1}


def test_remembering_twice_changes_nothing():
    known = make_facts(replace(make_change(), head_ref="feature"))
    fresh = make_facts(replace(make_change(), head_ref=None))
    once = remember(known, fresh)
    assert remember(once, fresh) == once


def test_calls_on_a_squashed_branch_stay_with_its_change_when_the_branch_is_deleted(tmp_path):
    repo = GitRepo(tmp_path / "repo")
    repo.commit("start")
    repo.branch("feature")
    head = repo.commit("work", {"b": 30})
    repo.squash("feature", "Add b (#7)")
    ledger = SqliteLedger(tmp_path / "ledger.db")
    ledger.record([make_call(started_at=START, stamp={"head": head})])

    def sync() -> list[tuple[Rule, str]]:
        synchronise(
            ledger,
            GitChanges(path=repo.path),
            lambda inputs, facts: allocate(inputs, facts, LinkingLimits()),
            now=SystemClock().now(),
        )
        return [(row.rule, row.target.id) for _, row in ledger.calls(Window()) if row is not None]

    assert sync() == [(Rule.R3, "github.com/acme/shop#7")]
    repo.git("branch", "-q", "-D", "feature")
    assert sync() == [(Rule.R3, "github.com/acme/shop#7")]
    ledger.close()
