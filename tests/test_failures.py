"""What happens when something breaks: the call is recorded once, the client is told the truth, nothing is lost."""

from __future__ import annotations

import asyncio
import socket
import sqlite3

import aiohttp
import pytest

from attribution.demo.provider import Delivery, Raw, SampleProvider
from attribution.demo.wire import Reply
from tests.proxying import OPERATIONS, proxy_before

PROMPT = "[sample input=1000 output=200 cache_read=300 chunks=20]"
STREAM = next(op for op in OPERATIONS if op.name == "messages" and op.stream)
PLAIN = next(op for op in OPERATIONS if op.name == "messages" and not op.stream)
BUSY = Reply(status=529, headers=(("Content-Type", "application/json"), ("Retry-After", "0")), pieces=(b"{}",))


async def test_a_stream_the_provider_breaks_off_is_broken_off_and_charged_by_what_was_seen(tmp_path):
    async with (
        SampleProvider(delivery=Delivery(break_at=900)) as provider,
        proxy_before(provider, tmp_path) as proxy,
        proxy.client.post(proxy.url + STREAM.path, json=STREAM.request(PROMPT)) as response,
    ):
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.read()
        row = await proxy.row()
    assert (row["outcome"], row["price_status"]) == ("interrupted", "estimated")
    assert (row["input_tokens"], row["cache_read_tokens"]) == (1000, 300)  # told at the start of the stream
    assert 0 < row["output_tokens"] < 200
    assert row["total_picodollars"] > 0


async def test_a_plain_response_that_breaks_off_looks_broken_to_the_client(tmp_path):
    async with (
        SampleProvider(delivery=Delivery(break_at=50)) as provider,
        proxy_before(provider, tmp_path) as proxy,
        proxy.client.post(proxy.url + PLAIN.path, json=PLAIN.request(PROMPT)) as response,
    ):
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.read()
        assert (await proxy.row())["outcome"] == "interrupted"


async def test_a_stream_that_ends_without_its_terminal_event_is_an_error_and_estimated(tmp_path):
    begun = (
        b"event: message_start\n"
        b'data: {"type":"message_start","message":{"usage":{"input_tokens":7,"output_tokens":1}}}\n\n'
    )
    async with SampleProvider() as provider, proxy_before(provider, tmp_path) as proxy:
        provider.planned.append(Reply(headers=(("Content-Type", "text/event-stream"),), pieces=(begun,), streamed=True))
        async with proxy.client.post(proxy.url + STREAM.path, json=STREAM.request(PROMPT)) as response:
            assert await response.read() == begun
        row = await proxy.row()
    assert (row["outcome"], row["error_type"], row["price_status"]) == ("error", "incomplete_response", "estimated")
    assert row["input_tokens"] == 7


async def test_a_client_that_goes_away_closes_the_provider_and_is_charged(tmp_path):
    never, reached = asyncio.Event(), asyncio.Event()
    delivery = Delivery(wait_at=900, until=never, reached=reached)
    async with SampleProvider(delivery=delivery) as provider, proxy_before(provider, tmp_path) as proxy:
        async with proxy.client.post(proxy.url + STREAM.path, json=STREAM.request(PROMPT)) as response:
            await response.content.readexactly(900)
            await reached.wait()
        # leaving the block with the body unread closes the client's connection
        row = await _first_row(proxy)
        never.set()
    assert (row["outcome"], row["error_type"], row["price_status"]) == ("cancelled", "client_gone", "estimated")
    assert row["cache_read_tokens"] == 300
    assert not provider.exchanges[0].finished


async def test_with_drain_the_provider_is_read_to_the_end_and_the_charge_is_exact(tmp_path):
    release, reached = asyncio.Event(), asyncio.Event()
    delivery = Delivery(wait_at=900, until=release, reached=reached)
    async with (
        SampleProvider(delivery=delivery) as provider,
        proxy_before(provider, tmp_path, server={"on_client_gone": "drain"}) as proxy,
    ):
        async with proxy.client.post(proxy.url + STREAM.path, json=STREAM.request(PROMPT)) as response:
            await response.content.readexactly(900)
            await reached.wait()
        release.set()
        row = await _first_row(proxy)
    assert (row["outcome"], row["price_status"], row["output_tokens"]) == ("cancelled", "priced", 200)
    assert provider.exchanges[0].finished


async def test_a_client_that_closes_after_the_terminal_event_finished_well(tmp_path):
    async with SampleProvider() as provider, proxy_before(provider, tmp_path) as proxy:
        async with proxy.client.post(proxy.url + STREAM.path, json=STREAM.request(PROMPT)) as response:
            whole = len(await response.read())
        never = asyncio.Event()
        provider.delivery = Delivery(wait_at=whole, until=never)
        async with proxy.client.post(proxy.url + STREAM.path, json=STREAM.request(PROMPT)) as response:
            await response.content.readexactly(whole)
        never.set()
        rows = await proxy.rows()
    assert [(row["outcome"], row["price_status"], row["output_tokens"]) for row in rows] == [("ok", "priced", 200)] * 2


async def test_an_error_event_inside_a_stream_makes_the_call_an_error_that_is_charged(tmp_path):
    prompt = "[sample input=1000 output=200 chunks=3 end=error]"
    async with SampleProvider() as provider, proxy_before(provider, tmp_path) as proxy:
        async with proxy.client.post(proxy.url + STREAM.path, json=STREAM.request(prompt)) as response:
            received = await response.read()
        row = await proxy.row()
    assert received == bytes(provider.exchanges[0].sent)
    assert (row["outcome"], row["error_type"], row["price_status"]) == ("error", "overloaded_error", "estimated")
    assert row["input_tokens"] == 1000


async def test_without_retries_a_busy_provider_is_told_to_the_client_once(tmp_path):
    async with SampleProvider() as provider, proxy_before(provider, tmp_path) as proxy:
        provider.planned.append(BUSY)
        async with proxy.client.post(proxy.url + PLAIN.path, json=PLAIN.request(PROMPT)) as response:
            assert (response.status, response.headers["Retry-After"]) == (529, "0")
        row = await proxy.row()
    assert (row["attempt"], row["status"], row["price_status"], row["total_picodollars"]) == (1, 529, "free", 0)


async def test_configured_retries_are_rows_of_their_own_and_the_client_sees_only_the_last(tmp_path):
    async with SampleProvider() as provider, proxy_before(provider, tmp_path, upstream={"retries": 2}) as proxy:
        provider.planned.extend([BUSY, Reply(status=429, headers=(("Retry-After", "0"),), pieces=(b"slow down",))])
        async with proxy.client.post(proxy.url + PLAIN.path, json=PLAIN.request(PROMPT)) as response:
            assert response.status == 200
            await response.read()
        rows = await proxy.rows()
    assert [(row["attempt"], row["status"], row["outcome"]) for row in rows] == [
        (1, 529, "error"),
        (2, 429, "error"),
        (3, 200, "ok"),
    ]
    assert len({row["call_id"] for row in rows}) == 1
    assert [exchange.body for exchange in provider.exchanges] == [provider.exchanges[0].body] * 3


async def test_retries_are_bounded_and_the_last_answer_is_the_provider_s_own(tmp_path):
    async with SampleProvider() as provider, proxy_before(provider, tmp_path, upstream={"retries": 1}) as proxy:
        provider.planned.extend([BUSY, BUSY, BUSY])
        async with proxy.client.post(proxy.url + PLAIN.path, json=PLAIN.request(PROMPT)) as response:
            assert (response.status, await response.read()) == (529, b"{}")
        assert len(await proxy.rows()) == 2


async def test_a_retry_after_beyond_bearing_is_left_to_the_client(tmp_path):
    patient = Reply(status=429, headers=(("Retry-After", "3600"),), pieces=(b"later",))
    async with SampleProvider() as provider, proxy_before(provider, tmp_path, upstream={"retries": 2}) as proxy:
        provider.planned.append(patient)
        async with proxy.client.post(proxy.url + PLAIN.path, json=PLAIN.request(PROMPT)) as response:
            assert (response.status, response.headers["Retry-After"]) == (429, "3600")
        assert len(await proxy.rows()) == 1


async def test_a_provider_that_cannot_be_reached_is_told_in_its_own_error_shape(tmp_path):
    async with SampleProvider() as provider:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            nobody = f"http://127.0.0.1:{unused.getsockname()[1]}"
        async with (
            proxy_before(provider, tmp_path, upstream={"base_url": nobody}) as proxy,
            proxy.client.post(proxy.url + PLAIN.path, json=PLAIN.request(PROMPT)) as response,
        ):
            body = await response.json()
            row = await proxy.row()
    assert (response.status, body["type"]) == (502, "error")
    assert nobody.removeprefix("http://") in body["error"]["message"]
    assert "base_url" in body["error"]["message"]
    assert (row["outcome"], row["error_type"], row["price_status"]) == ("error", "connection_refused", "free")


async def test_a_provider_that_closes_without_an_answer_is_a_502(tmp_path):
    async with SampleProvider() as provider, proxy_before(provider, tmp_path) as proxy:
        provider.planned.append(Raw(b""))
        async with proxy.client.post(proxy.url + "/v1/chat/completions", data=b"{}") as response:
            assert response.status == 502
            assert "closed the connection" in (await response.json())["error"]["message"]
        assert (await proxy.row())["error_type"] == "connection_lost"


async def test_a_silent_provider_times_out_and_the_call_is_charged_by_estimate(tmp_path):
    never = asyncio.Event()
    async with (
        _silent_server(never) as silent,
        SampleProvider() as provider,
        proxy_before(provider, tmp_path, upstream={"base_url": silent, "timeout_seconds": 1}) as proxy,
    ):
        async with proxy.client.post(proxy.url + PLAIN.path, json=PLAIN.request(PROMPT)) as response:
            assert response.status == 504
        row = await proxy.row()
        never.set()
    assert (row["error_type"], row["price_status"]) == ("timeout", "estimated")
    assert row["input_tokens"] == row["request_bytes"] // 4


async def test_a_locked_ledger_slows_no_call_and_loses_none(tmp_path):
    async with SampleProvider() as provider, proxy_before(provider, tmp_path) as proxy:
        path = proxy.settings.ledger.removeprefix("sqlite:///")
        blocker = sqlite3.connect(path, isolation_level=None)
        blocker.execute("BEGIN IMMEDIATE")
        for _ in range(5):
            async with proxy.client.post(proxy.url + PLAIN.path, json=PLAIN.request(PROMPT)) as response:
                assert response.status == 200
                await response.read()
        assert blocker.execute("SELECT count(*) FROM calls").fetchone() == (0,)
        blocker.execute("ROLLBACK")
        blocker.close()
        assert len(await proxy.rows()) == 5


async def test_two_streams_do_not_wait_for_each_other(tmp_path):
    held = asyncio.Event()
    async with (
        SampleProvider(delivery=Delivery(wait_at=100, until=held)) as provider,
        proxy_before(provider, tmp_path) as proxy,
        proxy.client.post(proxy.url + STREAM.path, json=STREAM.request(PROMPT)) as slow,
    ):
        await slow.content.readexactly(100)
        provider.delivery = Delivery()
        async with proxy.client.post(proxy.url + STREAM.path, json=STREAM.request(PROMPT)) as quick:
            assert (await quick.read()).rstrip().endswith(b'{"type":"message_stop"}')
        held.set()
        await slow.read()
        assert len(await proxy.rows()) == 2


async def test_no_prompt_completion_or_secret_is_on_disk(tmp_path):
    secret, prompt = "sk-ant-very-secret-0123456789", "a prompt nobody may keep"
    async with SampleProvider() as provider, proxy_before(provider, tmp_path) as proxy:
        for operation in OPERATIONS:
            headers = {"x-api-key": secret, "Authorization": f"Bearer {secret}", "x-goog-api-key": secret}
            target = proxy.url + operation.path + ("&" if "?" in operation.path else "?") + f"key={secret}"
            async with proxy.client.post(target, json=operation.request(prompt), headers=headers) as response:
                await response.read()
        assert len(await proxy.rows()) == len(OPERATIONS)
        written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert len(written) > 10_000
    for private in (secret, prompt, "naïve", "parser"):  # the last two are words of the sample provider's answers
        assert private.encode() not in written


async def _first_row(proxy):
    """The first row, as soon as it is there: asked again and again, since only the proxy knows that a client left."""
    async with asyncio.timeout(10):
        while not (rows := await proxy.rows()):
            pass
    return rows[0]


def _silent_server(until: asyncio.Event):
    return _Silent(until)


class _Silent:
    """Accepts connections and never answers."""

    def __init__(self, until: asyncio.Event) -> None:
        self._until = until

    async def __aenter__(self) -> str:
        async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await self._until.wait()
            writer.close()

        self._server = await asyncio.start_server(hold, "127.0.0.1", 0)
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def __aexit__(self, *error: object) -> None:
        self._server.close()
