"""Elements of a streamed JSON array are the same however the bytes were cut."""

from __future__ import annotations

import json
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.json_array import MAX_ELEMENT_BYTES, JsonArrayParser
from tests.proxy.cutting import chunkings, cut, every_cutting

ARRAYS = {
    "empty": (b"[]", []),
    "two": (b'[{"a":1},{"b":2}]', [b'{"a":1}', b'{"b":2}']),
    "pretty": (b'[{\n  "a": 1\n}\n,\r\n{\n  "b": 2\n}\n]\n', [b'{\n  "a": 1\n}', b'{\n  "b": 2\n}']),
    "nested": (b'[{"a":[{"b":[[]]},{}]},[{"c":1}]]', [b'{"a":[{"b":[[]]},{}]}', b'[{"c":1}]']),
    "brackets in strings": (b'["{[", {"a":"}]{["}, "]}"]', [b'{"a":"}]{["}']),
    "escapes": (b'[{"a":"\\"}\\\\"},{"b":"\\\\\\"]"}]', [b'{"a":"\\"}\\\\"}', b'{"b":"\\\\\\"]"}']),
    "unicode": ('[{"a":"→\\u007d🧮"}]'.encode(), ['{"a":"→\\u007d🧮"}'.encode()]),
    "scalars between": (b'[1, null, "x", {"a":1}, true]', [b'{"a":1}']),
    "torn": (b'[{"a":1},{"b":', [b'{"a":1}']),
    "an object instead": (
        b'{"error": {"code": 503, "details": [{}]}}\n',
        [b'{"error": {"code": 503, "details": [{}]}}'],
    ),
    "no JSON at all": (b"<html>]}} \\ [ upstream </html>", []),
}


def parse(chunks: Iterable[bytes]) -> list[bytes]:
    parser = JsonArrayParser()
    return [element for chunk in chunks for element in parser.feed(chunk)]


@pytest.mark.parametrize(("body", "expected"), ARRAYS.values(), ids=ARRAYS)
def test_elements_are_the_same_at_every_cutting(body: bytes, expected: list[bytes]) -> None:
    for chunks in every_cutting(body):
        assert parse(chunks) == expected, chunks


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(alphabet='a"\\{}[],:→\n', max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text('k"}\\', max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(JSON, max_size=4), st.sampled_from([None, 1]), st.booleans(), st.lists(st.integers(0, 200), max_size=6))
def test_any_array_at_any_cutting_gives_its_objects(
    values: list[object], indent: int | None, escaped: bool, places: list[int]
) -> None:
    body = json.dumps(values, indent=indent, ensure_ascii=escaped).encode()
    found = [json.loads(element) for element in parse(cut(body, places))]
    assert found == [value for value in values if isinstance(value, (dict, list))]


@given(chunkings(st.text(alphabet='"\\{}[]x', max_size=30).map(str.encode)))
def test_rubbish_gives_the_same_at_any_cutting(cutting: tuple[bytes, list[bytes]]) -> None:
    body, chunks = cutting
    assert parse(chunks) == parse([body])


@pytest.mark.parametrize("size", [1 << 20, MAX_ELEMENT_BYTES + 100])
def test_an_oversized_element_is_let_go_and_its_neighbours_are_kept(size: int) -> None:
    body = b'[{"a":1},{"b":{"c":"' + b"x" * MAX_ELEMENT_BYTES + b'"}},{"d":2}]'
    parser = JsonArrayParser()
    chunks = (body[start : start + size] for start in range(0, len(body), size))
    assert [element for chunk in chunks for element in parser.feed(chunk)] == [b'{"a":1}', b'{"d":2}']
    assert parser.oversized == 1
