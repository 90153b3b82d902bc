"""What the journal is told of one attempt, in which order, and with which times."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from proxy.attempt_log import PROGRESS_EVERY_US, AttemptLog
from proxy.call import Attempt, Call, Metered, Outcome, Usage
from proxy.clock import SimulatedClock
from proxy.journal import Done, Journal, JournalFullError, Opened, Progress, Record, read_segment, segments
from proxy.meter import Meter
from proxy.providers import PROVIDERS

START = datetime(2026, 10, 15, tzinfo=UTC)


def event(name: str, **values: object) -> bytes:
    return f"event: {name}\ndata: {json.dumps({'type': name, **values})}\n\n".encode()


BEGIN = event("message_start", message={"model": "m", "usage": {"input_tokens": 10, "output_tokens": 1}})
MORE = event("message_delta", delta={}, usage={"output_tokens": 5})
LAST = event("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 20})
STOP = event("message_stop")
USED = Usage(input_tokens=10, output_tokens=20)


def made_call(path: str = "x", *, stream: bool = True) -> Call:
    return Call(
        call_id="c",
        attempt=1,
        started_at=START,
        provider="anthropic",
        seller="x",
        operation="messages",
        method="POST",
        path=path,
        server="x",
        stream=stream,
    )


class Bench:
    """A journal, a clock and a meter, and what the journal holds."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.journal = Journal(directory)
        self.clock = SimulatedClock(START)
        operation = PROVIDERS["anthropic"].operation("POST", "/v1/messages")
        self.meter = Meter(operation, provider_kind="anthropic", status=200, content_type="text/event-stream")

    def log(self, *, stream: bool = True) -> AttemptLog:
        return AttemptLog(self.journal, self.clock, made_call(stream=stream))

    def after(self, microseconds: int) -> None:
        self.clock.advance(timedelta(microseconds=microseconds))

    def feed(self, log: AttemptLog, data: bytes) -> None:
        self.meter.feed(data)
        log.chunk(len(data), self.meter)

    def records(self) -> list[Record]:
        return [record for name in segments(self.directory) for _, record in read_segment(self.directory / name)]

    def attempts(self) -> list[Attempt]:
        return [record.attempt for record in self.records() if isinstance(record, Done)]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.journal.close()


def test_a_call_is_on_file_as_soon_as_its_log_is_made(bench: Bench) -> None:
    log = bench.log()
    assert bench.records() == [Opened(log.call)]
    assert not log.is_done


def test_a_call_that_cannot_be_recorded_makes_no_log(bench: Bench) -> None:
    with pytest.raises(JournalFullError):
        AttemptLog(bench.journal, bench.clock, made_call("x" * 20_000))


def test_times_are_microseconds_since_the_log_was_made(bench: Bench) -> None:
    bench.after(1_000_000)
    log = bench.log()
    bench.after(30)
    log.head(200)
    bench.after(4)
    bench.feed(log, BEGIN)
    bench.after(1)
    bench.feed(log, LAST + STOP)
    bench.after(500)
    log.done(Outcome.OK, bench.meter, complete=True)
    (attempt,) = bench.attempts()
    assert (attempt.time_to_first_byte_us, attempt.time_to_first_chunk_us, attempt.duration_us) == (30, 34, 535)
    assert (attempt.status, attempt.response_bytes) == (200, len(BEGIN + LAST + STOP))
    assert (attempt.metered.usage, attempt.metered.estimated) == (USED, False)
    assert log.is_done


def test_a_plain_response_has_no_first_chunk_and_no_progress(bench: Bench) -> None:
    log = bench.log(stream=False)
    bench.feed(log, BEGIN)
    log.done(Outcome.OK, bench.meter, complete=False)
    assert bench.attempts()[0].time_to_first_chunk_us is None
    assert [type(record) for record in bench.records()] == [Opened, Done]


def test_progress_is_told_at_the_first_chunk_and_then_at_news_of_usage_but_not_too_often(bench: Bench) -> None:
    log = bench.log()
    told = []
    for data, wait in [
        (b": ping\n\n", 0),  # the first chunk
        (BEGIN, 0),  # news, too soon
        (b": ping\n\n", PROGRESS_EVERY_US),  # the news are told now
        (b": ping\n\n", PROGRESS_EVERY_US),  # no news
        (MORE, 0),
        (LAST, PROGRESS_EVERY_US - 1),  # too soon
    ]:
        bench.after(wait)
        before = len(bench.records())
        bench.feed(log, data)
        told.append(len(bench.records()) - before)
    assert told == [1, 0, 1, 0, 1, 0]
    last = [record for record in bench.records() if isinstance(record, Progress)][-1]
    assert last.metered.usage == Usage(input_tokens=10, output_tokens=5)
    assert last.metered.estimated
    assert last.response_bytes == len(b": ping\n\n" * 3 + BEGIN + MORE)


def test_the_end_is_told_once_where_nothing_was_learned_since(bench: Bench) -> None:
    log = bench.log()
    bench.feed(log, BEGIN + LAST + STOP)
    log.done(Outcome.OK, bench.meter, complete=True)
    bench.after(700)
    log.done(Outcome.OK, bench.meter, complete=True)
    assert len(bench.attempts()) == 1


def test_what_is_learned_after_the_end_amends_it(bench: Bench) -> None:
    log = bench.log()
    bench.feed(log, BEGIN + STOP)
    log.done(Outcome.OK, bench.meter, complete=True)
    bench.feed(log, LAST)
    bench.after(700)
    log.done(Outcome.OK, bench.meter, complete=True)
    first, second = (record for record in bench.records() if isinstance(record, Done))
    assert first.attempt.duration_us == second.attempt.duration_us  # the call ended with its terminal event
    assert (first.revision, second.revision) == (0, 1)
    assert first.attempt.metered.usage == Usage(input_tokens=10, output_tokens=1)
    assert second.attempt.metered.usage == USED


def test_an_attempt_without_a_response_has_no_status_and_no_usage(bench: Bench) -> None:
    log = bench.log()
    bench.after(9)
    log.done(Outcome.ERROR, None, complete=False, error_type="connection_refused", final=False)
    (record,) = (record for record in bench.records() if isinstance(record, Done))
    assert record.attempt == Attempt(
        outcome=Outcome.ERROR, error_type="connection_refused", duration_us=9, metered=Metered()
    )
    assert not record.final


def test_an_attempt_that_no_retry_follows_after_all_is_amended_as_the_last(bench: Bench) -> None:
    log = bench.log()
    log.was_last()
    log.done(Outcome.ERROR, None, complete=False, error_type="429", final=False)
    log.was_last()
    _, first, second = bench.records()
    assert isinstance(first, Done)
    assert second == Done(first.call, first.attempt, 1, final=True)
