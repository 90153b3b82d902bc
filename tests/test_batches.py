"""A finished batch is charged when its results are read: a row a result, at batch prices, however often it is read."""

from __future__ import annotations

import json

from attribution.demo.provider import Delivery, SampleProvider
from attribution.demo.wire import Reply
from tests.proxying import proxy_before

USAGE = {"prompt_tokens": 1000, "completion_tokens": 100}
# gpt-4o in a batch: half of $2.50 and $10 per million tokens
PICODOLLARS = 1000 * 1_250_000 + 100 * 5_000_000


def results(*custom_ids: str) -> Reply:
    body = {"object": "chat.completion", "model": "gpt-4o", "choices": [], "usage": USAGE}
    lines = (
        json.dumps({"custom_id": custom_id, "response": {"status_code": 200, "body": body}}).encode() + b"\n"
        for custom_id in custom_ids
    )
    return Reply(headers=(("Content-Type", "application/octet-stream"),), pieces=(b"".join(lines),))


async def test_each_result_is_charged_once_however_often_the_file_is_read(tmp_path):
    async with SampleProvider(delivery=Delivery(chunk_bytes=50)) as provider, proxy_before(provider, tmp_path) as proxy:
        provider.planned.extend([results("a", "b"), results("a", "b", "c")])
        for number in range(2):
            headers = {"x-mergecost-team": "payments"}
            async with proxy.client.get(proxy.url + "/openai/v1/files/file-1/content", headers=headers) as response:
                assert await response.read() == bytes(provider.exchanges[number].sent)
        rows = await proxy.rows()
    charged = [row for row in rows if row["operation"] == "batch"]
    assert [(row["total_picodollars"], row["team"], row["input_tokens"]) for row in charged] == [
        (PICODOLLARS, "payments", 1000)
    ] * 3
    reads = [row for row in rows if row["operation"] != "batch"]
    assert [(row["price_status"], row["total_picodollars"]) for row in reads] == [("free", 0)] * 2
