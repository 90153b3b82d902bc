"""Changes from git alone: one clone, a bounded number of git processes, however long its history is.

The first-parent history of the production branch is read once with its diffs; every first-parent commit is a change,
known by the number its message gives or by its SHA. A clone knows no open change: work that has not landed is a branch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import MappingProxyType

from attribution.changes.attributes import AttributesAlongLine, read_attributes
from attribution.changes.branches import Origin, find_origins
from attribution.changes.clone import Clone, read_clone
from attribution.changes.gitcommand import DIFF, Git
from attribution.changes.history import History, instant
from attribution.changes.landings import Landed, landed_changes
from attribution.changes.numstat import parse_numstat
from attribution.changes.reverts import find_reverts
from attribution.changes.units import Exclusions, FileLines, Size, size_of, units_of
from attribution.model import BranchHead, Change, ChangeKind, RepositoryFacts

__all__ = ["GitChanges"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GitChanges:
    """A ChangeSource over a local clone, worktree or bare repository. `branch` is production where it is not the
    default; `name` is what the repository is called where its remotes do not say; `exclude` are globs of files that do
    not count."""

    path: Path
    branch: str | None = None
    name: str | None = None
    exclude: tuple[str, ...] = ()
    unit_lines: int = 500
    shared_branches: tuple[str, ...] = ()

    def read(self, *, now: datetime) -> RepositoryFacts:
        git = Git(self.path)
        clone = read_clone(git, branch=self.branch, name=self.name)
        history = clone.history
        landed = landed_changes(history, clone.names[0], remotes=clone.remotes)
        files = _files_along_line(git, history)
        origins = find_origins(git, clone, landed, files)
        squashed = {p: origin.side.own for p, origin in origins.items() if origin.side}
        undone = find_reverts(history, landed, names=clone.names, own=squashed)
        attributes = read_attributes(git, history)
        changes = (
            self._change(
                clone,
                change,
                origins.get(change.position, Origin(change.head_ref)),
                undone.kinds[change.position],
                self._size(files.get(change.position, ()), attributes, change.position),
            )
            for change in landed
        )
        return RepositoryFacts(
            repository=clone.names[0],
            aliases=clone.names[1:],
            production_branch=clone.production,
            shared_branches=self.shared_branches,
            changes=tuple(changes),
            invalidations=undone.invalidations,
            branches=tuple(
                BranchHead(name, sha, instant(history.commits[sha].committed))
                for name, sha in sorted(clone.branches.items())
            ),
            commits=MappingProxyType(history.positions),
            read_at=now,
        )

    def _size(self, files: tuple[FileLines, ...], attributes: AttributesAlongLine, position: int) -> Size:
        """Attributes count as they were before the change or after it, so that a mark and the files it marks may land,
        or go, together."""
        return size_of(files, [Exclusions(self.exclude, in_force) for in_force in attributes.around(position)])

    def _change(self, clone: Clone, landed: Landed, origin: Origin, kind: ChangeKind, size: Size) -> Change:
        history = clone.history
        position = landed.position
        merged = history.commits[landed.sha].committed
        own = origin.side.own if origin.side else history.brought_by(position)[1:]
        times = [
            t for sha in own or (landed.sha,) for t in (history.commits[sha].authored, history.commits[sha].committed)
        ]
        return Change(
            id=landed.id,
            repository=clone.names[0],
            title=landed.title,
            number=landed.number,
            kind=kind,
            head_repository=_head_repository(clone, landed.head_owner),
            head_ref=landed.head_ref or origin.head_ref,
            base_ref=clone.production,
            created_at=instant(min(*times, merged)),
            merged_at=instant(merged),
            landing_sha=landed.sha,
            fork_point=(origin.side.fork if origin.side else None) or history.fork_of(position),
            commits=(*own, landed.sha),
            lines_changed=size.lines,
            excluded_lines=size.excluded,
            units=units_of(size.lines, unit_lines=self.unit_lines),
        )


def _files_along_line(git: Git, history: History) -> Mapping[int, tuple[FileLines, ...]]:
    """Position of each landing → files of its diff against its first parent, renames detected."""
    arguments = ("-z", "--first-parent", "-m", "--numstat", "-M", "--format=tformat:%H", "--no-notes")
    output = git.run("log", *arguments, *DIFF, history.line[-1], "--")
    return {
        position: files
        for sha, files in parse_numstat(output).items()
        if (position := history.positions[sha]) is not None
    }


def _head_repository(clone: Clone, owner: str | None) -> str | None:
    """The repository of that owner: one of our own names, or a fork, which forges give the name of what it forks."""
    if owner is None:
        return None
    host, _, path = clone.names[0].partition("/")
    own = next((name for name in clone.names if name.split("/")[1:2] == [owner.lower()]), None)
    return own or (f"{host}/{owner.lower()}/{path.rpartition('/')[2]}" if host != "local" else None)
