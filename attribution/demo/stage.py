"""The story played: git and the client libraries in the order of time, through a proxy on a fresh ledger.

The clock stands still but for the story: it moves to each row's time, and while the provider answers by as long as an
answer of that length would take.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

from pydantic import SecretStr

from attribution.demo.clients import APIS, Clients, connect
from attribution.demo.provider import Exchange, SampleProvider
from attribution.demo.repository import Repository
from attribution.demo.script import read_script
from attribution.demo.story import (
    REMOTE,
    REPOSITORY,
    STORY,
    TEAMS,
    Branch,
    Commit,
    Merge,
    Revert,
    Session,
    Squash,
    Turn,
    turns,
)
from attribution.keys import new_key
from attribution.ledger.open import open_ledger
from attribution.serving import serving
from attribution.settings import ProviderSettings, ServerSettings, Settings
from proxy.clock import SimulatedClock

__all__ = ["play"]

_PROVIDER_KEY = "sk-of-the-sample-provider"
_FIRST_BYTE = timedelta(milliseconds=350)
_PER_TOKEN = timedelta(milliseconds=8)


async def play(settings: Settings, repository_path: Path, told: Callable[[str], None]) -> int:
    """Play the story into the ledger of `settings`; returns the number of calls. `told` hears of every row."""
    clock = SimulatedClock(STORY[0].at)
    repository = Repository(repository_path, remote=REMOTE)
    keys = _make_keys(settings, clock)
    numbers = itertools.count(1)
    async with (
        SampleProvider(api_key=_PROVIDER_KEY, received=lambda exchange: _take_time(clock, exchange)) as provider,
        serving(_against(settings, provider), clock, new_call_id=lambda: f"demo-{next(numbers):04d}") as proxy,
        AsyncExitStack() as stack,
    ):
        cast = _Cast(proxy.url, keys, stack)
        landed: dict[int, str] = {}
        for row in STORY:
            told(_headline(row))
            if isinstance(row, Session):
                for turn in turns(row):
                    clock.move_to(turn.at)
                    await _call(await cast.clients(row), turn, repository)
            else:
                clock.move_to(row.at)
                _change(repository, row, landed)
        await proxy.settle()
        return len(provider.exchanges)


class _Cast:
    """Clients by team and base URL, connected when they are first needed."""

    def __init__(self, url: str, keys: Mapping[str, str], stack: AsyncExitStack) -> None:
        self._url = url
        self._keys = keys
        self._stack = stack
        self._connected: dict[tuple[str, str], Clients] = {}

    async def clients(self, session: Session) -> Clients:
        place = (session.team, f"{self._url}{_path_tags(session)}")
        if place not in self._connected:
            self._connected[place] = await self._stack.enter_async_context(connect(place[1], self._keys[session.team]))
        return self._connected[place]


async def _call(clients: Clients, turn: Turn, repository: Repository) -> None:
    session = turn.session
    headers = {
        "x-mergecost-session": f"{session.team}-{session.at:%m%d-%H%M}",
        "x-mergecost-purpose": session.purpose,
    }
    if session.branch and not session.tags_in_path:
        headers["x-mergecost-repo"] = REPOSITORY
        headers["x-mergecost-branch"] = session.branch
    if session.branch:
        headers["x-mergecost-commit"] = repository.head(session.branch)
    if session.change:
        headers["x-mergecost-change"] = f"{REPOSITORY}#{session.change}"
    await APIS[session.api](clients, session.model, turn.prompt, headers)


def _path_tags(session: Session) -> str:
    if not session.tags_in_path or not session.branch:
        return ""
    return f"/@repo={quote(REPOSITORY, safe='')},branch={quote(session.branch, safe='')}"


def _change(repository: Repository, row: Branch | Commit | Merge | Squash | Revert, landed: dict[int, str]) -> None:
    match row:
        case Branch():
            repository.start(row.name)
        case Commit():
            repository.commit(row.at, row.branch, row.message, row.files)
        case Merge():
            message = f"Merge pull request #{row.number} from acme/{row.branch}\n\n{row.title}"
            landed[row.number] = repository.merge(row.at, row.branch, message)
        case Squash():
            landed[row.number] = repository.squash(row.at, row.branch, f"{row.title} (#{row.number})")
        case Revert():
            undone = landed[row.undoes]
            repository.revert(row.at, row.branch, undone)
            title = f'Revert "Add a vector index to search (#{row.undoes})" (#{row.number})'
            repository.squash(row.at, row.branch, f"{title}\n\nThis reverts commit {undone}.")


def _headline(row: Branch | Commit | Merge | Squash | Revert | Session) -> str:
    match row:
        case Session():
            return f"{row.at:%b %d}  {row.team}: {row.api}, {row.model}"
        case Branch():
            return f"{row.at:%b %d}  git: branch {row.name}"
        case Commit():
            return f"{row.at:%b %d}  git: commit {row.message}"
        case Merge() | Squash():
            return f"{row.at:%b %d}  git: merge #{row.number} {row.title}"
        case Revert():
            return f"{row.at:%b %d}  git: revert #{row.undoes}"


def _make_keys(settings: Settings, clock: SimulatedClock) -> dict[str, str]:
    """One key a team, as `mergecost keys add` makes them."""
    ledger = open_ledger(settings.ledger)
    secrets: dict[str, str] = {}
    for team in TEAMS:
        key, secrets[team] = new_key(team=team, created_at=clock.now())
        ledger.add_key(key)
    ledger.close()
    return secrets


def _against(settings: Settings, provider: SampleProvider) -> Settings:
    """The settings with every provider replaced by the sample, on a free port of loopback."""
    key = SecretStr(_PROVIDER_KEY)
    providers = {
        "openai": ProviderSettings(kind="openai", base_url=f"{provider.url}/v1", api_key=key),
        "anthropic": ProviderSettings(kind="anthropic", base_url=provider.url, api_key=key),
        "gemini": ProviderSettings(kind="gemini", base_url=provider.url, api_key=key),
    }
    return settings.model_copy(update={"providers": providers, "server": ServerSettings(port=0)})


def _take_time(clock: SimulatedClock, exchange: Exchange) -> None:
    clock.advance(_FIRST_BYTE + _PER_TOKEN * read_script(exchange.body).completion)
