"""What the meter makes of errors, of bodies that are not what they should be, and of anything at all."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from proxy.call import Metered, Usage
from proxy.meter import Meter
from tests.proxy.bodies import (
    MARK,
    PATHS,
    PLAIN,
    SSE,
    START,
    STOP,
    WHOLE,
    WITH_USAGE,
    Body,
    chunk,
    message_delta,
    sample,
    text_delta,
    written,
)
from tests.proxy.cutting import cut, every_cutting

# Errors --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (sample("chat", MARK + " end=error", **WITH_USAGE), "server_error"),
        (sample("responses", MARK + " end=error", stream=True), "server_error"),
        (written("responses", {"type": "response.failed", "response": {"status": "failed"}}), "response_failed"),
        (sample("messages", MARK + " end=error", stream=True), "overloaded_error"),
        (sample("stream", MARK + " end=error", sse=True), "UNAVAILABLE"),
        (sample("stream", MARK + " end=error"), "UNAVAILABLE"),
        (written("messages", START, {"type": "error", "error": {"type": None}}, named=True), "error"),
        (written("messages", START, {"type": "error", "error": "text"}, named=True), "error"),
        (written("messages", START, {"type": "error"}, named=True), "error"),
        (written("responses", {"type": "error", "message": "x"}, named=True), "error"),
        (written("chat", chunk("a"), {"error": {"code": 502, "message": "x"}}), "502"),
    ],
)
def test_an_error_inside_a_stream_is_named_and_what_was_used_estimated(body: Body, error: str) -> None:
    for chunks in ([body.data], [body.data[at : at + 1] for at in range(len(body.data))]):
        meter = body.read(chunks)
        assert meter.error_type == error
        metered = meter.metered(complete=meter.is_whole)
        assert metered.estimated
        assert metered.usage is not None


def test_an_error_event_keeps_the_input_that_was_told() -> None:
    metered = sample("messages", MARK + " end=error", stream=True).read().metered(complete=False)
    assert metered.usage is not None
    assert (metered.usage.input_tokens, metered.usage.cache_read_tokens) == (1000, 700)


@pytest.mark.parametrize("name", ["chat", "responses", "embeddings", "messages", "generate", "stream"])
@pytest.mark.parametrize("status", [301, 400, 401, 404, 429, 500, 529])
@pytest.mark.parametrize(
    ("data", "content_type"),
    [
        (b'{"error":{"type":"overloaded_error","code":529,"message":"x"}}', "application/json"),
        (b'[{"error":{"code":429,"status":"RESOURCE_EXHAUSTED"}}]', "application/json; charset=UTF-8"),
        (b"<html><body>502 Bad Gateway</body></html>", "text/html"),
        (b'event: error\ndata: {"error":{}}\n\n', "text/event-stream"),
        (b'{"error": "text"}', ""),
        (b"", "application/json"),
    ],
)
@pytest.mark.parametrize("complete", [True, False])
def test_an_error_status_without_usage_is_free(
    name: str, status: int, data: bytes, content_type: str, complete: bool
) -> None:
    metered = Body(*PATHS[name], data, content_type, status).read().metered(complete=complete)
    assert (metered.usage, metered.estimated) == (None, False)


def test_an_error_status_with_usage_is_charged() -> None:
    data = b'{"error":{"type":"x"},"usage":{"input_tokens":10,"output_tokens":20}}'
    meter = Body(*PATHS["messages"], data, "application/json", 500).read()
    assert meter.metered(complete=True).usage == PLAIN
    assert meter.error_type == "x"


@pytest.mark.parametrize(
    "data", [b'[{"error":{"code":429,"status":"RESOURCE_EXHAUSTED"}}]', b'{"error":{"status":"RESOURCE_EXHAUSTED"}}']
)
def test_an_error_instead_of_an_array_is_named(data: bytes) -> None:
    for chunks in every_cutting(data):
        meter = Body(*PATHS["stream"], data, "application/json", 429).read(chunks)
        assert (meter.error_type, meter.metered(complete=True).problems) == ("RESOURCE_EXHAUSTED", ())


# What cannot be read -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["chat", "responses", "messages", "generate"])
@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b'{"id":"x"}', "the response carries no usage"),
        (b'{"usage":[1],"usageMetadata":"x"}', "the response carries no usage"),
        (b'{"usage":null,"usageMetadata":null}', "the response carries no usage"),
        (b'{"usage":{"input_tokens"', "a response event or body is not a JSON object"),
        (b"[]", "a response event or body is not a JSON object"),
        (b"<html>captive portal</html>", "a response event or body is not a JSON object"),
        (b"\xff\xfe\x00", "a response event or body is not a JSON object"),
    ],
)
def test_a_good_status_without_readable_usage_is_unknown_not_zero(name: str, data: bytes, problem: str) -> None:
    metered = Body(*PATHS[name], data, "application/json").metered()
    assert metered.usage is None
    assert not metered.estimated
    assert problem in metered.problems


@pytest.mark.parametrize("count", ["12", 1.5, -1, True, [1], {"a": 1}, 2**60])
@pytest.mark.parametrize("complete", [True, False])
def test_usage_of_the_wrong_type_is_unknown_and_never_estimated(count: object, complete: bool) -> None:
    usage = {"prompt_tokens": count, "completion_tokens": 1, "input_tokens": count, "output_tokens": 1}
    for name in ("chat", "messages"):
        data = json.dumps({"usage": usage}).encode()
        metered = Body(*PATHS[name], data, "application/json").read().metered(complete=complete)
        assert (metered.usage, metered.estimated) == (None, False)
        assert metered.problems


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/octet-stream", "text/event-stream"])
def test_a_wrong_content_type_hurts_nothing(content_type: str) -> None:
    for body, _ in WHOLE.values():
        meter = replace(body, content_type=content_type).read()
        metered = meter.metered(complete=True)
        assert metered.usage in (None, body.metered().usage) or metered.estimated


def test_half_a_surrogate_pair_in_the_text_hides_no_usage() -> None:
    usage = b'"usage":{"prompt_tokens":10,"completion_tokens":20}'
    data = rb'{"model":"m","choices":[{"message":{"content":"\ud83d"}}],' + usage + b"}"
    assert Body(*PATHS["chat"], data, "application/json").metered().usage == PLAIN


def test_a_body_that_does_not_match_its_coding_is_a_problem() -> None:
    body = replace(WHOLE["messages"][0], coding="br")
    assert "response: the body does not match its content-encoding" in body.metered().problems


@pytest.mark.parametrize("size", [10_000_000, 65_536])
def test_an_event_of_ten_megabytes_is_read(size: int) -> None:
    large = text_delta('x\\n"' * 1_700_000)
    body = written("messages", START, large, message_delta(output_tokens=20), STOP, named=True)
    assert len(body.data) > 10_000_000
    meter = body.read([body.data[at : at + size] for at in range(0, len(body.data), size)])
    assert meter.ended
    assert meter.metered(complete=True).usage == Usage(input_tokens=10, cache_read_tokens=5, output_tokens=20)


def test_free_and_unknown_operations_are_never_charged() -> None:
    counted = sample("count_tokens", MARK)
    listed = Body("openai", "/v1/models", b'{"data":[],"usage":{"prompt_tokens":1}}', "application/json")
    for body in (counted, listed):
        for complete in (True, False):
            assert body.read().metered(complete=complete) == Metered(problems=())
    unknown = Meter(None, provider_kind="openai", status=200, content_type=SSE)
    unknown.feed(b"data: {}\n\n")
    unknown.close()
    assert unknown.metered(complete=False).usage is None


def test_facts_that_are_not_names_are_bounded() -> None:
    data = json.dumps(
        {
            "model": "m" * 9000,
            "id": "i" * 9000,
            "service_tier": "t" * 9000,
            "choices": [{"finish_reason": "f" * 9000}] * 50,
            "usage": {"prompt_tokens": 1, "completion_tokens": 1},
        }
    ).encode()
    assert len(repr(Body(*PATHS["chat"], data, "application/json").metered())) < 3000


# Anything at all -----------------------------------------------------------------------------------------------------

SCRAPS = [
    b"data: ",
    b"event: message_delta\n",
    b"event: message_start\n",
    b"event: error\n",
    b"\n\n",
    b"\r\n",
    b"[DONE]",
    b"{",
    b"}",
    b"[",
    b"]",
    b'"usage":',
    b'{"usage":{"prompt_tokens":1}}',
    b'{"choices":[{"finish_reason":"x","delta":{"tool_calls":[{}]}}]}',
    b'{"type":"response.completed","response":{"usage":{"input_tokens":{}},"output":[{"type":7,"action":1}]}}',
    b'"error":{',
    b'{"message":{"usage":{"iterations":[{}],"cache_creation":{"ephemeral_5m_input_tokens":-1}},"content":{}}}',
    b"null",
    b",",
    b'{"usageMetadata":{"promptTokenCount":3,"promptTokensDetails":[{"modality":"AUDIO","tokenCount":9}]},"candidates":[[]]}',
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "usage",
                    "usageMetadata",
                    "choices",
                    "delta",
                    "message",
                    "content",
                    "error",
                    "type",
                    "model",
                    "output",
                    "response",
                    "candidates",
                    "parts",
                    "finishReason",
                    "promptTokenCount",
                    "prompt_tokens",
                    "input_tokens",
                    "completion_tokens",
                    "output_tokens",
                    "prompt_tokens_details",
                    "cached_tokens",
                    "audio_tokens",
                    "iterations",
                    "server_tool_use",
                    "promptTokensDetails",
                    "cache_creation",
                    "tool_calls",
                    "service_tier",
                    "promptFeedback",
                    "groundingMetadata",
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@given(
    st.sampled_from(sorted(PATHS)),
    st.lists(st.sampled_from(SCRAPS) | st.binary(max_size=8), max_size=12).map(b"".join)
    | JSON.map(lambda value: json.dumps(value).encode())
    | st.lists(JSON, max_size=4).map(lambda values: b"".join(b"data: %s\n\n" % json.dumps(v).encode() for v in values)),
    st.sampled_from(["application/json", SSE, ""]),
    st.sampled_from([200, 400]),
    st.lists(st.integers(0, 120), max_size=4),
)
@example("messages", b'event: error\ndata: {"error":[]}\n\n', SSE, 200, [])
def test_arbitrary_bytes_never_raise_and_any_cutting_gives_the_same(
    name: str, data: bytes, content_type: str, status: int, places: list[int]
) -> None:
    body = Body(*PATHS[name], data, content_type, status)
    meter, other = body.read(), body.read(cut(data, places))
    for complete in (True, False):
        metered = meter.metered(complete=complete)
        assert repr(metered) == repr(other.metered(complete=complete))  # repr: not a number equals nothing
        assert metered.usage is None or body.operation.billable
    assert (meter.ended, meter.is_whole, meter.error_type) == (other.ended, other.is_whole, other.error_type)


def test_close_may_be_said_twice_and_metered_at_any_time() -> None:
    body, expected = WHOLE["messages stream"]
    meter = body.meter()
    assert meter.metered(complete=False).estimated
    meter.feed(body.data)
    meter.close()
    meter.close()
    assert meter.metered(complete=True).usage == expected.usage
    assert meter.usage_events == 2
