"""A WebSocket through the proxy: frames as they come, each response a call of its own, its end journaled first."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import WSMsgType, web

from attribution.demo.provider import SampleProvider
from proxy.journal import Done
from tests.proxying import journaled, proxy_before

PATH = "/@team=payments/openai/v1/responses"
CREATE = {"type": "response.create", "model": "gpt-5", "input": "hi [sample input=1000 output=200 cache_read=300]"}
# $1.25 for 1000, $0.125 for 300 and $10 for 200, per million tokens
PICODOLLARS = 1000 * 1_250_000 + 300 * 125_000 + 200 * 10_000_000


async def exchange(socket: aiohttp.ClientWebSocketResponse, frame: dict) -> list[str]:
    """The frames that answer one, up to the end of the response."""
    await socket.send_json(frame)
    frames = []
    while True:
        frames.append(await socket.receive_str(timeout=10))
        if json.loads(frames[-1])["type"] in ("response.completed", "error"):
            return frames


async def test_each_response_is_a_call_and_its_frames_are_the_provider_s(tmp_path):
    async with SampleProvider() as provider, proxy_before(provider, tmp_path) as proxy:
        async with proxy.client.ws_connect(provider.url + "/v1/responses") as direct:
            expected = [await exchange(direct, CREATE) for _ in range(2)]
        async with proxy.client.ws_connect(proxy.url + PATH, headers={"Authorization": "Bearer own"}) as socket:
            received = [await exchange(socket, CREATE) for _ in range(2)]
        rows = await proxy.rows()
    assert received == expected
    assert provider.exchanges[1].header("Authorization") == "Bearer own"
    assert [
        (row["operation"], row["outcome"], row["status"], row["team"], row["total_picodollars"]) for row in rows
    ] == [("responses", "ok", 101, "payments", PICODOLLARS)] * 2
    assert len({row["call_id"] for row in rows}) == 2


async def test_the_handshake_passes_in_both_directions(tmp_path):
    async def wait(socket: web.WebSocketResponse) -> None:
        await socket.receive()

    async with (
        socket_server(wait, {"x-hint": "turn-7"}) as url,
        SampleProvider() as provider,
        proxy_before(provider, tmp_path, upstream={"base_url": url}) as proxy,
        proxy.client.get(
            proxy.url + PATH,
            headers={
                "Connection": "Upgrade",
                "Upgrade": "websocket",
                "Sec-WebSocket-Version": "13",
                "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
            },
        ) as response,
    ):
        assert (response.status, response.headers["x-hint"]) == (101, "turn-7")
        assert len(response.headers["x-mergecost-call-id"]) == 32


async def test_the_end_of_a_response_is_journaled_before_its_frame_is_seen(tmp_path):
    async with SampleProvider() as provider, proxy_before(provider, tmp_path) as proxy:
        async with proxy.client.ws_connect(proxy.url + PATH) as socket:
            await exchange(socket, CREATE)
            done = [record for record in journaled(proxy.settings) if isinstance(record, Done)]
        assert len(done) == 1


async def test_a_warm_up_is_free(tmp_path):
    async with SampleProvider() as provider, proxy_before(provider, tmp_path) as proxy:
        async with proxy.client.ws_connect(proxy.url + PATH) as socket:
            await exchange(socket, CREATE | {"generate": False})
        row = await proxy.row()
    assert (row["operation"], row["price_status"], row["total_picodollars"]) == ("responses.warmup", "free", 0)


async def test_an_error_in_place_of_a_response_is_relayed_and_free(tmp_path):
    async with SampleProvider() as provider, proxy_before(provider, tmp_path) as proxy:
        async with proxy.client.ws_connect(proxy.url + PATH) as socket:
            (frame,) = await exchange(socket, CREATE | {"input": "[sample fail=429x1]"})
            again = await exchange(socket, CREATE)
        rows = await proxy.rows()
    assert json.loads(frame)["status"] == 429
    assert json.loads(again[-1])["type"] == "response.completed"
    assert [(row["outcome"], row["status"], row["price_status"]) for row in rows] == [
        ("error", 429, "free"),
        ("ok", 101, "priced"),
    ]


async def test_a_provider_without_a_websocket_is_told_as_426_so_that_agents_fall_back(tmp_path):
    async with SampleProvider() as provider, proxy_before(provider, tmp_path) as proxy:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await proxy.client.ws_connect(proxy.url + "/openai/v1/embeddings")
        assert await proxy.rows() == []
    assert refused.value.status == 426


async def test_a_wrong_key_is_refused_before_the_provider_hears_of_it(tmp_path):
    async with SampleProvider() as provider, proxy_before(provider, tmp_path, server={"keys": "required"}) as proxy:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await proxy.client.ws_connect(proxy.url + PATH, headers={"Authorization": "Bearer sk-mc-wrong"})
        assert provider.exchanges == []
    assert refused.value.status == 401


@asynccontextmanager
async def socket_server(converse, headers=()):
    """A server whose every WebSocket is handled by `converse` and accepted with `headers`."""

    async def handle(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(protocols=["realtime"])
        socket.headers.extend(headers)
        await socket.prepare(request)
        await converse(socket)
        return socket

    app = web.Application()
    app.router.add_get("/{path:.*}", handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def test_a_connection_without_a_dialect_passes_and_is_one_unmetered_call(tmp_path):
    async def echo(socket: web.WebSocketResponse) -> None:
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                await socket.send_str(message.data)
            else:
                await socket.send_bytes(message.data)

    async with (
        socket_server(echo) as url,
        SampleProvider() as provider,
        proxy_before(provider, tmp_path, upstream={"base_url": url}) as proxy,
    ):
        async with proxy.client.ws_connect(proxy.url + "/openai/v1/realtime?model=x", protocols=["realtime"]) as socket:
            await socket.send_str("text")
            await socket.send_bytes(b"\x00\xff")
            assert (await socket.receive_str(), await socket.receive_bytes()) == ("text", b"\x00\xff")
            assert socket.protocol == "realtime"
        row = await proxy.row()
    assert (row["operation"], row["outcome"], row["price_status"], row["total_picodollars"]) == (
        "unknown",
        "ok",
        "unpriced",
        None,
    )


@pytest.mark.parametrize("who", ["client", "provider"])
async def test_a_connection_that_breaks_mid_response_is_charged_by_estimate(tmp_path, who):
    started = {"type": "response.created", "response": {"id": "r", "model": "gpt-5"}}
    delta = {"type": "response.output_text.delta", "delta": "twelve chars"}
    left = asyncio.Event()

    async def half(socket: web.WebSocketResponse) -> None:
        await socket.receive()
        await socket.send_json(started)
        await socket.send_json(delta)
        if who == "client":
            await socket.receive()
        else:
            await socket.close(code=1011, message=b"overloaded")
        left.set()

    async with (
        socket_server(half) as url,
        SampleProvider() as provider,
        proxy_before(provider, tmp_path, upstream={"base_url": url}) as proxy,
    ):
        async with proxy.client.ws_connect(proxy.url + PATH) as socket:
            await socket.send_json(CREATE)
            assert [await socket.receive_json(), await socket.receive_json()] == [started, delta]
            if who == "provider":
                closing = await socket.receive()
                assert (closing.type, closing.data, closing.extra) == (WSMsgType.CLOSE, 1011, "overloaded")
        await left.wait()
        row = await proxy.row()
    told = ("cancelled", "client_gone") if who == "client" else ("interrupted", "connection_lost")
    assert (row["outcome"], row["error_type"]) == told
    assert (row["price_status"], row["output_tokens"]) == ("estimated", 3)
