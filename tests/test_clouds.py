"""Azure OpenAI, Vertex AI and Bedrock over real sockets: bytes, address and key as sent, tokens and dollars by hand."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import aiohttp
import pytest
from yarl import URL

from attribution.demo.provider import Delivery, SampleProvider
from attribution.demo.wire import Reply
from attribution.serving import serving
from attribution.settings import Settings
from proxy.clock import SystemClock
from tests.proxy.cloud_bodies import CLOUD, FAILED
from tests.proxy.cloud_shapes import CloudBody
from tests.proxying import Proxy

# USD per token as the pinned price map has them, written out for a calculation by hand.
AZURE_GPT_4O = {"input": "0.0000025", "cache_read": "0.00000125", "output": "0.00001"}
VERTEX_FLASH = {"input": "0.0000003", "cache_read": "0.00000003", "output": "0.0000025"}
# Claude on Vertex AI: us-east5 is not the global endpoint, so a tenth comes on top.
VERTEX_SONNET_REGIONAL = {
    "input": "0.0000033",
    "cache_read": "0.00000033",
    "write_5m": "0.000004125",
    "write_1h": "0.0000066",
    "output": "0.0000165",
}
BEDROCK_HAIKU = {
    "input": "0.000001",
    "cache_read": "0.0000001",
    "write_5m": "0.00000125",
    "write_1h": "0.000002",
    "output": "0.000005",
}
# What the bodies tell: OpenAI's and Gemini's, with 10 tokens of reasoning at the output's price; Anthropic's.
OPENAI_USED = {"input": 36, "cache_read": 64, "output": 30}
ANTHROPIC_USED = {"input": 36, "cache_read": 64, "write_5m": 20, "write_1h": 30, "output": 20}


@dataclass(frozen=True)
class Case:
    """One call: `path` as its client writes it, query included."""

    body: str  # in CLOUD
    path: str
    operation: str
    used: dict[str, int]
    rates: dict[str, str]
    model: str

    def picodollars(self) -> int:
        dollars = sum((count * Decimal(self.rates[name]) for name, count in self.used.items()), Decimal(0))
        return int(dollars * 10**12)


AZURE = (OPENAI_USED, AZURE_GPT_4O, "my-gpt")
GEMINI = (OPENAI_USED, VERTEX_FLASH, "gemini-2.5-flash")
CLAUDE = (ANTHROPIC_USED, VERTEX_SONNET_REGIONAL, "claude-sonnet-4-5@20250929")
HAIKU = (ANTHROPIC_USED, BEDROCK_HAIKU, "anthropic.claude-haiku-4-5-20251001-v1:0")
PUBLISHERS = "/v1/projects/p-1/locations/us-east5/publishers"
MODEL = "/bedrock/model/anthropic.claude-haiku-4-5-20251001-v1%3A0"
CASES = (
    Case(
        "azure deployment",
        "/azure/openai/deployments/my-gpt/chat/completions?api-version=2024-10-21",
        "chat.completions",
        *AZURE,
    ),
    Case(
        "azure deployment stream",
        "/azure/openai/deployments/my-gpt/chat/completions?api-version=2024-10-21",
        "chat.completions",
        *AZURE,
    ),
    Case("azure v1", "/azure/openai/v1/chat/completions", "chat.completions", *AZURE),
    Case("azure responses", "/azure/openai/responses?api-version=2025-04-01-preview", "responses", *AZURE),
    Case("azure v1 responses stream", "/azure/openai/v1/responses?api-version=preview", "responses", *AZURE),
    Case(
        "vertex gemini",
        f"/vertex{PUBLISHERS}/google/models/gemini-2.5-flash:generateContent",
        "generateContent",
        *GEMINI,
    ),
    Case(
        "vertex gemini sse",
        f"/vertex{PUBLISHERS}/google/models/gemini-2.5-flash:streamGenerateContent?alt=sse",
        "streamGenerateContent",
        *GEMINI,
    ),
    Case(
        "vertex gemini array",
        f"/vertex{PUBLISHERS}/google/models/gemini-2.5-flash:streamGenerateContent",
        "streamGenerateContent",
        *GEMINI,
    ),
    Case(
        "vertex claude",
        f"/vertex{PUBLISHERS}/anthropic/models/claude-sonnet-4-5@20250929:rawPredict",
        "rawPredict",
        *CLAUDE,
    ),
    Case(
        "vertex claude stream",
        f"/vertex{PUBLISHERS}/anthropic/models/claude-sonnet-4-5%4020250929:streamRawPredict",
        "streamRawPredict",
        *CLAUDE,
    ),
    Case("bedrock converse", f"{MODEL}/converse", "converse", *HAIKU),
    Case("bedrock invoke anthropic", f"{MODEL}/invoke", "invoke", *HAIKU),
    Case(
        "bedrock invoke anthropic stream",
        f"{MODEL}/invoke-with-response-stream",
        "invoke-with-response-stream",
        *HAIKU,
    ),
)


@asynccontextmanager
async def clouds(provider: SampleProvider, directory: Path) -> AsyncIterator[Proxy]:
    """A proxy whose three cloud entries all lead to `provider`."""
    settings = Settings(
        ledger=f"sqlite:///{directory / 'ledger.db'}",
        providers={kind: {"kind": kind, "base_url": provider.url} for kind in ("azure", "vertex", "bedrock")},
        server={"port": 0, "drain_seconds": 1},
    )
    async with (
        serving(settings, SystemClock()) as running,
        aiohttp.ClientSession(auto_decompress=False) as client,
    ):
        yield Proxy(running.url, provider, settings, client, running)


def reply(body: CloudBody) -> Reply:
    headers = (("Content-Type", body.content_type), *body.headers.items())
    return Reply(status=body.status, headers=headers, pieces=(body.data,), streamed="stream" in body.path.lower())


def address(proxy: Proxy, path: str) -> URL:
    return URL(proxy.url + path, encoded=True)


@pytest.mark.parametrize("chunk_bytes", [1, 100, None])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.body)
async def test_a_call_is_relayed_byte_for_byte_and_charged_by_hand(tmp_path, case, chunk_bytes):
    body, _ = CLOUD[case.body]
    sent = (
        b'{"model":"my-gpt","messages":[]}' if "/v1/" in case.path or "/responses" in case.path else b'{"messages":[]}'
    )
    key = {"api-key": "azure-key"} if case.path.startswith("/azure") else {"Authorization": "Bearer cloud-token"}
    async with (
        SampleProvider(delivery=Delivery(chunk_bytes=chunk_bytes)) as provider,
        clouds(provider, tmp_path) as proxy,
    ):
        provider.planned.append(reply(body))
        async with proxy.client.post(address(proxy, case.path), data=sent, headers=key) as response:
            received = await response.read()
            row = await proxy.row()

        (exchange,) = provider.exchanges
        assert received == body.data
        assert exchange.body == sent
        assert exchange.target == case.path.removeprefix(f"/{body.kind}")
        assert {name: exchange.header(name) for name in key} == key
        assert (row["operation"], row["outcome"], row["price_status"]) == (case.operation, "ok", "priced")
        assert row["request_model"] == case.model
        assert row["total_picodollars"] == case.picodollars()
        assert (row["input_tokens"], row["cache_read_tokens"]) == (case.used["input"], case.used["cache_read"])


async def test_the_served_tier_of_a_converse_stream_decides_its_price(tmp_path):
    """Haiku 4.5 has no flex price in the map: what the response says was served is never taken for the standard one."""
    body, _ = CLOUD["bedrock converse stream"]
    async with SampleProvider() as provider, clouds(provider, tmp_path) as proxy:
        provider.planned.append(reply(body))
        async with proxy.client.post(address(proxy, f"{MODEL}/converse-stream"), data=b"{}") as response:
            assert await response.read() == body.data
            row = await proxy.row()
    assert (row["operation"], row["outcome"], row["service_tier"]) == ("converse-stream", "ok", "flex")
    assert (row["input_tokens"], row["cache_write_1h_tokens"], row["output_tokens"]) == (36, 30, 20)
    assert (row["price_status"], row["total_picodollars"]) == ("unpriced", None)


@pytest.mark.parametrize(
    ("model_id", "model"),
    [
        ("us.amazon.nova-lite-v1:0", "us.amazon.nova-lite-v1:0"),
        (
            "arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Ainference-profile%2Fus.amazon.nova-lite-v1%3A0",
            "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.amazon.nova-lite-v1:0",
        ),
    ],
)
async def test_a_model_id_goes_upstream_as_the_client_wrote_it_and_is_priced_by_its_name(tmp_path, model_id, model):
    async with SampleProvider() as provider, clouds(provider, tmp_path) as proxy:
        provider.planned.append(
            Reply(pieces=(b'{"stopReason":"end_turn","usage":{"inputTokens":1000,"outputTokens":100}}',))
        )
        async with proxy.client.post(address(proxy, f"/bedrock/model/{model_id}/converse"), data=b"{}") as response:
            await response.read()
            row = await proxy.row()
        assert provider.exchanges[0].target == f"/model/{model_id}/converse"
    assert row["request_model"] == model
    # Nova Lite: 0.06 USD a million in, 0.24 out.
    assert row["total_picodollars"] == 1000 * 60_000 + 100 * 240_000


async def test_a_stream_that_ends_in_an_exception_is_an_error_that_is_charged_as_far_as_it_went(tmp_path):
    body, characters = FAILED["converse"]
    async with SampleProvider() as provider, clouds(provider, tmp_path) as proxy:
        provider.planned.append(reply(body))
        async with proxy.client.post(address(proxy, f"{MODEL}/converse-stream"), data=b"{}") as response:
            assert await response.read() == body.data
            row = await proxy.row()
    assert (row["outcome"], row["error_type"]) == ("error", "throttlingException")
    assert (row["price_status"], row["output_tokens"]) == ("estimated", -(-characters // 4))


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("/azure/openai/deployments/d/chat/completions", {"api-key": "sk-mc-unknown"}),
        (
            "/vertex/v1/projects/p/locations/l/publishers/google/models/m:generateContent",
            {"Authorization": "Bearer sk-mc-x"},
        ),
        ("/bedrock/model/m/converse", {"Authorization": "Bearer sk-mc-x"}),
        (
            "/bedrock/model/m/converse",
            {
                "Authorization": "AWS4-HMAC-SHA256 Credential=sk-mc-x/20261102/us-east-1/bedrock/aws4_request, "
                "SignedHeaders=host, Signature=0"
            },
        ),
    ],
    ids=["azure", "vertex", "bedrock", "bedrock access key id"],
)
async def test_an_unknown_key_is_refused_in_the_provider_s_own_shape(tmp_path, path, key):
    async with SampleProvider() as provider, clouds(provider, tmp_path) as proxy:
        async with proxy.client.post(address(proxy, path), data=b"{}", headers=key) as response:
            body = await response.json()
        assert response.status == 401
        assert "mergecost key" in body.get("error", body)["message"]
        assert provider.exchanges == []
