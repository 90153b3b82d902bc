"""`python -m tests.clients.install`: the pinned clients into `.clients/`, once for each state of the pins.

An installation that fails leaves its reason in the cache, and the tests of its clients fail with it. npm's own scripts
stay off; the two packages that only work after theirs are run by name.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

__all__ = ["CACHE", "INSTALLATIONS", "Installation", "installed", "pinned"]

PINS = Path(__file__).parent
CACHE = PINS.parent.parent / ".clients"
FIRST_WORDS = 1500  # npm says what is wrong first


@dataclass(frozen=True, slots=True)
class Installation:
    """One cache directory: made from the files `pins` by `steps`, run in it one after the other."""

    name: str
    pins: tuple[str, ...]
    steps: tuple[tuple[str, ...], ...]

    @property
    def directory(self) -> Path:
        return CACHE / self.name

    @property
    def _outcome(self) -> Path:
        return CACHE / f"{self.name}.json"

    @property
    def _digest(self) -> str:
        return hashlib.sha256(b"".join((PINS / name).read_bytes() for name in self.pins)).hexdigest()

    def problem(self) -> str | None:
        """Why its clients cannot be run; None where they can."""
        if not self._outcome.exists():
            return "not installed; run `make test-clients`"
        outcome = json.loads(self._outcome.read_text(encoding="utf-8"))
        if outcome["pins"] != self._digest:
            return "the pins have changed since it was installed; run `make test-clients`"
        problem: str | None = outcome["problem"]
        return problem

    def make(self) -> str | None:
        """Install anew; returns the problem, as it is also kept."""
        shutil.rmtree(self.directory, ignore_errors=True)
        self.directory.mkdir(parents=True)
        for name in self.pins:
            shutil.copy(PINS / name, self.directory)
        problem = next(filter(None, (self._run(step) for step in self.steps)), None)
        self._outcome.write_text(json.dumps({"pins": self._digest, "problem": problem}), encoding="utf-8")
        return problem

    def _run(self, step: tuple[str, ...]) -> str | None:
        try:
            done = subprocess.run(step, cwd=self.directory, capture_output=True, check=False, text=True)
        except OSError as error:
            return f"could not be installed: {step[0]}: {error.strerror}"
        if done.returncode == 0:
            return None
        said = (done.stderr + done.stdout)[:FIRST_WORDS]
        return f"could not be installed: {' '.join(step)} ended with {done.returncode}:\n{said}"


INSTALLATIONS = (
    Installation(
        "npm",
        ("package.json",),
        (
            # No lock file: it could not hold the platform packages of other machines than the one it was made on.
            ("npm", "install", "--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"),
            ("node", "node_modules/@anthropic-ai/claude-code/install.cjs"),
            ("node", "node_modules/opencode-ai/postinstall.mjs"),
        ),
    ),
    Installation(
        "aider",
        ("requirements.txt",),
        (
            (sys.executable, "-m", "venv", "."),
            ("bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", "requirements.txt"),
        ),
    ),
)


def installed(name: str) -> Installation:
    return next(installation for installation in INSTALLATIONS if installation.name == name)


def pinned() -> dict[str, str]:
    """Versions by package."""
    packages = json.loads((PINS / "package.json").read_text(encoding="utf-8"))["dependencies"]
    lines = (PINS / "requirements.txt").read_text(encoding="utf-8").split()
    return {**packages, **dict(line.split("==", 1) for line in lines)}


def main() -> None:
    for installation in INSTALLATIONS:
        if installation.problem() is None:
            continue
        print(f"Installing the {installation.name} clients into {installation.directory} ...", flush=True)  # noqa: T201  # progress
        problem = installation.make()
        if problem:
            print(problem, file=sys.stderr)  # noqa: T201  # the tests repeat it


if __name__ == "__main__":
    main()
