"""The demo's repository: the same commits wherever and whenever it is made."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from attribution.demo.repository import Repository

AT = datetime(2026, 9, 1, 12, tzinfo=UTC)


def made(path: Path) -> Repository:
    repository = Repository(path, remote="git@github.com:acme/storefront.git")
    repository.commit(AT, "main", "First", {"README.md": 3})
    repository.start("fix/it")
    repository.commit(AT + timedelta(hours=1), "fix/it", "Fix it", {"src/it.py": 2})
    return repository


def test_the_same_story_gives_the_same_commits(tmp_path: Path) -> None:
    first, second = made(tmp_path / "a"), made(tmp_path / "b")
    assert first.head("fix/it") == second.head("fix/it")
    merged = [repository.merge(AT + timedelta(hours=2), "fix/it", "Merge") for repository in (first, second)]
    assert merged[0] == merged[1] == first.head("main")


def test_a_squash_lands_on_main_without_the_branch(tmp_path: Path) -> None:
    repository = made(tmp_path / "a")
    landed = repository.squash(AT + timedelta(hours=2), "fix/it", "Fix it (#1)")
    assert landed == repository.head("main") != repository.head("fix/it")
    assert (repository.path / "src" / "it.py").exists()


def test_a_revert_takes_the_change_away(tmp_path: Path) -> None:
    repository = made(tmp_path / "a")
    landed = repository.squash(AT + timedelta(hours=2), "fix/it", "Fix it (#1)")
    repository.start("revert-1-fix/it")
    repository.revert(AT + timedelta(hours=3), "revert-1-fix/it", landed)
    assert not (repository.path / "src" / "it.py").exists()
