"""From the results of a batch to the ledger: charged when they are read, once, at the prices of that day."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

from attribution.ledger.base import Window
from attribution.ledger.sqlite import SqliteLedger
from attribution.model import Charge
from attribution.pricing.book import load_bundled_book
from attribution.pricing.charge import charge_call
from attribution.recorder import Recorder
from proxy.call import Attempt, Call
from proxy.journal import Done, Journal
from proxy.meter import Meter
from proxy.providers import PROVIDERS
from proxy.results import result_call
from tests.factories import make_call

PATH = "/v1/files/file-1/content"
USAGE = {"prompt_tokens": 1000, "completion_tokens": 100}


def line(custom_id: str) -> bytes:
    body = {"object": "chat.completion", "model": "gpt-4o", "choices": [], "usage": USAGE}
    return json.dumps({"custom_id": custom_id, "response": {"status_code": 200, "body": body}}).encode() + b"\n"


def read(journal: Journal, call_id: str, *custom_ids: str) -> None:
    """Read a results file, as a client does, and journal what it holds."""
    provider = PROVIDERS["openai"]
    operation = provider.operation("GET", PATH)
    assert operation is not None
    reader = make_call(call_id, operation=operation.name, method="GET", path=PATH).call
    source = provider.source(operation, PATH)
    assert source is not None
    meter = Meter(operation, provider_kind="openai", status=200)
    meter.feed(b"".join(map(line, custom_ids)))
    for result in meter.take_results():
        call, attempt = result_call(reader, source, result)
        journal.done(Done(call, attempt))


async def test_a_result_is_one_row_at_batch_prices_however_often_it_is_read(tmp_path: Path) -> None:
    book = load_bundled_book()
    is_later = False

    def price(call: Call, attempt: Attempt) -> Charge:
        charge = charge_call(call, attempt, book)
        return charge if not is_later else Charge(status=charge.status, components=(("later", 7),), total=7)

    with (
        closing(SqliteLedger(tmp_path / "ledger.db")) as ledger,
        closing(Journal(tmp_path / "journal")) as journal,
    ):
        recorder = Recorder(tmp_path / "journal", ledger, price)
        read(journal, "first", "a", "b")
        recorder.advance(journal.position)
        is_later = True  # prices change, then half the file and one more line are read again
        read(journal, "second", "b", "c")
        recorder.advance(journal.position)
        totals = sorted(recorded.charge.total or 0 for recorded, _ in ledger.calls(Window()))
    half_price = 1000 * 1_250_000 + 100 * 5_000_000
    assert totals == [7, half_price, half_price]
