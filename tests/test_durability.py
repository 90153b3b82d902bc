"""No client sees the end of a response that the books lack: kill -9 included, and each call is recorded once."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest

from attribution.demo.provider import Delivery, SampleProvider
from tests.proxying import OPERATIONS, ledger_rows, settings_for
from tests.serving_process import ServingProcess

PROMPT = "[sample input=1000 output=200 cache_read=300 chunks=20]"
BILLED = [op for op in OPERATIONS if op.name != "messages.count_tokens"]
STREAM = next(op for op in OPERATIONS if op.name == "messages" and op.stream)


def serving(provider: SampleProvider, directory) -> ServingProcess:
    names = ("OPENAI", "ANTHROPIC", "GEMINI")
    env = {f"MERGECOST_PROVIDERS__{name}__BASE_URL": provider.url for name in names}
    return ServingProcess("--ledger", f"sqlite:///{directory / 'ledger.db'}", home=directory, env=env)


async def test_calls_whose_end_was_seen_are_in_the_ledger_once_after_kill_9_and_restart(tmp_path):
    async with SampleProvider() as provider, aiohttp.ClientSession() as client:
        seen: list[str] = []
        async with serving(provider, tmp_path) as proxy:
            for operation in BILLED:
                async with client.post(
                    proxy.url + operation.path, json=operation.request(PROMPT), headers=dict(operation.headers)
                ) as response:
                    await response.read()
                    seen.append(response.headers["x-mergecost-call-id"])
            await proxy.kill()
        async with serving(provider, tmp_path) as proxy:
            await proxy.stop()
        async with serving(provider, tmp_path) as proxy:  # replaying twice changes nothing
            await proxy.stop()
    rows = ledger_rows(settings_for(provider.url, tmp_path))
    assert [row["call_id"] for row in rows] == seen
    assert {row["outcome"] for row in rows} == {"ok"}
    assert all(row["total_picodollars"] > 0 for row in rows)


@pytest.mark.parametrize("received", [1, 900])
async def test_a_call_under_way_at_kill_9_is_recorded_as_interrupted_with_an_estimate(tmp_path, received):
    never = asyncio.Event()
    delivery = Delivery(wait_at=received, until=never)
    async with SampleProvider(delivery=delivery) as provider, aiohttp.ClientSession() as client:
        async with (
            serving(provider, tmp_path) as proxy,
            client.post(proxy.url + STREAM.path, json=STREAM.request(PROMPT)) as response,
        ):
            call_id = response.headers["x-mergecost-call-id"]
            await response.content.readexactly(received)
            await proxy.kill()
            with pytest.raises(aiohttp.ClientError):
                await response.read()
        never.set()
        async with serving(provider, tmp_path) as proxy:
            await proxy.stop()
    (row,) = ledger_rows(settings_for(provider.url, tmp_path))
    assert (row["call_id"], row["outcome"], row["error_type"]) == (call_id, "interrupted", "proxy_stopped")
    assert row["price_status"] == "estimated"
    assert row["input_tokens"] == (1000 if received == 900 else row["request_bytes"] // 4)


async def test_a_kill_before_the_ledger_was_ever_written_loses_nothing(tmp_path):
    operation = BILLED[0]
    async with SampleProvider() as provider, aiohttp.ClientSession() as client:
        for _ in range(3):
            async with (
                serving(provider, tmp_path) as proxy,
                client.post(proxy.url + operation.path, json=operation.request(PROMPT)) as response,
            ):
                await response.read()
                await proxy.kill()
        async with serving(provider, tmp_path) as proxy:
            await proxy.stop()
    assert len(ledger_rows(settings_for(provider.url, tmp_path))) == 3


async def test_sigterm_lets_a_call_under_way_finish_and_records_it(tmp_path):
    release, reached = asyncio.Event(), asyncio.Event()
    delivery = Delivery(wait_at=900, until=release, reached=reached)
    async with SampleProvider(delivery=delivery) as provider, aiohttp.ClientSession() as client:
        async with (
            serving(provider, tmp_path) as proxy,
            client.post(proxy.url + STREAM.path, json=STREAM.request(PROMPT)) as response,
        ):
            await reached.wait()
            proxy.process.terminate()
            release.set()
            received = await response.read()
        assert received == bytes(provider.exchanges[0].sent)
    (row,) = ledger_rows(settings_for(provider.url, tmp_path))
    assert (row["outcome"], row["output_tokens"]) == ("ok", 200)
