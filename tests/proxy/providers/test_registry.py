"""Every provider in the registry keeps the promises the proxy builds on."""

from __future__ import annotations

import json
import re

import pytest

from proxy.providers import PROVIDERS, Provider, Reading, find_operation
from proxy.providers.base import count_text, parse_object, read_object
from proxy.usage import FREE_OPERATIONS

EVERY = pytest.mark.parametrize("provider", PROVIDERS.values(), ids=list(PROVIDERS))


@EVERY
def test_a_provider_is_registered_under_its_kind_with_distinct_telemetry_names(provider: Provider) -> None:
    assert PROVIDERS[provider.kind] is provider
    assert [entry.otel_name for entry in PROVIDERS.values()].count(provider.otel_name) == 1


@EVERY
def test_an_operation_of_a_record_is_found_again(provider: Provider) -> None:
    for operation in provider.operations:
        found = find_operation(provider.otel_name, operation.name)
        assert found is not None
        assert (found.name, found.billable) == (operation.name, operation.billable)


@pytest.mark.parametrize(
    ("otel_name", "operation"), [("openai", "messages"), ("nobody", "messages"), ("openai", "unknown")]
)
def test_an_operation_nobody_has_is_not_found(otel_name: str, operation: str) -> None:
    assert find_operation(otel_name, operation) is None


@EVERY
def test_what_is_free_here_is_free_in_the_price_book(provider: Provider) -> None:
    for operation in provider.operations:
        assert operation.billable is (operation.name not in FREE_OPERATIONS), operation.name


@pytest.mark.parametrize(
    ("kind", "path"),
    [("openai", "/models"), ("anthropic", "/models"), ("gemini", "/models"), ("vertex", "/publishers/google/models")],
)
def test_a_path_without_its_version_is_known_and_one_with_it_is_not_given_another(kind: str, path: str) -> None:
    provider = PROVIDERS[kind]
    assert provider.unversioned is not None
    assert provider.unversioned.match(path)
    assert not provider.unversioned.match(f"/{provider.version}{path}")
    assert provider.operation("GET", f"/{provider.version}{path}")


@EVERY
def test_a_provider_whose_paths_have_a_version_says_which_paths_need_it(provider: Provider) -> None:
    assert (provider.version is None) is (provider.unversioned is None)


def test_an_operation_is_had_by_its_name() -> None:
    assert PROVIDERS["openai"].named("responses").name == "responses"
    with pytest.raises(KeyError):
        PROVIDERS["openai"].named("messages")


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 408, 413, 418, 426, 429, 500, 502, 503, 504, 529])
@EVERY
def test_our_errors_carry_their_message_where_clients_look_for_it(provider: Provider, status: int) -> None:
    body = json.loads(json.dumps(provider.error_body(status, "say why → mend")))
    assert body.get("error", body)["message"] == "say why → mend"  # AWS's stands on top
    assert "detail" not in body


@pytest.mark.parametrize(
    ("kind", "status", "expected"),
    [
        ("openai", 401, {"message": "m", "type": "invalid_request_error", "param": None, "code": "mergecost_401"}),
        ("openai", 429, {"message": "m", "type": "rate_limit_error", "param": None, "code": "mergecost_429"}),
        ("openai", 503, {"message": "m", "type": "server_error", "param": None, "code": "mergecost_503"}),
        ("anthropic", 401, {"type": "authentication_error", "message": "m"}),
        ("anthropic", 402, {"type": "billing_error", "message": "m"}),
        ("anthropic", 529, {"type": "overloaded_error", "message": "m"}),
        ("anthropic", 503, {"type": "api_error", "message": "m"}),
        ("gemini", 401, {"code": 401, "message": "m", "status": "UNAUTHENTICATED"}),
        ("gemini", 500, {"code": 500, "message": "m", "status": "INTERNAL"}),
        ("azure", 429, {"message": "m", "type": "rate_limit_error", "param": None, "code": "mergecost_429"}),
        ("vertex", 403, {"code": 403, "message": "m", "status": "PERMISSION_DENIED"}),
        ("bedrock", 402, {"__type": "ServiceQuotaExceededException", "message": "m"}),
        ("bedrock", 413, {"__type": "ValidationException", "message": "m"}),
        ("bedrock", 500, {"__type": "InternalServerException", "message": "m"}),
        ("gemini", 426, {"code": 426, "message": "m", "status": "INVALID_ARGUMENT"}),
    ],
)
def test_our_errors_have_the_provider_s_shape(kind: str, status: int, expected: object) -> None:
    body = PROVIDERS[kind].error_body(status, "m")
    assert body.get("error", body) == expected
    assert (body.get("type") == "error") is (kind == "anthropic")


@pytest.mark.parametrize(
    ("data", "characters"),
    [
        (rb'{"delta":{"content":"abcd"}}', 4),
        (rb'{"delta" : {"text" :  "abcd", "thinking":"ef"}}', 6),
        (rb'{"partial_json":"{\"a\": \"b\"}"}', 14),
        (rb'{"type":"response.output_text.delta","delta":"abc"}', 3),
        (rb'{"content":[{"text":"ab"}],"name":"not counted"}', 2),
        (rb'{"content":"torn', 0),
        (rb'{"content":"torn\"', 0),
        (rb'{"content":null,"text":""}', 0),
    ],
)
def test_the_length_of_streamed_text_is_counted(data: bytes, characters: int) -> None:
    reading = Reading()
    count_text(reading, data)
    assert reading.text_characters == characters


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (rb'{"a":"\ud83d\ude00"}', {"a": "😀"}),
        (rb'{"a":"\ud83d"}', {"a": "\ufffd"}),
        (rb'{"a":"\ude00\uD83D"}', {"a": "\ufffd\ufffd"}),
        (rb'{"a":"\\ud83d","b":"\\\ud83d"}', {"a": "\\ud83d", "b": "\\\ufffd"}),
        (rb'{"a":"\ud83d\ud83d\ude00"}', {"a": "\ufffd😀"}),
        (rb'{"a":"\ud83dx"', None),
        (b"[]", None),
        (b"", None),
        (b"\xff", None),
        (b"[" * 100_000, None),
    ],
    ids=range(10),
)
def test_an_object_is_read_even_where_its_text_is_cut_in_the_middle_of_a_character(
    data: bytes, expected: dict[str, str] | None
) -> None:
    assert read_object(data) == expected


def test_the_same_problem_is_noted_once() -> None:
    reading = Reading()
    for _ in range(3):
        assert parse_object(reading, b"[") is None
    assert reading.problems == ["a response event or body is not a JSON object"]


def test_usage_that_is_no_object_leaves_what_was_seen() -> None:
    reading = Reading()
    for usage in ({"a": 1}, None, [1], "x", 7):
        reading.saw_usage(usage)
    assert (reading.usage, reading.usage_events) == ({"a": 1}, 1)


@EVERY
def test_paths_of_operations_match_no_longer_path(provider: Provider) -> None:
    for operation in provider.operations:
        assert operation.path.pattern.endswith("$")
        assert isinstance(operation.path, re.Pattern)
