"""Chat streams that did not ask for their usage are metered exactly, and their clients do not notice."""

from __future__ import annotations

import json

import openai

from attribution.demo.provider import Delivery, SampleProvider
from attribution.demo.wire import Reply
from tests.proxying import proxy_before

PROMPT = "[sample input=1000 output=200 cache_read=300 chunks=5]"
BODY = json.dumps({"model": "gpt-4o", "stream": True, "messages": [{"role": "user", "content": PROMPT}]}).encode()
CHAT = "/v1/chat/completions"


async def test_a_stream_that_did_not_ask_is_metered_and_its_client_sees_what_it_would_have_seen(tmp_path):
    async with SampleProvider(delivery=Delivery(chunk_bytes=5)) as provider, proxy_before(provider, tmp_path) as proxy:
        async with proxy.client.post(provider.url + CHAT, data=BODY) as response:
            direct = await response.read()
        async with proxy.client.post(proxy.url + CHAT, data=BODY) as response:
            relayed = await response.read()
        row = await proxy.row()
    asked = json.loads(provider.exchanges[1].body)
    assert asked["stream_options"] == {"include_usage": True}
    assert provider.exchanges[1].header("Accept-Encoding") == "identity"
    assert b'"choices":[]' in bytes(provider.exchanges[1].sent)
    assert b'"choices":[]' not in relayed
    assert texts_of(relayed) == texts_of(direct)
    assert (row["price_status"], row["input_tokens"], row["cache_read_tokens"], row["output_tokens"]) == (
        "priced",
        1000,
        300,
        200,
    )


async def test_the_openai_library_reads_such_a_stream_to_its_end(tmp_path):
    async with (
        SampleProvider() as provider,
        proxy_before(provider, tmp_path) as proxy,
        openai.AsyncOpenAI(base_url=f"{proxy.url}/openai/v1", api_key="k") as client,
    ):
        stream = await client.chat.completions.create(
            model="gpt-4o", messages=[{"role": "user", "content": PROMPT}], stream=True
        )
        finished = [chunk.choices[0].finish_reason async for chunk in stream]  # every chunk has a choice
        row = await proxy.row()
    assert finished[-1] == "stop"
    assert row["output_tokens"] == 200


async def test_a_client_that_asked_itself_gets_its_bytes_unchanged(tmp_path):
    body = json.dumps({**json.loads(BODY), "stream_options": {"include_usage": True}}).encode()
    async with SampleProvider() as provider, proxy_before(provider, tmp_path) as proxy:
        async with proxy.client.post(proxy.url + CHAT, data=body) as response:
            assert await response.read() == bytes(provider.exchanges[0].sent)
        assert provider.exchanges[0].body == body


async def test_it_can_be_turned_off(tmp_path):
    async with (
        SampleProvider() as provider,
        proxy_before(provider, tmp_path, upstream={"inject_usage": False}) as proxy,
    ):
        async with proxy.client.post(proxy.url + CHAT, data=BODY) as response:
            assert await response.read() == bytes(provider.exchanges[0].sent)
        assert provider.exchanges[0].body == BODY
        assert (await proxy.row())["price_status"] == "estimated"


async def test_a_seller_that_refuses_to_be_asked_is_sent_the_client_s_own_request_and_not_asked_again(tmp_path):
    unknown_field = Reply(status=400, pieces=(b'{"error":{"message":"unknown field stream_options"}}',))
    async with SampleProvider() as provider, proxy_before(provider, tmp_path) as proxy:
        provider.planned.append(unknown_field)
        for _ in range(2):
            async with proxy.client.post(proxy.url + CHAT, data=BODY) as response:
                assert response.status == 200
                await response.read()
        rows = await proxy.rows()
    assert [b"stream_options" in exchange.body for exchange in provider.exchanges] == [True, False, False]
    assert [(row["attempt"], row["status"], row["total_picodollars"] == 0) for row in rows] == [
        (1, 400, True),
        (2, 200, False),
        (1, 200, False),
    ]


async def test_a_request_that_is_wrong_by_itself_is_answered_as_the_provider_answers_it(tmp_path):
    wrong = Reply(status=400, pieces=(b'{"error":{"message":"no such model"}}',))
    async with SampleProvider() as provider, proxy_before(provider, tmp_path) as proxy:
        provider.planned.extend([wrong, wrong])
        async with proxy.client.post(proxy.url + CHAT, data=BODY) as response:
            assert (response.status, await response.read()) == (400, wrong.body)


def texts_of(stream: bytes) -> list[object]:
    events = [line.removeprefix(b"data: ") for line in stream.splitlines() if line.startswith(b"data: ")]
    return [json.loads(event)["choices"] if event != b"[DONE]" else "done" for event in events]
