"""Lines come out as they went in, however they were cut; one that is too long is counted and let go."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from proxy.json_lines import MAX_LINE_BYTES, LineParser
from tests.proxy.cutting import chunkings


def lines(chunks: list[bytes]) -> list[bytes]:
    parser = LineParser()
    return [line for chunk in chunks for line in parser.feed(chunk)] + parser.close()


@given(chunkings(st.text(alphabet="ab\r\n ", max_size=40).map(str.encode)))
def test_every_cutting_gives_the_lines_of_the_whole(case: tuple[bytes, list[bytes]]) -> None:
    body, chunks = case
    assert lines(chunks) == [line.strip() for line in body.split(b"\n") if line.strip()]


def test_a_line_that_is_too_long_is_let_go_and_the_next_one_is_read() -> None:
    parser = LineParser()
    piece = b"x" * (MAX_LINE_BYTES // 2)
    assert [parser.feed(piece) for _ in range(4)] == [[], [], [], []]
    assert parser.feed(b"\n{}\n") == [b"{}"]
    assert parser.oversized == 1


def test_a_file_without_lines_keeps_no_memory() -> None:
    parser = LineParser()
    for _ in range(3):
        parser.feed(b"x" * MAX_LINE_BYTES)
    assert parser.close() == []
    assert parser.oversized == 1
