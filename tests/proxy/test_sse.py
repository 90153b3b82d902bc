"""Server-sent events are the same events however the bytes were cut."""

from __future__ import annotations

import re
from collections.abc import Iterable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from proxy.sse import MAX_EVENT_BYTES, SseEvent, SseParser
from tests.proxy.cutting import chunkings, every_cutting

STREAMS = {
    "two events": (b"data: a\n\ndata: b\n\n", [(b"", b"a"), (b"", b"b")]),
    "named": (b"event: ping\ndata: {}\n\n", [(b"ping", b"{}")]),
    "crlf": (b"event: e\r\ndata: a\r\n\r\ndata: b\r\n\r\n", [(b"e", b"a"), (b"", b"b")]),
    "cr": (b"event: e\rdata: a\r\rdata: b\r\r", [(b"e", b"a"), (b"", b"b")]),
    "mixed ends of line": (b"data: a\r\n\ndata: b\n\r\ndata: c\r\n\rdata: d\n\rdata: e\r\r\n", "abcde"),
    "comments": (b": keep-alive\n\n:\n\n: x\ndata: a\n: data: no\n\n", "a"),
    "data of several lines": (b"data: a\ndata: b\n\ndata: c\r\ndata:  d\r\n\r\n", [(b"", b"a\nb"), (b"", b"c\n d")]),
    "no space behind the colon": (b"event:e\ndata:a\n\n", [(b"e", b"a")]),
    "only one space is taken": (b"data:  a\n\n", [(b"", b" a")]),
    "a field without a colon": (b"data\n\nevent\ndata: a\n\n", [(b"", b""), (b"", b"a")]),
    "id and retry are passed over": (b"id: 7\nretry: 10\ndata: a\n\n", "a"),
    "the last name counts": (b"event: x\nevent: y\ndata: a\n\n", [(b"y", b"a")]),
    "a name alone is no event": (b"event: ping\n\ndata: a\n\n", "a"),
    "colons in data": (b"data: a: b\n\n", [(b"", b"a: b")]),
    "byte order mark": (b"\xef\xbb\xbfdata: a\n\ndata: b\n\n", "ab"),
    "byte order mark only at the start": (b"data: a\n\n\xef\xbb\xbfdata: b\n\n", "a"),
    "no last blank line": (b"data: a\n\ndata: b", "ab"),
    "one end of line at the end": (b"data: a\n\ndata: b\r\n", "ab"),
    "blank lines between": (b"\n\n\r\n\ndata: a\n\n\n\n\ndata: b\n\n", "ab"),
    "text of many bytes": ("data: naïve → ✓ 🧮\n\n".encode(), [(b"", "naïve → ✓ 🧮".encode())]),
    "empty": (b"", []),
}


def parse(chunks: Iterable[bytes]) -> list[SseEvent]:
    parser = SseParser()
    return [event for chunk in chunks for event in parser.feed(chunk)] + parser.close()


def reference(body: bytes) -> list[SseEvent]:
    """The standard read line by line over the whole body, plus an event that lacks its blank line."""
    events: list[SseEvent] = []
    name = b""
    data: list[bytes] = []
    for line in [*re.split(rb"\r\n|\n|\r", body.removeprefix(b"\xef\xbb\xbf")), b""]:
        field, _, value = line.partition(b":")
        if not line:
            if data:
                events.append(SseEvent(name, b"\n".join(data)))
            name, data = b"", []
        elif field == b"event":
            name = value.removeprefix(b" ")
        elif field == b"data":
            data.append(value.removeprefix(b" "))
    return events


@pytest.mark.parametrize(("body", "expected"), STREAMS.values(), ids=STREAMS)
def test_events_are_the_same_at_every_cutting(body: bytes, expected: str | list[tuple[bytes, bytes]]) -> None:
    pairs = [(b"", letter.encode()) for letter in expected] if isinstance(expected, str) else expected
    for chunks in every_cutting(body):
        assert [(event.name, event.data) for event in parse(chunks)] == pairs, chunks


@given(
    chunkings(
        st.lists(
            st.sampled_from([b"data", b"event", b":", b" ", b"\r", b"\n", b"\r\n", b"\n\n", b"x", b"\xef\xbb\xbf"]),
            max_size=24,
        ).map(b"".join)
    )
)
@example((b"data:\n\rdata:\r\n\r", [b"data:\n\rdata:\r\n\r"]))
@example((b"\r\r\xef\xbb\xbfdata", [b"\r\r\xef\xbb\xbfdata"]))
def test_any_cutting_gives_the_events_of_the_standard(cutting: tuple[bytes, list[bytes]]) -> None:
    body, chunks = cutting
    assert parse(chunks) == reference(body)


def test_an_event_is_given_as_soon_as_its_blank_line_is_there() -> None:
    parser = SseParser()
    assert parser.feed(b"data: a\r\n\r") == [SseEvent(b"", b"a")]
    assert parser.feed(b"\ndata: b\r\n") == []
    assert parser.feed(b"\r") == [SseEvent(b"", b"b")]


@pytest.mark.parametrize(
    "size", [MAX_EVENT_BYTES + 100, 1 << 20, 7_000_001], ids=["at once", "in mebibytes", "unevenly"]
)
def test_an_oversized_event_is_let_go_and_its_neighbours_are_kept(size: int) -> None:
    body = b"data: a\n\ndata: " + b"x" * MAX_EVENT_BYTES + b"\ndata: torn\n\ndata: b\n\n"
    parser = SseParser()
    chunks = (body[start : start + size] for start in range(0, len(body), size))
    assert [event.data for chunk in chunks for event in parser.feed(chunk)] == [b"a", b"b"]
    assert parser.oversized == 1


def test_an_oversized_event_without_an_end_holds_no_memory() -> None:
    parser = SseParser()
    for _ in range(3):
        parser.feed(b"x" * (MAX_EVENT_BYTES // 2))
    assert sum(map(len, parser._parts)) <= MAX_EVENT_BYTES
    assert parser.close() == []
    assert parser.oversized == 1
