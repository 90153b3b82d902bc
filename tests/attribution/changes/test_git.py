from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from attribution.changes.git import GitChanges
from attribution.errors import UserError
from attribution.model import BranchHead, Change, ChangeKind, RepositoryFacts
from tests.gitrepo import START, GitRepo

NOW = datetime(2026, 12, 1, tzinfo=UTC)
NAME = "github.com/acme/shop"


@pytest.fixture
def repo(tmp_path: Path) -> GitRepo:
    """A repository with one commit on main."""
    repo = GitRepo(tmp_path / "shop")
    repo.commit("Start", {"README": 3})
    return repo


def read(repo: GitRepo, **options) -> RepositoryFacts:
    return GitChanges(path=repo.path, **options).read(now=NOW)


def by_id(repo: GitRepo, **options) -> dict[str, Change]:
    """Changes by the part of the id behind the repository; SHAs cut to `@sha` of seven digits."""
    changes = {}
    for change in read(repo, **options).changes:
        short = change.id.removeprefix(change.repository)
        changes[short if change.number else short[:8]] = change
    return changes


def work(repo: GitRepo, branch: str, *messages: str, lines: int = 10) -> list[str]:
    repo.branch(branch)
    return [repo.commit(message, {f"{branch}-{place}": lines}) for place, message in enumerate(messages)]


# Landings ------------------------------------------------------------------------------------------------------------


def test_a_merged_pull_request_has_its_number_title_branch_commits_and_fork(repo: GitRepo) -> None:
    fork = repo.head()
    first, second = work(repo, "feature/retries", "Try", "Try again", lines=300)
    landing = repo.merge("feature/retries", "Merge pull request #41 from acme/feature/retries\n\nRetry", delete=True)
    change = by_id(repo)["#41"]
    assert change == Change(
        id=f"{NAME}#41",
        repository=NAME,
        title="Retry",
        number=41,
        head_repository=NAME,
        head_ref="feature/retries",
        base_ref="main",
        created_at=START + timedelta(hours=1),
        merged_at=START + timedelta(hours=3),
        landing_sha=landing,
        fork_point=fork,
        commits=(second, first, landing),
        lines_changed=600,
        units=2,
    )


def test_a_pull_request_from_a_fork_has_the_forks_repository(repo: GitRepo) -> None:
    work(repo, "patch", "Patch")
    repo.merge("patch", "Merge pull request #5 from Bob/main", delete=True)
    assert (by_id(repo)["#5"].head_repository, by_id(repo)["#5"].head_ref) == ("github.com/bob/shop", "main")


def test_a_gitlab_merge_has_an_exclamation_mark_and_issues_are_no_changes(repo: GitRepo) -> None:
    work(repo, "fix", "Fix")
    repo.merge("fix", "Merge branch 'fix' into 'main'\n\nFix it\n\nSee merge request acme/shop!9")
    issue = repo.commit("Mention an issue (#3)")
    assert set(by_id(repo)) == {"!9", f"@{issue[:7]}", f"@{repo.head('main~2')[:7]}"}
    assert by_id(repo)["!9"].title == "Fix it"


def test_a_squash_has_its_last_number_and_finds_its_branch_by_its_patch(repo: GitRepo) -> None:
    fork = repo.head()
    own = work(repo, "feature", "One", "Two")
    repo.checkout("main")
    repo.commit("Meanwhile (#1)")
    landing = repo.squash("feature", "Add feature (#1) (#2)")
    change = by_id(repo)["#2"]
    assert (change.title, change.head_ref, change.fork_point) == ("Add feature (#1)", "feature", fork)
    assert change.commits == (own[1], own[0], landing)
    assert change.created_at == START + timedelta(hours=1)


def test_a_squash_of_a_branch_that_took_in_main_finds_its_branch(repo: GitRepo) -> None:
    work(repo, "feature", "One")
    repo.checkout("main")
    repo.commit("Meanwhile (#1)")
    repo.merge("main", "Merge branch 'main' into feature", into="feature")
    repo.squash("feature", "Add feature (#2)")
    assert by_id(repo)["#2"].head_ref == "feature"


def test_a_squash_whose_branch_is_gone_has_no_branch_and_one_commit(repo: GitRepo) -> None:
    work(repo, "feature", "One")
    landing = repo.squash("feature", "Add feature (#2)", delete=True)
    change = by_id(repo)["#2"]
    assert (change.head_ref, change.commits) == (None, (landing,))


def test_a_squash_finds_its_commits_by_the_forges_ref(repo: GitRepo) -> None:
    (own,) = work(repo, "feature", "One")
    repo.git("update-ref", "refs/pull/2/head", own)
    repo.checkout("main")
    landing = repo.commit("Rewritten on landing (#2)", {"other": 4})
    change = by_id(repo)["#2"]
    assert (change.head_ref, change.commits) == ("feature", (own, landing))


def test_a_parked_branch_is_not_taken_for_a_merged_one(repo: GitRepo) -> None:
    repo.git("branch", "parked")
    repo.commit("Direct")
    assert {change.head_ref for change in read(repo).changes} == {None}


def test_a_branch_that_went_on_after_a_revert_of_all_it_did_is_no_origin(repo: GitRepo) -> None:
    (own,) = work(repo, "undecided", "Try")
    repo.revert(own)
    repo.checkout("main")
    repo.commit("Unrelated (#1)")
    assert by_id(repo)["#1"].head_ref is None


def test_a_merge_with_a_message_of_its_own_finds_its_branch_by_ancestry(repo: GitRepo) -> None:
    work(repo, "feature", "One")
    repo.merge("feature", "Land the feature")
    assert [change.head_ref for change in read(repo).changes] == [None, "feature"]


def test_a_plain_commit_is_a_change_of_its_own(repo: GitRepo) -> None:
    sha = repo.commit("area: subject\n\nBody")
    change = read(repo).changes[-1]
    assert (change.id, change.title, change.number) == (f"{NAME}@{sha}", "area: subject", None)
    assert (change.commits, change.fork_point) == ((sha,), repo.head("main~1"))


def test_a_number_belongs_to_the_merge_not_to_who_mentions_it(repo: GitRepo) -> None:
    mention = repo.commit("Prepare (#7)")
    work(repo, "x", "X")
    repo.merge("x", "Merge pull request #7 from acme/x")
    again = repo.commit("Once more (#8)")
    repeated = repo.commit("Cherry-picked (#8)")
    changes = by_id(repo)
    assert changes["#7"].head_ref == "x"
    assert changes["#8"].landing_sha == again
    assert {f"@{mention[:7]}", f"@{repeated[:7]}"} <= set(changes)


def test_a_branch_name_used_twice_makes_two_changes(repo: GitRepo) -> None:
    for number in (1, 2):
        work(repo, "patch-1", f"Patch {number}")
        repo.write({"patch-1-0": None})
        repo.commit("Clean up", {})
        repo.merge("patch-1", f"Merge pull request #{number} from acme/patch-1", delete=True)
    assert [by_id(repo)[f"#{number}"].head_ref for number in (1, 2)] == ["patch-1", "patch-1"]


# Positions -----------------------------------------------------------------------------------------------------------


def test_positions_answer_ancestry(repo: GitRepo) -> None:
    own = work(repo, "merged", "One", "Two")
    merge = repo.merge("merged", "Merge branch 'merged'")
    after = repo.commit("After")
    (open_work,) = work(repo, "open", "Open")
    facts = read(repo)
    root = repo.head("main~2")
    assert dict(facts.commits) == {root: 0, own[0]: 1, own[1]: 1, merge: 1, after: 2, open_work: None}
    assert {branch.name: branch.sha for branch in facts.branches} == {
        "main": after,
        "merged": own[1],
        "open": open_work,
    }


def test_a_branch_is_as_old_as_its_newest_commit(repo: GitRepo) -> None:
    (open_work,) = work(repo, "open", "Open")
    assert read(repo).branches[1:] == (BranchHead("open", open_work, repo.now - timedelta(hours=1)),)


# Units ---------------------------------------------------------------------------------------------------------------


def test_a_pure_rename_counts_no_lines(repo: GitRepo) -> None:
    repo.commit("Add", {"old/name": 900})
    repo.git("mv", "old", "new")
    repo.commit("Move", {})
    assert [(c.lines_changed, c.units) for c in read(repo).changes[1:]] == [(900, 2), (0, 1)]


def test_binary_and_empty_changes_are_one_unit(repo: GitRepo) -> None:
    repo.commit("Picture", {"logo.png": b"\x89PNG\x00\x01\x02"})
    repo.commit("Nothing", {})
    assert [(c.lines_changed, c.units) for c in read(repo).changes[1:]] == [(0, 1), (0, 1)]


def test_lockfiles_vendored_and_configured_files_are_excluded(repo: GitRepo) -> None:
    repo.commit("Add", {"src/a.py": 20, "uv.lock": 1000, "vendor/x/y.go": 2000, "snapshots/s": 50})
    change = read(repo, exclude=("snapshots/",)).changes[-1]
    assert (change.lines_changed, change.excluded_lines, change.units) == (20, 3050, 1)


def test_linguist_marks_hold_from_the_commit_that_sets_them_and_before_the_one_that_removes_them(repo: GitRepo) -> None:
    repo.commit("Unmarked", {"api/gen.py": 700})
    repo.commit("Marked", {"api/.gitattributes": "gen* linguist-generated\n", "api/gen2.py": 700, "api/own.py": 5})
    repo.commit("Removed", {"api/.gitattributes": None, "api/gen2.py": None})
    assert [(c.lines_changed, c.units) for c in read(repo).changes[1:]] == [(700, 2), (6, 1), (1, 1)]


def test_the_size_of_a_unit_is_a_setting(repo: GitRepo) -> None:
    repo.commit("Add", {"a": 250})
    assert read(repo, unit_lines=100).changes[-1].units == 3


def test_the_root_commit_is_a_change_without_a_fork(repo: GitRepo) -> None:
    root = read(repo).changes[0]
    assert (root.lines_changed, root.fork_point) == (3, None)


# Reverts -------------------------------------------------------------------------------------------------------------


def undone(repo: GitRepo) -> list[tuple[str, str, str]]:
    """(change, signal, landing that undid it) in short."""
    changes = by_id(repo)
    short = {change.id: name for name, change in changes.items()}
    landings = {change.landing_sha: name for name, change in changes.items()}
    return [(short[row.change_id], row.signal, landings[row.invalidated_by]) for row in read(repo).invalidations]


def test_a_git_revert_undoes_its_change_at_its_own_landing(repo: GitRepo) -> None:
    squash = repo.commit("Add x (#1)")
    repo.pass_days(10)
    revert = repo.revert(squash)
    facts = read(repo)
    (row,) = facts.invalidations
    assert (row.change_id, row.signal, row.invalidated_by) == (f"{NAME}#1", "git_revert", revert)
    assert row.invalidated_at == facts.changes[-1].merged_at
    assert facts.changes[-1].kind is ChangeKind.REVERT


def test_a_revert_of_a_merge_leaves_its_innocent_parent_alone(repo: GitRepo) -> None:
    repo.commit("Innocent (#1)")
    work(repo, "x", "X")
    merge = repo.merge("x", "Merge pull request #2 from acme/x")
    revert = repo.revert(merge, "-m", "1")
    assert undone(repo) == [("#2", "git_revert", f"@{revert[:7]}")]


def test_a_revert_request_undoes_what_its_commits_name(repo: GitRepo) -> None:
    squash = repo.commit("Add x (#1)")
    repo.branch("oops")
    repo.revert(squash)
    repo.merge("oops", "Merge pull request #2 from acme/oops\n\nBack out x")
    assert undone(repo) == [("#1", "git_revert", "#2")]
    assert by_id(repo)["#2"].kind is ChangeKind.REVERT


def test_a_feature_that_also_reverts_is_no_revert(repo: GitRepo) -> None:
    squash = repo.commit("Add x (#1)")
    work(repo, "better", "Add better x")
    repo.revert(squash)
    repo.merge("better", "Merge pull request #2 from acme/better\n\nReplace x")
    assert undone(repo) == [("#1", "git_revert", "#2")]
    assert by_id(repo)["#2"].kind is ChangeKind.ORDINARY


def test_what_a_branch_itself_took_back_undoes_nothing(repo: GitRepo) -> None:
    squash = repo.commit("Add x (#1)")
    repo.branch("dance")
    own = repo.commit("Step")
    repo.revert(own)
    back = repo.revert(squash)
    repo.revert(back)
    repo.merge("dance", "Merge pull request #2 from acme/dance")
    assert undone(repo) == []


def test_an_inner_commit_undone_undoes_the_change_only_when_nothing_else_remains(repo: GitRepo) -> None:
    first, second = work(repo, "x", "X one", "X two")
    repo.merge("x", "Merge pull request #1 from acme/x")
    repo.revert(first)
    assert undone(repo) == []
    last = repo.revert(second)
    assert undone(repo) == [("#1", "git_revert", f"@{last[:7]}")]


def test_a_revert_without_a_trailer_is_read_by_its_title(repo: GitRepo) -> None:
    repo.commit("Add x (#1)")
    repo.commit('Revert "Add x (#1)" (#2)')
    assert undone(repo) == [("#1", "revert_title", "#2")]


def test_a_number_in_a_title_with_another_title_is_not_believed(repo: GitRepo) -> None:
    repo.commit("Add x (#1)")
    repo.commit('Revert "Something else (#1)" (#2)')
    assert undone(repo) == []


def test_a_revert_button_names_its_request(repo: GitRepo) -> None:
    repo.commit("Add x (#1)")
    repo.commit('Revert "Add x" (#2)\n\nReverts acme/shop#1')
    repo.commit("Elsewhere (#3)\n\nReverts other/shop#2")
    assert undone(repo) == [("#1", "reverts_pull_request", "#2")]


def test_a_revert_branch_speaks_where_nothing_else_does(repo: GitRepo) -> None:
    repo.commit("Add x (#1)")
    work(repo, "revert-1-x", "Take it out")
    repo.merge("revert-1-x", "Merge pull request #2 from acme/revert-1-x\n\nTake it out")
    assert undone(repo) == [("#1", "revert_branch", "#2")]


def test_a_reverted_revert_lands_the_work_again_and_the_original_stays_undone(repo: GitRepo) -> None:
    original = repo.commit("Add x (#1)")
    first = repo.revert(original)
    second = repo.revert(first)
    assert undone(repo) == [("#1", "git_revert", f"@{first[:7]}"), (f"@{first[:7]}", "git_revert", f"@{second[:7]}")]
    kinds = [change.kind for change in read(repo).changes[1:]]
    assert kinds == [ChangeKind.ORDINARY, ChangeKind.REVERT, ChangeKind.ORDINARY]


def test_a_later_change_or_an_unknown_commit_is_not_undone(repo: GitRepo) -> None:
    repo.commit(f"Early\n\nThis reverts commit {'0' * 40}.\nReverts #9")
    repo.commit("Later (#9)")
    assert undone(repo) == []


# Clones of every shape -----------------------------------------------------------------------------------------------


def test_a_worktree_and_a_subdirectory_read_as_the_clone_does(repo: GitRepo, tmp_path: Path) -> None:
    work(repo, "side", "Side")
    repo.commit("Deep", {"a/b/.gitattributes": "* linguist-generated\n", "a/b/c": 9})
    repo.squash("side", "Side (#1)")
    repo.git("worktree", "add", "--quiet", str(tmp_path / "other"), "side")
    whole = read(repo)
    for place in (tmp_path / "other", repo.path / "a" / "b"):
        assert GitChanges(path=place).read(now=NOW) == whole


def test_a_bare_clone_reads_as_its_origin_does(repo: GitRepo, tmp_path: Path) -> None:
    repo.git("branch", "-m", "main", "trunk")
    repo.commit("Add x (#1)")
    repo.git("clone", "--quiet", "--mirror", ".", str(tmp_path / "mirror.git"))
    mirror = GitChanges(path=tmp_path / "mirror.git", name="acme/shop").read(now=NOW)
    assert mirror.production_branch == "trunk"
    assert [change.landing_sha for change in mirror.changes] == [change.landing_sha for change in read(repo).changes]


def test_a_clone_reads_the_default_branch_of_its_remote_whatever_is_checked_out(repo: GitRepo, tmp_path: Path) -> None:
    repo.git("branch", "-m", "main", "trunk")
    repo.git("branch", "main", "trunk")
    published = repo.commit("Published")
    clone = tmp_path / "clone"
    repo.git("clone", "--quiet", str(repo.path), str(clone))
    subprocess.run(["git", "checkout", "-q", "--detach", "HEAD~1"], cwd=clone, check=True)
    subprocess.run(["git", "update-ref", "refs/heads/trunk", "HEAD"], cwd=clone, check=True)
    facts = GitChanges(path=clone).read(now=NOW)
    assert (facts.production_branch, facts.changes[-1].landing_sha) == ("trunk", published)
    assert {branch.name: branch.sha for branch in facts.branches}["main"] == repo.head("main")


def test_a_local_production_branch_that_is_ahead_counts(repo: GitRepo) -> None:
    repo.git("update-ref", "refs/remotes/origin/main", "main")
    repo.git("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main")
    ahead = repo.commit("Not pushed yet")
    assert read(repo).changes[-1].landing_sha == ahead


def test_another_branch_can_be_production(repo: GitRepo) -> None:
    repo.branch("stable")
    landed = repo.commit("On stable")
    assert read(repo, branch="stable").changes[-1].landing_sha == landed
    assert read(repo).changes[-1].landing_sha != landed


def test_a_repository_without_a_remote_is_named_by_its_first_commit(tmp_path: Path) -> None:
    repo = GitRepo(tmp_path / "alone", remote=None)
    first = repo.commit("Start")
    repo.commit("More")
    assert read(repo).repository == f"local/{first}"
    assert (read(repo, name="acme/alone").repository, read(repo, name="acme/alone").aliases) == (
        "acme/alone",
        (f"local/{first}",),
    )


def test_a_name_that_was_given_comes_first_and_the_remotes_stay_aliases(repo: GitRepo) -> None:
    facts = read(repo, name="Acme/Store")
    assert facts.repository == "github.com/acme/store"
    assert {"acme/store", NAME} <= set(facts.aliases)


def test_messages_paths_and_branches_need_not_be_utf8(repo: GitRepo) -> None:
    repo.write({"caf\udce9": "one\ntwo\nthree\nfour\n"})
    repo.git("add", "--all")
    tree = repo.git("write-tree")
    sha = repo.git("commit-tree", tree, "-p", "HEAD", stdin=b"Caf\xe9 (#1)\n\nThis reverts commit \xff\xfe\n")
    repo.git("update-ref", "refs/heads/main", sha)
    change = by_id(repo)["#1"]
    assert change.lines_changed == 4
    assert change.title.startswith("Caf")


def test_times_no_calendar_holds_are_clamped(repo: GitRepo) -> None:
    tree = repo.git("write-tree")
    raw = f"tree {tree}\nparent {repo.head()}\nauthor A <a@b> 99999999999999 +0000\ncommitter A <a@b> 5 +0000\n\nOdd\n"
    sha = repo.git("hash-object", "-t", "commit", "-w", "--literally", "--stdin", stdin=raw.encode())
    repo.git("update-ref", "refs/heads/main", sha)
    change = read(repo).changes[-1]
    assert change.created_at == change.merged_at == datetime(1970, 1, 1, 0, 0, 5, tzinfo=UTC)


def test_reading_runs_nothing_of_the_repositorys_own(repo: GitRepo, tmp_path: Path) -> None:
    repo.commit("Attributes", {"README": 9, ".gitattributes": "* diff=evil\n"})
    trap = tmp_path / "trap"
    trap.write_text(f"#!/bin/sh\ntouch {tmp_path}/sprung\n")
    trap.chmod(0o755)
    hooks = repo.path / ".git" / "hooks"
    hooks.mkdir(exist_ok=True)
    for hook in ("post-index-change", "reference-transaction", "post-checkout"):
        (hooks / hook).symlink_to(trap)
    for name in ("core.fsmonitor", "diff.external", "diff.evil.textconv", "diff.evil.command", "core.pager"):
        repo.git("config", name, str(trap))
    assert read(repo).changes[-1].title == "Attributes"
    assert not (tmp_path / "sprung").exists()


def test_a_longer_history_takes_no_more_git_processes(
    repo: GitRepo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def processes(trace: Path) -> int:
        monkeypatch.setenv("GIT_TRACE2_EVENT", str(trace))
        read(repo)
        return trace.read_text().count('"event":"start"')

    def grow(start: int, end: int) -> None:
        for number in range(start, end):
            work(repo, f"b{number}", "One")
            repo.squash(f"b{number}", f"Squash (#{number})")
            repo.commit("Mark", {".gitattributes": f"x{number} linguist-generated\n"})

    grow(1, 3)
    few = processes(tmp_path / "few")
    grow(3, 13)
    assert processes(tmp_path / "many") == few


def test_the_clones_configuration_does_not_change_what_is_read(repo: GitRepo) -> None:
    work(repo, "feature", "One")
    repo.squash("feature", "Add feature (#2)")
    plain = read(repo)
    settings = {
        "diff.noprefix": "true",
        "diff.renames": "false",
        "diff.algorithm": "patience",
        "diff.orderFile": "nowhere",
        "log.showSignature": "true",
        "log.showRoot": "false",
        "log.date": "relative",
        "log.diffMerges": "combined",
        "color.ui": "always",
        "core.quotePath": "true",
        "i18n.logOutputEncoding": "latin-1",
    }
    (repo.path / "nowhere").write_text("")
    for name, value in settings.items():
        repo.git("config", name, value)
    assert read(repo) == plain


# What cannot be read -------------------------------------------------------------------------------------------------


def refusal(path: Path, **options) -> str:
    with pytest.raises(UserError) as caught:
        GitChanges(path=path, **options).read(now=NOW)
    return str(caught.value)


def test_a_directory_that_is_no_repository_is_refused_by_name(tmp_path: Path) -> None:
    assert refusal(tmp_path) == (
        f"cannot read '{tmp_path}': it is not a git repository; name the directory of a clone with --repo"
    )
    assert "there is no such directory" in refusal(tmp_path / "missing")


def test_an_empty_repository_is_refused(tmp_path: Path) -> None:
    assert "has no branch with a commit yet" in refusal(GitRepo(tmp_path / "new").path)


def test_an_unknown_branch_is_refused_and_the_known_ones_named(repo: GitRepo) -> None:
    assert refusal(repo.path, branch="nope").endswith("has no branch 'nope'; it has main")


def test_a_production_branch_that_cannot_be_told_is_asked_for(repo: GitRepo) -> None:
    repo.git("branch", "-m", "main", "odd")
    repo.git("checkout", "--quiet", "--detach")
    assert "name it with --branch (odd)" in refusal(repo.path)


def test_a_shallow_clone_is_refused_with_its_mend(repo: GitRepo, tmp_path: Path) -> None:
    repo.commit("More")
    repo.git("clone", "--quiet", "--depth=1", f"file://{repo.path}", str(tmp_path / "shallow"))
    assert "git fetch --unshallow" in refusal(tmp_path / "shallow")
