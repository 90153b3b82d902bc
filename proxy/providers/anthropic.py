"""Anthropic: messages, message batches and their results, count_tokens, files, models, event logging.

Where usage stands: `message_start` carries the input side, every `message_delta` the cumulative output side and, in
newer streams, the whole of it again. The newest value of each field wins; nothing is summed. `message_stop` ends the
stream. An `error` event may follow a good start. Compatible sellers leave out the `event:` lines; the data names its
type as well.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from proxy.providers.base import Operation, Provider, Reading, Result, count_text, free, parse_object

__all__ = ["ANTHROPIC"]


class _Typed(msgspec.Struct):
    type: Any = None


_TYPE = msgspec.json.Decoder(_Typed)

_ERROR_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}


def _usage(reading: Reading, usage: object) -> None:
    if isinstance(usage, dict):
        known = {key: value for key, value in usage.items() if value is not None}
        reading.saw_usage({**(reading.usage or {}), **known})


def _document(reading: Reading, body: dict[str, Any]) -> None:
    if isinstance(body.get("model"), str):
        reading.model = body["model"]
    if isinstance(body.get("id"), str):
        reading.response_id = body["id"]
    if isinstance(body.get("stop_reason"), str):
        reading.finish_reasons.append(body["stop_reason"])
    content = body.get("content")
    for block in content if isinstance(content, list) else ():
        if isinstance(block, dict) and str(block.get("type", "")).endswith("tool_use"):
            reading.tool_calls += 1
    reading.saw_response(body)
    _usage(reading, body.get("usage"))
    error = body.get("error")
    if isinstance(error, dict):
        reading.error_type = str(error.get("type") or "error")[:64]


def _event(reading: Reading, name: bytes, data: bytes) -> None:
    name = name or _type_of(data)
    match name:
        case b"content_block_delta":
            count_text(reading, data)
        case b"message_start" | b"message_delta" | b"error":
            body = parse_object(reading, data)
            if body is None:
                return
            inner = body.get("message") if name == b"message_start" else body.get("delta")
            if isinstance(inner, dict):
                _document(reading, inner)
            _usage(reading, body.get("usage"))
            if name == b"error":
                error = body.get("error")
                reading.error_type = str((isinstance(error, dict) and error.get("type")) or "error")[:64]
        case b"content_block_start" if b'tool_use"' in data:
            reading.tool_calls += 1
        case b"message_stop":
            reading.ended = True


def _type_of(data: bytes) -> bytes:
    try:
        name = _TYPE.decode(data).type
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return b""
    return name.encode(errors="replace") if isinstance(name, str) else b""


def _identity(reading: Reading, body: dict[str, Any]) -> None:
    """Which batch was made or looked at."""
    if isinstance(body.get("id"), str):
        reading.response_id = body["id"]


def _result_line(reading: Reading, line: bytes) -> None:
    """`{"custom_id", "result": {"type": "succeeded|errored|canceled|expired", "message"}}`: only successes are billed.

    https://docs.anthropic.com/en/api/retrieving-message-batch-results
    """
    entry = parse_object(reading, line)
    result = entry.get("result") if entry is not None else None
    if entry is None or not isinstance(entry.get("custom_id"), str) or not isinstance(result, dict):
        return
    inner = Reading()
    message = result.get("message")
    if isinstance(message, dict):
        _document(inner, message)
    kind = str(result.get("type"))[:64]
    succeeded = kind == "succeeded"
    if not succeeded:
        inner.error_type = kind
    reading.results.append(
        Result(
            custom_id=entry["custom_id"],
            operation="messages.batches",
            api="messages.batches",
            reading=inner,
            status=200 if succeeded else None,
            size=len(line),
        )
    )


def _error(status: int, message: str) -> Mapping[str, Any]:
    kind = _ERROR_TYPES.get(status, "api_error")
    return {"type": "error", "error": {"type": kind, "message": message}}


ANTHROPIC = Provider(
    kind="anthropic",
    otel_name="anthropic",
    version="v1",
    unversioned=re.compile(r"^/(?:messages|models|complete|files|skills)(?:/|$)"),
    key_carrier="x-api-key",
    error_body=_error,
    operations=(
        Operation(
            name="messages",
            method="POST",
            path=re.compile(r"/v1/messages$"),
            on_event=_event,
            on_document=_document,
        ),
        *free("messages.count_tokens", r"/v1/messages/count_tokens$", "POST"),
        *free("batches", r"/v1/messages/batches(?:/[^/]+)?$", "GET", "POST", "DELETE", on_document=_identity),
        *free("batches", r"/v1/messages/batches/[^/]+/cancel$", "POST", on_document=_identity),
        Operation(
            name="messages.batches.results",
            method="GET",
            path=re.compile(r"/v1/messages/batches/(?P<source>[^/]+)/results$"),
            on_line=_result_line,
            billable=False,
        ),
        *free("models", r"/v1/models(?:/[^/]+)*$", "GET"),
        # Anthropic charges nothing for its Files API itself; contents are billed by the messages that use them
        *free("files", r"/v1/files(?:/[^/]+(?:/content)?)?$", "GET", "POST", "DELETE"),
        # Claude Code telling about itself: outside /v1, where everything billed is.
        *free("event_logging", r"^/api/(?:event_logging|claude_code|claude_cli_feedback)(?:/.*)?$", "GET", "POST"),
    ),
)
