"""Which branch of a clone a landing came from, where its message does not say.

In this order, because ancestry alone calls a parked branch merged and none of them finds every squash:
1. `refs/pull/<N>/head` and `refs/merge-requests/<N>/head` name their landing by number;
2. ancestry: the head is the second parent of a merge;
3. combined diff: the patch-id of `base...head` is that of the landing; only landings that change the same files by the
   same numbers of lines are compared, so few patches are ever read;
4. tree: the landing left the very tree of the head.
The last two ask for at least one commit of the branch's own, and a landing later than its fork.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from attribution.changes.clone import Clone
from attribution.changes.gitcommand import DIFF, Git
from attribution.changes.history import Side
from attribution.changes.landings import Landed
from attribution.changes.numstat import parse_numstat
from attribution.changes.units import FileLines

__all__ = ["Origin", "find_origins"]

_FORGE_REF = re.compile(r"refs/(?P<kind>pull|merge-requests)/(?P<number>\d+)/head")
_MARK = {"pull": "#", "merge-requests": "!"}

Signature = frozenset[tuple[str, int, int]]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a landing came from: its branch, and the commits that did not become part of production."""

    head_ref: str | None
    side: Side | None = None


@dataclass(frozen=True, slots=True)
class _Branch:
    name: str
    head: str
    side: Side


@dataclass(slots=True)
class _Search:
    git: Git
    clone: Clone
    landed: Sequence[Landed]
    files: Mapping[int, tuple[FileLines, ...]]
    found: dict[int, Origin] = field(default_factory=dict)


def find_origins(
    git: Git,
    clone: Clone,
    landed: Sequence[Landed],
    files: Mapping[int, tuple[FileLines, ...]],
) -> dict[int, Origin]:
    """Position of a landing → where it came from. `files`: the diff of each landing."""
    search = _Search(git, clone, landed, files)
    heads = {name: head for name, head in clone.branches.items() if name != clone.production}
    _by_forge_ref(search, heads)
    _by_second_parent(search, heads)
    _by_content(search, _unmerged(search, heads))
    return search.found


def _by_forge_ref(search: _Search, heads: Mapping[str, str]) -> None:
    history = search.clone.history
    numbers = {(change.mark, change.number): change for change in search.landed if change.number is not None}
    for ref in search.clone.refs:
        match = _FORGE_REF.fullmatch(ref.name)
        change = numbers.get((_MARK[match["kind"]], int(match["number"]))) if match else None
        if change is None:
            continue
        side = history.side_of(ref.sha) if history.positions.get(ref.sha, 0) is None else None
        named = min((name for name, head in heads.items() if head == ref.sha), default=None)
        search.found[change.position] = Origin(change.head_ref or named, side)


def _by_second_parent(search: _Search, heads: Mapping[str, str]) -> None:
    commits = search.clone.history.commits
    named: dict[str, str] = {}
    for name in sorted(heads):
        named.setdefault(heads[name], name)
    for change in search.landed:
        parents = commits[change.sha].parents
        if len(parents) == 2 and change.head_ref is None and parents[1] in named:
            search.found.setdefault(change.position, Origin(named[parents[1]]))


def _unmerged(search: _Search, heads: Mapping[str, str]) -> list[_Branch]:
    """Branches with commits of their own that no landing is known to come from."""
    history = search.clone.history
    known = {sha for origin in search.found.values() if origin.side for sha in origin.side.own}
    branches = []
    for name, head in sorted(heads.items()):
        if history.positions.get(head, 0) is None and head not in known:
            side = history.side_of(head)
            if side and side.own and side.fork:
                branches.append(_Branch(name, head, side))
    return branches


def _by_content(search: _Search, branches: Sequence[_Branch]) -> None:
    history = search.clone.history
    open_landings = {
        change.position
        for change in search.landed
        if len(history.commits[change.sha].parents) == 1
        and change.head_ref is None
        and search.found.get(change.position, Origin(None)).head_ref is None
    }
    by_patch = _same_patches(search, branches, open_landings)
    by_tree: dict[str, list[int]] = {}
    for position in sorted(open_landings):
        by_tree.setdefault(history.commits[history.line[position]].tree, []).append(position)
    for branch in branches:
        trees = by_tree.get(history.commits[branch.head].tree, [])
        later = [p for p in trees if p > _fork_position(search, branch) and search.files.get(p)]
        for position in [*by_patch.get(branch.head, []), *later]:
            if position in open_landings:
                open_landings.discard(position)
                search.found[position] = Origin(branch.name, branch.side)
                break


def _fork_position(search: _Search, branch: _Branch) -> int:
    position = search.clone.history.positions[branch.side.fork or ""]
    assert position is not None  # a fork is a commit on production
    return position


def _same_patches(search: _Search, branches: Sequence[_Branch], landings: Iterable[int]) -> dict[str, list[int]]:
    """Head of a branch → positions of landings with its combined diff, oldest first."""
    if not branches:
        return {}
    by_signature: dict[Signature, list[int]] = {}
    for position in sorted(landings):
        if signature := _signature(search.files.get(position, ())):
            by_signature.setdefault(signature, []).append(position)
    forks = {branch.head: branch.side.fork or "" for branch in branches}
    pairs = "".join(f"{head} {fork}\n" for head, fork in forks.items()).encode()
    diffs = parse_numstat(search.git.run("diff-tree", "--stdin", "-z", "-r", "-M", "--numstat", *DIFF, stdin=pairs))
    alike = {
        branch.head: [
            p for p in by_signature.get(_signature(diffs[branch.head]), []) if p > _fork_position(search, branch)
        ]
        for branch in branches
        if diffs.get(branch.head)
    }
    line = search.clone.history.line
    compared = {line[p]: line[p - 1] for positions in alike.values() for p in positions}
    compared |= {head: forks[head] for head, positions in alike.items() if positions}
    patches = _patch_ids(search.git, compared)
    return {
        head: [p for p in positions if patches.get(line[p]) == patches.get(head)] for head, positions in alike.items()
    }


def _signature(files: Iterable[FileLines]) -> Signature:
    return frozenset((file.path, file.added, file.deleted) for file in files)


def _patch_ids(git: Git, pairs: Mapping[str, str]) -> dict[str, str]:
    """Commit → stable patch-id of its diff against the commit it is paired with."""
    if not pairs:
        return {}
    lines = "".join(f"{sha} {base}\n" for sha, base in pairs.items()).encode()
    patches = git.run("diff-tree", "--stdin", "-r", "-p", "--full-index", *DIFF, stdin=lines)
    answer = git.run("patch-id", "--stable", stdin=patches).decode("ascii")
    return {sha: patch for patch, sha in (line.split() for line in answer.splitlines())}
