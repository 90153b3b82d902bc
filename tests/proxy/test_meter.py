"""From the bytes of a response to its facts: the same facts however they were cut, and none invented."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest
import zstandard
from hypothesis import example, given
from hypothesis import strategies as st

from attribution.demo.answers import answer
from attribution.demo.wire import Request
from proxy.call import Metered, Usage
from proxy.meter import Meter, estimate
from proxy.providers import PROVIDERS, Operation
from tests.proxy.cutting import cut, every_cutting

REQUEST_BYTES = 4000
SSE = "text/event-stream; charset=utf-8"


@dataclass(frozen=True)
class Body:
    """One response and whom it came from."""

    kind: str
    path: str
    data: bytes
    content_type: str = SSE
    status: int = 200
    coding: str | None = None

    @property
    def operation(self) -> Operation:
        method = "GET" if self.path.endswith("models") else "POST"
        found = PROVIDERS[self.kind].operation(method, self.path)
        assert found is not None
        return found

    def meter(self) -> Meter:
        return Meter(
            self.operation,
            provider_kind=self.kind,
            status=self.status,
            content_type=self.content_type,
            content_encoding=self.coding,
            request_bytes=REQUEST_BYTES,
        )

    def read(self, chunks: list[bytes] | None = None) -> Meter:
        meter = self.meter()
        for chunk in [self.data] if chunks is None else chunks:
            meter.feed(chunk)
        meter.close()
        return meter

    def metered(self) -> Metered:
        return self.read().metered(complete=True)


PATHS = {
    "chat": ("openai", "/v1/chat/completions"),
    "responses": ("openai", "/v1/responses"),
    "embeddings": ("openai", "/v1/embeddings"),
    "messages": ("anthropic", "/v1/messages"),
    "count_tokens": ("anthropic", "/v1/messages/count_tokens"),
    "generate": ("gemini", "/v1beta/models/gemini-2.5-flash:generateContent"),
    "stream": ("gemini", "/v1beta/models/gemini-2.5-flash:streamGenerateContent"),
}


def sample(name: str, mark: str, *, sse: bool = False, **body: Any) -> Body:
    """What the sample provider answers to `mark`."""
    kind, path = PATHS[name]
    asked = {"model": "m-1", "messages": [{"role": "user", "content": f"[sample {mark}]"}], **body}
    reply = answer(
        Request(method="POST", path=path, query={"alt": "sse"} if sse else {}, body=json.dumps(asked).encode())
    )
    return Body(kind, path, reply.body, dict(reply.headers)["Content-Type"], reply.status)


def written(name: str, *events: str | Mapping[str, Any], end: str = "\n\n", named: bool = False) -> Body:
    """A stream written by hand: texts as they are, objects as data, named by their type where `named`."""
    kind, path = PATHS[name]
    blocks = []
    for event in events:
        if isinstance(event, str):
            blocks.append(event)
            continue
        line_end = end[: len(end) // 2]
        name_line = f"event: {event['type']}{line_end}" if named else ""
        blocks.append(f"{name_line}data: {json.dumps(event)}{end}")
    return Body(kind, path, "".join(blocks).encode())


MARK = "input=1000 cache_read=700 output=40 reasoning=25 tools=2"
USED = Usage(input_tokens=1000, cache_read_tokens=700, output_tokens=40, reasoning_tokens=25)
PLAIN = Usage(input_tokens=10, output_tokens=20)
WITH_USAGE = {"stream": True, "stream_options": {"include_usage": True}}


def chunk(content: str | None = None, finish: str | None = None, **values: Any) -> dict[str, Any]:
    delta = {"content": content} if content is not None else {}
    return {"id": "c-1", "model": "m-1", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}], **values}


CHAT_USAGE = {
    "id": "c-1",
    "model": "m-1",
    "choices": [],
    "usage": {"prompt_tokens": 10, "completion_tokens": 20, "total_tokens": 30},
}
START = {
    "type": "message_start",
    "message": {
        "id": "m",
        "model": "m-1",
        "usage": {"input_tokens": 10, "cache_read_input_tokens": 5, "output_tokens": 1},
    },
}


def text_delta(text: str) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}


def message_delta(reason: str | None = "end_turn", **usage: Any) -> dict[str, Any]:
    return {"type": "message_delta", "delta": {"stop_reason": reason}, "usage": usage}


STOP = {"type": "message_stop"}


def candidate(text: str, finish: str | None = None, **values: Any) -> dict[str, Any]:
    inner: dict[str, Any] = {"content": {"parts": [{"text": text}], "role": "model"}, "index": 0}
    if finish:
        inner["finishReason"] = finish
    return {"candidates": [inner], "modelVersion": "m-1", "responseId": "r", **values}


def gemini_usage(prompt: int, output: int) -> dict[str, Any]:
    return {
        "usageMetadata": {
            "promptTokenCount": prompt,
            "candidatesTokenCount": output,
            "totalTokenCount": prompt + output,
        }
    }


@dataclass(frozen=True)
class Expected:
    usage: Usage | None
    finish: tuple[str, ...]
    tools: int = 0
    ends: bool = True  # a stream with a terminal event
    error: str | None = None


# name: body, what is in it
WHOLE: dict[str, tuple[Body, Expected]] = {
    "chat": (sample("chat", MARK), Expected(USED, ("tool_calls",), 2, ends=False)),
    "chat stream": (sample("chat", MARK, **WITH_USAGE), Expected(USED, ("tool_calls",), 2)),
    "responses": (sample("responses", MARK), Expected(USED, ("completed",), 2, ends=False)),
    "responses stream": (sample("responses", MARK, stream=True), Expected(USED, ("completed",), 2)),
    "responses cut off": (sample("responses", MARK + " end=length", stream=True), Expected(USED, ("incomplete",), 2)),
    "embeddings": (sample("embeddings", "input=7"), Expected(Usage(input_tokens=7), (), ends=False)),
    "messages": (sample("messages", MARK), Expected(USED, ("tool_use",), 2, ends=False)),
    "messages stream": (sample("messages", MARK, stream=True), Expected(USED, ("tool_use",), 2)),
    "messages stream with cache writes": (
        sample("messages", "input=3 cache_write_5m=20 cache_write_1h=30 output=4", stream=True),
        Expected(
            Usage(input_tokens=3, cache_write_5m_tokens=20, cache_write_1h_tokens=30, output_tokens=4), ("end_turn",)
        ),
    ),
    "generate": (sample("generate", MARK), Expected(USED, ("STOP",), 2, ends=False)),
    "stream sse": (sample("stream", MARK, sse=True), Expected(USED, ("STOP",), 2)),
    "stream array": (sample("stream", MARK), Expected(USED, ("STOP",), 2)),
    "chat: usage null in each chunk, with spaces": (
        written("chat", chunk("a", usage=None), chunk(None, "stop", usage=None), CHAT_USAGE, "data: [DONE]\n\n"),
        Expected(PLAIN, ("stop",)),
    ),
    "chat: crlf and comments": (
        written("chat", ": OPENROUTER PROCESSING\r\n\r\n", chunk("a"), chunk(None, "stop"), CHAT_USAGE,
                "data: [DONE]\r\n\r\n", end="\r\n\r\n"),
        Expected(PLAIN, ("stop",)),
    ),
    "chat: a first chunk without a model": (
        written("chat", {"choices": [], "id": "", "model": "", "prompt_filter_results": []}, chunk("a"),
                chunk(None, "stop"), CHAT_USAGE, "data: [DONE]\n\n"),
        Expected(PLAIN, ("stop",)),
    ),
    "chat: several choices": (
        written("chat", chunk("a", "stop"), chunk("b", "length"), CHAT_USAGE, "data: [DONE]\n\n"),
        Expected(PLAIN, ("stop", "length")),
    ),
    "chat: usage cumulative in every chunk": (
        written("chat", chunk("a", usage={"prompt_tokens": 10, "completion_tokens": 1}),
                chunk(None, "stop", usage={"prompt_tokens": 10, "completion_tokens": 20}), "data: [DONE]\n\n"),
        Expected(PLAIN, ("stop",)),
    ),
    "chat: no last blank line": (
        written("chat", chunk("a"), chunk(None, "stop"), CHAT_USAGE, "data: [DONE]"), Expected(PLAIN, ("stop",)),
    ),
    "chat: content that looks like usage": (
        written("chat", chunk('"usage":{"prompt_tokens":1}, "finish_reason":"no" data: [DONE]\n\n'),
                chunk(None, "stop"), CHAT_USAGE, "data: [DONE]\n\n"),
        Expected(PLAIN, ("stop",)),
    ),
    "messages: full usage in the last delta, pings": (
        written("messages", START, {"type": "ping"}, text_delta("a"), message_delta(None, output_tokens=9),
                message_delta(input_tokens=10, cache_read_input_tokens=5, output_tokens=20), STOP, named=True),
        Expected(Usage(input_tokens=10, cache_read_tokens=5, output_tokens=20), ("end_turn",)),
    ),
    "messages: output alone in the delta, nulls beside it": (
        written("messages", START, message_delta(input_tokens=None, output_tokens=20), STOP, named=True, end="\r\n\r\n"),
        Expected(Usage(input_tokens=10, cache_read_tokens=5, output_tokens=20), ("end_turn",)),
    ),
    "responses: unnamed events": (
        written("responses", {"type": "response.created", "response": {"id": "r", "model": "m-1", "status": "in_progress"}},
                {"type": "response.output_text.delta", "delta": "a"},
                {"type": "response.completed", "response": {
                    "id": "r", "model": "m-1", "status": "completed",
                    "output": [{"type": "web_search_call", "action": {"type": "search"}},
                               {"type": "web_search_call", "action": {"type": "open_page"}}],
                    "usage": {"input_tokens": 10, "output_tokens": 20}}}),
        Expected(replace(PLAIN, other=(("web_search", 1),)), ("completed",), 2),
    ),
    "stream: a blocked prompt": (
        written("stream", {"promptFeedback": {"blockReason": "SAFETY"}, "modelVersion": "m-1", "responseId": "r",
                           "usageMetadata": {"promptTokenCount": 10, "totalTokenCount": 10}}),
        Expected(Usage(input_tokens=10), ("SAFETY",)),
    ),
    "stream: grounded": (
        written("stream", candidate("a"), candidate("b", "STOP", **gemini_usage(10, 20)) | {"candidates": [
            {"finishReason": "STOP", "groundingMetadata": {"webSearchQueries": ["x", "y"]}}]}),
        Expected(replace(PLAIN, other=(("web_search", 2),)), ("STOP",)),
    ),
}  # fmt: skip
STREAMED = {name: (body, expected) for name, (body, expected) in WHOLE.items() if expected.ends}


def cases(table: Mapping[str, Any]) -> Any:
    return pytest.mark.parametrize(("body", "expected"), table.values(), ids=list(table))


# Whole ---------------------------------------------------------------------------------------------------------------


@cases(WHOLE)
def test_a_whole_body_gives_its_facts(body: Body, expected: Expected) -> None:
    meter = body.read()
    metered = meter.metered(complete=True)
    assert (metered.usage, metered.finish_reasons, metered.tool_calls) == (
        expected.usage,
        expected.finish,
        expected.tools,
    )
    assert (metered.estimated, metered.problems) == (False, ())
    assert metered.response_model in {"m-1", "gemini-2.5-flash"}
    assert meter.ended is expected.ends
    assert meter.is_whole
    assert meter.error_type is expected.error


@cases(WHOLE)
def test_the_facts_are_the_same_at_every_cutting(body: Body, expected: Expected) -> None:
    whole = body.metered()
    places = [[body.data[at : at + 1] for at in range(len(body.data))]]
    places += [[body.data[:at], body.data[at:]] for at in range(1, len(body.data), max(1, len(body.data) // 400))]
    for chunks in places:
        meter = body.read(chunks)
        assert meter.metered(complete=True) == whole
        assert meter.ended is expected.ends


@pytest.mark.parametrize(("coding", "encode"), [("gzip", gzip.compress), ("zstd", zstandard.compress)])
@cases(WHOLE)
def test_an_encoded_body_gives_the_facts_of_a_plain_one(
    body: Body, expected: Expected, coding: str, encode: Any
) -> None:
    encoded = replace(body, data=encode(body.data), coding=coding)
    pieces = [encoded.data[at : at + 7] for at in range(0, len(encoded.data), 7)]
    assert encoded.read(pieces).metered(complete=True) == body.metered()


@cases(STREAMED)
def test_the_end_is_seen_with_the_terminal_event_before_the_body_ends(body: Body, expected: Expected) -> None:
    meter = body.meter()
    meter.feed(body.data.rstrip() + b"\n\n" if body.content_type.startswith("text") else body.data.rstrip(b"\n] "))
    assert meter.ended


# Cut short -----------------------------------------------------------------------------------------------------------


def offsets(body: Body) -> list[int]:
    """Every offset of a short body; of a long one a spread, and every one near its end, where most happens."""
    size = len(body.data)
    return sorted({*range(0, size, max(1, size // 300)), *range(max(0, size - 300), size)})


@cases(STREAMED)
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


@cases({name: case for name, case in WHOLE.items() if not case[1].ends})
def test_a_document_cut_short_is_estimated(body: Body, expected: Expected) -> None:
    for at in range(len(body.data.rstrip())):
        metered = body.read([body.data[:at]]).metered(complete=False)
        assert metered.estimated
        assert metered.usage is not None
        assert metered.usage.input_tokens == REQUEST_BYTES // 4


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
    data = rb'{"model":"m","choices":[{"message":{"content":"\ud83d"}}],"usage":{"prompt_tokens":10,"completion_tokens":20}}'
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
        {"model": "m" * 9000, "id": "i" * 9000, "service_tier": "t" * 9000,
         "choices": [{"finish_reason": "f" * 9000}] * 50, "usage": {"prompt_tokens": 1, "completion_tokens": 1}}
    ).encode()  # fmt: skip
    assert len(repr(Body(*PATHS["chat"], data, "application/json").metered())) < 3000


# Anything at all -----------------------------------------------------------------------------------------------------

SCRAPS = [
    b"data: ", b"event: message_delta\n", b"event: message_start\n", b"event: error\n", b"\n\n", b"\r\n", b"[DONE]", b"{", b"}",
    b"[", b"]", b'"usage":', b'{"usage":{"prompt_tokens":1}}', b'{"choices":[{"finish_reason":"x","delta":{"tool_calls":[{}]}}]}',
    b'{"type":"response.completed","response":{"usage":{"input_tokens":{}},"output":[{"type":7,"action":1}]}}', b'"error":{',
    b'{"message":{"usage":{"iterations":[{}],"cache_creation":{"ephemeral_5m_input_tokens":-1}},"content":{}}}', b"null", b",",
    b'{"usageMetadata":{"promptTokenCount":3,"promptTokensDetails":[{"modality":"AUDIO","tokenCount":9}]},"candidates":[[]]}',
]  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["usage", "usageMetadata", "choices", "delta", "message", "content", "error", "type", "model", "output", "response",
             "candidates", "parts", "finishReason", "promptTokenCount", "prompt_tokens", "input_tokens", "completion_tokens",
             "output_tokens", "prompt_tokens_details", "cached_tokens", "audio_tokens", "iterations", "server_tool_use",
             "promptTokensDetails", "cache_creation", "tool_calls", "service_tier", "promptFeedback", "groundingMetadata"]
        ),
        inner,
        max_size=5,
    ),
    max_leaves=20,
)  # fmt: skip


@given(
    st.sampled_from(sorted(PATHS)),
    st.lists(st.sampled_from(SCRAPS) | st.binary(max_size=8), max_size=12).map(b"".join)
    | JSON.map(lambda value: json.dumps(value).encode())
    | st.lists(JSON, max_size=4).map(lambda values: b"".join(b"data: %s\n\n" % json.dumps(v).encode() for v in values)),
    st.sampled_from(["application/json", SSE, ""]),
    st.sampled_from([200, 400]),
    st.lists(st.integers(0, 120), max_size=4),
    st.booleans(),
)
@example("messages", b'event: error\ndata: {"error":[]}\n\n', SSE, 200, [], True)
def test_arbitrary_bytes_never_raise_and_any_cutting_gives_the_same(
    name: str, data: bytes, content_type: str, status: int, places: list[int], complete: bool
) -> None:
    body = Body(*PATHS[name], data, content_type, status)
    meter, other = body.read(), body.read(cut(data, places))
    metered = meter.metered(complete=complete)
    assert repr(metered) == repr(other.metered(complete=complete))  # repr: not a number equals nothing
    assert (meter.ended, meter.is_whole, meter.error_type) == (other.ended, other.is_whole, other.error_type)
    assert metered.usage is None or body.operation.billable


def test_close_may_be_said_twice_and_metered_at_any_time() -> None:
    body, expected = WHOLE["messages stream"]
    meter = body.meter()
    assert meter.metered(complete=False).estimated
    meter.feed(body.data)
    meter.close()
    meter.close()
    assert meter.metered(complete=True).usage == expected.usage
    assert meter.usage_events == 2
