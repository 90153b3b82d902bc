from __future__ import annotations

import pytest

from attribution.changes.messages import (
    Landing,
    ReferenceKind,
    RevertTitle,
    landing_of,
    references_of,
    revert_branch,
    revert_title,
)

SHA = "0123456789abcdef0123456789abcdef01234567"
OTHER = "89abcdef0123456789abcdef0123456789abcdef"

LANDINGS = [
    (
        "Merge pull request #41 from acme/feature/retries\n\nRetry payments",
        Landing("github_merge", "Retry payments", 41, "#", True, "acme", "feature/retries"),
    ),
    (
        "Merge pull request #7 from ada/main\n",
        Landing("github_merge", "Merge pull request #7 from ada/main", 7, "#", True, "ada", "main"),
    ),
    ("Add refunds (#12)", Landing("squash", "Add refunds", 12)),
    ("Add refunds (#11) (#12)\n\nbody (#13)", Landing("squash", "Add refunds (#11)", 12)),
    ('Revert "Add refunds (#12)"', Landing("commit", 'Revert "Add refunds (#12)"')),
    ('Revert "Add refunds (#12)" (#14)', Landing("squash", 'Revert "Add refunds (#12)"', 14)),
    (
        "Merge branch 'fix/x' into 'main'\n\nFix x\n\nCloses #4\n\nSee merge request acme/shop!31",
        Landing("gitlab_merge", "Fix x", 31, "!", True, None, "fix/x"),
    ),
    (
        "Merge branch 'main' into 'main'\n\nSee merge request acme/sub/shop!32",
        Landing("gitlab_merge", "Merge branch 'main' into 'main'", 32, "!", True, None, "main"),
    ),
    ("Fix y\n\nSee merge request acme/shop!33\n", Landing("gitlab_merge", "Fix y", 33, "!", True)),
    ("Fix y (!34)", Landing("squash", "Fix y", 34, "!", True)),
    ("Merge branch 'topic'", Landing("branch_merge", "Merge branch 'topic'", explicit=True, head_ref="topic")),
    (
        "Merge branch 'topic' of github.com:acme/shop into main",
        Landing(
            "branch_merge", "Merge branch 'topic' of github.com:acme/shop into main", explicit=True, head_ref="topic"
        ),
    ),
    (
        "Merge remote-tracking branch 'origin/topic'",
        Landing("branch_merge", "Merge remote-tracking branch 'origin/topic'", explicit=True, head_ref="origin/topic"),
    ),
    (
        "Auto merge of #99 - ada:fast/er, r=bob\n\nMake it faster\n\nText",
        Landing("bors_merge", "Make it faster", 99, "#", True, "ada", "fast/er"),
    ),
    ("Merged in topic/a (pull request #5)\n\nDo a", Landing("bitbucket_merge", "Do a", 5, "#", True, None, "topic/a")),
    ("Merged PR 77: Do b", Landing("azure_merge", "Do b", 77, "#", True)),
    (
        "Merge pull request 'Do c' (#8) from ada/c into main",
        Landing("gitea_merge", "Do c", 8, "#", True, "ada", "c"),
    ),
    ("core: tidy up", Landing("commit", "core: tidy up")),
    ("Merge tag 'v1.0'", Landing("commit", "Merge tag 'v1.0'")),
    ("", Landing("commit", "")),
]


@pytest.mark.parametrize(("message", "expected"), LANDINGS)
def test_a_landing_message_gives_number_title_and_branch(message: str, expected: Landing) -> None:
    assert landing_of(message) == expected


SHAS = ReferenceKind.SHA
PULL = ReferenceKind.PULL_REQUEST
MERGE = ReferenceKind.MERGE_REQUEST

REFERENCES = [
    (f"This reverts commit {SHA}.", [(SHAS, SHA, None)]),
    (f"This reverts commit {SHA}", [(SHAS, SHA, None)]),
    (f"This reverts commit {SHA}, reversing\nchanges made to {OTHER}.", [(SHAS, SHA, None)]),
    (f"This reverts commit {SHA}, which was a revert of {OTHER}.", [(SHAS, SHA, None)]),
    (f"This reverts commit {SHA} and makes it simpler", [(SHAS, SHA, None)]),
    (f"This reverts commit {SHA}, but adds a test", [(SHAS, SHA, None)]),
    (f"This reverts commit\n{SHA}.", [(SHAS, SHA, None)]),
    (f"This reverts commit {SHA[:10]} (Add refunds, 2026-09-01).", [(SHAS, SHA[:10], None)]),
    (f"This reverts commit {SHA[:7].upper()}", [(SHAS, SHA[:7], None)]),
    (f"This effectively reverts {SHA}", [(SHAS, SHA, None)]),
    (f"This reverts {SHA[:12]}.", [(SHAS, SHA[:12], None)]),
    (f"This reverts commits {SHA}, {OTHER[:9]} and abcdef0.", [(SHAS, v, None) for v in (SHA, OTHER[:9], "abcdef0")]),
    (
        f"Reverts the following commits:\n- {SHA}.\n- {OTHER}.\n\nBecause.",
        [(SHAS, SHA, None), (SHAS, OTHER, None)],
    ),
    (f"This reverts commit {SHA}.\n\nThis reverts commit {OTHER}.", [(SHAS, SHA, None), (SHAS, OTHER, None)]),
    ("Reverts acme/shop#12", [(PULL, "12", "acme/shop")]),
    ("Reverts #12", [(PULL, "12", None)]),
    ("This reverts PR #12.", [(PULL, "12", None)]),
    ("Reverts #12, #13 and acme/shop#14", [(PULL, "12", None), (PULL, "13", None), (PULL, "14", "acme/shop")]),
    ("Revert #12: it broke", [(PULL, "12", None)]),
    ("Reverts https://github.com/acme/shop/pull/12", [(PULL, "12", "github.com/acme/shop")]),
    ("This reverts merge request !31", [(MERGE, "31", None)]),
    ("This reverts merge request acme/shop!31", [(MERGE, "31", "acme/shop")]),
    (f"This partially reverts commit {SHA}.", []),
    (f"Partial revert of {SHA}", []),
    ("This no longer reverts #1", []),
    ("We can revert #12 later; #12 will be reverted", []),
    (f"> This reverts commit {SHA}.", []),
    (f"    This reverts commit {SHA}.", []),
    (f"- This reverts commit {SHA}.", []),
    (f"```\nThis reverts commit {SHA}.\n```", []),
    (f"<details>\nThis reverts commit {SHA}.\nReverts #9\n</details>", []),
    (f"{SHA} seems to have fixed that", []),
    (f'Fixes: {SHA[:12]} ("subject")', []),
    ("Fixes: #12", []),
    (f"(cherry picked from commit {SHA})", []),
]


@pytest.mark.parametrize(("body", "expected"), REFERENCES)
def test_a_message_names_what_it_undoes_and_nothing_it_only_mentions(body: str, expected: list) -> None:
    found = list(references_of(f"Some subject\n\n{body}\n"))
    assert [(reference.kind, reference.value, reference.repository) for reference in found] == expected


TITLES = [
    ('Revert "Add x"', RevertTitle("Add x", undoes=True)),
    ('Revert "Add x" (#9)', RevertTitle("Add x", undoes=True)),
    ('Revert "Add x (#8)" (#9)', RevertTitle("Add x (#8)", undoes=True)),
    ('Revert "Add "x""', RevertTitle('Add "x"', undoes=True)),
    ('Revert "A very long title that a forge cut', RevertTitle("A very long title that a forge cut", undoes=True)),
    ('Revert "Revert "Add x""', RevertTitle('Revert "Add x"', undoes=False)),
    ('Revert "Revert "Revert "Add x"""', RevertTitle('Revert "Revert "Add x""', undoes=True)),
    ('Revert "Reapply "Add x""', RevertTitle('Reapply "Add x"', undoes=True)),
    ('Reapply "Add x" (#9)', RevertTitle('Revert "Add x"', undoes=False)),
    ("Revert to the old parser", None),
    ("Add x", None),
]


@pytest.mark.parametrize(("title", "expected"), TITLES)
def test_a_title_undoes_or_lands_again_by_its_nesting(title: str, expected: RevertTitle | None) -> None:
    assert revert_title(title) == expected


@pytest.mark.parametrize(
    ("branch", "mark", "expected"),
    [
        ("revert-12-feature/x", "#", (PULL, "12")),
        ("revert-13-revert-12-x", "#", (PULL, "13")),
        ("revert_pr12", "#", (PULL, "12")),
        ("ada/revert-12-x", "#", (PULL, "12")),
        ("revert-0123abcd", "!", (SHAS, "0123abcd")),
        ("revert-12-x", "!", None),
        ("revert-the-parser", "#", None),
        ("feature/x", "#", None),
    ],
)
def test_a_revert_branch_names_what_it_undoes(branch: str, mark: str, expected: tuple | None) -> None:
    reference = revert_branch(branch, mark=mark)
    assert (reference and (reference.kind, reference.value)) == expected
