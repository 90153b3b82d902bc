"""Responses over a WebSocket: what the sample provider answers to each frame."""

from __future__ import annotations

import json
from typing import Any

import aiohttp
import pytest

from attribution.demo.answers import answer
from attribution.demo.conversation import replies
from attribution.demo.provider import SampleProvider
from attribution.demo.wire import Request

CREATE = {"type": "response.create", "model": "gpt-5", "input": "hi [sample input=10 output=2 seed=1]"}
UPGRADE = Request(method="GET", path="/v1/responses", headers={"upgrade": "websocket"})


def answered(frame: Any) -> list[dict[str, Any]]:
    return [json.loads(reply) for reply in replies(UPGRADE, json.dumps(frame).encode())]


def test_a_frame_is_answered_with_the_events_of_the_stream() -> None:
    body = json.dumps({"model": CREATE["model"], "input": CREATE["input"], "stream": True}).encode()
    stream = answer(Request(method="POST", path="/v1/responses", body=body)).body
    events = [json.loads(line.removeprefix(b"data: ")) for line in stream.split(b"\n") if line.startswith(b"data: ")]
    assert answered(CREATE) == events
    assert events[-1]["response"]["usage"]["total_tokens"] == 12


def test_a_warm_up_is_complete_at_once_and_uses_nothing() -> None:
    created, completed = answered(CREATE | {"generate": False})
    assert (created["type"], completed["type"]) == ("response.created", "response.completed")
    assert completed["response"]["output"] == []
    assert completed["response"]["usage"] is None


@pytest.mark.parametrize(
    ("frame", "status"), [({"type": "response.cancel"}, 400), ([], 400), (CREATE | {"input": "[sample speed=9]"}, 400)]
)
def test_what_is_not_understood_is_an_error_frame(frame: Any, status: int) -> None:
    (error,) = answered(frame)
    assert (error["type"], error["status"]) == ("error", status)
    assert error["error"]["message"]


async def test_a_connection_carries_one_response_after_another_and_is_recorded_frame_by_frame() -> None:
    async with SampleProvider() as provider, aiohttp.ClientSession() as client:
        async with client.ws_connect(f"{provider.url}/v1/responses") as socket:
            received = []
            for frame in (CREATE | {"generate": False}, CREATE):
                await socket.send_json(frame)
                received.append((await socket.receive_str()).encode())
                while json.loads(received[-1])["type"] != "response.completed":
                    received.append((await socket.receive_str()).encode())
        (exchange,) = provider.exchanges
    assert exchange.sent.splitlines() == received
    assert len(exchange.body.splitlines()) == 2


def test_a_key_that_is_wrong_is_turned_away() -> None:
    (error,) = replies(UPGRADE, json.dumps(CREATE).encode(), api_key="sk-other")
    assert json.loads(error)["status"] == 401
