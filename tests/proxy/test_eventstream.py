"""Amazon's event stream: the same messages at every cutting, the same that botocore reads."""

from __future__ import annotations

import struct
import uuid

import pytest
from botocore.eventstream import EventStreamBuffer
from hypothesis import example, given
from hypothesis import strategies as st

from proxy import eventstream
from proxy.eventstream import EventStreamParser, Message
from tests.proxy.cutting import cut, every_cutting
from tests.proxy.frames import event_frame, exception_frame, frame

# One header of every type of the specification.
EVERY_TYPE = b"".join(
    struct.pack("!B", len(name)) + name + value
    for name, value in (
        (b"yes", b"\x00"),
        (b"no", b"\x01"),
        (b"byte", b"\x02" + struct.pack("!b", -7)),
        (b"short", b"\x03" + struct.pack("!h", -300)),
        (b"int", b"\x04" + struct.pack("!i", -70_000)),
        (b"long", b"\x05" + struct.pack("!q", -(2**40))),
        (b"bytes", b"\x06" + struct.pack("!H", 3) + b"\xff\x00\x01"),
        (b"text", b"\x07" + struct.pack("!H", 6) + "größ".encode()),
        (b"time", b"\x08" + struct.pack("!q", 1_788_000_000_000)),
        (b"uuid", b"\x09" + uuid.UUID(int=7).bytes),
    )
)
STREAM = b"".join(
    (
        event_frame("messageStart", {"role": "assistant"}),
        frame(EVERY_TYPE, b""),
        frame(b"", b""),
        event_frame("contentBlockDelta", {"delta": {"text": "über → 🧮"}, "contentBlockIndex": 0}),
        exception_frame("throttlingException", "slow down"),
    )
)


def read(chunks: list[bytes]) -> list[Message]:
    parser = EventStreamParser()
    messages = [message for chunk in chunks for message in parser.feed(chunk)]
    assert (parser.problem, parser.oversized, parser.close()) == (None, 0, True)
    return messages


def read_by_botocore(data: bytes) -> list[Message]:
    buffer = EventStreamBuffer()
    buffer.add_data(data)
    return [Message(message.headers, message.payload) for message in buffer]


def test_every_cutting_gives_what_botocore_reads() -> None:
    expected = read_by_botocore(STREAM)
    assert len(expected) == 5
    for chunks in every_cutting(STREAM):
        assert read(chunks) == expected


headers = st.dictionaries(st.text(min_size=1, max_size=12), st.text(max_size=40), max_size=4)


@given(st.lists(st.tuples(headers, st.binary(max_size=200)), max_size=5), st.lists(st.integers(0, 2000), max_size=8))
@example([({"": ""}, b"")], [])
def test_any_messages_at_any_cutting_are_read_as_botocore_reads_them(
    messages: list[tuple[dict[str, str], bytes]], places: list[int]
) -> None:
    data = b"".join(frame(encoded(named), payload) for named, payload in messages)
    assert read(cut(data, places)) == read_by_botocore(data) == [Message(*message) for message in messages]


def encoded(named: dict[str, str]) -> bytes:
    return b"".join(
        bytes([len(name.encode())]) + name.encode() + struct.pack("!BH", 7, len(value.encode())) + value.encode()
        for name, value in named.items()
    )


@given(st.lists(st.binary(max_size=100), max_size=6))
def test_no_bytes_make_it_raise(chunks: list[bytes]) -> None:
    parser = EventStreamParser()
    for chunk in chunks:
        parser.feed(chunk)
    assert parser.close() in (True, False)


def test_a_message_says_its_name_and_whether_it_is_an_error() -> None:
    first, *_, last = read([STREAM])
    assert (first.name, first.is_error) == ("messageStart", False)
    assert (last.name, last.is_error) == ("throttlingException", True)
    assert Message({":message-type": "error", ":error-code": "InternalError"}, b"").name == "InternalError"
    assert Message({}, b"").name == ""


def test_a_damaged_message_is_let_go_and_the_next_one_read() -> None:
    damaged = bytearray(event_frame("a", {}))
    damaged[-6] ^= 1
    parser = EventStreamParser()
    assert [message.name for message in parser.feed(bytes(damaged) + event_frame("b", {}))] == ["b"]
    assert parser.problem == "an event stream message is damaged"


@pytest.mark.parametrize("wrong", [b"\x02ab\x0a", b"\x02ab", b"\x02ab\x07\x00\x09x", b"\x02\xff\xff\x00", b"\xff"])
def test_headers_that_are_none_are_damage(wrong: bytes) -> None:
    parser = EventStreamParser()
    assert parser.feed(frame(wrong, b"{}")) == []
    assert parser.problem == "an event stream message is damaged"


@pytest.mark.parametrize("at", [0, 5, 9])
def test_nothing_is_read_behind_a_damaged_prelude(at: int) -> None:
    damaged = bytearray(event_frame("a", {}))
    damaged[at] ^= 1
    parser = EventStreamParser()
    assert parser.feed(bytes(damaged)) == []
    assert parser.feed(event_frame("b", {})) == []
    assert parser.problem == "the prelude of an event stream message is damaged"


def test_a_stream_that_stops_within_a_message_says_so() -> None:
    parser = EventStreamParser()
    parser.feed(STREAM[:-1])
    assert not parser.close()


def test_a_message_too_long_to_keep_is_passed_over() -> None:
    long = frame(b"", b"x" * (eventstream.MAX_MESSAGE_BYTES + 1))
    parser = EventStreamParser()
    names = [
        message.name
        for start in range(0, len(long), 1_000_003)
        for message in parser.feed(long[start : start + 1_000_003])
    ]
    names += [message.name for message in parser.feed(event_frame("next", {}))]
    assert (names, parser.oversized) == (["next"], 1)
