"""Usage is asked for without touching the client's own bytes, and its chunk is taken out wherever the stream is cut."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.injection import UsageChunkFilter, ask_for_usage

TEXT = b'data: {"id":"c","choices":[{"index":0,"delta":{"content":"na\xc3\xafve"}}],"usage":null}\n\n'
STOP = b'data: {"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":null}\n\n'
USAGE = b'data: {"id":"c","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}\n\n'
DONE = b"data: [DONE]\n\n"
FILTERS = b'data: {"choices":[],"prompt_filter_results":[{"prompt_index":0}]}\n\n'  # Azure's first chunk: not ours
COMMENT = b": keep-alive\n\n"


def filtered(*pieces: bytes) -> tuple[bytes, int]:
    chunks = UsageChunkFilter()
    out = b"".join(chunks.feed(piece) for piece in pieces)
    return out + chunks.close(), chunks.removed


@pytest.mark.parametrize(
    ("body", "asked"),
    [
        (b'{"model":"m","stream":true}', b'{"model":"m","stream":true,"stream_options":{"include_usage":true}}'),
        (b'{"stream": true , "x": "}" }\n', b'{"stream": true , "x": "}" ,"stream_options":{"include_usage":true}}\n'),
        (b'{"stream":true,"stream_options":{"include_usage":true}}', None),
        (b'{"stream":true,"stream_options":{"include_usage":false}}', None),
        (b'{"stream":false}', None),
        (b'{"model":"m"}', None),
        (b'{"stream":true,"stream_options":7}', None),
        (b'{"stream":tru', None),
        (b"[1]", None),
        (b"\xff", None),
        (b"", None),
    ],
)
def test_usage_is_asked_for_where_a_stream_did_not_say(body, asked):
    assert ask_for_usage(body) == asked


def test_other_stream_options_and_every_value_s_own_spelling_are_kept():
    body = b'{"stream":true,"temperature":1.0,"stream_options":{"include_obfuscation":false},"n":1e0}'
    asked = ask_for_usage(body)
    assert asked is not None
    assert json.loads(asked) == json.loads(body) | {
        "stream_options": {"include_obfuscation": False, "include_usage": True}
    }
    assert b'"temperature":1.0' in asked
    assert b'"n":1e0' in asked


@pytest.mark.parametrize("end", [b"\n\n", b"\r\n\r\n", b"\r\r"])
@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_the_usage_chunk_alone_is_taken_out_however_the_stream_is_cut(end, size):
    stream = b"".join([COMMENT, FILTERS, TEXT, STOP, USAGE, DONE]).replace(b"\n\n", end)
    pieces = [stream[start : start + size] for start in range(0, len(stream), size)]
    expected = b"".join([COMMENT, FILTERS, TEXT, STOP, DONE]).replace(b"\n\n", end)
    assert filtered(*pieces) == (expected, len(USAGE.replace(b"\n\n", end)))


@given(st.lists(st.sampled_from([TEXT, STOP, USAGE, DONE, FILTERS, COMMENT])), st.data())
def test_any_chunking_gives_the_same_bytes(events, data):
    stream = b"".join(events)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    pieces = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert filtered(*pieces)[0] == b"".join(event for event in events if event != USAGE)


def test_a_stream_without_the_usage_chunk_passes_unchanged():
    assert filtered(TEXT, STOP, DONE) == (TEXT + STOP + DONE, 0)


def test_text_is_let_through_before_its_event_is_complete():
    chunks = UsageChunkFilter()
    begun = b'data: {"id":"c","choices":[{"index":0,"delta":{"content":"slow'
    assert chunks.feed(begun) == begun


def test_a_usage_chunk_that_also_carries_text_is_kept():
    both = b'data: {"choices":[{"delta":{"content":"x"}}],"usage":{"prompt_tokens":1}}\n\n'
    assert filtered(both) == (both, 0)


def test_a_stream_that_breaks_off_gives_back_what_was_held():
    assert filtered(TEXT, USAGE[:30]) == (TEXT + USAGE[:30], 0)


def test_an_event_that_never_names_its_choices_is_not_held_for_ever():
    long = b"data: " + b"x" * 20_000
    assert UsageChunkFilter().feed(long) == long


@given(st.binary(max_size=200), st.integers(1, 20))
def test_arbitrary_bytes_pass_unchanged(stream, size):
    pieces = [stream[start : start + size] for start in range(0, len(stream), size)]
    assert filtered(*pieces) == (stream, 0)
