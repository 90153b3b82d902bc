"""The clouds' own SDKs, pointed at the proxy: they read what they would without it, and the books have the call."""

from __future__ import annotations

import asyncio
from typing import Any

from anthropic import AsyncAnthropicVertex
from botocore.config import Config
from botocore.session import Session
from openai import AsyncAzureOpenAI

from attribution.demo.provider import SampleProvider
from tests.proxy.cloud_bodies import CLOUD
from tests.test_clouds import clouds, reply

HAIKU = "anthropic.claude-haiku-4-5-20251001-v1:0"
MESSAGES = [{"role": "user", "content": [{"text": "hi"}]}]


def bedrock(url: str, access_key: str = "AKIDEXAMPLE") -> Any:
    session = Session()
    session.set_credentials(access_key, "secret")
    return session.create_client(
        "bedrock-runtime",
        region_name="us-east-1",
        endpoint_url=f"{url}/bedrock",
        config=Config(retries={"max_attempts": 0}),
    )


async def test_botocore_converses(tmp_path):
    async with SampleProvider() as provider, clouds(provider, tmp_path) as proxy:
        provider.planned.append(reply(CLOUD["bedrock converse"][0]))
        client = bedrock(proxy.url)
        answer = await asyncio.to_thread(client.converse, modelId=HAIKU, messages=MESSAGES)
        row = await proxy.row()
        await asyncio.to_thread(client.close)
    assert answer["output"]["message"]["content"][0]["text"] == "Hello"
    assert answer["usage"]["inputTokens"] == row["input_tokens"] == 36
    assert provider.exchanges[0].target == "/model/anthropic.claude-haiku-4-5-20251001-v1%3A0/converse"
    assert (row["operation"], row["request_model"], row["outcome"]) == ("converse", HAIKU, "ok")


async def test_botocore_reads_a_converse_stream(tmp_path):
    async with SampleProvider() as provider, clouds(provider, tmp_path) as proxy:
        provider.planned.append(reply(CLOUD["bedrock converse stream"][0]))
        client = bedrock(proxy.url)

        def converse() -> list[dict[str, Any]]:
            return list(client.converse_stream(modelId=HAIKU, messages=MESSAGES)["stream"])

        events = await asyncio.to_thread(converse)
        row = await proxy.row()
        await asyncio.to_thread(client.close)
    assert [next(iter(event)) for event in events][-2:] == ["messageStop", "metadata"]
    assert events[-1]["metadata"]["usage"]["outputTokens"] == row["output_tokens"] == 20
    assert (row["operation"], row["outcome"], row["session"]) == ("converse-stream", "ok", None)


async def test_botocore_reads_our_refusal_as_one_of_aws(tmp_path):
    async with SampleProvider() as provider, clouds(provider, tmp_path) as proxy:
        client = bedrock(proxy.url, access_key="sk-mc-unknown")

        def refused() -> dict[str, Any]:
            try:
                client.converse(modelId=HAIKU, messages=MESSAGES)
            except client.exceptions.AccessDeniedException as error:
                return dict(error.response)
            return {}

        response = await asyncio.to_thread(refused)
        await asyncio.to_thread(client.close)
    assert "this mergecost key is unknown" in response["Error"]["Message"]
    assert provider.exchanges == []


async def test_anthropic_on_vertex_streams(tmp_path):
    async with SampleProvider() as provider, clouds(provider, tmp_path) as proxy:
        provider.planned.append(reply(CLOUD["vertex claude stream"][0]))
        client = AsyncAnthropicVertex(
            region="us-east5", project_id="p-1", access_token="token", base_url=f"{proxy.url}/vertex/v1", max_retries=0
        )
        async with (
            client,
            client.messages.stream(
                model="claude-sonnet-4-5@20250929", max_tokens=10, messages=[{"role": "user", "content": "hi"}]
            ) as stream,
        ):
            message = await stream.get_final_message()
        row = await proxy.row()
    assert message.usage.output_tokens == row["output_tokens"] == 20
    assert (row["operation"], row["request_model"]) == ("streamRawPredict", "claude-sonnet-4-5@20250929")
    assert provider.exchanges[0].header("authorization") == "Bearer token"


async def test_azure_openai_chats(tmp_path):
    async with SampleProvider() as provider, clouds(provider, tmp_path) as proxy:
        provider.planned.append(reply(CLOUD["azure deployment"][0]))
        client = AsyncAzureOpenAI(
            azure_endpoint=f"{proxy.url}/azure", api_key="azure-key", api_version="2024-10-21", max_retries=0
        )
        async with client:
            answer = await client.chat.completions.create(model="my-gpt", messages=[{"role": "user", "content": "hi"}])
        row = await proxy.row()
    assert answer.choices[0].message.content == "Hello"
    assert provider.exchanges[0].target == "/openai/deployments/my-gpt/chat/completions?api-version=2024-10-21"
    assert provider.exchanges[0].header("api-key") == "azure-key"
    assert (row["request_model"], row["response_model"], row["price_status"]) == (
        "my-gpt",
        "gpt-4o-2024-11-20",
        "priced",
    )
