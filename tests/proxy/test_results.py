"""A finished batch is charged by its answers: one call each, the same call however often and however cut it is read."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from proxy.call import Outcome, Usage
from proxy.meter import Meter
from proxy.providers import PROVIDERS
from proxy.results import BatchResult, result_call
from tests.factories import make_call
from tests.proxy.cutting import every_cutting

CHAT = {
    "id": "c-1",
    "object": "chat.completion",
    "model": "gpt-4o-2024-08-06",
    "choices": [{"message": {"content": "a"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 10, "completion_tokens": 20},
}
RESPONSE = {
    "id": "r-1",
    "object": "response",
    "status": "completed",
    "model": "gpt-5",
    "output": [{"type": "web_search_call", "action": {"type": "search"}}],
    "usage": {"input_tokens": 10, "output_tokens": 20},
}
EMBEDDING = {"object": "list", "model": "e", "data": [{}], "usage": {"prompt_tokens": 7, "total_tokens": 7}}
IMAGE = {"created": 1, "data": [{"b64_json": "AA"}], "usage": {"input_tokens": 5, "output_tokens": 100}}
ERROR = {"error": {"type": "invalid_request_error", "message": "no"}}
MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "model": "claude-sonnet-4-5",
    "content": [],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 10, "output_tokens": 20, "service_tier": "batch"},
}
GENERATED = {
    "candidates": [{"finishReason": "STOP"}],
    "modelVersion": "gemini-2.5-flash",
    "usageMetadata": {"promptTokenCount": 10, "candidatesTokenCount": 20, "totalTokenCount": 30},
}


def openai_line(custom_id: str, body: dict[str, Any] | None, status: int = 200) -> dict[str, Any]:
    response = None if body is None else {"status_code": status, "request_id": "req", "body": body}
    error = {"code": "batch_expired", "message": "late"} if body is None else None
    return {"id": f"batch_req_{custom_id}", "custom_id": custom_id, "response": response, "error": error}


OPENAI_FILE = [
    openai_line("a", CHAT),
    openai_line("b", RESPONSE),
    openai_line("c", EMBEDDING),
    openai_line("d", IMAGE),
    openai_line("e", ERROR, 400),
    openai_line("f", None),
]
ANTHROPIC_FILE = [
    {"custom_id": "a", "result": {"type": "succeeded", "message": MESSAGE}},
    {"custom_id": "b", "result": {"type": "errored", "error": {"type": "error", "error": {"type": "api_error"}}}},
    {"custom_id": "c", "result": {"type": "expired"}},
]
GEMINI_FILE = [
    {"key": "a", "response": GENERATED},
    {"key": "b", "error": {"code": 8, "status": "RESOURCE_EXHAUSTED"}},
    {"key": "c", "response": {"embedding": {"values": [1]}, "tokenCount": "7"}},
]
PLACES = {
    "openai": "/v1/files/file-1/content",
    "anthropic": "/v1/messages/batches/msgbatch_1/results",
    "gemini": "/download/v1beta/files/batch-1:download",
}
PLAIN = Usage(input_tokens=10, output_tokens=20)
READS = {
    "openai": (
        OPENAI_FILE,
        [
            ("a", "batch", PLAIN, "gpt-4o-2024-08-06", 200, None),
            ("b", "batch", replace(PLAIN, other=(("web_search", 1),)), "gpt-5", 200, None),
            ("c", "batch", Usage(input_tokens=7), "e", 200, None),
            ("d", "batch", Usage(input_tokens=5, image_output_tokens=100), None, 200, None),
            ("e", "batch", None, None, 400, "invalid_request_error"),
            ("f", "batch", None, None, None, "batch_expired"),
        ],
    ),
    "anthropic": (
        ANTHROPIC_FILE,
        [
            ("a", "messages.batches", PLAIN, "claude-sonnet-4-5", 200, None),
            ("b", "messages.batches", None, None, None, "errored"),
            ("c", "messages.batches", None, None, None, "expired"),
        ],
    ),
    "gemini": (
        GEMINI_FILE,
        [
            ("a", "batchGenerateContent", PLAIN, "gemini-2.5-flash", 200, None),
            ("b", "batchGenerateContent", None, None, None, "RESOURCE_EXHAUSTED"),
            ("c", "batchGenerateContent", Usage(input_tokens=7), None, 200, None),
        ],
    ),
}


def jsonl(entries: list[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(entry).encode() + b"\n" for entry in entries)


def meter_at(kind: str, path: str, content_type: str = "application/octet-stream") -> Meter:
    operation = PROVIDERS[kind].operation("GET", path)
    assert operation is not None
    return Meter(operation, provider_kind=kind, status=200, content_type=content_type)


def read(meter: Meter, chunks: list[bytes]) -> list[BatchResult]:
    found = []
    for chunk in chunks:
        meter.feed(chunk)
        found += meter.take_results()
    meter.close()
    return found + meter.take_results()


def facts(results: list[BatchResult]) -> list[tuple[object, ...]]:
    return [
        (
            result.custom_id,
            result.operation,
            result.metered.usage,
            result.metered.response_model,
            result.status,
            result.error_type,
        )
        for result in results
    ]


@pytest.mark.parametrize("kind", READS)
def test_each_line_of_a_results_file_is_one_result(kind: str) -> None:
    entries, expected = READS[kind]
    assert facts(read(meter_at(kind, PLACES[kind]), [jsonl(entries)])) == expected


@pytest.mark.parametrize("kind", READS)
def test_the_results_are_the_same_at_every_cutting(kind: str) -> None:
    body = jsonl(READS[kind][0]).rstrip()
    whole = read(meter_at(kind, PLACES[kind]), [body])
    for chunks in every_cutting(body):
        assert read(meter_at(kind, PLACES[kind]), chunks) == whole


@pytest.mark.parametrize("kind", READS)
def test_reading_results_is_itself_not_billed(kind: str) -> None:
    meter = meter_at(kind, PLACES[kind])
    read(meter, [jsonl(READS[kind][0])])
    metered = meter.metered(complete=True)
    assert (metered.usage, metered.estimated, metered.problems) == (None, False, ())


def test_a_line_cut_in_half_is_left_to_who_reads_the_whole() -> None:
    body = jsonl(OPENAI_FILE)
    found = read(meter_at("openai", PLACES["openai"]), [body[: body.index(b'"c"') + 30]])
    assert [result.custom_id for result in found] == ["a", "b"]


@pytest.mark.parametrize(
    "line",
    [
        {"custom_id": "a", "method": "POST", "url": "/v1/chat/completions", "body": {"model": "m"}},  # a batch's input
        {"messages": [{"role": "user", "content": '"custom_id":'}]},  # a file to tune with
        {"custom_id": 7, "response": None},
    ],
)
def test_other_files_hold_no_results(line: dict[str, Any]) -> None:
    assert read(meter_at("openai", PLACES["openai"]), [jsonl([line])]) == []


def test_a_file_that_is_no_text_holds_no_results() -> None:
    meter = meter_at("openai", PLACES["openai"])
    assert read(meter, [bytes(range(256)) * 100]) == []
    assert meter.metered(complete=True).problems == ()


@pytest.mark.parametrize("holder", ["response", "metadata", "both"])
def test_a_gemini_batch_holds_its_own_answers_once(holder: str) -> None:
    answers = {
        "inlinedResponses": {
            "inlinedResponses": [{"response": GENERATED}, {"response": GENERATED, "metadata": {"key": "k"}}]
        }
    }
    batch = {"name": "batches/b", "done": True, "metadata": {"model": "models/gemini-2.5-flash"}}
    if holder != "metadata":
        batch["response"] = answers
    if holder != "response":
        batch["metadata"] = {"model": "models/gemini-2.5-flash", "output": answers}
    found = read(meter_at("gemini", "/v1beta/batches/b", "application/json"), [json.dumps(batch).encode()])
    assert [(result.custom_id, result.request_model) for result in found] == [
        ("#0", "models/gemini-2.5-flash"),
        ("k", "models/gemini-2.5-flash"),
    ]


def test_a_batch_that_is_not_finished_holds_no_answers() -> None:
    batch = {"name": "batches/b", "metadata": {"state": "BATCH_STATE_RUNNING"}}
    meter = meter_at("gemini", "/v1beta/batches/b", "application/json")
    assert read(meter, [json.dumps(batch).encode()]) == []
    assert meter.metered(complete=True).response_id == "batches/b"


# The call that a result is -------------------------------------------------------------------------------------------

READER = make_call(operation="files.content", method="GET", path=PLACES["openai"]).call


def result(custom_id: str = "a", **values: Any) -> BatchResult:
    (first, *_) = read(meter_at("openai", PLACES["openai"]), [jsonl([openai_line(custom_id, CHAT)])])
    return replace(first, **values)


def test_a_result_is_a_call_at_batch_prices_with_the_stamp_of_its_reader() -> None:
    call, attempt = result_call(READER, "file-1", result())
    assert (call.operation, call.attempt, call.stamp, call.key_id) == ("batch", 1, READER.stamp, READER.key_id)
    assert (attempt.outcome, attempt.status, attempt.metered.usage) == (Outcome.OK, 200, PLAIN)


def test_reading_again_gives_the_same_call_whoever_reads_and_whenever() -> None:
    again = replace(READER, call_id="another", key_id="key-2")
    assert result_call(READER, "file-1", result())[0].call_id == result_call(again, "file-1", result())[0].call_id


@pytest.mark.parametrize(
    ("provider", "source", "custom_id"),
    [("openai", "file-1", "b"), ("openai", "file-2", "a"), ("anthropic", "file-1", "a"), ("openai", "file-", "1a")],
)
def test_another_provider_batch_or_id_is_another_call(provider: str, source: str, custom_id: str) -> None:
    first = result_call(READER, "file-1", result())[0]
    other = result_call(replace(READER, provider=provider), source, result(custom_id))[0]
    assert other.call_id != first.call_id


@pytest.mark.parametrize(("status", "error"), [(400, "invalid_request_error"), (500, None), (None, "expired")])
def test_a_result_that_failed_is_an_attempt_that_failed(status: int | None, error: str | None) -> None:
    _, attempt = result_call(READER, "file-1", result(status=status, error_type=error))
    assert attempt.outcome is Outcome.ERROR
    assert attempt.error_type == (error or "500")


@pytest.mark.parametrize(
    ("kind", "path", "source"),
    [
        (kind, path, {"openai": "file-1", "anthropic": "msgbatch_1", "gemini": "batch-1"}[kind])
        for kind, path in PLACES.items()
    ]
    + [("gemini", "/v1beta/batches/b", "b"), ("openai", "/v1/files/file-1", None)],
)
def test_the_path_names_the_batch_or_file(kind: str, path: str, source: str | None) -> None:
    provider = PROVIDERS[kind]
    operation = provider.operation("GET", path)
    assert operation is not None
    assert provider.source(operation, path) == source
