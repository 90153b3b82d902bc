"""Journal to ledger: each call once, whatever stops in between."""

from __future__ import annotations

import struct
import zlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from attribution.ledger.base import LedgerError, Window
from attribution.ledger.sqlite import SqliteLedger
from attribution.model import Charge, PriceStatus
from attribution.recorder import Recorder, stint_of
from proxy.call import Attempt, Call, Metered, Outcome, Stamp, Usage
from proxy.journal import Done, Journal, Opened, Position, Progress, segments

START = datetime(2026, 10, 1, tzinfo=UTC)


def make_call(number: int, attempt: int = 1) -> Call:
    return Call(
        call_id=f"call-{number:04d}",
        attempt=attempt,
        started_at=START + timedelta(seconds=number),
        provider="anthropic",
        seller="anthropic",
        operation="messages",
        method="POST",
        path="/v1/messages",
        server="api.anthropic.com",
        request_bytes=4000,
    )


def finished(output: int = 1) -> Attempt:
    return Attempt(outcome=Outcome.OK, status=200, metered=Metered(usage=Usage(output_tokens=output)))


def a_dollar_a_token(call: Call, attempt: Attempt) -> Charge:
    usage = attempt.metered.usage
    total = usage.output_tokens if usage else 0
    return Charge(status=PriceStatus.PRICED, components=(("output", total),), total=total)


def write_calls(journal: Journal, numbers, *, done=True) -> None:
    for number in numbers:
        journal.opened(Opened(make_call(number)))
        if done:
            journal.done(Done(make_call(number), finished()))


def outcomes(ledger: SqliteLedger) -> dict[str, str]:
    return {recorded.call.call_id: recorded.attempt.outcome.value for recorded, _ in ledger.calls(Window())}


@pytest.fixture
def ledger(tmp_path):
    opened = SqliteLedger(tmp_path / "ledger.db")
    yield opened
    opened.close()


@pytest.fixture
def directory(tmp_path):
    return tmp_path / "journal"


async def test_calls_that_ended_are_recorded_and_told_to_the_observer_once(directory, ledger):
    told = []
    journal = Journal(directory)
    recorder = Recorder(directory, ledger, a_dollar_a_token, observe=lambda call, final: told.append((call, final)))
    write_calls(journal, range(3))
    assert recorder.advance(journal.position) == 3
    assert recorder.advance(journal.position) == 0
    assert list(outcomes(ledger)) == ["call-0000", "call-0001", "call-0002"]
    assert [(call.call.call_id, final) for call, final in told] == [(f"call-000{n}", True) for n in range(3)]
    journal.close()


async def test_an_amended_call_is_corrected_in_place_and_told_only_once(directory, ledger):
    told = []
    journal = Journal(directory)
    recorder = Recorder(directory, ledger, a_dollar_a_token, observe=lambda call, final: told.append(call))
    journal.opened(Opened(make_call(1)))
    journal.done(Done(make_call(1), finished(5)))
    recorder.advance(journal.position)
    journal.done(Done(make_call(1), finished(7), revision=1))
    recorder.advance(journal.position)
    ((recorded, _),) = ledger.calls(Window())
    assert (recorded.charge.total, recorded.revision, len(told)) == (7, 1, 1)
    journal.close()


async def test_a_restart_repeats_nothing_and_finds_what_was_left_open(directory, ledger):
    told = []
    journal = Journal(directory)
    recorder = Recorder(directory, ledger, a_dollar_a_token)
    write_calls(journal, [1], done=False)
    write_calls(journal, [2, 3])
    recorder.advance(journal.position)
    usage = Usage(input_tokens=11, output_tokens=3)
    journal.progress(
        Progress(call_id="call-0001", attempt=1, metered=Metered(usage=usage, estimated=True), response_bytes=99)
    )
    journal.close()  # the process dies with call 1 open

    restarted = Journal(directory)
    again = Recorder(directory, ledger, a_dollar_a_token, observe=lambda call, final: told.append(call.call.call_id))
    again.recover(before=restarted.position.segment)
    assert outcomes(ledger) == {"call-0001": "interrupted", "call-0002": "ok", "call-0003": "ok"}
    ((recorded, _), *_) = ledger.calls(Window())
    assert recorded.attempt.metered.usage == usage
    assert recorded.attempt.response_bytes == 99
    assert told == ["call-0001"]
    restarted.close()


async def test_an_open_call_without_progress_is_estimated_from_its_request(directory, ledger):
    journal = Journal(directory)
    write_calls(journal, [1], done=False)
    journal.close()
    restarted = Journal(directory)
    Recorder(directory, ledger, a_dollar_a_token).recover(before=restarted.position.segment)
    ((recorded, _),) = ledger.calls(Window())
    assert recorded.attempt.metered.estimated
    assert recorded.attempt.metered.usage == Usage(input_tokens=1000)  # 4000 bytes at four a token
    restarted.close()


async def test_audio_that_was_left_open_is_not_estimated_from_its_size(directory, ledger):
    journal = Journal(directory)
    journal.opened(Opened(replace(make_call(1), provider="openai", operation="audio.transcriptions")))
    journal.close()
    restarted = Journal(directory)
    Recorder(directory, ledger, a_dollar_a_token).recover(before=restarted.position.segment)
    ((recorded, _),) = ledger.calls(Window())
    assert (recorded.attempt.outcome, recorded.attempt.metered.usage) == (Outcome.INTERRUPTED, None)
    restarted.close()


async def test_a_call_that_is_still_open_in_this_process_is_not_interrupted(directory, ledger):
    journal = Journal(directory)
    recorder = Recorder(directory, ledger, a_dollar_a_token)
    recorder.recover(before=journal.position.segment)
    write_calls(journal, [1], done=False)
    recorder.advance(journal.position)
    assert outcomes(ledger) == {}
    journal.done(Done(make_call(1), finished()))
    recorder.advance(journal.position)
    assert outcomes(ledger) == {"call-0001": "ok"}
    journal.close()


async def test_segments_behind_the_checkpoint_are_deleted_and_those_with_an_open_call_kept(directory, ledger):
    journal = Journal(directory, segment_bytes=128 * 1024)
    recorder = Recorder(directory, ledger, a_dollar_a_token)
    write_calls(journal, [0], done=False)
    write_calls(journal, range(1, 400))
    recorder.advance(journal.position)
    assert len(segments(directory)) > 2  # call 0 is in the first
    journal.done(Done(make_call(0), finished()))
    recorder.advance(journal.position)
    assert len(segments(directory)) == 1
    assert len(outcomes(ledger)) == 400
    journal.close()


async def test_a_ledger_that_fails_loses_nothing(directory, tmp_path):
    journal = Journal(directory)
    write_calls(journal, range(5))
    path = tmp_path / "ledger.db"
    ledger = SqliteLedger(path, busy_timeout_ms=1)
    recorder = Recorder(directory, ledger, a_dollar_a_token)
    blocker = SqliteLedger(path)
    with blocker._writing():  # another process holds the write lock
        with pytest.raises(LedgerError, match="locked"):
            recorder.advance(journal.position)
        write_calls(journal, range(5, 8))
        with pytest.raises(LedgerError, match="locked"):
            recorder.advance(journal.position)
    assert recorder.advance(journal.position) == 8
    assert len(outcomes(ledger)) == 8
    for each in (ledger, blocker):
        each.close()
    journal.close()


async def test_a_journal_begun_anew_beside_an_old_ledger_is_read_from_its_beginning(directory, ledger):
    journal = Journal(directory)
    recorder = Recorder(directory, ledger, a_dollar_a_token)
    write_calls(journal, range(3))
    recorder.advance(journal.position)
    journal.close()
    for name in segments(directory):
        (directory / name).unlink()
    anew = Journal(directory)
    write_calls(anew, [7])
    Recorder(directory, ledger, a_dollar_a_token).advance(anew.position)
    assert len(outcomes(ledger)) == 4
    anew.close()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(st.sampled_from(["open", "done", "advance", "crash"]), max_size=25),
    batch=st.integers(1, 4),
)
def test_whatever_the_interleaving_every_call_is_recorded_exactly_once(tmp_path_factory, steps, batch):
    directory = tmp_path_factory.mktemp("recorder")
    ledger = SqliteLedger(directory / "ledger.db")
    journal = Journal(directory / "journal", segment_bytes=64 * 1024)
    recorder = Recorder(directory / "journal", ledger, a_dollar_a_token, batch=batch)
    opened, open_now, expected = 0, [], {}
    for step in [*steps, "crash"]:
        match step:
            case "open":
                journal.opened(Opened(make_call(opened)))
                open_now.append(opened)
                expected[f"call-{opened:04d}"] = "interrupted"
                opened += 1
            case "done" if open_now:
                number = open_now.pop(0)
                journal.done(Done(make_call(number), finished()))
                expected[f"call-{number:04d}"] = "ok"
            case "advance":
                recorder.advance(journal.position)
            case "crash":
                journal.close()
                open_now = []
                journal = Journal(directory / "journal", segment_bytes=64 * 1024)
                recorder = Recorder(directory / "journal", ledger, a_dollar_a_token, batch=batch)
                recorder.recover(before=journal.position.segment)
    assert outcomes(ledger) == expected
    journal.close()
    ledger.close()


def test_positions_sort_and_survive_being_written_down():
    position = Position("000000000001-ab.journal", 17)
    assert Position.parse(str(position)) == position
    assert position < Position("000000000002-00.journal", 0)


@pytest.mark.parametrize("field", ["session", "repository", "worktree", "branch", "head"])
def test_a_stint_ends_when_any_of_its_marks_changes(field):
    marked: Any = {field: "a"}
    one, other = replace(Stamp(), **marked), replace(Stamp(), **{**marked, field: "b"})
    assert len({stint_of(one), stint_of(other), stint_of(Stamp())}) == 3
    assert stint_of(replace(one, team="x")) == stint_of(replace(one, team="y"))


async def test_a_call_that_cannot_be_priced_is_recorded_unpriced_with_the_reason_and_stops_no_other(directory, ledger):
    def price(call: Call, attempt: Attempt) -> Charge:
        if call.call_id == "call-0001":
            raise ZeroDivisionError("a rate of nothing")
        return a_dollar_a_token(call, attempt)

    journal = Journal(directory)
    write_calls(journal, range(3))
    assert Recorder(directory, ledger, price).advance(journal.position) == 3
    charges = {recorded.call.call_id: recorded.charge for recorded, _ in ledger.calls(Window())}
    assert [charge.status for charge in charges.values()] == ["priced", "unpriced", "priced"]
    assert charges["call-0001"].reason == "pricing failed: ZeroDivisionError: a rate of nothing"
    journal.close()


async def test_an_observer_that_fails_keeps_no_call_from_the_ledger(directory, ledger):
    told = []

    def observe(recorded, final):
        told.append(recorded.call.call_id)
        raise RuntimeError("no collector")

    journal = Journal(directory)
    write_calls(journal, range(2))
    recorder = Recorder(directory, ledger, a_dollar_a_token, observe=observe)
    assert recorder.advance(journal.position) == 2
    assert recorder.advance(journal.position) == 0
    assert told == list(outcomes(ledger)) == ["call-0000", "call-0001"]
    journal.close()


async def test_the_amendment_that_makes_an_attempt_the_last_is_told_once(directory, ledger):
    told = []
    journal = Journal(directory)
    recorder = Recorder(directory, ledger, a_dollar_a_token, observe=lambda call, final: told.append((call, final)))
    journal.opened(Opened(make_call(1)))
    journal.done(Done(make_call(1), finished(), final=False))
    recorder.advance(journal.position)
    for revision in (1, 2):
        journal.done(Done(make_call(1), finished(), revision=revision))
        recorder.advance(journal.position)
    assert [(recorded.revision, final) for recorded, final in told] == [(0, False), (1, True)]
    journal.close()


def with_foreign_record(journal: Journal, directory) -> str:
    """Put a record of an unknown kind behind the last one; the segment's name."""
    payload = b'{"type":"paused"}'
    path: Path = directory / journal.position.segment
    with path.open("r+b") as file:
        file.seek(journal.position.offset)
        file.write(struct.pack("<II", len(payload), zlib.crc32(payload)) + payload)
    journal._offset += 8 + len(payload)
    return path.name


async def test_a_record_that_cannot_be_read_is_told_loudly_hides_no_other_and_its_file_is_kept(
    directory, ledger, caplog
):
    journal = Journal(directory)
    write_calls(journal, [1])
    name = with_foreign_record(journal, directory)
    write_calls(journal, [2])
    recorder = Recorder(directory, ledger, a_dollar_a_token)
    recorder.advance(journal.position)
    assert list(outcomes(ledger)) == ["call-0001", "call-0002"]
    journal.close()
    anew = Journal(directory)
    write_calls(anew, [3])
    recorder.advance(anew.position)
    assert list(outcomes(ledger)) == ["call-0001", "call-0002", "call-0003"]
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert name in caplog.text
    assert "paused" in caplog.text
    assert [path.name for path in directory.glob("*.damaged")] == [f"{name}.damaged"]
    anew.close()
