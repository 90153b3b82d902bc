"""OpenAI's texts: chat completions, completions, responses, embeddings, and the lines of a batch's results.

Where usage stands: chat streams end with a chunk of empty `choices` and `usage` where the client asked for it
(`stream_options.include_usage`), then `[DONE]`; responses streams carry the whole response, usage included, in
`response.completed`, `response.incomplete` or `response.failed`. Only events that can carry a fact are parsed.
"""

from __future__ import annotations

import re
from typing import Any

from proxy.providers.base import Reading, Result, count_text, parse_object

__all__ = ["batch_line", "chat_document", "chat_event", "identity", "response_document", "response_event"]

_RESPONSE_ENDS = {
    b"response.completed": None,
    b"response.incomplete": None,
    b"response.failed": "response_failed",
}
_RESPONSE_TYPE = re.compile(rb'"type"\s*:\s*"(response\.[a-z_.]+|error)"')
# What makes a chat chunk worth parsing. Servers differ in the space behind the colon.
_CHAT_TELLING = re.compile(rb'"usage"\s*:\s*\{|"finish_reason"\s*:\s*"|"error"\s*:\s*[{"]')
# A response that is still to be made; its usage is told where it is retrieved.
_UNFINISHED = frozenset({"queued", "in_progress"})
_RESULT = re.compile(rb'"custom_id"\s*:')


def identity(reading: Reading, body: dict[str, Any]) -> None:
    """Which thing was read or made, for operations that are not billed."""
    if isinstance(body.get("model"), str):
        reading.model = body["model"] or reading.model
    if isinstance(body.get("id"), str):
        reading.response_id = body["id"] or reading.response_id


def chat_event(reading: Reading, _name: bytes, data: bytes) -> None:
    if data == b"[DONE]":
        reading.ended = True
        return
    names_a_tool = b'"tool_calls"' in data and b'"name"' in data
    if reading.model is None or names_a_tool or _CHAT_TELLING.search(data):
        body = parse_object(reading, data)
        if body is not None:
            _common(reading, body)
            _elsewhere(reading, body)
            _finish(reading, body.get("choices"))
            reading.tool_calls += _tool_calls(body.get("choices"), "delta")
    count_text(reading, data)


def chat_document(reading: Reading, body: dict[str, Any]) -> None:
    _common(reading, body)
    _finish(reading, body.get("choices"))
    reading.tool_calls += _tool_calls(body.get("choices"), "message")


def response_event(reading: Reading, name: bytes, data: bytes) -> None:
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
            _response(reading, response)
        if name in _RESPONSE_ENDS:
            reading.ended = True
            reading.error_type = reading.error_type or _RESPONSE_ENDS[name]
    elif name == b"error":
        reading.error_type = "error"
    elif name.endswith(b".delta"):
        count_text(reading, data)


def response_document(reading: Reading, body: dict[str, Any]) -> None:
    _response(reading, body)
    if body.get("background") is True and body.get("status") in _UNFINISHED:
        reading.problems.append("the response is made in the background and tells no usage yet")


def batch_line(reading: Reading, line: bytes) -> None:
    """One line of a batch's output or error file; a line of any other file says nothing.

    `{"id", "custom_id", "response": {"status_code", "request_id", "body"}, "error"}`
    https://platform.openai.com/docs/api-reference/batch/request-output
    """
    if not _RESULT.search(line):
        return
    entry = parse_object(reading, line)
    if entry is None or not isinstance(entry.get("custom_id"), str) or not ("response" in entry or "error" in entry):
        return
    response = entry.get("response")
    told = response if isinstance(response, dict) else {}
    body, status = told.get("body"), told.get("status_code")
    inner = Reading()
    api = "batch"
    if isinstance(body, dict):
        if body.get("object") == "response":
            response_document(inner, body)
        else:
            chat_document(inner, body)
            api = _api_of(body)
    elif isinstance(entry.get("error"), dict):
        inner.error_type = str(entry["error"].get("code") or "error")[:64]
    reading.results.append(
        Result(
            custom_id=entry["custom_id"],
            operation="batch",
            api=api,
            reading=inner,
            status=status if type(status) is int else None,
            size=len(line),
        )
    )


def _api_of(body: dict[str, Any]) -> str:
    """Images are told by their data without the `object` that lists of embeddings have."""
    return "images.generations" if isinstance(body.get("data"), list) and "object" not in body else "batch"


def _common(reading: Reading, body: dict[str, Any]) -> None:
    identity(reading, body)
    reading.saw_response(body)
    reading.saw_usage(body.get("usage"))
    error = body.get("error")
    if isinstance(error, dict):
        reading.error_type = str(error.get("type") or error.get("code") or "error")[:64]


def _elsewhere(reading: Reading, chunk: dict[str, Any]) -> None:
    """Usage that sellers tell in places of their own: Groq in `x_groq` of the last chunk, Moonshot in its choice."""
    told = chunk.get("x_groq")
    if isinstance(told, dict):
        reading.saw_usage(told.get("usage"))
    choices = chunk.get("choices")
    for choice in choices if isinstance(choices, list) else ():
        if isinstance(choice, dict):
            reading.saw_usage(choice.get("usage"))


def _response(reading: Reading, body: dict[str, Any]) -> None:
    _common(reading, body)
    if isinstance(body.get("status"), str) and body["status"] != "in_progress":
        reading.finish_reasons[:] = [body["status"]]
    output = body.get("output")
    items = [item for item in output if isinstance(item, dict)] if isinstance(output, list) else []
    reading.tool_calls = sum(1 for item in items if str(item.get("type", "")).endswith("_call"))


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
