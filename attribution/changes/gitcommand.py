"""The git executable, started so that reading a repository runs nothing of the repository's own.

No hooks, no file-system monitor, no external diff or text conversion, no optional locks, no prompts, no network: a
clone is data. Replacement refs and grafts are ignored, because history is what was pushed, not what one clone shows.
Output is bytes: paths, names and messages need not be UTF-8.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from attribution.errors import UserError
from attribution.settings import environment_without

__all__ = ["DIFF", "Git", "GitError"]

_SAFE = (
    "--no-pager",
    "--no-replace-objects",
    "--no-optional-locks",
    "-c", "core.fsmonitor=false",
    "-c", "core.hooksPath=/dev/null",
    "-c", "core.quotePath=false",
    "-c", "i18n.logOutputEncoding=UTF-8",
    "-c", "log.showSignature=false",
    "-c", "log.showRoot=true",
    "-c", "diff.ignoreSubmodules=none",
    "-c", "diff.relative=false",
)  # fmt: skip

# Diffs must not depend on the configuration of the clone: the same commit has the same lines for everybody.
DIFF = ("--no-ext-diff", "--no-textconv", "--no-color", "--diff-algorithm=myers", "--submodule=short")

# Variables that would point git at another repository than the one named; git sets them while a hook runs.
_REDIRECTING = (
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_COMMON_DIR",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_GRAFT_FILE",
    "GIT_SHALLOW_FILE",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
    "GIT_DIFF_OPTS",
    "GIT_EXTERNAL_DIFF",
)

# What git says → what to do about it. The first that occurs in the error output wins.
_MENDS = (
    ("not a git repository", "it is not a git repository; name the directory of a clone with --repo"),
    ("dubious ownership", "git refuses a clone of another user; run `git config --global --add safe.directory PATH`"),
    ("lazy fetching disabled", "it is a partial clone; run `git fetch --refetch --no-filter` in it"),
    ("could not fetch", "it is a partial clone; run `git fetch --refetch --no-filter` in it"),
)


class GitError(UserError):
    """git ended with an error; the message names the repository and the mend."""


@dataclass(frozen=True, slots=True)
class Git:
    """One repository: a clone, a worktree of one, or a bare repository."""

    path: Path

    def run(self, *arguments: str, stdin: bytes = b"", tolerate: tuple[int, ...] = ()) -> bytes:
        """Standard output of `git <arguments>`. Exit codes in `tolerate` are no error. Raises GitError."""
        environment = environment_without(
            _REDIRECTING, LC_ALL="C", GIT_TERMINAL_PROMPT="0", GIT_NO_LAZY_FETCH="1", GIT_PROTOCOL_FROM_USER="0"
        )
        # `git -C ""` means the current directory, and a missing directory deserves its own words.
        if not self.path.is_dir():
            raise GitError(f"cannot read {str(self.path)!r}: there is no such directory; check --repo")
        command = ["git", *_SAFE, "-C", str(self.path), *arguments]
        try:
            done = subprocess.run(command, input=stdin, capture_output=True, check=False, env=environment)
        except FileNotFoundError as error:
            raise GitError("cannot start git: it is not installed or not on the PATH") from error
        if done.returncode != 0 and done.returncode not in tolerate:
            raise GitError(f"cannot read {str(self.path)!r}: {self._mend(done.stderr)}")
        return done.stdout

    def _mend(self, stderr: bytes) -> str:
        said = stderr.decode("utf-8", "replace").strip()
        for symptom, mend in _MENDS:
            if symptom in said:
                return mend.replace("PATH", str(self.path))
        return f"git says: {said or 'nothing'}"
