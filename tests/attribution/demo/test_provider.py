"""The sample provider is a provider to the real client libraries, and its hooks hold the wire."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

import aiohttp
import anthropic
import openai
import pytest
from google import genai
from google.genai import types

from attribution.demo.provider import Delivery, Raw, SampleProvider
from attribution.demo.wire import Reply

MARK = "[sample input=1000 cache_read=700 output=40 reasoning=25 tools=1]"
CHAT = {"model": "gpt-4.1", "messages": [{"role": "user", "content": "hi"}], "stream": True}
KEY = "sk-provider"


@pytest.fixture
async def provider() -> AsyncIterator[SampleProvider]:
    async with SampleProvider(api_key=KEY) as running:
        yield running


@pytest.fixture
async def openai_client(provider: SampleProvider) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(api_key=KEY, base_url=f"{provider.url}/v1") as client:
        yield client


@pytest.fixture
async def anthropic_client(provider: SampleProvider) -> AsyncIterator[anthropic.AsyncAnthropic]:
    async with anthropic.AsyncAnthropic(api_key=KEY, base_url=provider.url) as client:
        yield client


@pytest.fixture
async def gemini_client(provider: SampleProvider) -> AsyncIterator[genai.client.AsyncClient]:
    client = genai.Client(api_key=KEY, http_options=types.HttpOptions(base_url=provider.url)).aio
    async with client:
        yield client


@dataclass(frozen=True)
class Fetched:
    status: int
    headers: Mapping[str, str]
    body: bytes


async def fetch(
    provider: SampleProvider, body: Mapping[str, object] = CHAT, headers: Mapping[str, str] | None = None
) -> Fetched:
    """A chat completion as plain HTTP, bytes as they came."""
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        sent = {"Authorization": f"Bearer {KEY}", **(headers or {})}
        async with session.post(f"{provider.url}/v1/chat/completions", json=body, headers=sent) as response:
            return Fetched(response.status, response.headers, await response.read())


async def test_openai_chat_completion(openai_client: openai.AsyncOpenAI) -> None:
    answer = await openai_client.chat.completions.create(
        model="gpt-4.1", messages=[{"role": "user", "content": f"hi {MARK}"}]
    )
    assert answer.model == "gpt-4.1-2025-04-14"
    assert answer.usage is not None
    assert answer.usage.prompt_tokens_details is not None
    assert answer.usage.completion_tokens_details is not None
    assert (answer.usage.prompt_tokens, answer.usage.prompt_tokens_details.cached_tokens) == (1700, 700)
    assert (answer.usage.completion_tokens, answer.usage.completion_tokens_details.reasoning_tokens) == (65, 25)
    assert answer.choices[0].finish_reason == "tool_calls"


async def test_openai_chat_stream_tells_usage_only_when_asked(openai_client: openai.AsyncOpenAI) -> None:
    async with openai_client.chat.completions.stream(
        model="gpt-4.1",
        messages=[{"role": "user", "content": f"hi {MARK}"}],
        stream_options={"include_usage": True},
    ) as stream:
        told = (await stream.get_final_completion()).usage
    assert told is not None
    assert (told.prompt_tokens, told.completion_tokens) == (1700, 65)
    silent = await openai_client.chat.completions.create(
        model="gpt-4.1", messages=[{"role": "user", "content": "hi"}], stream=True
    )
    assert [chunk.usage async for chunk in silent if chunk.usage or not chunk.choices] == []


async def test_openai_response(openai_client: openai.AsyncOpenAI) -> None:
    answer = await openai_client.responses.create(model="gpt-5.1", input=f"hi {MARK}")
    assert answer.usage is not None
    assert answer.usage.input_tokens_details.cached_tokens == 700
    assert answer.usage.output_tokens_details.reasoning_tokens == 25
    assert answer.usage.total_tokens == 1765
    assert [item.type for item in answer.output] == ["reasoning", "message", "function_call"]


async def test_openai_response_stream(openai_client: openai.AsyncOpenAI) -> None:
    async with openai_client.responses.stream(model="gpt-5.1", input=f"hi {MARK}") as stream:
        types_seen = [event.type async for event in stream]
        final = await stream.get_final_response()
    assert types_seen[0] == "response.created"
    assert types_seen[-1] == "response.completed"
    assert final.usage is not None
    assert final.usage.total_tokens == 1765
    assert final.output_text


@pytest.mark.parametrize(("end", "last"), [("length", "response.incomplete"), ("error", "response.failed")])
async def test_openai_response_that_does_not_complete(openai_client: openai.AsyncOpenAI, end: str, last: str) -> None:
    stream = await openai_client.responses.create(model="gpt-5.1", input=f"[sample end={end}]", stream=True)
    assert [event.type async for event in stream][-1] == last


async def test_openai_embeddings_and_models(openai_client: openai.AsyncOpenAI) -> None:
    made = await openai_client.embeddings.create(model="text-embedding-3-small", input=["a [sample input=9]", "b"])
    assert (made.usage.prompt_tokens, len(made.data)) == (9, 2)
    assert all(-1 <= value <= 1 for value in made.data[0].embedding)
    assert "gpt-4.1-2025-04-14" in [model.id async for model in openai_client.models.list()]


async def test_anthropic_message(anthropic_client: anthropic.AsyncAnthropic) -> None:
    answer = await anthropic_client.messages.create(
        model="claude-sonnet-4-6",
        max_tokens=100,
        messages=[
            {
                "role": "user",
                "content": "hi [sample input=10 cache_read=70 cache_write_5m=5 cache_write_1h=3 output=4]",
            }
        ],
    )
    assert answer.model == "claude-sonnet-4-6"
    assert answer.usage.cache_creation is not None
    assert (answer.usage.input_tokens, answer.usage.cache_read_input_tokens, answer.usage.output_tokens) == (10, 70, 4)
    assert answer.usage.cache_creation_input_tokens == 8
    assert answer.usage.cache_creation.ephemeral_1h_input_tokens == 3


async def test_anthropic_message_stream(anthropic_client: anthropic.AsyncAnthropic) -> None:
    async with anthropic_client.messages.stream(
        model="claude-sonnet-4-6", max_tokens=100, messages=[{"role": "user", "content": f"hi {MARK}"}]
    ) as stream:
        final = await stream.get_final_message()
    assert [block.type for block in final.content] == ["thinking", "text", "tool_use"]
    assert (final.usage.input_tokens, final.usage.cache_read_input_tokens, final.usage.output_tokens) == (1000, 700, 65)
    assert final.stop_reason == "tool_use"


async def test_anthropic_token_count_and_models(anthropic_client: anthropic.AsyncAnthropic) -> None:
    counted = await anthropic_client.messages.count_tokens(
        model="claude-sonnet-4-6", messages=[{"role": "user", "content": "[sample input=77]"}]
    )
    assert counted.input_tokens == 77
    assert "claude-haiku-4-5-20251001" in [model.id async for model in anthropic_client.models.list()]


async def test_gemini_content(gemini_client: genai.client.AsyncClient) -> None:
    answer = await gemini_client.models.generate_content(model="gemini-2.5-pro", contents=f"hi {MARK}")
    usage = answer.usage_metadata
    assert usage is not None
    assert (usage.prompt_token_count, usage.cached_content_token_count) == (1700, 700)
    assert (usage.candidates_token_count, usage.thoughts_token_count, usage.total_token_count) == (40, 25, 1765)


async def test_gemini_stream(gemini_client: genai.client.AsyncClient) -> None:
    stream = await gemini_client.models.generate_content_stream(model="gemini-2.5-pro", contents=f"hi {MARK}")
    chunks = [chunk async for chunk in stream]
    usage = chunks[-1].usage_metadata
    assert len(chunks) == 4
    assert usage is not None
    assert (usage.candidates_token_count, usage.total_token_count) == (40, 1765)
    assert chunks[-1].candidates
    assert chunks[-1].candidates[0].finish_reason == types.FinishReason.STOP


async def test_gemini_stream_without_sse_is_one_json_array(provider: SampleProvider) -> None:
    url = f"{provider.url}/v1beta/models/gemini-2.5-pro:streamGenerateContent?key={KEY}"
    async with aiohttp.ClientSession() as session, session.post(url, json={"contents": []}) as response:
        chunks = await response.json()
    assert len(chunks) == 4
    assert chunks[-1]["candidates"][0]["finishReason"] == "STOP"


async def test_gemini_token_count_and_embedding(gemini_client: genai.client.AsyncClient) -> None:
    counted = await gemini_client.models.count_tokens(model="gemini-2.5-pro", contents="[sample input=33]")
    assert counted.total_tokens == 33
    made = await gemini_client.models.embed_content(model="gemini-embedding-001", contents=["a", "b"])
    assert made.embeddings is not None
    assert len(made.embeddings) == 2


async def test_openai_client_retries_a_scripted_429(
    provider: SampleProvider, openai_client: openai.AsyncOpenAI
) -> None:
    await openai_client.responses.create(model="gpt-5.1", input="[sample fail=429x1]")
    assert [exchange.status for exchange in provider.exchanges] == [429, 200]


async def test_anthropic_client_retries_a_scripted_529(
    provider: SampleProvider, anthropic_client: anthropic.AsyncAnthropic
) -> None:
    await anthropic_client.messages.create(
        model="claude-sonnet-4-6", max_tokens=9, messages=[{"role": "user", "content": "[sample fail=529x1]"}]
    )
    assert [exchange.status for exchange in provider.exchanges] == [529, 200]


async def test_a_wrong_key_is_turned_away_in_the_shape_of_each_api(provider: SampleProvider) -> None:
    openai_wrong = openai.AsyncOpenAI(api_key="sk-wrong", base_url=f"{provider.url}/v1")
    with pytest.raises(openai.AuthenticationError):
        await openai_wrong.responses.create(model="gpt-5.1", input="hi")
    await openai_wrong.close()
    anthropic_wrong = anthropic.AsyncAnthropic(api_key="sk-wrong", base_url=provider.url)
    with pytest.raises(anthropic.AuthenticationError):
        await anthropic_wrong.messages.count_tokens(model="m", messages=[{"role": "user", "content": "hi"}])
    await anthropic_wrong.close()


async def test_the_same_request_gets_the_same_bytes(provider: SampleProvider) -> None:
    first, second = await fetch(provider), await fetch(provider)
    assert first.body == second.body
    assert provider.exchanges[0].sent == provider.exchanges[1].sent


@pytest.mark.parametrize("body", [b"{broken", b"[1]"])
async def test_a_broken_body_is_refused(provider: SampleProvider, body: bytes) -> None:
    headers = {"Authorization": f"Bearer {KEY}"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(f"{provider.url}/v1/responses", data=body) as response,
    ):
        assert response.status == 400
        assert (await response.json())["error"]["type"] == "invalid_request_error"


async def test_a_mark_it_does_not_know_is_refused_by_name(provider: SampleProvider) -> None:
    answer = await fetch(provider, {"model": "m", "messages": ["[sample speed=9]"]})
    assert answer.status == 400
    assert b"speed=9" in answer.body


@pytest.mark.parametrize("chunk_bytes", [1, 7, 1000])
async def test_a_body_can_be_cut_into_writes_of_any_size(provider: SampleProvider, chunk_bytes: int) -> None:
    whole = (await fetch(provider)).body
    provider.delivery = Delivery(chunk_bytes=chunk_bytes)
    assert (await fetch(provider)).body == whole
    assert bytes(provider.exchanges[-1].sent) == whole


async def test_a_body_can_wait_in_the_middle_for_an_event(provider: SampleProvider) -> None:
    reached, until = asyncio.Event(), asyncio.Event()
    provider.delivery = Delivery(wait_at=10, until=until, reached=reached)
    fetching = asyncio.create_task(fetch(provider))
    await reached.wait()
    assert len(provider.exchanges[0].sent) == 10
    assert not provider.exchanges[0].finished
    until.set()
    await fetching
    assert provider.exchanges[0].finished


async def test_a_body_can_break_off(provider: SampleProvider) -> None:
    provider.delivery = Delivery(break_at=10)
    with pytest.raises(aiohttp.ClientPayloadError):
        await fetch(provider)
    assert len(provider.exchanges[0].sent) == 10
    assert not provider.exchanges[0].finished


async def test_a_body_is_compressed_where_the_client_accepts_it(provider: SampleProvider) -> None:
    plain = (await fetch(provider, headers={"Accept-Encoding": "identity"})).body
    provider.delivery = Delivery(gzip=True)
    packed = await fetch(provider, headers={"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.body) == plain


async def test_planned_replies_come_first_and_in_order(provider: SampleProvider) -> None:
    provider.planned.append(Reply(status=418, pieces=(b"{}",)))
    provider.planned.append(Raw(b"HTTP/1.1 299 Odd\r\nX-Odd: \xe4\r\nContent-Length: 2\r\n\r\nok"))
    assert [(await fetch(provider)).status for _ in range(3)] == [418, 299, 200]


async def test_an_exchange_holds_what_was_received(provider: SampleProvider) -> None:
    await fetch(provider, {"model": "m", "messages": []}, {"X-Mixed-Case": "1"})
    exchange = provider.exchanges[0]
    assert (exchange.method, exchange.target) == ("POST", "/v1/chat/completions")
    assert (b"X-Mixed-Case", b"1") in exchange.headers
    assert exchange.header("x-mixed-case") == "1"
    assert exchange.body == b'{"model": "m", "messages": []}'
