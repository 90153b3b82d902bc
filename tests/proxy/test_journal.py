"""The journal keeps what it was told, and never lacks room for the end of a call it let through."""

from __future__ import annotations

import resource
import struct
import subprocess
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from proxy.call import Attempt, Call, Metered, Outcome, Stamp, Usage
from proxy.journal import (
    ROOM_FOR_DONE,
    Done,
    Journal,
    JournalFullError,
    JournalInUseError,
    JournalWriteError,
    Opened,
    Position,
    Progress,
    Record,
    read_segment,
    segments,
    shrink,
)
from tests.factories import recorded_calls

IN_ONE_DIRECTORY = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def call(number: int = 1, **values: object) -> Call:
    known = {
        "call_id": f"call-{number}",
        "attempt": 1,
        "started_at": datetime(2026, 10, 15, tzinfo=UTC),
        **dict.fromkeys(("provider", "seller", "operation", "method", "path", "server"), "x"),
    }
    return Call(**{**known, **values})  # type: ignore[arg-type]


def done(opened: Call, **values: object) -> Done:
    return Done(opened, Attempt(outcome=Outcome.OK, metered=Metered(**values)))  # type: ignore[arg-type]


def progress(opened: Call, **values: object) -> Progress:
    return Progress(opened.call_id, opened.attempt, Metered(**values), 7)  # type: ignore[arg-type]


def records(directory: Path) -> list[Record]:
    return [record for name in segments(directory) for _, record in read_segment(directory / name)]


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    writing = Journal(tmp_path)
    yield writing
    writing.close()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
OBJECTS = st.dictionaries(st.text(max_size=5), JSON, max_size=3)


@st.composite
def calls_and_attempts(draw: st.DrawFn) -> tuple[Call, Attempt]:
    made = draw(recorded_calls())
    metered = replace(made.attempt.metered, raw_usage=draw(OBJECTS), raw_response=draw(OBJECTS))
    return made.call, replace(made.attempt, metered=metered)


# What was written is read ---------------------------------------------------------------------------------------------


@IN_ONE_DIRECTORY
@given(calls_and_attempts(), st.integers(0, 3), st.booleans())
def test_any_record_is_read_as_it_was_written(
    journal: Journal, tmp_path: Path, facts: tuple[Call, Attempt], revision: int, final: bool
) -> None:
    made, attempt = facts
    before = journal.position
    written: list[Record] = [
        Opened(made),
        Progress(made.call_id, made.attempt, attempt.metered, attempt.response_bytes),
        Done(made, attempt, revision, final),
    ]
    journal.opened(written[0])  # type: ignore[arg-type]
    journal.progress(written[1])  # type: ignore[arg-type]
    journal.done(written[2])  # type: ignore[arg-type]
    name = journal.position.segment
    start = before.offset if name == before.segment else 0
    assert [record for _, record in read_segment(tmp_path / name, start)] == written


def test_each_record_is_announced_once_it_can_be_read(tmp_path: Path) -> None:
    seen: list[int] = []
    journal = Journal(tmp_path, durability="power", written=lambda: seen.append(len(records(tmp_path))))
    journal.opened(Opened(call()))
    journal.progress(progress(call()))
    journal.done(done(call()))
    journal.close()
    assert seen == [1, 2, 3]


def test_positions_stand_behind_their_records_and_reading_goes_on_from_one(journal: Journal, tmp_path: Path) -> None:
    positions = []
    for number in range(3):
        journal.opened(Opened(call(number)))
        positions.append(journal.position)
    path = tmp_path / positions[0].segment
    assert [offset for offset, _ in read_segment(path)] == [position.offset for position in positions]
    assert [record for _, record in read_segment(path, positions[0].offset)] == [Opened(call(1)), Opened(call(2))]
    assert list(read_segment(path, positions[2].offset)) == []
    assert sorted(positions, reverse=True) == positions[::-1]


@pytest.mark.parametrize("position", [Position("", 0), Position("000000000001-0a1b2c3d.journal", 8_388_608)])
def test_a_position_is_read_from_its_text(position: Position) -> None:
    assert Position.parse(str(position)) == position


def test_a_torn_last_record_ends_the_segment_wherever_it_was_torn(journal: Journal, tmp_path: Path) -> None:
    journal.opened(Opened(call(1)))
    whole = journal.position.offset
    journal.opened(Opened(call(2)))
    data = (tmp_path / journal.position.segment).read_bytes()[: journal.position.offset]
    torn = tmp_path / "torn"
    for size in range(whole, len(data)):
        for filled in (data[:size], data[:size].ljust(len(data) + 100, b"\0")):
            torn.write_bytes(filled)
            assert [record for _, record in read_segment(torn)] == [Opened(call(1))], size


def test_a_flipped_bit_ends_the_segment(journal: Journal, tmp_path: Path) -> None:
    journal.opened(Opened(call(1)))
    whole = journal.position.offset
    journal.opened(Opened(call(2)))
    data = (tmp_path / journal.position.segment).read_bytes()[: journal.position.offset]
    broken = tmp_path / "broken"
    for place in range(whole, len(data)):
        broken.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        assert [record for _, record in read_segment(broken)] == [Opened(call(1))], place


def test_an_absurd_length_reads_nothing(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(struct.pack("<II", 0xFFFF_FFFF, 0) + b"x" * 100)
    assert list(read_segment(tmp_path / "x")) == []


def test_a_closed_segment_holds_its_records_and_nothing_else(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.opened(Opened(call()))
    position = journal.position
    assert (tmp_path / position.segment).stat().st_size > position.offset
    journal.close()
    assert (tmp_path / position.segment).stat().st_size == position.offset
    assert records(tmp_path) == [Opened(call())]


# One writer ----------------------------------------------------------------------------------------------------------


def test_a_second_writer_is_refused_until_the_first_is_done(tmp_path: Path) -> None:
    first = Journal(tmp_path)
    with pytest.raises(JournalInUseError, match=str(tmp_path)):
        Journal(tmp_path)
    assert len(segments(tmp_path)) == 1
    first.close()
    Journal(tmp_path).close()


def test_a_writer_in_another_process_is_refused(journal: Journal, tmp_path: Path) -> None:
    program = f"from pathlib import Path; from proxy.journal import Journal; Journal(Path({str(tmp_path)!r}))"
    refused = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "JournalInUseError: another process already writes the journal" in refused.stderr


def test_segments_are_in_the_order_they_were_begun(tmp_path: Path) -> None:
    begun = []
    for _ in range(12):
        journal = Journal(tmp_path)
        begun.append(journal.position.segment)
        journal.close()
    assert segments(tmp_path) == begun
    assert len({name.partition("-")[2] for name in begun}) == 12


# Room ----------------------------------------------------------------------------------------------------------------

LARGE = "→" * 3000  # 9 kB: two of them do not fit the room of one record
NAMES = st.integers(0, 5)
STEPS = st.lists(
    st.tuples(st.sampled_from(["opened", "progress", "done", "amend"]), NAMES, st.integers(0, 3)), max_size=60
)


@IN_ONE_DIRECTORY
@given(STEPS, st.sampled_from([1, 5 * ROOM_FOR_DONE, 9 * ROOM_FOR_DONE]))
@example([("opened", number, 3) for number in range(6)] + [("done", number, 3) for number in range(6)], 1)
def test_a_done_record_always_fits_behind_its_opened_whatever_came_between(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int, int]], segment_bytes: int
) -> None:
    directory = tmp_path_factory.mktemp("journal")
    journal = Journal(directory, segment_bytes=segment_bytes)
    is_open: set[int] = set()
    written = 0
    for kind, number, bulk in steps:
        made = call(number, problems=(LARGE[: 900 * bulk],))
        told = {"raw_usage": {"x": LARGE * bulk}, "response_id": LARGE[: 500 * bulk]}
        segment = journal.position.segment
        if kind == "opened" and number not in is_open:
            journal.opened(Opened(made))
            is_open.add(number)
        elif kind == "done" and number in is_open:
            journal.done(done(made, **told))
            is_open.discard(number)
            assert journal.position.segment == segment, "a new segment could have been refused"
        elif kind == "amend" and number not in is_open:
            journal.done(Done(made, done(made, **told).attempt, revision=1))
        elif kind == "progress":
            journal.progress(progress(made, **told))
            continue
        else:
            continue
        written += 1
        size = (directory / journal.position.segment).stat().st_size
        assert size - journal.position.offset >= len(is_open) * ROOM_FOR_DONE
    journal.close()
    assert sum(not isinstance(record, Progress) for record in records(directory)) == written


HUGE = st.sampled_from([None, "x" * 100_000, "\0" * 2000, "→" * 90, "m"])


@given(st.tuples(HUGE, HUGE, HUGE, HUGE), st.integers(0, 2000), st.integers(0, 200))
def test_a_shrunk_record_fits_whatever_it_held(texts: tuple[str | None, ...], words: int, others: int) -> None:
    model, response_id, tier, error = texts
    text = model or "reason"
    metered = Metered(
        usage=Usage(input_tokens=1, other=tuple((f"{text[:100]}{number}", 1) for number in range(others))),
        response_model=model,
        response_id=response_id,
        service_tier=tier,
        finish_reasons=(text,) * words,
        problems=(text,) * words,
        raw_usage={"x": text * 10},
        raw_response={"x": [text] * 10},
    )
    made = call(problems=(text,) * words, stamp=Stamp(tags=((text, text),), repository="r" * 256, branch="é" * 128))
    record = Done(made, Attempt(outcome=Outcome.ERROR, error_type=error, metered=metered))
    small = shrink(record)
    assert small.attempt.metered.problems[-1] == "details were dropped: the record was too large"
    assert small.call.stamp.branch == "é" * 128
    assert len(msgspec.json.encode(small)) + 8 <= ROOM_FOR_DONE


def test_a_large_call_is_let_through_without_its_details(journal: Journal, tmp_path: Path) -> None:
    large = call(stamp=Stamp(team="t", tags=tuple((f"t{number}", "v" * 256) for number in range(32))))
    journal.opened(Opened(large))
    journal.done(done(large, raw_usage={"x": LARGE}, response_model="m"))
    opened, ended = records(tmp_path)
    assert isinstance(opened, Opened)
    assert isinstance(ended, Done)
    assert opened.call.stamp == ended.call.stamp == Stamp(team="t")
    assert opened.call.problems == ("details were dropped: the record was too large",)
    assert ended.attempt.metered.response_model == "m"


def test_a_call_too_large_for_any_record_is_refused_and_nothing_is_written(journal: Journal, tmp_path: Path) -> None:
    before = journal.position
    with pytest.raises(JournalFullError, match="takes 20"):
        journal.opened(Opened(call(path="x" * 20_000)))
    assert journal.position == before
    assert records(tmp_path) == []


def test_a_new_segment_is_begun_where_the_room_ends_and_loses_nothing(tmp_path: Path) -> None:
    journal = Journal(tmp_path, segment_bytes=1)
    for number in range(300):
        journal.opened(Opened(call(number, problems=("x" * 2000,))))
        journal.done(done(call(number, problems=("x" * 2000,))))
    journal.close()
    assert len(segments(tmp_path)) > 3
    assert [record.call.call_id for record in records(tmp_path) if isinstance(record, Done)] == [
        f"call-{number}" for number in range(300)
    ]


# A full disk ----------------------------------------------------------------------------------------------------------


@contextmanager
def no_file_beyond(size: int) -> Iterator[None]:
    """The kernel refuses whatever would make a file longer than `size`, as a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def until_full(journal: Journal, calls: list[Call]) -> int:
    """How many of `calls` are let through."""
    for number, made in enumerate(calls):
        try:
            journal.opened(Opened(made))
        except JournalFullError as error:
            assert "no room for the journal file" in str(error)  # noqa: PT017 - how far it came is what is asked for
            return number
    return len(calls)


def test_a_disk_that_is_full_from_the_start_is_named_and_the_directory_is_free_again(tmp_path: Path) -> None:
    with no_file_beyond(1), pytest.raises(JournalFullError, match=f"no room for the journal file {tmp_path}"):
        Journal(tmp_path)
    assert segments(tmp_path) == []
    Journal(tmp_path).close()
    assert len(segments(tmp_path)) == 1


def test_a_disk_that_fills_up_refuses_new_calls_and_never_the_end_of_an_open_one(tmp_path: Path) -> None:
    journal = Journal(tmp_path, segment_bytes=1)
    size = (tmp_path / journal.position.segment).stat().st_size
    calls = [call(number, problems=("x" * 6000,)) for number in range(100)]
    with no_file_beyond(size - 1):
        let_through = until_full(journal, calls)
        for made in calls[:let_through]:
            journal.progress(progress(made, raw_usage={"x": LARGE}))
            journal.done(done(made, raw_usage={"x": LARGE}))
    journal.opened(Opened(calls[-1]))
    journal.close()
    assert 1 < let_through < len(calls)
    ended = [record.call.call_id for record in records(tmp_path) if isinstance(record, Done)]
    assert ended == [made.call_id for made in calls[:let_through]]
    assert records(tmp_path)[-1] == Opened(calls[-1])


def test_an_amendment_that_finds_no_room_leaves_the_first_record_standing(tmp_path: Path) -> None:
    journal = Journal(tmp_path, segment_bytes=1)
    journal.opened(Opened(call(1)))
    journal.done(done(call(1)))
    amended = done(call(1), raw_usage={"x": "y" * 9000})
    with no_file_beyond((tmp_path / journal.position.segment).stat().st_size - 1):
        for _ in range(100):
            journal.done(Done(amended.call, amended.attempt, revision=1))
    journal.close()
    revisions = [record.revision for record in records(tmp_path) if isinstance(record, Done)]
    assert revisions[0] == 0
    assert 1 < len(revisions) < 101
    assert len(segments(tmp_path)) == 1


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(JournalFullError, match=f"cannot use the journal directory {tmp_path}/file/journal"):
        Journal(tmp_path / "file" / "journal")


def test_an_end_that_the_disk_refuses_is_owed_and_written_before_the_next_call(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.opened(Opened(call(1)))
    with no_file_beyond(1):
        with pytest.raises(JournalWriteError, match=str(tmp_path)):
            journal.done(done(call(1)))
        with pytest.raises(JournalWriteError):
            journal.done(done(call(1), response_id="told later"))
        with pytest.raises(JournalFullError):
            journal.opened(Opened(call(2)))
    journal.opened(Opened(call(3)))
    assert records(tmp_path) == [Opened(call(1)), done(call(1), response_id="told later"), Opened(call(3))]
    journal.close()


def test_what_is_owed_is_written_at_the_latest_when_the_journal_is_closed(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.opened(Opened(call(1)))
    with no_file_beyond(1), pytest.raises(JournalWriteError):
        journal.done(done(call(1)))
    journal.close()
    assert records(tmp_path) == [Opened(call(1)), done(call(1))]


def test_progress_and_amendments_that_the_disk_refuses_harm_no_call(journal: Journal, tmp_path: Path) -> None:
    journal.opened(Opened(call(1)))
    with no_file_beyond(1):
        journal.progress(progress(call(1)))
    journal.done(done(call(1)))
    with no_file_beyond(1):
        journal.done(Done(call(1), done(call(1)).attempt, revision=1))
    assert records(tmp_path) == [Opened(call(1)), done(call(1))]


# Damage --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", [0, 3, 5, 8, 40, -1])
@pytest.mark.parametrize("filling", [b"\0", b"x"])
def test_a_damaged_record_is_told_and_does_not_hide_those_behind_it(
    journal: Journal, tmp_path: Path, place: int, filling: bytes
) -> None:
    ends = []
    for number in range(4):
        journal.opened(Opened(call(number)))
        ends.append(journal.position.offset)
    path = tmp_path / journal.position.segment
    data = bytearray(path.read_bytes()[: ends[-1]])
    data[ends[0] + place if place >= 0 else ends[1] + place] ^= 1
    damaged = tmp_path / "damaged"
    told: list[int] = []
    for content in (bytes(data), data[: ends[0]] + filling * (ends[1] - ends[0]) + data[ends[1] :]):
        damaged.write_bytes(content)
        read = [record for _, record in read_segment(damaged, unreadable=lambda offset, why: told.append(offset))]
        assert read == [Opened(call(0)), Opened(call(2)), Opened(call(3))]
    assert told == [ends[0], ends[0]]


def test_a_record_of_a_later_version_is_told_and_passed_over(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.opened(Opened(call(1)))
    whole = journal.position.offset
    journal.opened(Opened(call(2)))
    path = tmp_path / journal.position.segment
    data = path.read_bytes()[: journal.position.offset]
    payload = b'{"type":"paused","call":{}}'
    foreign = struct.pack("<II", len(payload), zlib.crc32(payload)) + payload
    path.write_bytes(data[:whole] + foreign + data[whole:])
    told: list[tuple[int, str]] = []
    read = [record for _, record in read_segment(path, unreadable=lambda *what: told.append(what))]
    assert read == [Opened(call(1)), Opened(call(2))]
    ((offset, why),) = told
    assert offset == whole
    assert "paused" in why
    journal.close()


def test_files_that_are_no_segments_are_left_alone(tmp_path: Path) -> None:
    foreign = [
        "1abc-notes.journal",
        "7-.journal",
        "000000000001-0a1b2c3d.journal.damaged",
        "-.journal",
        "1-ab.journal~",
    ]
    for name in foreign:
        (tmp_path / name).write_text("x")
    Journal(tmp_path).close()
    assert len(segments(tmp_path)) == 1
    assert all((tmp_path / name).read_text() == "x" for name in foreign)
