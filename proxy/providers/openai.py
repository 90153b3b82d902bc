"""OpenAI: chat completions, responses, embeddings, models.

Where usage stands: chat streams end with a chunk of empty `choices` and `usage` where the client asked for it
(`stream_options.include_usage`), then `[DONE]`; responses streams carry the whole response, usage included, in
`response.completed`, `response.incomplete` or `response.failed`. Only events that can carry a fact are parsed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from proxy.providers.base import Operation, Provider, Reading, count_text, parse_object

__all__ = ["OPENAI"]

_RESPONSE_ENDS = {
    b"response.completed": None,
    b"response.incomplete": None,
    b"response.failed": "response_failed",
}
_RESPONSE_TYPE = re.compile(rb'"type"\s*:\s*"(response\.[a-z_.]+|error)"')
# What makes a chat chunk worth parsing. Servers differ in the space behind the colon.
_CHAT_TELLING = re.compile(rb'"usage"\s*:\s*\{|"finish_reason"\s*:\s*"|"error"\s*:\s*[{"]')

_ERROR_TYPES = {
    400: "invalid_request_error",
    401: "invalid_request_error",
    403: "invalid_request_error",
    404: "invalid_request_error",
    413: "invalid_request_error",
    429: "rate_limit_error",
}


def _common(reading: Reading, body: dict[str, Any]) -> None:
    if isinstance(body.get("model"), str):
        reading.model = body["model"] or reading.model
    if isinstance(body.get("id"), str):
        reading.response_id = body["id"] or reading.response_id
    reading.saw_response(body)
    reading.saw_usage(body.get("usage"))
    error = body.get("error")
    if isinstance(error, dict):
        reading.error_type = str(error.get("type") or error.get("code") or "error")[:64]


def _finish(reading: Reading, choices: object) -> None:
    for choice in choices if isinstance(choices, list) else ():
        if isinstance(choice, dict) and isinstance(choice.get("finish_reason"), str):
            reading.finish_reasons.append(choice["finish_reason"])


def _tool_calls(choices: object, holder: str) -> int:
    """Tool calls begun in these choices; in a stream only the first piece of a call names it."""
    count = 0
    for choice in choices if isinstance(choices, list) else ():
        message = choice.get(holder) if isinstance(choice, dict) else None
        calls = message.get("tool_calls") if isinstance(message, dict) else None
        count += sum(1 for call in calls if isinstance(call, dict) and call.get("id")) if isinstance(calls, list) else 0
    return count


def _chat_event(reading: Reading, _name: bytes, data: bytes) -> None:
    if data == b"[DONE]":
        reading.ended = True
        return
    names_a_tool = b'"tool_calls"' in data and b'"name"' in data
    if reading.model is None or names_a_tool or _CHAT_TELLING.search(data):
        body = parse_object(reading, data)
        if body is not None:
            _common(reading, body)
            _finish(reading, body.get("choices"))
            reading.tool_calls += _tool_calls(body.get("choices"), "delta")
    count_text(reading, data)


def _chat_document(reading: Reading, body: dict[str, Any]) -> None:
    _common(reading, body)
    _finish(reading, body.get("choices"))
    reading.tool_calls += _tool_calls(body.get("choices"), "message")


def _response_event(reading: Reading, name: bytes, data: bytes) -> None:
    if data == b"[DONE]":
        reading.ended = True
        return
    if not name:
        found = _RESPONSE_TYPE.search(data)
        name = found.group(1) if found else b""
    if name in _RESPONSE_ENDS or name == b"response.created":
        body = parse_object(reading, data)
        response = body.get("response") if body is not None else None
        if isinstance(response, dict):
            _response_document(reading, response)
        if name in _RESPONSE_ENDS:
            reading.ended = True
            reading.error_type = reading.error_type or _RESPONSE_ENDS[name]
    elif name == b"error":
        reading.error_type = "error"
    elif name.endswith(b".delta"):
        count_text(reading, data)


def _response_document(reading: Reading, body: dict[str, Any]) -> None:
    _common(reading, body)
    if isinstance(body.get("status"), str) and body["status"] != "in_progress":
        reading.finish_reasons[:] = [body["status"]]
    output = body.get("output")
    items = [item for item in output if isinstance(item, dict)] if isinstance(output, list) else []
    reading.tool_calls = sum(1 for item in items if str(item.get("type", "")).endswith("_call"))


def _nothing(reading: Reading, body: dict[str, Any]) -> None:
    """A list of models says nothing a price hangs on."""


def _error(status: int, message: str) -> Mapping[str, Any]:
    kind = _ERROR_TYPES.get(status, "server_error")
    return {"error": {"message": message, "type": kind, "param": None, "code": f"mergecost_{status}"}}


OPENAI = Provider(
    kind="openai",
    otel_name="openai",
    version="v1",
    unversioned=re.compile(
        r"^/(?:chat|completions|responses|embeddings|models|images|audio|files|batches|moderations|realtime|uploads|"
        r"fine_tuning|vector_stores|conversations|containers|evals)(?:/|$)"
    ),
    key_carrier="Authorization",
    error_body=_error,
    operations=(
        Operation(
            name="chat.completions",
            method="POST",
            path=re.compile(r"/v1/chat/completions$"),
            on_event=_chat_event,
            on_document=_chat_document,
        ),
        Operation(
            name="responses",
            method="POST",
            path=re.compile(r"/v1/responses$"),
            on_event=_response_event,
            on_document=_response_document,
        ),
        Operation(name="embeddings", method="POST", path=re.compile(r"/v1/embeddings$"), on_document=_chat_document),
        Operation(
            name="models",
            method="GET",
            path=re.compile(r"/v1/models(?:/[^/]+)?$"),
            on_document=_nothing,
            billable=False,
        ),
    ),
)
