"""The real client libraries, driven as a program of the team would drive them: one row an API."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import anthropic
import openai
from google import genai
from google.genai import types

__all__ = ["APIS", "Clients", "connect"]

_MAX_TOKENS = 8192


@dataclass(frozen=True, slots=True)
class Clients:
    """One team's clients: its key in place of every provider's, the proxy in place of every base URL."""

    openai: openai.AsyncOpenAI
    anthropic: anthropic.AsyncAnthropic
    gemini: genai.client.AsyncClient


@asynccontextmanager
async def connect(url: str, key: str) -> AsyncIterator[Clients]:
    """Clients against the proxy at `url`, which may end in path tags."""
    async with AsyncExitStack() as stack:
        yield Clients(
            await stack.enter_async_context(openai.AsyncOpenAI(api_key=key, base_url=f"{url}/openai/v1")),
            await stack.enter_async_context(anthropic.AsyncAnthropic(api_key=key, base_url=f"{url}/anthropic")),
            await stack.enter_async_context(
                genai.Client(api_key=key, http_options=types.HttpOptions(base_url=f"{url}/gemini")).aio
            ),
        )


Headers = Mapping[str, str]


async def _chat(clients: Clients, model: str, prompt: str, headers: Headers) -> None:
    await clients.openai.chat.completions.create(
        model=model, messages=[{"role": "user", "content": prompt}], extra_headers=headers
    )


async def _chat_stream(clients: Clients, model: str, prompt: str, headers: Headers) -> None:
    stream = await clients.openai.chat.completions.create(
        model=model, messages=[{"role": "user", "content": prompt}], stream=True, extra_headers=headers
    )
    async for _ in stream:
        pass


async def _responses(clients: Clients, model: str, prompt: str, headers: Headers) -> None:
    await clients.openai.responses.create(model=model, input=prompt, extra_headers=headers)


async def _responses_stream(clients: Clients, model: str, prompt: str, headers: Headers) -> None:
    async with clients.openai.responses.stream(model=model, input=prompt, extra_headers=headers) as stream:
        await stream.until_done()


async def _embeddings(clients: Clients, model: str, prompt: str, headers: Headers) -> None:
    await clients.openai.embeddings.create(model=model, input=prompt, extra_headers=headers)


async def _messages(clients: Clients, model: str, prompt: str, headers: Headers) -> None:
    await clients.anthropic.messages.create(
        model=model, max_tokens=_MAX_TOKENS, messages=[{"role": "user", "content": prompt}], extra_headers=headers
    )


async def _messages_stream(clients: Clients, model: str, prompt: str, headers: Headers) -> None:
    async with clients.anthropic.messages.stream(
        model=model, max_tokens=_MAX_TOKENS, messages=[{"role": "user", "content": prompt}], extra_headers=headers
    ) as stream:
        await stream.until_done()


async def _count_tokens(clients: Clients, model: str, prompt: str, headers: Headers) -> None:
    await clients.anthropic.messages.count_tokens(
        model=model, messages=[{"role": "user", "content": prompt}], extra_headers=headers
    )


async def _generate(clients: Clients, model: str, prompt: str, headers: Headers) -> None:
    await clients.gemini.models.generate_content(model=model, contents=prompt, config=_config(headers))


async def _generate_stream(clients: Clients, model: str, prompt: str, headers: Headers) -> None:
    stream = await clients.gemini.models.generate_content_stream(model=model, contents=prompt, config=_config(headers))
    async for _ in stream:
        pass


def _config(headers: Headers) -> types.GenerateContentConfig:
    return types.GenerateContentConfig(http_options=types.HttpOptions(headers=dict(headers)))


# Name in the story → call of a client library.
APIS: Mapping[str, Callable[[Clients, str, str, Headers], Awaitable[None]]] = {
    "openai.chat": _chat,
    "openai.chat.stream": _chat_stream,
    "openai.responses": _responses,
    "openai.responses.stream": _responses_stream,
    "openai.embeddings": _embeddings,
    "anthropic.messages": _messages,
    "anthropic.messages.stream": _messages_stream,
    "anthropic.count_tokens": _count_tokens,
    "gemini.generate": _generate,
    "gemini.stream": _generate_stream,
}
