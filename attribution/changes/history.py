"""The commit graph of a clone, seen from its production branch. Pure: bytes of `git log` in, positions out.

The first-parent line of production is numbered from its root. Every other commit on production has the position of the
first-parent commit that made it reachable: the merge that brought it. So the commits of a merged branch are exactly
those with the position of its merge, and ancestry against the first-parent line is a comparison of two numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

__all__ = ["LOG_FORMAT", "Commit", "History", "Side", "instant", "parse_log"]

# One line each, then the raw message; commits end in NUL (git log -z).
LOG_FORMAT = "tformat:%H%n%T%n%P%n%at %ct%n%B"

# A branch with more commits of its own than this is a line of development, not one change.
LONGEST_BRANCH = 2000


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit. Times are seconds since the epoch, as written by whoever made it."""

    sha: str
    tree: str
    parents: tuple[str, ...]
    authored: int
    committed: int
    raw: bytes = b""

    @property
    def message(self) -> str:
        """The message, with what is not UTF-8 replaced."""
        return self.raw.decode("utf-8", "replace").replace("\r\n", "\n")

    @property
    def subject(self) -> str:
        """The first paragraph on one line, as git shows a subject."""
        first, _, _ = self.message.lstrip("\n").partition("\n\n")
        return " ".join(first.split())


@dataclass(frozen=True, slots=True)
class Side:
    """The commits a branch has of its own, newest first, and the newest production commit it grew from."""

    own: tuple[str, ...]
    fork: str | None


def parse_log(output: bytes) -> dict[str, Commit]:
    """Commits of `git log -z --format=LOG_FORMAT`, by SHA."""
    commits = {}
    for record in output.split(b"\0"):
        if not record:
            continue
        sha, tree, parents, times, raw = record.split(b"\n", 4)
        authored, _, committed = times.decode("ascii").partition(" ")
        commits[sha.decode("ascii")] = Commit(
            sha=sha.decode("ascii"),
            tree=tree.decode("ascii"),
            parents=tuple(parents.decode("ascii").split()),
            authored=_seconds(authored or committed),
            committed=_seconds(committed or authored),
            raw=raw,
        )
    return commits


def _seconds(text: str) -> int:
    """Seconds within what a datetime holds: broken clients wrote negative and five-digit-year times."""
    return min(max(int(text), 0), 253_402_300_799) if text.lstrip("-").isdigit() else 0


def instant(seconds: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)


@dataclass(frozen=True, slots=True)
class History:
    """`line`: the first-parent line, root first. `positions`: every commit → position, None off production."""

    commits: Mapping[str, Commit]
    line: tuple[str, ...]
    positions: Mapping[str, int | None]
    _brought: Mapping[int, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def build(cls, commits: Mapping[str, Commit], tip: str) -> History:
        line = tuple(reversed(list(_first_parents(commits, tip))))
        positions: dict[str, int | None] = dict.fromkeys(commits)
        positions.update({landing: position for position, landing in enumerate(line)})
        brought: dict[int, tuple[str, ...]] = {}
        for position, landing in enumerate(line):
            own = [landing]
            stack = list(commits[landing].parents[1:])
            while stack:
                sha = stack.pop()
                if sha in commits and positions[sha] is None:
                    positions[sha] = position
                    own.append(sha)
                    stack.extend(commits[sha].parents)
            if len(own) > 1:
                brought[position] = tuple(own)
        return cls(commits=commits, line=line, positions=positions, _brought=brought)

    def brought_by(self, position: int) -> tuple[str, ...]:
        """The commits that became reachable with the landing at `position`, the landing first."""
        return self._brought.get(position, (self.line[position],))

    def fork_of(self, position: int) -> str | None:
        """The production commit the work landed at `position` grew from; None for a root."""
        landing = self.commits[self.line[position]]
        if len(landing.parents) < 2:
            return next(iter(landing.parents), None)
        inner = self.brought_by(position)[1:]
        edges = [parent for sha in inner for parent in self.commits[sha].parents]
        return self._newest([*landing.parents[1:], *edges], before=position)

    def side_of(self, head: str) -> Side | None:
        """What the branch at `head`, not on production, has of its own; None where it is too long to be a change."""
        own: dict[str, None] = {}
        edges: list[str] = []
        stack = [head]
        while stack:
            sha = stack.pop()
            if sha in own or sha not in self.commits:
                continue
            if self.positions[sha] is not None:
                edges.append(sha)
                continue
            own[sha] = None
            if len(own) > LONGEST_BRANCH:
                return None
            stack.extend(self.commits[sha].parents)
        return Side(own=tuple(own), fork=self._newest(edges, before=len(self.line)))

    def _newest(self, shas: Iterable[str], *, before: int) -> str | None:
        """The commit furthest along production; at one position the first-parent commit, then the youngest."""
        placed = [(p, sha) for sha in shas if (p := self.positions.get(sha)) is not None and p < before]
        if not placed:
            return None
        return max(placed, key=lambda at: (at[0], self.line[at[0]] == at[1], self.commits[at[1]].committed, at[1]))[1]


def _first_parents(commits: Mapping[str, Commit], tip: str) -> Iterator[str]:
    sha = tip
    while sha in commits:
        yield sha
        sha = next(iter(commits[sha].parents), "")
