"""The Anthropic API as it looks on the wire: messages, token counting, models.

`input_tokens` leaves out what was read from or written to the cache; `output_tokens` includes thinking. A stream tells
its input in `message_start` and its cumulative usage in `message_delta`.
Source: https://docs.anthropic.com/en/api/messages-streaming
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from attribution.demo.wire import Ask, Reply, compact, identifier, sse, texts, together

__all__ = ["count_tokens", "error", "messages", "models"]

# Aliases answer with the snapshot they stand for.
SNAPSHOTS = {
    "claude-haiku-4-5": "claude-haiku-4-5-20251001",
    "claude-opus-4-5": "claude-opus-4-5-20251101",
    "claude-opus-4-6": "claude-opus-4-6-20260205",
}


def messages(ask: Ask) -> Reply:
    if ask.body.get("stream"):
        headers = _headers(ask, "text/event-stream; charset=utf-8")
        return Reply(headers=headers, pieces=tuple(_events(ask)), streamed=True)
    body = {
        **_message(ask),
        "content": _blocks(ask),
        "stop_reason": _stop_reason(ask),
        "usage": usage(ask, ask.script.completion),
    }
    return Reply(headers=_headers(ask), pieces=(compact(body),))


def usage(ask: Ask, output_tokens: int) -> dict[str, Any]:
    script = ask.script
    return {
        "input_tokens": script.input,
        "cache_creation_input_tokens": script.cache_write_5m + script.cache_write_1h,
        "cache_read_input_tokens": script.cache_read,
        "cache_creation": {
            "ephemeral_5m_input_tokens": script.cache_write_5m,
            "ephemeral_1h_input_tokens": script.cache_write_1h,
        },
        "output_tokens": output_tokens,
        "output_tokens_details": {"thinking_tokens": min(script.reasoning, output_tokens)},
        "service_tier": "standard",
        "inference_geo": "not_available",
    }


def count_tokens(ask: Ask) -> Reply:
    return Reply(headers=_headers(ask), pieces=(compact({"input_tokens": ask.script.prompt}),))


def models(ask: Ask) -> Reply:
    entries = [
        {"type": "model", "id": name, "display_name": name, "created_at": "2025-10-01T00:00:00Z"}
        for name in sorted(SNAPSHOTS.values())
    ]
    body = {"data": entries, "has_more": False, "first_id": entries[0]["id"], "last_id": entries[-1]["id"]}
    return Reply(headers=_headers(ask), pieces=(compact(body),))


_ERRORS = {
    400: "invalid_request_error",
    401: "authentication_error",
    404: "not_found_error",
    429: "rate_limit_error",
    529: "overloaded_error",
}


def error(status: int, message: str) -> Reply:
    headers = [("Content-Type", "application/json"), ("request-id", "req_sample")]
    if status == 429:
        headers.append(("retry-after", "1"))
    if status in (429, 529):
        headers.append(("x-should-retry", "true"))
    return Reply(status=status, headers=tuple(headers), pieces=(compact(_error_body(status, message)),))


def _error_body(status: int, message: str) -> dict[str, Any]:
    kind = _ERRORS.get(status, "api_error")
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_sample"}


def _message(ask: Ask) -> dict[str, Any]:
    return {
        "model": SNAPSHOTS.get(ask.model, ask.model),
        "id": identifier(ask, "msg_01"),
        "type": "message",
        "role": "assistant",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
    }


def _blocks(ask: Ask) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = []
    if ask.script.reasoning:
        blocks.append({"type": "thinking", "thinking": "Let me see.", "signature": identifier(ask, "sig", 40)})
    blocks.append({"type": "text", "text": together(texts(ask.script))})
    for place in range(ask.script.tools):
        name = identifier(ask, "toolu_01", 22, str(place))
        blocks.append({"type": "tool_use", "id": name, "name": "edit_file", "input": {"path": f"src/file_{place}.py"}})
    return blocks


def _deltas(ask: Ask, block: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """How a block begins in a stream, and the deltas that fill it."""
    match block["type"]:
        case "thinking":
            filling = [
                {"type": "thinking_delta", "thinking": block["thinking"]},
                {"type": "signature_delta", "signature": block["signature"]},
            ]
            return {**block, "thinking": "", "signature": ""}, filling
        case "tool_use":
            whole = compact(block["input"]).decode()
            return {**block, "input": {}}, [
                {"type": "input_json_delta", "partial_json": part} for part in ("", whole[:7], whole[7:])
            ]
        case _:
            return {**block, "text": ""}, [{"type": "text_delta", "text": text} for text in texts(ask.script)]


def _events(ask: Ask) -> Iterator[bytes]:
    def event(kind: str, **values: Any) -> bytes:
        return sse({"type": kind, **values}, event=kind)

    yield event("message_start", message={**_message(ask), "usage": usage(ask, 1)})
    for index, block in enumerate(_blocks(ask)):
        start, deltas = _deltas(ask, block)
        yield event("content_block_start", index=index, content_block=start)
        if index == 0:
            yield event("ping")
        for delta in deltas:
            yield event("content_block_delta", index=index, delta=delta)
        yield event("content_block_stop", index=index)
    if ask.script.end == "error":
        yield sse(_error_body(529, "Overloaded"), event="error")
        return
    cumulative = usage(ask, ask.script.completion)
    counted = {name: count for name, count in cumulative.items() if "_tokens" in name}
    yield event("message_delta", delta={"stop_reason": _stop_reason(ask), "stop_sequence": None}, usage=counted)
    yield event("message_stop")


def _stop_reason(ask: Ask) -> str:
    return "max_tokens" if ask.script.end == "length" else "tool_use" if ask.script.tools else "end_turn"


def _headers(ask: Ask, content_type: str = "application/json") -> tuple[tuple[str, str], ...]:
    return (
        ("Content-Type", content_type),
        ("request-id", identifier(ask, "req_011")),
        ("anthropic-organization-id", "00000000-0000-4000-8000-000000000000"),
        ("anthropic-ratelimit-requests-limit", "4000"),
        ("anthropic-ratelimit-requests-remaining", "3999"),
    )
