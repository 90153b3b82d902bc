"""Azure OpenAI, Vertex AI and Bedrock: the same facts however the network cut a response, none invented."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from proxy.call import Usage
from proxy.providers import PROVIDERS
from tests.proxy.bodies import REQUEST_BYTES, Expected
from tests.proxy.cloud_bodies import CLOUD, CLOUD_STREAMED, FAILED
from tests.proxy.cloud_shapes import ANTHROPIC_CHUNKS, CONVERSE_STREAM, EVENTSTREAM, CloudBody
from tests.proxy.frames import chunk_frame, event_frame

EVERY = pytest.mark.parametrize(("body", "expected"), CLOUD.values(), ids=list(CLOUD))
STREAMED = pytest.mark.parametrize(("body", "expected"), CLOUD_STREAMED.values(), ids=list(CLOUD_STREAMED))


@EVERY
def test_a_whole_body_gives_its_facts(body: CloudBody, expected: Expected) -> None:
    meter = body.read()
    metered = meter.metered(complete=True)
    assert (metered.usage, metered.finish_reasons, metered.tool_calls) == (
        expected.usage,
        expected.finish,
        expected.tools,
    )
    assert (metered.estimated, metered.problems, meter.error_type) == (False, (), None)
    assert meter.ended is expected.ends
    assert meter.is_whole


@EVERY
def test_the_facts_are_the_same_at_every_cutting(body: CloudBody, expected: Expected) -> None:
    whole = body.read().metered(complete=True)
    cuttings = [[body.data[at : at + 1] for at in range(len(body.data))]]
    cuttings += [[body.data[:at], body.data[at:]] for at in range(1, len(body.data))]
    for chunks in cuttings:
        meter = body.read(chunks)
        assert meter.metered(complete=True) == whole
        assert meter.ended is expected.ends


@STREAMED
def test_a_stream_cut_short_is_estimated_and_never_claims_an_end(body: CloudBody, expected: Expected) -> None:
    whole = body.read().metered(complete=True)
    assert whole.usage is not None
    for at in range(len(body.data)):
        meter = body.read([body.data[:at]])
        metered = meter.metered(complete=False)
        assert metered.usage is not None, at
        if meter.ended:
            assert metered == replace(whole, problems=metered.problems)
        elif metered.estimated:
            assert "usage was estimated" in metered.problems[-1]
            assert metered.usage.prompt_tokens in (REQUEST_BYTES // 4, whole.usage.prompt_tokens)
        else:
            assert metered.usage == whole.usage, "only the final usage needs no estimate"


@STREAMED
def test_the_end_is_seen_with_the_last_byte_of_the_terminal_event(body: CloudBody, expected: Expected) -> None:
    meter = body.meter()
    if body.content_type == EVENTSTREAM:
        meter.feed(body.data[:-1])
        assert not meter.ended
        meter.feed(body.data[-1:])
    else:  # the array's end may still be to come
        meter.feed(body.data.rstrip(b"\n]") if body.data.startswith(b"[") else body.data)
    assert meter.ended


@pytest.mark.parametrize(("body", "characters"), FAILED.values(), ids=list(FAILED))
def test_a_stream_that_fails_names_the_exception_and_what_was_streamed_is_estimated(
    body: CloudBody, characters: int
) -> None:
    meter = body.read()
    metered = meter.metered(complete=False)
    assert meter.error_type in ("throttlingException", "modelStreamErrorException")
    assert not meter.is_whole
    assert metered.estimated
    assert metered.usage is not None
    assert metered.usage.output_tokens == -(-characters // 4)


def test_metrics_stand_in_where_the_maker_s_events_told_no_usage() -> None:
    told_by_metrics = CLOUD["bedrock invoke anthropic stream"][0]
    body = replace(told_by_metrics, data=ANTHROPIC_CHUNKS[3] + ANTHROPIC_CHUNKS[-1])
    metered = body.read().metered(complete=True)
    assert metered.usage == Usage(input_tokens=36, cache_read_tokens=64, cache_write_5m_tokens=50, output_tokens=20)
    assert not metered.estimated


@pytest.mark.parametrize(
    ("conditions", "tier"),
    [
        ({"serviceTier": {"type": "priority"}}, "priority"),
        ({"serviceTier": {"type": "default"}, "performanceConfig": {"latency": "standard"}}, "default"),
        ({"performanceConfig": {"latency": "optimized"}}, "latency_optimized"),
        ({}, None),
    ],
)
def test_the_served_tier_is_read_from_converse(conditions: dict[str, object], tier: str | None) -> None:
    whole = CLOUD["bedrock converse"][0]
    plain = {name: value for name, value in json.loads(whole.data).items() if name != "serviceTier"}
    asked = replace(whole, data=json.dumps(plain | conditions).encode())
    assert asked.read().metered(complete=True).service_tier == tier
    usage = plain["usage"]
    stream = replace(
        CLOUD["bedrock converse stream"][0],
        data=b"".join(CONVERSE_STREAM[:-1]) + event_frame("metadata", {"usage": usage, **conditions}),
    )
    assert stream.read().metered(complete=True).service_tier == tier


def test_the_served_tier_and_the_request_id_of_an_invocation_are_read_from_its_headers() -> None:
    body = replace(
        CLOUD["bedrock invoke llama"][0],
        headers={"x-amzn-bedrock-service-tier": "flex", "x-amzn-requestid": "req-1"},
    )
    metered = body.read().metered(complete=True)
    assert (metered.service_tier, metered.response_id) == ("flex", "req-1")


@pytest.mark.parametrize("text", ["", "-1", "1.5", "ten", "9" * 16, "٣"])
def test_a_count_in_a_header_that_is_none_is_passed_over(text: str) -> None:
    body = replace(
        CLOUD["bedrock invoke counted by headers alone"][0], headers={"x-amzn-bedrock-input-token-count": text}
    )
    metered = body.read().metered(complete=True)
    assert (metered.usage, metered.problems) == (None, ("the response carries no usage",))


@pytest.mark.parametrize(
    "payload",
    [{}, {"bytes": 7}, {"bytes": "!"}, {"bytes": "W10="}, {"bytes": "AAAA"}],
    ids=["nothing", "number", "no base64", "array", "no JSON"],
)
def test_a_chunk_that_holds_no_event_does_no_harm(payload: dict[str, object]) -> None:
    body = CLOUD["bedrock invoke anthropic stream"][0]
    odd = replace(body, data=event_frame("chunk", payload) + body.data)
    assert odd.read().metered(complete=True).usage == body.read().metered(complete=True).usage


def test_damage_in_an_event_stream_is_noted() -> None:
    body = CLOUD["bedrock converse stream"][0]
    damaged = bytearray(body.data)
    damaged[-3] ^= 1
    metered = replace(body, data=bytes(damaged)).read().metered(complete=False)
    assert "an event stream message is damaged" in metered.problems
    cut = replace(body, data=body.data[:-1]).read().metered(complete=False)
    assert "the stream stopped in the middle of an event" in cut.problems


def test_an_error_body_of_a_stream_operation_is_read_as_a_document() -> None:
    body = replace(
        CLOUD["bedrock converse stream"][0],
        data=b'{"__type":"com.amazon.coral.service#ThrottlingException","message":"slow"}',
        content_type="application/json",
        status=429,
    )
    meter = body.read()
    assert (meter.error_type, meter.metered(complete=True).usage) == ("ThrottlingException", None)


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("vertex", "/v1/projects/p/locations/global/publishers/anthropic/models/count-tokens:rawPredict"),
        ("vertex", "/v1/projects/p/locations/l/publishers/google/models/gemini-2.5-flash:countTokens"),
        ("bedrock", "/model/anthropic.claude-sonnet-4-6/count-tokens"),
    ],
)
def test_counting_tokens_is_no_usage(kind: str, path: str) -> None:
    operation = PROVIDERS[kind].operation("POST", path)
    assert operation is not None
    assert not operation.billable
    counted = CloudBody(kind, path, b'{"input_tokens":7,"inputTokens":7,"totalTokens":7}')
    assert counted.read().metered(complete=True).usage is None


@pytest.mark.parametrize(
    ("kind", "method", "path"),
    [
        ("azure", "POST", "/openai/deployments/d/extensions/chat/completions"),
        ("vertex", "POST", "/v1/projects/p/locations/l/publishers/mistralai/models/m:rawPredict"),
        ("vertex", "POST", "/v1/projects/p/locations/l/endpoints/1:rawPredict"),
        ("bedrock", "POST", "/model/m/invoke-with-bidirectional-stream"),
        ("bedrock", "POST", "/guardrail/g/version/1/apply"),
    ],
)
def test_what_is_not_read_is_no_operation(kind: str, method: str, path: str) -> None:
    assert PROVIDERS[kind].operation(method, path) is None


def test_text_of_makers_without_a_format_of_their_own_is_counted() -> None:
    body = replace(
        CLOUD["bedrock invoke llama stream"][0], data=chunk_frame({"generation": "abcdefgh", "stop_reason": None})
    )
    metered = body.read().metered(complete=False)
    assert metered.estimated
    assert metered.usage == Usage(input_tokens=REQUEST_BYTES // 4, output_tokens=2)
