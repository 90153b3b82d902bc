"""A git repository that is the same to the last bit wherever it is made: fixed names, fixed dates, no configuration."""

from __future__ import annotations

import os
import shutil
import subprocess
from datetime import datetime
from pathlib import Path

from attribution.errors import UserError

__all__ = ["Repository"]

_NAME, _EMAIL = "Ada Example", "ada@example.com"


class Repository:
    """Started empty at `path`. Times are aware; git keeps whole seconds."""

    def __init__(self, path: Path, *, remote: str) -> None:
        found = shutil.which("git")
        if found is None:
            raise UserError("the demo needs git on the PATH")
        self.path = path
        self._git_file = found
        path.mkdir(parents=True)
        self._git("init", "--quiet", "--initial-branch=main", "--object-format=sha1")
        self._git("remote", "add", "origin", remote)

    def head(self, branch: str) -> str:
        return self._git("rev-parse", "--verify", f"refs/heads/{branch}")

    def start(self, branch: str) -> None:
        """A new branch from main."""
        self._git("checkout", "--quiet", "-b", branch, "main")

    def commit(self, at: datetime, branch: str, message: str, files: dict[str, int]) -> str:
        """Write `files` (path → number of lines) on `branch` and commit them; returns the SHA."""
        if self._git("symbolic-ref", "--short", "HEAD") != branch:
            self._git("checkout", "--quiet", branch)
        for name, lines in files.items():
            file = self.path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            text = "".join(f"line {number} of {name} for: {message}\n" for number in range(1, lines + 1))
            file.write_text(text, encoding="utf-8", newline="\n")
        self._git("add", "--all")
        self._git("commit", "--quiet", "-m", message, at=at)
        return self._git("rev-parse", "HEAD")

    def merge(self, at: datetime, branch: str, message: str) -> str:
        """Merge `branch` into main by a merge commit."""
        self._git("checkout", "--quiet", "main")
        self._git("merge", "--quiet", "--no-ff", "-m", message, branch, at=at)
        return self.head("main")

    def squash(self, at: datetime, branch: str, message: str) -> str:
        """Merge `branch` into main as one commit."""
        self._git("checkout", "--quiet", "main")
        self._git("merge", "--quiet", "--squash", branch, at=at)
        self._git("commit", "--quiet", "-m", message, at=at)
        return self.head("main")

    def revert(self, at: datetime, branch: str, sha: str) -> None:
        """Undo `sha` on `branch`, in git's own words."""
        self._git("checkout", "--quiet", branch)
        self._git("revert", "--no-edit", sha, at=at)

    def _git(self, *arguments: str, at: datetime | None = None) -> str:
        dates = {f"GIT_{who}_DATE": f"{int(at.timestamp())} +0000" for who in ("AUTHOR", "COMMITTER") if at}
        environment = {
            "PATH": os.pathsep.join([str(Path(self._git_file).parent), os.defpath]),
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_NAME": _NAME,
            "GIT_AUTHOR_EMAIL": _EMAIL,
            "GIT_COMMITTER_NAME": _NAME,
            "GIT_COMMITTER_EMAIL": _EMAIL,
            **dates,
        }
        done = subprocess.run(
            [self._git_file, *arguments], cwd=self.path, env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise UserError(f"git {' '.join(arguments)} failed in {self.path}: {done.stderr.strip()}")
        return done.stdout.strip()
