"""The client gets the provider's bytes, as they come; the books get the same tokens, priced by hand."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import io
import json
import os
from decimal import Decimal

import pytest
from yarl import URL

from attribution.demo.provider import Delivery, Raw, SampleProvider
from attribution.demo.wire import Reply
from proxy.call import Outcome
from proxy.journal import Done
from tests.proxying import OPERATIONS, Operation, journaled, proxy_before

PROMPT = "[sample input=1000 output=200 cache_read=300 chunks=5]"

# USD per token as the pinned price map has them, written out for a calculation by hand.
RATES = {
    "gpt-4o": {"input": "0.0000025", "cache_read": "0.00000125", "output": "0.00001"},
    "gpt-5": {"input": "0.00000125", "cache_read": "0.000000125", "output": "0.00001"},
    "text-embedding-3-small": {"input": "0.00000002", "cache_read": "0", "output": "0"},
    "claude-sonnet-4-6": {"input": "0.000003", "cache_read": "0.0000003", "output": "0.000015"},
    "gemini-2.5-flash": {"input": "0.0000003", "cache_read": "0.00000003", "output": "0.0000025"},
}


def tokens_of(operation: Operation) -> dict[str, int]:
    """What the sample provider bills for PROMPT."""
    match operation.name:
        case "messages.count_tokens":
            return {"input": 0, "cache_read": 0, "output": 0}
        case "embeddings":
            return {"input": 1300, "cache_read": 0, "output": 0}  # an embedding has neither cache nor output
        case _:
            return {"input": 1000, "cache_read": 300, "output": 200}


def picodollars_by_hand(operation: Operation) -> int:
    model = str(operation.body.get("model", "gemini-2.5-flash"))
    dollars = sum((count * Decimal(RATES[model][name]) for name, count in tokens_of(operation).items()), Decimal(0))
    return int(dollars * 10**12)


@pytest.mark.parametrize("chunk_bytes", [1, 3, 64, None])
@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
async def test_every_operation_is_relayed_byte_for_byte_and_metered_by_hand(tmp_path, operation, chunk_bytes):
    delivery = Delivery(chunk_bytes=chunk_bytes)
    async with SampleProvider(delivery=delivery) as provider, proxy_before(provider, tmp_path) as proxy:
        body = json.dumps(operation.request(PROMPT)).encode()
        headers = {"Content-Type": "application/json", **dict(operation.headers)}
        async with proxy.client.post(proxy.url + operation.path, data=body, headers=headers) as response:
            received = await response.read()
            row = await proxy.row()

        exchange = provider.exchanges[0]
        assert hashlib.sha256(received).digest() == hashlib.sha256(exchange.sent).digest()
        assert exchange.body == body
        assert response.status == exchange.status == 200
        assert row["call_id"] == response.headers["x-mergecost-call-id"]
        assert (row["operation"], bool(row["stream"]), row["outcome"]) == (operation.name, operation.stream, "ok")
        tokens = tokens_of(operation)
        assert (row["input_tokens"] or 0, row["cache_read_tokens"] or 0, row["output_tokens"] or 0) == (
            tokens["input"],
            tokens["cache_read"],
            tokens["output"],
        )
        assert row["total_picodollars"] == picodollars_by_hand(operation)
        assert row["price_status"] == ("free" if operation.name == "messages.count_tokens" else "priced")


@pytest.mark.parametrize("operation", [op for op in OPERATIONS if op.stream], ids=str)
async def test_a_stream_delivers_its_first_byte_before_the_provider_sent_its_last(tmp_path, operation):
    release = asyncio.Event()
    delivery = Delivery(chunk_bytes=8, wait_at=40, until=release)
    async with SampleProvider(delivery=delivery) as provider, proxy_before(provider, tmp_path) as proxy:
        async with proxy.client.post(
            proxy.url + operation.path, json=operation.request(PROMPT), headers=dict(operation.headers)
        ) as response:
            first = await response.content.readexactly(40)
            assert not provider.exchanges[0].finished
            release.set()
            rest = await response.read()
        assert first + rest == bytes(provider.exchanges[0].sent)


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
async def test_the_call_is_journaled_when_the_client_sees_the_end(tmp_path, operation):
    async with SampleProvider() as provider, proxy_before(provider, tmp_path) as proxy:
        async with proxy.client.post(
            proxy.url + operation.path, json=operation.request(PROMPT), headers=dict(operation.headers)
        ) as response:
            await response.read()
            done = [record for record in journaled(proxy.settings) if isinstance(record, Done)]
        assert [record.attempt.outcome for record in done] == [Outcome.OK]


async def test_the_call_is_journaled_before_the_terminal_event_leaves_though_the_connection_stays_open(tmp_path):
    operation = next(op for op in OPERATIONS if op.name == "messages" and op.stream)
    body = json.dumps(operation.request(PROMPT)).encode()
    release = asyncio.Event()
    async with SampleProvider() as provider, proxy_before(provider, tmp_path) as proxy:
        async with proxy.client.post(proxy.url + "/v1/messages", data=body) as response:
            whole = await response.read()
        provider.delivery = Delivery(wait_at=len(whole), until=release)  # the transport's end does not come
        async with proxy.client.post(proxy.url + "/v1/messages", data=body) as response:
            await response.content.readexactly(len(whole))
            call_id = response.headers["x-mergecost-call-id"]
            done = [record for record in journaled(proxy.settings) if isinstance(record, Done)]
            release.set()
            await response.read()
        assert call_id in {record.call.call_id for record in done}


async def test_a_compressed_response_stays_compressed_and_is_metered(tmp_path):
    async with SampleProvider(delivery=Delivery(gzip=True)) as provider, proxy_before(provider, tmp_path) as proxy:
        async with proxy.client.post(
            proxy.url + "/v1/chat/completions",
            json=OPERATIONS[0].request(PROMPT),
            headers={"Accept-Encoding": "gzip"},
        ) as response:
            received = await response.read()
        assert received == bytes(provider.exchanges[0].sent)
        assert response.headers["Content-Encoding"] == "gzip"
        assert json.loads(gzip.decompress(received))["usage"]["completion_tokens"] == 200
        assert (await proxy.row())["output_tokens"] == 200


async def test_headers_pass_in_both_directions_without_ours_and_hop_by_hop_ones(tmp_path):
    reply = Reply(
        headers=(("Content-Type", "application/json"), ("X-Limit", "1"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")),
        pieces=(b"{}",),
    )
    async with SampleProvider() as provider, proxy_before(provider, tmp_path) as proxy:
        provider.planned.append(reply)
        headers = {
            "X-Custom": "kept",
            "anthropic-beta": "a,b",
            "x-mergecost-team": "payments",
            "Connection": "keep-alive, x-hop",
            "x-hop": "dropped",
        }
        async with proxy.client.post(proxy.url + "/v1/messages", data=b"{}", headers=headers) as response:
            assert response.headers.getall("Set-Cookie") == ["a=1", "b=2"]
            assert response.headers["X-Limit"] == "1"
            await response.read()
        exchange = provider.exchanges[0]
        assert (exchange.header("X-Custom"), exchange.header("anthropic-beta")) == ("kept", "a,b")
        assert exchange.header("x-mergecost-team") is None
        assert exchange.header("x-hop") is None
        assert (await proxy.row())["team"] == "payments"


async def test_a_provider_without_date_server_and_content_type_is_given_none(tmp_path):
    async with SampleProvider() as provider, proxy_before(provider, tmp_path) as proxy:
        provider.planned.append(Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"))
        async with proxy.client.post(proxy.url + "/v1/messages", data=b"{}") as response:
            assert await response.read() == b"{}"
        assert set(response.headers) == {"Content-Length", "x-mergecost-call-id"}


@pytest.mark.parametrize("size", [300_000, 1_500_000, 20_000_000])
async def test_large_request_bodies_arrive_whole(tmp_path, size):
    body = b'{"model":"gpt-4o","messages":"' + os.urandom(size // 2).hex().encode() + b'"}'
    async with SampleProvider() as provider, proxy_before(provider, tmp_path) as proxy:
        async with proxy.client.post(
            proxy.url + "/v1/chat/completions", data=io.BytesIO(body), headers={"Content-Length": str(len(body))}
        ) as response:
            assert response.status == 200
            await response.read()
        assert provider.exchanges[0].body == body
        assert provider.exchanges[0].header("Content-Length") == str(len(body))
        assert (await proxy.row())["request_bytes"] == len(body)


async def test_a_chunked_request_of_unknown_length_arrives_whole(tmp_path):
    async def pieces():
        for _ in range(40):
            yield b"x" * 300_000

    async with SampleProvider() as provider, proxy_before(provider, tmp_path) as proxy:
        async with proxy.client.post(proxy.url + "/v1/chat/completions", data=pieces()) as response:
            await response.read()
        assert len(provider.exchanges[0].body) == 12_000_000


async def test_a_malformed_body_is_answered_by_the_provider_and_the_row_says_so(tmp_path):
    async with SampleProvider() as provider, proxy_before(provider, tmp_path) as proxy:
        async with proxy.client.post(proxy.url + "/v1/messages", data=b'{"model": "claude') as response:
            answered = await response.read()
        assert (response.status, answered) == (400, bytes(provider.exchanges[0].sent))
        assert provider.exchanges[0].body == b'{"model": "claude'
        row = await proxy.row()
        assert json.loads(row["request_problems"]) == ["the request body is not a JSON object"]
        assert (row["price_status"], row["total_picodollars"], row["outcome"]) == ("free", 0, "error")


async def test_the_query_and_percent_encoding_of_a_target_stay_as_written(tmp_path):
    async with SampleProvider() as provider, proxy_before(provider, tmp_path) as proxy:
        target = URL(f"{proxy.url}/anthropic/v1/messages?beta=true&x=a%2Fb%20c+d", encoded=True)
        async with proxy.client.post(target, data=b"{}") as response:
            await response.read()
        assert provider.exchanges[0].target == "/v1/messages?beta=true&x=a%2Fb%20c+d"
