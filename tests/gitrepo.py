"""Real git repositories for tests: the same to the last bit wherever they are made, each commit a fixed hour after the
one before."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

__all__ = ["START", "GitRepo"]

START = datetime(2026, 9, 1, 9, tzinfo=UTC)
# Nothing of whoever runs the tests: no configuration, no hooks, no language, no repository from an outer git.
ENVIRONMENT = {
    "PATH": os.pathsep.join([str(Path(shutil.which("git") or "git").parent), os.defpath]),
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.com",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.com",
    "GIT_EDITOR": "true",
    "LC_ALL": "C",
}


class GitRepo:
    """A repository at `path` on branch `main`. Every commit is dated by `now`, which then moves on an hour."""

    def __init__(self, path: Path, *, remote: str | None = "git@github.com:acme/shop.git", bare: bool = False) -> None:
        self.path = path
        self.now = START
        path.mkdir(parents=True, exist_ok=True)
        self.git("init", "--quiet", "--initial-branch=main", *(["--bare"] if bare else []))
        if remote:
            self.git("remote", "add", "origin", remote)

    def git(self, *arguments: str, stdin: bytes = b"") -> str:
        """Standard output of a git command, stripped."""
        stamp = f"@{int(self.now.timestamp())} +0000"
        dates = {"GIT_AUTHOR_DATE": stamp, "GIT_COMMITTER_DATE": stamp}
        done = subprocess.run(
            ["git", *arguments], cwd=self.path, env=ENVIRONMENT | dates, input=stdin, capture_output=True, check=False
        )
        assert done.returncode == 0, (arguments, done.stderr.decode())
        return done.stdout.decode("utf-8", "replace").strip()

    def head(self, ref: str = "HEAD") -> str:
        return self.git("rev-parse", "--verify", ref)

    def write(self, files: Mapping[str, int | str | bytes | None]) -> None:
        """Files by path: a number of lines, a text, bytes, or None to delete."""
        for name, content in files.items():
            file = self.path / name
            if content is None:
                file.unlink()
                continue
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(_bytes(name, content))

    def commit(self, message: str = "work", files: Mapping[str, int | str | bytes | None] | None = None) -> str:
        """A commit on the current branch of these files, by default a new file of ten lines; returns its SHA."""
        self.write({f"file-{int(self.now.timestamp())}": 10} if files is None else files)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--allow-empty-message", "--cleanup=verbatim", "-m", message)
        return self._moved_on()

    def branch(self, name: str, *, at: str = "main") -> None:
        """A new branch at `at`, checked out."""
        self.git("checkout", "--quiet", "-b", name, at)

    def checkout(self, name: str) -> None:
        self.git("checkout", "--quiet", name)

    def merge(self, branch: str, message: str, *, into: str = "main", delete: bool = False) -> str:
        """A merge commit, as a forge makes it."""
        self.checkout(into)
        self.git("merge", "--quiet", "--no-ff", "-m", message, branch)
        if delete:
            self.git("branch", "--quiet", "-D", branch)
        return self._moved_on()

    def squash(self, branch: str, message: str, *, into: str = "main", delete: bool = False) -> str:
        self.checkout(into)
        self.git("merge", "--quiet", "--squash", branch)
        self.git("commit", "--quiet", "-m", message)
        if delete:
            self.git("branch", "--quiet", "-D", branch)
        return self._moved_on()

    def revert(self, sha: str, *options: str) -> str:
        """`git revert` on the current branch, in git's own words."""
        self.git("revert", "--no-edit", *options, sha)
        return self._moved_on()

    def pass_days(self, days: float) -> None:
        self.now += timedelta(days=days)

    def _moved_on(self) -> str:
        self.now += timedelta(hours=1)
        return self.head()


def _bytes(name: str, content: int | str | bytes) -> bytes:
    if isinstance(content, int):
        return "".join(f"{name} {number}\n" for number in range(content)).encode()
    return content.encode() if isinstance(content, str) else content
