from __future__ import annotations

from pathlib import Path

import pytest

from attribution.commands.changes import changes
from attribution.commands.sync import sync
from attribution.errors import UserError
from tests.gitrepo import GitRepo


@pytest.fixture
def repo(tmp_path: Path) -> GitRepo:
    """Pull request 7 of branch `feature`, merged after the calls of the ledger were made, and its revert."""
    repo = GitRepo(tmp_path / "shop")
    repo.commit("Start")
    repo.pass_days(43)
    repo.branch("feature")
    repo.commit("Refunds", {"refunds.py": 600})
    repo.pass_days(3)
    landing = repo.merge("feature", "Merge pull request #7 from acme/feature\n\nAdd refunds", delete=True)
    repo.pass_days(3)
    repo.revert(landing, "-m", "1")
    return repo


def test_sync_says_what_it_found_and_where_calls_went(run_json, repo: GitRepo) -> None:
    answer = run_json(sync, "--repo", str(repo.path), "--json")
    assert (answer["repository"], answer["production_branch"]) == ("github.com/acme/shop", "main")
    assert (answer["changes"], answer["merged"], answer["reverts"], answer["undone"]) == (3, 3, 1, 1)
    assert answer["calls"] == sum(answer["calls_by_rule"].values()) == 8
    assert answer["calls_by_rule"] == {"R3": 4, "R9": 3, "R11": 1}


def test_a_summary_for_people_is_short_and_plain(run, repo: GitRepo) -> None:
    result = run(sync, "--repo", str(repo.path))
    assert result.stdout.splitlines() == [
        "github.com/acme/shop, branch main",
        "3 changes: 3 merged, 1 of them undone, 1 of them reverts",
        "8 calls allocated: R3 4, R9 3, R11 1",
    ]


def test_changes_shows_what_sync_found(run, run_json, repo: GitRepo) -> None:
    run(sync, "--repo", str(repo.path))
    (found,) = [
        row
        for row in run_json(changes, "--rejected", "--json", "--as-of", "2026-12-01")["changes"]
        if row["number"] == 7
    ]
    assert (found["title"], found["units"], found["lines_changed"], found["state"]) == (
        "Add refunds",
        2,
        600,
        "rejected",
    )
    assert found["calls"] == 4


def test_a_directory_that_is_no_repository_is_refused_by_name(run, tmp_path: Path) -> None:
    result = run(sync, "--repo", str(tmp_path))
    assert isinstance(result.exception, UserError)
    assert str(tmp_path) in str(result.exception)
    assert "--repo" in str(result.exception)


def test_a_name_can_be_given(run_json, repo: GitRepo) -> None:
    assert run_json(sync, "--repo", str(repo.path), "--name", "acme/till", "--json")["repository"] == (
        "github.com/acme/till"
    )
