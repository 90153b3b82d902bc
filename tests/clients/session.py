"""One prompt to one agent, headless, in a real repository on a branch: what it said, received and left in the books."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from attribution.demo.provider import Exchange, SampleProvider
from tests.clients.agents import OFFLINE, Agent
from tests.clients.install import CACHE
from tests.clients.tap import Received, Tap
from tests.gitrepo import GitRepo
from tests.serving_process import ServingProcess, environment

__all__ = ["ANSWER", "BRANCH", "REPOSITORY", "Session", "direct", "proxied"]

# The seed takes ids of the client's making out of the provider's answers; all else of them is fixed by the other words.
PROMPT = "Say what the parser does. [sample input=1000 cache_read=300 output=20 seed=7]"
ANSWER = "The naïve parser → now counts tokens ✓ über every chunk 🧮"
BRANCH = "feature/refunds"
REPOSITORY = "github.com/acme/shop"
VERSION_SEGMENT = {"openai": "/v1", "anthropic": "", "gemini": ""}
RUN_SECONDS = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    exit_code: int
    stdout: str
    stderr: str
    received: list[Received]  # by the client
    exchanges: list[Exchange]  # as the provider has them
    rows: list[dict[str, Any]] = field(default_factory=list)  # of the ledger

    @property
    def charged(self) -> list[dict[str, Any]]:
        """Rows of calls a provider bills: not those that only warm up a WebSocket."""
        return [row for row in self.rows if row["price_status"] != "free"]

    @property
    def shown(self) -> str:
        """Everything the person reads, without the line breaks of a narrow terminal."""
        return " ".join(f"{self.stdout}\n{self.stderr}".split())


async def direct(agent: Agent, directory: Path) -> Session:
    """Without mergecost."""
    async with SampleProvider() as provider, Tap(provider.url) as tap:
        base = tap.url + VERSION_SEGMENT[agent.api]
        return await _run(agent, base, directory, tap, provider)


async def proxied(agent: Agent, directory: Path, *, keys: str = "auto") -> Session:
    """Through a `mergecost serve` process, with the branch told by path tags."""
    ledger = directory / "ledger.db"
    async with SampleProvider() as provider:
        env = {
            f"MERGECOST_PROVIDERS__{api.upper()}__BASE_URL": provider.url + version
            for api, version in VERSION_SEGMENT.items()
        }
        server = ServingProcess(
            "--ledger", f"sqlite:///{ledger}", home=directory, env={**env, "MERGECOST_SERVER__KEYS": keys}
        )
        async with server, Tap(server.url) as tap:
            tags = f"/@repo={quote(REPOSITORY, safe='')},branch={quote(BRANCH, safe='')}"
            base = f"{tap.url}{tags}/{agent.api}{VERSION_SEGMENT[agent.api]}"
            session = await _run(agent, base, directory, tap, provider)
        session.rows.extend(_rows(ledger))  # complete once the server has ended
        return session


async def _run(agent: Agent, base: str, directory: Path, tap: Tap, provider: SampleProvider) -> Session:
    home = directory / "home"
    repository = GitRepo(directory / "shop", remote=f"https://{REPOSITORY}.git")
    repository.commit("First", {"parser.py": 20})
    repository.branch(BRANCH)
    start = agent.start(base, PROMPT)
    for name, content in start.files.items():
        file = home / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, encoding="utf-8")
    home.mkdir(exist_ok=True)
    env = environment(home, {**OFFLINE, **start.env})
    exit_code, stdout, stderr = await _finished([str(CACHE / start.command), *start.arguments], env, repository.path)
    return Session(
        exit_code=exit_code,
        stdout=stdout,
        stderr=stderr,
        received=tap.responses(),
        exchanges=provider.exchanges,
    )


async def _finished(command: list[str], env: Mapping[str, str], directory: Path) -> tuple[int, str, str]:
    """Exit code, standard output and error; a process that does not end is killed and says so."""
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=directory,
        env={name: value for name, value in env.items() if name != "PYTHONPATH"},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(RUN_SECONDS):
            stdout, stderr = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.communicate()
        raise AssertionError(f"{command[0]} did not end within {RUN_SECONDS} s") from None
    assert process.returncode is not None
    return process.returncode, stdout.decode("utf-8", "replace"), stderr.decode("utf-8", "replace")


def _rows(ledger: Path) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(ledger)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute("SELECT * FROM calls ORDER BY started_at, attempt")]
