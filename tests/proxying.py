"""A real proxy in front of the sample provider, on real sockets, over a real ledger: what the end-to-end tests use."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from attribution.demo.provider import SampleProvider
from attribution.ledger.open import journal_directory
from attribution.serving import Running, serving
from attribution.settings import Settings
from proxy.clock import Clock, SystemClock
from proxy.journal import Record, read_segment, segments

__all__ = ["OPERATIONS", "Operation", "Proxy", "journaled", "ledger_rows", "proxy_before", "settings_for"]


@dataclass(frozen=True, slots=True)
class Operation:
    """One way to ask the sample provider for a number of tokens; `asks` stands for the prompt."""

    name: str  # as the ledger has it
    path: str
    body: Mapping[str, Any]
    stream: bool = False
    headers: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        return f"{self.name}-{'stream' if self.stream else 'plain'}{'-array' if self.path.endswith('Content') else ''}"

    def request(self, prompt: str) -> dict[str, Any]:
        return {key: _filled(value, prompt) for key, value in self.body.items()}


_CHAT = {"model": "gpt-4o", "messages": [{"role": "user", "content": "PROMPT"}]}
_RESPONSES = {"model": "gpt-5", "input": "PROMPT"}
_MESSAGES = {
    "model": "claude-sonnet-4-6",
    "max_tokens": 1000,
    "messages": [{"role": "user", "content": "PROMPT"}],
}
_CONTENTS = {"contents": [{"role": "user", "parts": [{"text": "PROMPT"}]}]}
_ANTHROPIC = (("anthropic-version", "2023-06-01"),)
_GEMINI = "/v1beta/models/gemini-2.5-flash"

OPERATIONS = (
    Operation("chat.completions", "/v1/chat/completions", _CHAT),
    Operation(
        "chat.completions",
        "/v1/chat/completions",
        _CHAT | {"stream": True, "stream_options": {"include_usage": True}},
        stream=True,
    ),
    Operation("responses", "/v1/responses", _RESPONSES),
    Operation("responses", "/v1/responses", _RESPONSES | {"stream": True}, stream=True),
    Operation("embeddings", "/v1/embeddings", {"model": "text-embedding-3-small", "input": "PROMPT"}),
    Operation("messages", "/v1/messages", _MESSAGES, headers=_ANTHROPIC),
    Operation("messages", "/v1/messages", _MESSAGES | {"stream": True}, stream=True, headers=_ANTHROPIC),
    Operation("messages.count_tokens", "/v1/messages/count_tokens", _MESSAGES, headers=_ANTHROPIC),
    Operation("generateContent", f"{_GEMINI}:generateContent", _CONTENTS),
    Operation("streamGenerateContent", f"{_GEMINI}:streamGenerateContent?alt=sse", _CONTENTS, stream=True),
    Operation("streamGenerateContent", f"{_GEMINI}:streamGenerateContent", _CONTENTS, stream=True),
)


@dataclass(frozen=True, slots=True)
class Proxy:
    """A running proxy, the provider behind it and the ledger it fills."""

    url: str
    provider: SampleProvider
    settings: Settings
    client: aiohttp.ClientSession
    running: Running

    async def rows(self) -> list[dict[str, Any]]:
        """Ledger rows of all calls that have ended, by start."""
        await self.running.settle()
        return ledger_rows(self.settings)

    async def row(self) -> dict[str, Any]:
        """The only row there is."""
        (row,) = await self.rows()
        return row


@asynccontextmanager
async def proxy_before(
    provider: SampleProvider, directory: Path, *, clock: Clock | None = None, **settings: Any
) -> AsyncIterator[Proxy]:
    chosen = settings_for(provider.url, directory, **settings)
    async with (
        serving(chosen, clock or SystemClock()) as running,
        aiohttp.ClientSession(auto_decompress=False) as client,
    ):
        yield Proxy(running.url, provider, chosen, client, running)


def settings_for(
    provider_url: str,
    directory: Path,
    *,
    server: Mapping[str, Any] | None = None,
    upstream: Mapping[str, Any] | None = None,
    **settings: Any,
) -> Settings:
    """Settings that send every provider's calls to `provider_url` and listen on a free port."""
    entry = {"base_url": provider_url, **(upstream or {})}
    return Settings(
        ledger=f"sqlite:///{directory / 'ledger.db'}",
        providers=dict.fromkeys(("openai", "anthropic", "gemini"), entry),
        server={"port": 0, "drain_seconds": 1, **(server or {})},
        **settings,
    )


def ledger_rows(settings: Settings) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(settings.ledger.removeprefix("sqlite:///"))) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute("SELECT * FROM calls ORDER BY started_at, attempt")]


def journaled(settings: Settings) -> list[Record]:
    """Every record now in the journal's files, read as a new process would read them."""
    directory = journal_directory(settings.ledger)
    return [record for name in segments(directory) for _, record in read_segment(directory / name)]


def _filled(value: Any, prompt: str) -> Any:
    if isinstance(value, Mapping):
        return {key: _filled(inner, prompt) for key, inner in value.items()}
    if isinstance(value, list):
        return [_filled(inner, prompt) for inner in value]
    return prompt if value == "PROMPT" else value
