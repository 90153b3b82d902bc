"""Requests to Bedrock are signed again for the host they go to, over the very bytes that are sent."""

from __future__ import annotations

from datetime import UTC, datetime

import aiohttp
from yarl import URL

from attribution.demo.provider import SampleProvider
from attribution.demo.wire import Reply
from attribution.serving import serving
from attribution.settings import Settings
from proxy.clock import SystemClock
from proxy.signing import Credentials, resign
from tests.proxying import Proxy, ledger_rows

CONVERSE = b'{"output":{},"stopReason":"end_turn","usage":{"inputTokens":10,"outputTokens":5,"totalTokens":15}}'
PATH = "/model/us.anthropic.claude-haiku-4-5-20251001-v1%3A0/converse"


async def test_a_client_s_signature_for_the_proxy_is_replaced_by_one_for_the_provider(tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    body = b'{"messages":[]}' + b" " * 300_000  # sent in slices, signed whole
    async with SampleProvider() as provider:
        provider.planned.append(Reply(pieces=(CONVERSE,)))
        settings = Settings(
            ledger=f"sqlite:///{tmp_path / 'ledger.db'}",
            providers={"bedrock": {"kind": "bedrock", "base_url": provider.url, "region": "us-east-1"}},
            server={"port": 0, "buffer_bytes": 1000},
        )
        async with serving(settings, SystemClock()) as running, aiohttp.ClientSession() as client:
            proxy = Proxy(running.url, provider, settings, client, running)
            stale = {"Authorization": "AWS4-HMAC-SHA256 Credential=WRONG/x", "Content-Type": "application/json"}
            target = URL(f"{proxy.url}/bedrock{PATH}", encoded=True)
            async with client.post(target, data=body, headers=stale) as response:
                assert await response.read() == CONVERSE
            await running.settle()
    exchange = provider.exchanges[0]
    moment = datetime.strptime(exchange.header("X-Amz-Date") or "", "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    expected = resign(
        "POST",
        provider.url + PATH,
        [("Content-Type", "application/json")],
        body,
        Credentials("AKIDEXAMPLE", "secret"),
        "us-east-1",
        moment=moment,
    )
    assert exchange.target == PATH
    assert exchange.body == body
    assert exchange.header("Authorization") == dict(expected)["Authorization"]
    (row,) = ledger_rows(settings)
    assert (row["operation"], row["input_tokens"], row["output_tokens"]) == ("converse", 10, 5)
