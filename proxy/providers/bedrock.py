"""Amazon Bedrock: Converse and InvokeModel, whole and as an event stream, CountTokens, and its OpenAI-compatible chat.

Where usage stands: Converse tells `usage` in the body, its stream in the `metadata` event, the last one. InvokeModel
answers in the format of the model's maker: its own usage object is read where it has one, otherwise the counts in the
response headers; its stream wraps the maker's events as base64 in `chunk` events, and the last one carries
`amazon-bedrock-invocationMetrics`, which stand in where the maker told nothing.

The model's id stands percent-encoded in the path; it may be an ARN. Shapes: botocore's service model of
bedrock-runtime, 2023-09-30, and the Bedrock user guide.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from proxy.providers.anthropic import ANTHROPIC
from proxy.providers.base import OnDocument, OnEvent, Operation, Provider, Reading, count_text, free, parse_object
from proxy.providers.openai import OPENAI

__all__ = ["BEDROCK"]

METRICS = "amazon-bedrock-invocationMetrics"
_MESSAGES = ANTHROPIC.named("messages")
_CHAT = OPENAI.named("chat.completions")
_ERROR_TYPES = {
    400: "ValidationException",
    401: "AccessDeniedException",
    402: "ServiceQuotaExceededException",
    403: "AccessDeniedException",
    404: "ResourceNotFoundException",
    429: "ThrottlingException",
    503: "ServiceUnavailableException",
    504: "ModelTimeoutException",
}
# Response header → the name of the same count in a stream's metrics.
_COUNT_HEADERS = {
    "x-amzn-bedrock-input-token-count": "inputTokenCount",
    "x-amzn-bedrock-output-token-count": "outputTokenCount",
    "x-amzn-bedrock-cache-read-input-token-count": "cacheReadInputTokenCount",
    "x-amzn-bedrock-cache-write-input-token-count": "cacheWriteInputTokenCount",
}
# Counts that makers write flat into their body → the same.
_FLAT_COUNTS = {
    "inputTextTokenCount": "inputTokenCount",  # Titan
    "prompt_token_count": "inputTokenCount",  # Llama
    "generation_token_count": "outputTokenCount",
    "totalOutputTextTokenCount": "outputTokenCount",  # Titan's stream
}
# Text and finish of makers that write neither like Anthropic nor like Converse or OpenAI.
_FLAT_TEXTS = ("outputText", "generation")
_FLAT_FINISHES = ("completionReason", "stop_reason")
_ANTHROPIC_EVENT = re.compile(
    rb'"type"\s*:\s*"(message_start|content_block_start|content_block_delta|content_block_stop|message_delta|'
    rb'message_stop|ping|error)"'
)
_MAX_DIGITS = 15


def _head(reading: Reading, headers: Mapping[str, str]) -> None:
    reading.response_id = headers.get("x-amzn-requestid") or reading.response_id
    counts = {
        name: int(text)
        for header, name in _COUNT_HEADERS.items()
        if (text := headers.get(header, "")).isascii() and text.isdigit() and len(text) <= _MAX_DIGITS
    }
    if counts:
        reading.saw_usage(counts)
    _conditions(
        reading,
        headers.get("x-amzn-bedrock-service-tier"),
        headers.get("x-amzn-bedrock-performanceconfig-latency"),
    )


def _conditions(reading: Reading, tier: object, latency: object) -> None:
    """The served tier. Latency-optimised inference has prices of its own, so it counts as one."""
    if isinstance(tier, dict):
        tier = tier.get("type")
    if isinstance(latency, dict):
        latency = latency.get("latency")
    if latency == "optimized":
        tier = "latency_optimized"
    if isinstance(tier, str):
        reading.facts["serviceTier"] = tier[:64]


def _converse_document(reading: Reading, body: dict[str, Any]) -> None:
    reading.saw_usage(body.get("usage"))
    _conditions(reading, body.get("serviceTier"), body.get("performanceConfig"))
    if isinstance(body.get("stopReason"), str):
        reading.finish_reasons.append(body["stopReason"])
    output = body.get("output")
    message = output.get("message") if isinstance(output, dict) else None
    content = message.get("content") if isinstance(message, dict) else None
    for block in content if isinstance(content, list) else ():
        if isinstance(block, dict) and "toolUse" in block:
            reading.tool_calls += 1
    _error_in(reading, body)


def _error_in(reading: Reading, body: dict[str, Any]) -> None:
    if isinstance(body.get("__type"), str):
        reading.error_type = body["__type"].rpartition("#")[2][:64]


def _converse_event(reading: Reading, name: bytes, data: bytes) -> None:
    match name:
        case b"contentBlockDelta":
            count_text(reading, data)
        case b"contentBlockStart" if b'"toolUse"' in data:
            reading.tool_calls += 1
        case b"messageStop" | b"metadata":
            body = parse_object(reading, data)
            if body is not None:
                _converse_document(reading, body)
                reading.ended = name == b"metadata"


def _invoke_document(reading: Reading, body: dict[str, Any]) -> None:
    """The body in its maker's format, told by its usage object."""
    usage = body.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    if usage:
        reading.usage = None  # the maker's own says more than the headers
    if "input_tokens" in usage:
        assert _MESSAGES.on_document is not None
        _MESSAGES.on_document(reading, body)
    elif "prompt_tokens" in usage:
        assert _CHAT.on_document is not None
        _CHAT.on_document(reading, body)
    elif usage:
        _converse_document(reading, body)
    else:
        _flat(reading, body)
        _error_in(reading, body)


def _flat(reading: Reading, body: Mapping[str, Any]) -> None:
    results = body.get("results")
    parts = [body, *(part for part in results if isinstance(part, dict))] if isinstance(results, list) else [body]
    counts: dict[str, Any] = {}
    for part in parts:
        for name in _FLAT_TEXTS:
            if isinstance(part.get(name), str):
                reading.text_characters += len(part[name])
        for name in _FLAT_FINISHES:
            if isinstance(part.get(name), str):
                reading.finish_reasons.append(part[name])
        counts |= {counted: part[name] for name, counted in _FLAT_COUNTS.items() if part.get(name) is not None}
        if type(part.get("tokenCount")) is int:  # Titan, one for each result
            counts["outputTokenCount"] = counts.get("outputTokenCount", 0) + part["tokenCount"]
    if counts and reading.usage is None:
        reading.saw_usage({"outputTokenCount": 0} | counts)


def _invoke_event(reading: Reading, name: bytes, data: bytes) -> None:
    if name != b"chunk":
        return
    wrapped = parse_object(reading, data)
    encoded = wrapped.get("bytes") if wrapped is not None else None
    if not isinstance(encoded, str):
        return
    inner = binascii.a2b_base64(encoded)
    kind = _ANTHROPIC_EVENT.search(inner)
    if kind is not None:
        assert _MESSAGES.on_event is not None
        _MESSAGES.on_event(reading, kind.group(1), inner)
        if METRICS.encode() not in inner:
            return
    body = parse_object(reading, inner)
    if body is None:
        return
    if kind is None:
        _foreign_event(reading, body, inner)
    metrics = body.get(METRICS)
    if isinstance(metrics, dict):
        if reading.usage is None or "inputTokenCount" in reading.usage:
            reading.saw_usage(metrics)
        reading.ended = True


def _foreign_event(reading: Reading, body: dict[str, Any], data: bytes) -> None:
    """An event of a maker other than Anthropic: like OpenAI's, like Converse's (Nova), or flat."""
    if "choices" in body:
        assert _CHAT.on_event is not None
        _CHAT.on_event(reading, b"", data)
        return
    count_text(reading, data)
    stop, told = body.get("messageStop"), body.get("metadata")
    for part in (stop, told):
        if isinstance(part, dict):
            _converse_document(reading, part)
    if b'"toolUse"' in data and "contentBlockStart" in body:
        reading.tool_calls += 1
    _flat(reading, body)


def _error(status: int, message: str) -> Mapping[str, Any]:
    """AWS's REST-JSON errors: the SDKs read the type from `__type` where no header names it."""
    default = "InternalServerException" if status >= 500 else "ValidationException"
    return {"__type": _ERROR_TYPES.get(status, default), "message": message}


def _operation(name: str, on_document: OnDocument, on_event: OnEvent | None = None) -> Operation:
    return Operation(
        name=name,
        method="POST",
        path=re.compile(rf"^/model/.+/{name}$"),
        on_head=_head,
        on_document=on_document,
        on_event=on_event,
    )


BEDROCK = Provider(
    kind="bedrock",
    otel_name="aws.bedrock",
    key_carrier="Authorization",
    error_body=_error,
    model_in_path=re.compile(r"^/model/(.+)/[a-z-]+$"),
    operations=(
        _operation("converse", _converse_document),
        _operation("converse-stream", _converse_document, _converse_event),
        _operation("invoke", _invoke_document),
        _operation("invoke-with-response-stream", _invoke_document, _invoke_event),
        # "Using the CountTokens API doesn't incur charges" (Bedrock user guide)
        *free("count-tokens", r"^/model/.+/count-tokens$", "POST"),
        replace(_CHAT, path=re.compile(r"^/openai/v1/chat/completions$")),
    ),
)
