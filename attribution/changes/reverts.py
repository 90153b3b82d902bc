"""Which landed changes were undone, by which landing. Pure.

A landing speaks through its own message and, where it is a merge, through the commits it brought. What it names is
resolved against what had landed before it:
- a landing: that change is undone;
- a commit inside a landed branch: that change is undone only when nothing else of it remains;
- a commit of its own branch, one that is not on production, or later history: nothing.
Titles and branch names speak only where no trailer names anything known, because they are the weaker evidence.
Undoing a revert lands the work again as a change of its own; the original stays undone.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from attribution.changes.history import History, instant
from attribution.changes.landings import Landed
from attribution.changes.messages import (
    Landing,
    Reference,
    ReferenceKind,
    landing_of,
    references_of,
    revert_branch,
    revert_title,
)
from attribution.model import ChangeKind, Invalidation

__all__ = ["Undone", "find_reverts"]


@dataclass(frozen=True, slots=True)
class Undone:
    """Kinds by position of the landing, and every invalidation, in order of the landings that undid."""

    kinds: Mapping[int, ChangeKind]
    invalidations: tuple[Invalidation, ...]


def find_reverts(
    history: History,
    landed: Sequence[Landed],
    *,
    names: Sequence[str],
    own: Mapping[int, tuple[str, ...]] | None = None,
) -> Undone:
    """`names`: canonical names of this repository. `own`: commits of squashed branches by position of their landing."""
    index = _Index(history, landed, names=tuple(names), own=own or {})
    reading = _Reading(index)
    for change in landed:
        reading.read(change)
    return Undone(kinds=reading.kinds, invalidations=tuple(reading.invalidations.values()))


@dataclass(frozen=True, slots=True)
class _Named:
    """What a reference names: the change at `position`; `inner` is the commit of its branch, where it names only
    that."""

    position: int
    signal: str
    detail: str
    inner: str | None = None


@dataclass(slots=True)
class _Index:
    """Finds what a reference names, whenever it landed."""

    history: History
    landed: Sequence[Landed]
    names: tuple[str, ...]
    own: Mapping[int, tuple[str, ...]]
    _shas: list[str] = field(default_factory=list)
    _inside: dict[str, int] = field(default_factory=dict)
    _numbers: dict[tuple[str, int], int] = field(default_factory=dict)
    _subjects: dict[str, list[tuple[int, str]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._inside = {sha: position for position, shas in self.own.items() for sha in shas}
        self._shas = sorted(self.history.positions)
        self._numbers = {(c.mark, c.number): c.position for c in self.landed if c.number is not None}

    def named(self, reference: Reference) -> _Named | None:
        if reference.repository and not self._is_ours(reference.repository):
            return None
        detail = f"{reference.signal} {reference.value}"
        if reference.kind is ReferenceKind.SHA:
            return self._of_sha(reference, detail)
        mark = "#" if reference.kind is ReferenceKind.PULL_REQUEST else "!"
        position = self.of_number(mark, int(reference.value))
        return None if position is None else _Named(position, reference.signal, detail)

    def of_number(self, mark: str, number: int) -> int | None:
        return self._numbers.get((mark, number))

    def _is_ours(self, repository: str) -> bool:
        """Whether `owner/name` or `host/owner/name` is this repository."""
        wanted = repository.lower()
        return any(name == wanted or name.endswith(f"/{wanted}") for name in self.names)

    def _of_sha(self, reference: Reference, detail: str) -> _Named | None:
        start = bisect_left(self._shas, reference.value)
        found = [sha for sha in self._shas[start : start + 2] if sha.startswith(reference.value)]
        if len(found) != 1:
            return None
        position = self.history.positions[found[0]]
        if position is None:
            position = self._inside.get(found[0])
        if position is None:
            return None
        inner = None if found[0] == self.history.line[position] else found[0]
        return _Named(position, reference.signal, detail, inner)

    def inner_by_subject(self, subject: str, *, before: int) -> tuple[int, str] | None:
        """Position and SHA of the only commit inside an earlier landed branch that has this subject."""
        if not self._subjects:
            for position in range(len(self.history.line)):
                for sha in self.own.get(position, self.history.brought_by(position)):
                    if sha != self.history.line[position]:
                        self._subjects.setdefault(self.history.commits[sha].subject, []).append((position, sha))
        found = [at for at in self._subjects.get(subject, ()) if at[0] < before]
        return found[0] if len(found) == 1 else None

    def substance_of(self, position: int) -> set[str]:
        """The commits that make up a change: those of its branch, merges left out."""
        shas = self.own.get(position, self.history.brought_by(position))
        commits = self.history.commits
        return {sha for sha in shas if sha != self.history.line[position] and len(commits[sha].parents) < 2}


@dataclass(slots=True)
class _Reading:
    """Reads landings in order, so that only what landed earlier can be undone."""

    index: _Index
    kinds: dict[int, ChangeKind] = field(default_factory=dict)
    invalidations: dict[tuple[str, str], Invalidation] = field(default_factory=dict)
    _subjects: dict[str, int] = field(default_factory=dict)  # of what has landed so far, the latest
    _remaining: dict[int, set[str]] = field(default_factory=dict)

    def read(self, change: Landed) -> None:
        inner_words = self._said_inside(change)
        own_words = self._said_by_landing(change, weakly=not any(inner_words))
        undone = [*self._undone(own_words), *(found for said in inner_words for found in self._undone(said))]
        self.kinds[change.position] = self._kind(change, own_words, inner_words, undone)
        for named in undone:
            self._invalidate(change, named)
        for name in (change.subject, change.title):
            self._subjects[name] = change.position

    def _kind(
        self, change: Landed, own_words: list[_Named], inner_words: list[list[_Named]], undone: list[_Named]
    ) -> ChangeKind:
        """A revert undoes and does nothing else; what undoes only reverts lands work again."""
        titled = revert_title(change.title) or revert_title(change.subject)
        if (titled and not titled.undoes) or (
            undone and all(self.kinds.get(named.position) is ChangeKind.REVERT for named in undone)
        ):
            return ChangeKind.ORDINARY
        message = self.index.history.commits[change.sha].message
        plain = bool(own_words) and len(_BULLETS.findall(message)) < 2
        if titled or plain or (inner_words and all(inner_words)):
            return ChangeKind.REVERT
        return ChangeKind.ORDINARY

    def _said_by_landing(self, change: Landed, *, weakly: bool) -> list[_Named]:
        """What the landing's own message names in trailers; `weakly`, else in its title, else in its branch's name."""
        message = self.index.history.commits[change.sha].message
        named = list(self._earlier(change, references_of(message)))
        if not named and weakly:
            named = list(self._by_title(change))
        if not named and weakly and change.head_ref and (reference := revert_branch(change.head_ref, mark=change.mark)):
            named = list(self._earlier(change, [reference]))
        return named

    def _said_inside(self, change: Landed) -> list[list[_Named]]:
        """What each commit of a merged branch names. A commit that the branch itself took back says nothing; titles
        without a trailer say too little there: they may mean the commit before."""
        commits = self.index.history.commits
        taken_back: set[str] = set()
        words = []
        for sha in self.index.history.brought_by(change.position)[1:]:
            if len(commits[sha].parents) > 1 or sha in taken_back:
                continue
            named = [found for said in references_of(commits[sha].message) if (found := self.index.named(said))]
            taken_back.update(found.inner for found in named if found.position == change.position and found.inner)
            words.append([found for found in named if found.position < change.position])
        return words

    def _earlier(self, change: Landed, references: Iterable[Reference]) -> Iterator[_Named]:
        for reference in references:
            named = self.index.named(reference)
            if named and named.position < change.position:
                yield named

    def _by_title(self, change: Landed) -> Iterator[_Named]:
        """The landing whose subject or title is quoted, or whose number the quotation gives; else the one commit of
        that
        subject. A number with another title is a slip of the pen."""
        said = revert_title(change.title) or revert_title(change.subject)
        if said is None:
            return
        detail = f'revert_title "{said.quoted}"'
        position = self._subjects.get(said.quoted)
        if position is None:
            position = self._by_quoted_number(landing_of(said.quoted))
        if position is not None and position < change.position:
            yield _Named(position, "revert_title", detail)
        elif position is None and (inner := self.index.inner_by_subject(said.quoted, before=change.position)):
            yield _Named(inner[0], "revert_title", detail, inner[1])

    def _by_quoted_number(self, quoted: Landing) -> int | None:
        if quoted.number is None:
            return None
        position = self.index.of_number(quoted.mark, quoted.number)
        if position is None or quoted.explicit or self.index.landed[position].title == quoted.title:
            return position
        return None

    def _undone(self, words: Iterable[_Named]) -> Iterator[_Named]:
        """Those named of which nothing remains."""
        for named in words:
            if named.inner is None:
                yield named
                continue
            remaining = self._remaining.setdefault(named.position, self.index.substance_of(named.position))
            remaining.discard(named.inner)
            if not remaining:
                yield named

    def _invalidate(self, change: Landed, named: _Named) -> None:
        undone = self.index.landed[named.position]
        self.invalidations.setdefault(
            (undone.id, change.sha),
            Invalidation(
                change_id=undone.id,
                signal=named.signal,
                invalidated_by=change.sha,
                invalidated_at=instant(self.index.history.commits[change.sha].committed),
                detail=named.detail,
            ),
        )


# Bullets of a squash message, one a commit: such a change does more than the one revert it quotes.
_BULLETS = re.compile(r"^\* ", re.MULTILINE)
