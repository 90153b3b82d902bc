"""The server on its socket: what odd, broken, slow and hostile peers get, and that every call that began has an end."""

from __future__ import annotations

import asyncio
import json
import resource
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from attribution.demo.provider import Delivery, Raw, SampleProvider
from attribution.demo.wire import Reply
from proxy.journal import Done
from tests.proxying import OPERATIONS, Proxy, journaled, ledger_rows, proxy_before

PROMPT = "[sample input=1000 output=200 cache_read=300 chunks=20]"
STREAM = next(op for op in OPERATIONS if op.name == "messages" and op.stream)
PLAIN = next(op for op in OPERATIONS if op.name == "messages" and not op.stream)
BEGUN = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n8\r\ndata: x\n\r\n"
HEALTH = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


def post(path: str, body: bytes, *headers: str, version: str = "1.1") -> bytes:
    head = [f"POST {path} HTTP/{version}", "Host: x", *headers, f"Content-Length: {len(body)}"]
    return "\r\n".join(head).encode("latin-1") + b"\r\n\r\n" + body


@asynccontextmanager
async def connected(proxy: Proxy) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    host, port = proxy.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        async with asyncio.timeout(20):
            yield reader, writer
    finally:
        writer.close()


async def exchange(proxy: Proxy, request: bytes) -> bytes:
    """Everything the server sends until it closes."""
    async with connected(proxy) as (reader, writer):
        writer.write(request)
        return await reader.read()


async def until(proxy: Proxy, condition: Any) -> list[Done]:
    """The done records, as soon as they meet the condition."""
    async with asyncio.timeout(20):
        while not condition(done := [record for record in journaled(proxy.settings) if isinstance(record, Done)]):
            await proxy.rows()
    return done


# Headers --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("control", [b"\x01", b"\x1f", b"\x7f"])
async def test_a_control_character_in_a_provider_s_header_becomes_a_space_and_the_call_is_recorded(
    tmp_path: Path, control: bytes
) -> None:
    async with SampleProvider() as provider, proxy_before(provider, tmp_path) as proxy:
        provider.planned.append(Raw(b"HTTP/1.1 200 OK\r\nX-A: a" + control + b"b\r\nContent-Length: 2\r\n\r\n{}"))
        async with proxy.client.post(proxy.url + PLAIN.path, data=b"{}") as response:
            assert (response.status, response.headers["X-A"], await response.read()) == (200, "a b", b"{}")
        assert (await proxy.row())["outcome"] == "ok"


@pytest.mark.parametrize(
    ("sent", "received"),
    [(b"caf\xc3\xa9", b"caf\xc3\xa9"), (b"caf\xe9", b"caf\xc3\xa9"), (b"\xff\xfe", b"\xc3\xbf\xc3\xbe")],
)
async def test_a_header_value_beyond_ascii_keeps_its_characters_in_both_directions(
    tmp_path: Path, sent: bytes, received: bytes
) -> None:
    async with SampleProvider() as provider, proxy_before(provider, tmp_path) as proxy:
        provider.planned.append(Raw(b"HTTP/1.1 200 OK\r\nX-A: " + sent + b"\r\nContent-Length: 2\r\n\r\n{}"))
        answer = await exchange(proxy, post(PLAIN.path, b"{}", "Connection: close", f"X-B: {sent.decode('latin-1')}"))
    assert b"\r\nX-A: " + received + b"\r\n" in answer
    assert dict(provider.exchanges[0].headers)[b"X-B"] == received


async def test_our_key_in_a_repeated_or_encoded_query_parameter_stays_here(tmp_path: Path) -> None:
    async with SampleProvider() as provider, proxy_before(provider, tmp_path) as proxy:
        target = "/v1beta/models/gemini-2.5-flash:generateContent?key=AIza-own&key=sk-mc-one&%6bey=sk%2Dmc-two&x=1"
        await exchange(proxy, post(target, b"{}", "Connection: close"))
    assert provider.exchanges[0].target.partition("?")[2] == "key=AIza-own&x=1"


# Where a call may go -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "target",
    ["/openai/../../v1/models", "/openai/%2e%2E/v1/models", "/openai/v1/./models", "/@team=a/openai/..", "/v1/chat/.."],
)
async def test_a_path_cannot_climb_out_of_the_configured_address(tmp_path: Path, target: str) -> None:
    async with SampleProvider() as provider, proxy_before(provider, tmp_path) as proxy:
        answer = await exchange(proxy, post(target, b"{}", "Connection: close"))
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert provider.exchanges == []


@pytest.mark.parametrize(
    "target",
    [
        "http://elsewhere.example/models/x:generateContent",
        "//elsewhere.example/v1/messages",
        "/openai@elsewhere.example/v1/models",
        "/openai?@elsewhere.example/",
        "/openai//elsewhere.example/v1/models",
    ],
)
async def test_no_target_names_another_host(tmp_path: Path, target: str) -> None:
    async with SampleProvider() as provider, proxy_before(provider, tmp_path) as proxy:
        await exchange(proxy, post(target, b"{}", "Connection: close"))
    hosts = {dict(seen.headers)[b"Host"].decode() for seen in provider.exchanges}
    assert hosts <= {provider.url.removeprefix("http://")}


@pytest.mark.parametrize("address", ["http://user:secret@127.0.0.1:9", "http://127.0.0.1:99999"])
async def test_an_address_that_cannot_be_used_is_told_and_the_call_has_an_end(tmp_path: Path, address: str) -> None:
    async with (
        SampleProvider() as provider,
        proxy_before(provider, tmp_path, upstream={"base_url": address}) as proxy,
    ):
        headers = {"Authorization": "Bearer x"}
        async with proxy.client.post(proxy.url + PLAIN.path, data=b"{}", headers=headers) as response:
            message = (await response.json())["error"]["message"]
        row = await proxy.row()
    assert (response.status, row["error_type"]) == (502, "invalid_address")
    assert "base_url" in message
    assert "secret" not in message


async def test_an_answer_that_is_no_http_is_said(tmp_path: Path) -> None:
    async with SampleProvider() as provider, proxy_before(provider, tmp_path) as proxy:
        provider.planned.append(Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}"))
        async with proxy.client.post(proxy.url + PLAIN.path, data=b"{}") as response:
            assert "not valid HTTP" in (await response.json())["error"]["message"]
        assert (response.status, (await proxy.row())["error_type"]) == (502, "invalid_response")


# Request bodies ------------------------------------------------------------------------------------------------------


async def test_a_body_that_grows_over_the_limit_on_its_way_is_413_and_the_next_request_is_answered(
    tmp_path: Path,
) -> None:
    server = {"buffer_bytes": 10, "max_body_bytes": 100}
    async with SampleProvider() as provider, proxy_before(provider, tmp_path, server=server) as proxy:
        async with connected(proxy) as (reader, writer):
            writer.write(
                b"POST /v1/messages HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n14\r\n" + b"x" * 20
            )
            await until(proxy, lambda _: journaled(proxy.settings))  # the call has begun
            writer.write(b"\r\n64\r\n" + b"x" * 100 + b"\r\n0\r\n\r\n" + HEALTH)
            answer = await reader.read()
        row = await proxy.row()
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"server.max_body_bytes" in answer
    assert answer.endswith(b'{"status": "ok"}')
    assert (row["outcome"], row["error_type"], row["price_status"]) == ("error", "request_too_large", "free")


async def test_a_body_that_stops_on_its_way_is_408_and_the_call_has_an_end(tmp_path: Path) -> None:
    server = {"buffer_bytes": 10, "body_timeout_seconds": 1}
    async with SampleProvider() as provider, proxy_before(provider, tmp_path, server=server) as proxy:
        async with connected(proxy) as (reader, writer):
            writer.write(b"POST /v1/messages HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n" + b"x" * 30)
            assert (await reader.readline()).startswith(b"HTTP/1.1 408 ")
        assert (await proxy.row())["error_type"] == "request_timeout"


async def test_a_client_that_leaves_in_the_middle_of_its_body_is_recorded_as_gone(tmp_path: Path) -> None:
    async with SampleProvider() as provider, proxy_before(provider, tmp_path, server={"buffer_bytes": 10}) as proxy:
        async with connected(proxy) as (_, writer):
            writer.write(b"POST /v1/messages HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n" + b"x" * 30)
            await until(proxy, lambda _: journaled(proxy.settings))
        (done,) = await until(proxy, bool)
    assert done.attempt.error_type == "client_gone"


@pytest.mark.parametrize("path", ["/v9/nothing", "/v1/messages"])
async def test_the_body_of_a_refused_request_is_not_taken_for_the_next_one(tmp_path: Path, path: str) -> None:
    async with SampleProvider() as provider, proxy_before(provider, tmp_path, server={"max_body_bytes": 8}) as proxy:
        answer = await exchange(proxy, post(path, post("/v1/messages", b"{}")) + HEALTH)
    assert answer.count(b"HTTP/1.1 ") == 2
    assert answer.endswith(b'{"status": "ok"}')
    assert provider.exchanges == []


# Half an answer ------------------------------------------------------------------------------------------------------


async def test_half_an_answer_is_reset_for_a_client_whose_protocol_ends_it_by_closing(tmp_path: Path) -> None:
    async with SampleProvider() as provider, proxy_before(provider, tmp_path) as proxy:
        provider.planned.append(Raw(BEGUN))
        with pytest.raises(ConnectionResetError):
            await exchange(proxy, post(STREAM.path, b"{}", version="1.0"))
        assert (await proxy.row())["outcome"] == "interrupted"


@contextmanager
def disk_that_takes_nothing() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("operation", [PLAIN, STREAM], ids=str)
async def test_an_end_that_cannot_be_recorded_is_not_shown_and_is_recorded_once_the_disk_takes_it(
    tmp_path: Path, operation: Any
) -> None:
    release, reached = asyncio.Event(), asyncio.Event()
    async with SampleProvider() as provider, proxy_before(provider, tmp_path) as proxy:
        provider.delivery = Delivery(wait_at=20, until=release, reached=reached)
        async with proxy.client.post(proxy.url + operation.path, json=operation.request(PROMPT)) as response:
            await reached.wait()
            with disk_that_takes_nothing():
                release.set()
                with pytest.raises(aiohttp.ClientError):
                    await response.read()
                async with proxy.client.post(proxy.url + PLAIN.path, data=b"{}") as refused:
                    assert refused.status == 503
        provider.delivery = Delivery()
        async with proxy.client.post(proxy.url + PLAIN.path, json=PLAIN.request(PROMPT)) as response:
            assert response.status == 200
            await response.read()
        rows = await proxy.rows()
    assert [(row["outcome"], row["error_type"]) for row in rows] == [("interrupted", "not_recorded"), ("ok", None)]


# Retries -------------------------------------------------------------------------------------------------------------


async def test_a_client_that_leaves_between_attempts_makes_the_last_one_final(tmp_path: Path) -> None:
    busy = Reply(status=429, headers=(("Retry-After", "50"),), pieces=(b"later",))
    async with SampleProvider() as provider, proxy_before(provider, tmp_path, upstream={"retries": 2}) as proxy:
        provider.planned.append(busy)
        async with connected(proxy) as (_, writer):
            writer.write(post(PLAIN.path, b"{}"))
            (first,) = await until(proxy, bool)
        *_, last = await until(proxy, lambda done: len(done) == 2)
        row = await proxy.row()
    assert (first.final, last.final, last.revision, last.attempt) == (False, True, 1, first.attempt)
    assert (row["status"], row["attempt"]) == (429, 1)


async def test_a_client_that_leaves_while_a_refusal_is_read_makes_that_attempt_final(tmp_path: Path) -> None:
    never, reached = asyncio.Event(), asyncio.Event()
    busy = Reply(status=429, headers=(("Retry-After", "0"),), pieces=(b"later",))
    async with SampleProvider() as provider, proxy_before(provider, tmp_path, upstream={"retries": 2}) as proxy:
        provider.planned.append(busy)
        provider.delivery = Delivery(wait_at=2, until=never, reached=reached)
        async with connected(proxy) as (_, writer):
            writer.write(post(PLAIN.path, b"{}"))
            await reached.wait()
        (done,) = await until(proxy, bool)
        never.set()
    assert (done.final, done.attempt.status) == (True, 429)


# Stopping ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("when_gone", ["close", "drain"])
@pytest.mark.parametrize("drain_seconds", [0, 1])
async def test_a_call_that_outlasts_the_drain_time_is_cut_off_and_recorded_as_interrupted(
    tmp_path: Path, when_gone: str, drain_seconds: int
) -> None:
    never, reached = asyncio.Event(), asyncio.Event()
    server = {"on_client_gone": when_gone, "drain_seconds": drain_seconds}
    delivery = Delivery(wait_at=900, until=never, reached=reached)
    async with SampleProvider(delivery=delivery) as provider, aiohttp.ClientSession() as client:
        async with asyncio.timeout(10), proxy_before(provider, tmp_path, server=server) as proxy:
            response = await client.post(proxy.url + STREAM.path, json=STREAM.request(PROMPT))
            await reached.wait()
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.read()
        never.set()
    (row,) = ledger_rows(proxy.settings)
    assert (row["outcome"], row["error_type"], row["price_status"]) == ("interrupted", "proxy_stopped", "estimated")
    assert json.loads(row["response_problems"])
