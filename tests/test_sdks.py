"""The real client libraries, told nothing but a base URL, work through the proxy and are in the books."""

from __future__ import annotations

from typing import Any

import anthropic
import openai
import pytest
from google import genai
from google.genai import types as genai_types

from attribution.demo.provider import SampleProvider
from tests.proxying import proxy_before

ASK = "[sample input=1000 output=200 cache_read=300 reasoning=0]"
BUSY = "[sample input=1000 output=200 fail=429x1]"
MESSAGES: Any = [{"role": "user", "content": ASK}]


def openai_client(url: str) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(base_url=url, api_key="sk-client")


def anthropic_client(url: str) -> anthropic.AsyncAnthropic:
    return anthropic.AsyncAnthropic(base_url=url, api_key="sk-ant-client")


def genai_client(url: str) -> genai.Client:
    return genai.Client(api_key="client", http_options=genai_types.HttpOptions(base_url=url))


def told(row) -> tuple:
    return row["operation"], row["outcome"], row["input_tokens"], row["cache_read_tokens"], row["output_tokens"]


@pytest.mark.parametrize("base", ["/openai/v1", "/openai", "/v1", "", "/@team=payments,actor=ci/openai/v1"])
async def test_openai_over_every_base_url_people_write(tmp_path, base):
    async with SampleProvider() as provider, proxy_before(provider, tmp_path) as proxy:
        async with openai_client(proxy.url + base) as client:
            chat = await client.chat.completions.create(model="gpt-4o", messages=MESSAGES)
            stream = await client.chat.completions.create(
                model="gpt-4o", messages=MESSAGES, stream=True, stream_options={"include_usage": True}
            )
            chunks = [chunk async for chunk in stream]
            response = await client.responses.create(model="gpt-5", input=ASK)
            events = [event async for event in await client.responses.create(model="gpt-5", input=ASK, stream=True)]
            embedding = await client.embeddings.create(model="text-embedding-3-small", input=ASK)
            models = [model.id async for model in client.models.list()]
        rows = await proxy.rows()
    assert chat.usage is not None
    assert chunks[-1].usage is not None
    assert chat.usage.completion_tokens == chunks[-1].usage.completion_tokens == 200
    assert response.output_text
    assert events[-1].type == "response.completed"
    assert len(embedding.data) == 1
    assert models
    assert [told(row) for row in rows] == [
        ("chat.completions", "ok", 1000, 300, 200),
        ("chat.completions", "ok", 1000, 300, 200),
        ("responses", "ok", 1000, 300, 200),
        ("responses", "ok", 1000, 300, 200),
        ("embeddings", "ok", 1300, 0, 0),
        ("models", "ok", None, None, None),
    ]
    assert {row["team"] for row in rows} == {"payments" if "@" in base else None}
    assert {(row["client_name"]) for row in rows} == {"AsyncOpenAI"}


@pytest.mark.parametrize("base", ["/anthropic", "", "/@team=payments/anthropic"])
async def test_anthropic_over_every_base_url_people_write(tmp_path, base):
    asked: Any = {"model": "claude-sonnet-4-6", "max_tokens": 500, "messages": MESSAGES}
    async with SampleProvider() as provider, proxy_before(provider, tmp_path) as proxy:
        async with anthropic_client(proxy.url + base) as client:
            message = await client.messages.create(**asked)
            async with client.messages.stream(**asked) as stream:
                final = await stream.get_final_message()
            counted = await client.messages.count_tokens(model="claude-sonnet-4-6", messages=MESSAGES)
        rows = await proxy.rows()
    assert message.usage.output_tokens == final.usage.output_tokens == 200
    assert counted.input_tokens > 0
    assert [told(row)[:2] for row in rows] == [("messages", "ok"), ("messages", "ok"), ("messages.count_tokens", "ok")]
    assert [told(row)[2:] for row in rows[:2]] == [(1000, 300, 200)] * 2
    assert (rows[2]["price_status"], rows[2]["total_picodollars"]) == ("free", 0)


@pytest.mark.parametrize("base", ["/gemini", "", "/@team=payments/gemini"])
async def test_gemini_over_every_base_url_people_write(tmp_path, base):
    async with SampleProvider() as provider, proxy_before(provider, tmp_path) as proxy:
        client = genai_client(proxy.url + base).aio
        answer = await client.models.generate_content(model="gemini-2.5-flash", contents=ASK)
        stream = await client.models.generate_content_stream(model="gemini-2.5-flash", contents=ASK)
        chunks = [chunk async for chunk in stream]
        await client.aclose()
        rows = await proxy.rows()
    assert answer.usage_metadata is not None
    assert chunks[-1].usage_metadata is not None
    assert answer.usage_metadata.candidates_token_count == chunks[-1].usage_metadata.candidates_token_count == 200
    assert [told(row) for row in rows] == [
        ("generateContent", "ok", 1000, 300, 200),
        ("streamGenerateContent", "ok", 1000, 300, 200),
    ]


async def test_a_retry_of_the_client_s_own_is_a_call_of_its_own_marked_as_one(tmp_path):
    async with SampleProvider() as provider, proxy_before(provider, tmp_path) as proxy:
        async with anthropic_client(proxy.url) as client:
            await client.messages.create(
                model="claude-sonnet-4-6", max_tokens=500, messages=[{"role": "user", "content": BUSY}]
            )
        rows = await proxy.rows()
    assert [(row["status"], row["client_retry_count"], row["price_status"]) for row in rows] == [
        (429, 0, "free"),
        (200, 1, "priced"),
    ]
    assert rows[0]["body_hash"] == rows[1]["body_hash"]


async def test_a_refusal_is_raised_at_once_with_our_words_in_it(tmp_path):
    async with SampleProvider() as provider, proxy_before(provider, tmp_path, server={"keys": "required"}) as proxy:
        async with openai_client(proxy.url + "/openai/v1") as client:
            with pytest.raises(openai.AuthenticationError, match="mergecost key"):
                await client.chat.completions.create(model="gpt-4o", messages=MESSAGES)
        async with anthropic_client(proxy.url) as client:
            with pytest.raises(anthropic.AuthenticationError, match="mergecost key"):
                await client.messages.create(model="claude-sonnet-4-6", max_tokens=5, messages=MESSAGES)
        with pytest.raises(genai.errors.ClientError, match="mergecost key"):
            await genai_client(proxy.url).aio.models.generate_content(model="gemini-2.5-flash", contents=ASK)
        assert provider.exchanges == []
