"""What a clone holds: its names, its refs, its whole commit graph, and which branch of it is production.

Production is the branch that was asked for, else the one `refs/remotes/<push remote>/HEAD` names, else `main` or
`master`, else the branch HEAD is on (a bare repository: that one first). Of its local and its remote-tracking ref the
remote's counts, because production is what was published; a local one that contains it is further along and counts
instead.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from attribution.changes.gitcommand import Git, GitError
from attribution.changes.history import LOG_FORMAT, Commit, History, parse_log
from attribution.errors import UserError
from proxy.repository_name import Remote, local_name, names_of, parse_remotes

__all__ = ["Clone", "Ref", "branch_name", "choose_production", "parse_refs", "read_clone"]

_REF_FORMAT = "%(refname)%00%(objecttype)%00%(objectname)%00%(*objecttype)%00%(*objectname)%00%(symref)"
_REF_FOLDERS = ("refs/heads", "refs/remotes", "refs/pull", "refs/merge-requests")


@dataclass(frozen=True, slots=True)
class Ref:
    """A ref that points to a commit; `symbolic` is the ref it stands for, where it does."""

    name: str
    sha: str
    symbolic: str = ""


@dataclass(frozen=True, slots=True)
class Clone:
    """`names`: canonical names, the repository's own first. `production`: short name of the production branch."""

    names: tuple[str, ...]
    remotes: tuple[str, ...]  # names of remotes, the push remote first
    refs: tuple[Ref, ...]
    production: str
    history: History

    @property
    def branches(self) -> dict[str, str]:
        """Branch name → head; a local branch stands before a remote one of the same name."""
        heads: dict[str, str] = {}
        for ref in sorted(self.refs, key=lambda ref: not ref.name.startswith("refs/heads/")):
            if not ref.symbolic and (name := branch_name(ref.name, self.remotes)):
                heads.setdefault(name, ref.sha)
        return heads


def read_clone(git: Git, *, branch: str | None, name: str | None) -> Clone:
    """Raises UserError where there is nothing to read, or only part of it."""
    bare = _require_whole(git)
    remotes = parse_remotes(git.run("remote", "-v"))
    push_default = git.run("config", "--get", "remote.pushDefault", tolerate=(1,)).decode("utf-8", "replace").strip()
    order = sorted((r.name for r in remotes), key=lambda r: (r != push_default, r != "origin", r))
    refs = parse_refs(git.run("for-each-ref", f"--format={_REF_FORMAT}", *_REF_FOLDERS))
    head = git.run("symbolic-ref", "-q", "HEAD", tolerate=(1, 128)).decode("utf-8", "replace").strip()
    if not refs:
        raise UserError(f"the repository {str(git.path)!r} has no branch with a commit yet; commit and merge something")
    candidates = choose_production(refs, head=head, remotes=order, bare=bare, branch=branch)
    if not candidates:
        raise UserError(_no_production(git, refs, branch))
    commits = parse_log(_log(git))
    chosen = _furthest(candidates, commits)
    history = History.build(commits, chosen.sha)
    return Clone(
        names=_names(remotes, push_default, history.line[0], name),
        remotes=tuple(order),
        refs=refs,
        production=branch_name(chosen.name, order) or chosen.name,
        history=history,
    )


def _log(git: Git) -> bytes:
    everything = ("--exclude=refs/stash", "--exclude=refs/notes/*", "--all")
    return git.run("log", "-z", f"--format={LOG_FORMAT}", "--no-notes", "--no-color", *everything, "--")


def _require_whole(git: Git) -> bool:
    """Whether the repository is bare. Raises UserError where its history is cut short."""
    shallow, bare = git.run("rev-parse", "--is-shallow-repository", "--is-bare-repository").split()
    if shallow == b"true":
        raise GitError(
            f"the clone {str(git.path)!r} is shallow: its history is cut short, and changes would be missed; "
            "run `git fetch --unshallow` in it (in GitHub Actions: `fetch-depth: 0`)"
        )
    return bare == b"true"


def parse_refs(listing: bytes) -> tuple[Ref, ...]:
    refs = []
    for line in listing.splitlines():
        name, kind, sha, inner_kind, inner_sha, symbolic = line.decode("utf-8", "replace").split("\0")
        if kind == "commit":
            refs.append(Ref(name, sha, symbolic))
        elif inner_kind == "commit":
            refs.append(Ref(name, inner_sha, symbolic))
    return tuple(refs)


def branch_name(ref: str, remotes: Sequence[str]) -> str | None:
    """Short name of a local or remote-tracking branch; None for any other ref and for a remote's HEAD."""
    if ref.startswith("refs/heads/"):
        return ref.removeprefix("refs/heads/")
    if not ref.startswith("refs/remotes/"):
        return None
    short = ref.removeprefix("refs/remotes/")
    # A remote's name may hold slashes; one that is no longer configured is taken to have none.
    remote = next((r for r in sorted(remotes, key=len, reverse=True) if short.startswith(f"{r}/")), None)
    name = short.removeprefix(f"{remote}/") if remote else short.partition("/")[2]
    return name if name and name != "HEAD" else None


def choose_production(
    refs: Sequence[Ref], *, head: str, remotes: Sequence[str], bare: bool, branch: str | None
) -> tuple[Ref, ...]:
    """The refs of the production branch, the published one first; nothing where no branch can be told."""
    by_name = {ref.name: ref for ref in refs}

    def known(name: str) -> tuple[Ref, ...]:
        wanted = (name, *(f"refs/remotes/{remote}/{name}" for remote in remotes), f"refs/heads/{name}")
        return tuple(by_name[ref] for ref in (*wanted, f"refs/remotes/{name}") if ref in by_name)

    asked = [branch] if branch is not None else _guesses(by_name, head=head, remotes=remotes, bare=bare)
    return next((found for name in asked if (found := known(name))), ())


def _guesses(by_name: Mapping[str, Ref], *, head: str, remotes: Sequence[str], bare: bool) -> Iterator[str]:
    current = head.removeprefix("refs/heads/")
    for remote in remotes:
        if (default := by_name.get(f"refs/remotes/{remote}/HEAD")) and default.symbolic:
            yield default.symbolic.removeprefix(f"refs/remotes/{remote}/")
    if bare and current:
        yield current
    yield from ("main", "master")
    if current:
        yield current


def _no_production(git: Git, refs: Sequence[Ref], branch: str | None) -> str:
    branches = sorted({short for ref in refs if (short := branch_name(ref.name, ()))})
    some = ", ".join(branches[:8]) + (" …" if len(branches) > 8 else "")
    if branch is not None:
        return f"the repository {str(git.path)!r} has no branch {branch!r}; it has {some or 'none'}"
    return (
        f"cannot tell which branch of {str(git.path)!r} is production; name it with --branch ({some or 'none found'})"
    )


def _furthest(candidates: Sequence[Ref], commits: Mapping[str, Commit]) -> Ref:
    """The first, unless a local branch contains it."""
    first = candidates[0]
    for other in candidates[1:]:
        if other.name.startswith("refs/heads/") and _contains(commits, other.sha, first.sha):
            return other
    return first


def _contains(commits: Mapping[str, Commit], head: str, ancestor: str) -> bool:
    seen: set[str] = set()
    stack = [head]
    while stack:
        sha = stack.pop()
        if sha == ancestor:
            return True
        if sha not in seen and sha in commits:
            seen.add(sha)
            stack.extend(commits[sha].parents)
    return False


def _names(remotes: Sequence[Remote], push_default: str, first_commit: str, name: str | None) -> tuple[str, ...]:
    """What the repository is called: as asked for, then its remotes, then its first commit."""
    found = names_of(remotes, push_default=push_default or None)
    asked: tuple[str, ...] = ()
    if name is not None:
        given = name.strip().strip("/").removesuffix(".git").lower()
        host = found[0].partition("/")[0] if found else ""
        asked = (f"{host}/{given}", given) if host and given.count("/") == 1 else (given,)
    return tuple(dict.fromkeys((*asked, *found, local_name(first_commit))))
