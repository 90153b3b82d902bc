"""From the bytes of a response to its facts: the same facts however they were cut, and none invented."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from typing import Any

import pytest
import zstandard

from proxy.call import Metered, Usage
from proxy.meter import estimate
from tests.proxy.bodies import REQUEST_BYTES, START, Body, Expected, cases, chunk, text_delta, written
from tests.proxy.every_body import EVERY, STREAMED

ESTIMABLE = {name: case for name, case in EVERY.items() if case[0].operation.estimable}

# Whole ---------------------------------------------------------------------------------------------------------------


@cases(EVERY)
def test_a_whole_body_gives_its_facts(body: Body, expected: Expected) -> None:
    meter = body.read()
    metered = meter.metered(complete=True)
    assert (metered.usage, metered.finish_reasons, metered.tool_calls) == (
        expected.usage,
        expected.finish,
        expected.tools,
    )
    assert (metered.estimated, metered.problems) == (False, ())
    assert metered.response_model in ({"m-1", "gemini-2.5-flash"} if expected.names_model else {None})
    assert meter.ended is expected.ends
    assert meter.is_whole
    assert meter.error_type is expected.error


@cases(EVERY)
def test_the_facts_are_the_same_at_every_cutting(body: Body, expected: Expected) -> None:
    whole = body.metered()
    places = [[body.data[at : at + 1] for at in range(len(body.data))]]
    places += [[body.data[:at], body.data[at:]] for at in range(1, len(body.data), max(1, len(body.data) // 400))]
    for chunks in places:
        meter = body.read(chunks)
        assert meter.metered(complete=True) == whole
        assert meter.ended is expected.ends


@pytest.mark.parametrize(("coding", "encode"), [("gzip", gzip.compress), ("zstd", zstandard.compress)])
@cases(EVERY)
def test_an_encoded_body_gives_the_facts_of_a_plain_one(
    body: Body, expected: Expected, coding: str, encode: Any
) -> None:
    encoded = replace(body, data=encode(body.data), coding=coding)
    pieces = [encoded.data[at : at + 7] for at in range(0, len(encoded.data), 7)]
    assert encoded.read(pieces).metered(complete=True) == body.metered()


@cases(STREAMED)
def test_the_end_is_seen_with_the_terminal_event_before_the_body_ends(body: Body, expected: Expected) -> None:
    meter = body.meter()
    meter.feed(body.data.rstrip(b"\n] ") if body.data.startswith(b"[") else body.data.rstrip() + b"\n\n")
    assert meter.ended


# Cut short -----------------------------------------------------------------------------------------------------------


def is_labelled(body: Body) -> bool:
    """Whether the content type alone says that it is a stream: otherwise its first bytes do."""
    return body.content_type.startswith("text/event-stream") or body.operation.streams_json_array


def offsets(body: Body) -> list[int]:
    """Every offset of a short body; of a long one a spread, and every one near its end, where most happens."""
    size = len(body.data)
    return sorted({*range(0, size, max(1, size // 300)), *range(max(0, size - 300), size)})


@cases({name: case for name, case in STREAMED.items() if name in ESTIMABLE and is_labelled(case[0])})
def test_a_stream_cut_short_is_estimated_and_never_claims_an_end(body: Body, expected: Expected) -> None:
    whole = body.metered()
    assert whole.usage is not None
    for at in offsets(body):
        meter = body.read([body.data[:at]])
        metered = meter.metered(complete=False)
        assert metered.usage is not None
        if metered.estimated:
            assert "usage was estimated" in metered.problems[-1]
        else:
            assert metered.usage == whole.usage, "only the final usage needs no estimate"
        if metered.raw_usage and metered.estimated:
            known = replace(metered.usage, output_tokens=0, reasoning_tokens=0, other=())
            assert known == replace(whole.usage, output_tokens=0, reasoning_tokens=0, other=()), "known input is kept"
        elif not metered.raw_usage:
            assert metered.usage.prompt_tokens == REQUEST_BYTES // 4
        if meter.ended:
            assert metered == whole, at
        assert meter.is_whole is (meter.ended or bool(metered.finish_reasons))


@cases({name: case for name, case in ESTIMABLE.items() if not case[1].ends})
def test_a_document_cut_short_is_estimated(body: Body, expected: Expected) -> None:
    for at in range(len(body.data.rstrip())):
        metered = body.read([body.data[:at]]).metered(complete=False)
        assert metered.estimated
        assert metered.usage is not None
        assert metered.usage.input_tokens == REQUEST_BYTES // 4


@cases({name: case for name, case in EVERY.items() if name not in ESTIMABLE})
def test_audio_and_images_cut_short_are_never_estimated_from_their_size(body: Body, expected: Expected) -> None:
    whole = body.metered()
    for at in offsets(body):
        metered = body.read([body.data[:at]]).metered(complete=False)
        assert not metered.estimated
        assert metered.usage in (None, whole.usage)


def test_an_estimate_counts_four_streamed_characters_a_token() -> None:
    body = written("messages", START, *[text_delta("x" * 10)] * 5, named=True)
    metered = body.read().metered(complete=False)
    assert metered.usage == Usage(input_tokens=10, cache_read_tokens=5, output_tokens=13)
    assert metered.estimated
    assert metered.problems == ("usage was estimated at 4 characters a token: output from 50 streamed characters",)


def test_an_estimate_keeps_a_count_that_says_more() -> None:
    seen = Metered(usage=Usage(input_tokens=10, output_tokens=90))
    assert estimate(seen, request_bytes=4000, characters=8).usage == seen.usage


def test_half_a_document_is_estimated_from_what_it_holds() -> None:
    data = json.dumps({"choices": [{"message": {"content": "x" * 400}}], "padding": "y" * 90}).encode()[:-50]
    metered = Body("openai", "/v1/chat/completions", data, "application/json").read().metered(complete=False)
    assert metered.usage == Usage(input_tokens=1000, output_tokens=100)


def test_a_stream_that_tells_no_usage_is_estimated_though_it_ended_well() -> None:
    body = written("chat", chunk("x" * 40), chunk(None, "stop"), "data: [DONE]\n\n")
    metered = body.metered()
    assert metered.usage == Usage(input_tokens=1000, output_tokens=10)
    assert metered.estimated
    assert metered.finish_reasons == ("stop",)


def test_a_stream_that_stops_inside_an_event_says_so() -> None:
    body = written("chat", chunk("x"), "data: {")
    assert "the stream stopped in the middle of an event" in body.metered().problems


def test_a_terminal_event_whose_data_was_cut_is_no_end() -> None:
    body = written("responses", 'event: response.completed\ndata: {"type":"response.completed","response":{"id')
    assert not body.read().ended
    assert not body.read().is_whole
