"""`mergecost` as a person starts it: a process of its own, killed at will."""

from __future__ import annotations

import asyncio
import os
import re
import resource
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

__all__ = ["Finished", "ServingProcess", "run_mergecost"]

COMMAND = [sys.executable, "-m", "attribution"]
START_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Finished:
    exit_code: int
    stdout: str
    stderr: str


def environment(home: Path, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """An environment without the keys and settings of whoever runs the tests."""
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "LANG", "LC_ALL", "VIRTUAL_ENV"}}
    return kept | {"HOME": str(home), "PYTHONPATH": str(Path.cwd())} | dict(extra or {})


async def run_mergecost(
    *arguments: str,
    home: Path,
    env: Mapping[str, str] | None = None,
    stdin: str = "",
    limits: Mapping[str, int] | None = None,
) -> Finished:
    """Run one command to its end. `limits`: `file_bytes`, the largest file it may write (as a full disk would)."""

    def limit() -> None:
        largest = (limits or {})["file_bytes"]
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # the write fails instead of the process
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))

    process = await asyncio.create_subprocess_exec(
        *COMMAND,
        *arguments,
        env=environment(home, env),
        preexec_fn=limit if limits else None,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    stdout, stderr = await process.communicate(stdin.encode())
    return Finished(process.returncode or 0, stdout.decode(), stderr.decode())


class ServingProcess:
    """`mergecost serve` on a free port; async context manager with its `url`."""

    def __init__(self, *arguments: str, home: Path, env: Mapping[str, str] | None = None) -> None:
        self._arguments: Sequence[str] = arguments
        self._home = home
        self._env = env
        self.url = ""

    async def __aenter__(self) -> Self:
        self.process = await asyncio.create_subprocess_exec(
            *COMMAND,
            "serve",
            "--port",
            "0",
            *self._arguments,
            env=environment(self._home, self._env),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        assert self.process.stdout is not None
        async with asyncio.timeout(START_SECONDS):
            line = (await self.process.stdout.readline()).decode()
        found = re.search(r"http://\S+", line)
        if found is None:
            _, stderr = await self.process.communicate()
            raise AssertionError(f"mergecost serve did not start: {line}{stderr.decode()}")
        self.url = found.group()
        return self

    async def __aexit__(self, *error: object) -> None:
        if self.process.returncode is None:
            self.process.terminate()
        await self.process.communicate()

    async def kill(self) -> None:
        """kill -9."""
        self.process.send_signal(signal.SIGKILL)
        await self.process.communicate()

    async def stop(self) -> str:
        """SIGTERM; returns what it wrote to stderr."""
        self.process.terminate()
        _, stderr = await self.process.communicate()
        return stderr.decode()
