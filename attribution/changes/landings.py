"""Which change each first-parent commit of production landed. Pure.

A number that a merge message gives is the change's own. A squash suffix `(#N)` may also be an issue (always so on
GitLab) or be repeated by a cherry-pick, so merge messages take their numbers first, then suffixes, oldest first; a
landing left without a number of its own is `@<sha>`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from attribution.changes.history import Commit, History
from attribution.changes.messages import Landing, landing_of

__all__ = ["Landed", "landed_changes"]


@dataclass(frozen=True, slots=True)
class Landed:
    """The change landed at one position of the first-parent line. `number` is None where it has none of its own."""

    id: str
    position: int
    sha: str
    subject: str
    title: str
    number: int | None
    mark: str
    head_owner: str | None
    head_ref: str | None


@dataclass(frozen=True, slots=True)
class _Identity:
    repository: str
    remotes: tuple[str, ...]
    numbers: Mapping[int, tuple[str, int]]  # position → mark and number


def landed_changes(history: History, repository: str, *, remotes: Sequence[str] = ()) -> tuple[Landed, ...]:
    """One change a landing, in order of the first-parent line. `remotes` are remote names, to strip from branch
    names."""
    said = [landing_of(history.commits[sha].message) for sha in history.line]
    gitlab = "gitlab" in repository.partition("/")[0] or any(landing.form == "gitlab_merge" for landing in said)
    identity = _Identity(repository, tuple(remotes), _own_numbers(said, gitlab=gitlab))
    return tuple(
        _landed(position, landing, history.commits[history.line[position]], identity)
        for position, landing in enumerate(said)
    )


def _own_numbers(said: Sequence[Landing], *, gitlab: bool) -> dict[int, tuple[str, int]]:
    """Position → (mark, number), each number given once."""
    taken: dict[tuple[str, int], int] = {}
    for explicit in (True, False):
        for position, landing in enumerate(said):
            issue = gitlab and not landing.explicit
            if landing.number is not None and landing.explicit is explicit and not issue:
                taken.setdefault((landing.mark, landing.number), position)
    return {position: number for number, position in taken.items()}


def _landed(position: int, landing: Landing, commit: Commit, identity: _Identity) -> Landed:
    sha, subject = commit.sha, commit.subject
    number = identity.numbers.get(position)
    mark = number[0] if number else landing.mark
    return Landed(
        id=f"{identity.repository}{mark}{number[1]}" if number else f"{identity.repository}@{sha}",
        position=position,
        sha=sha,
        subject=subject,
        title=landing.title or subject or sha[:12],
        number=number[1] if number else None,
        mark=mark,
        head_owner=landing.head_owner,
        head_ref=_without_remote(landing.head_ref, identity.remotes),
    )


def _without_remote(ref: str | None, remotes: Sequence[str]) -> str | None:
    if ref is None:
        return None
    prefix = next((f"{name}/" for name in remotes if ref.startswith(f"{name}/")), "")
    return ref.removeprefix(prefix)
