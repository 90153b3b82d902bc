"""The OpenAI API as it looks on the wire: chat completions, responses, embeddings, models.

Prompt counts include cached and cache-written tokens, completion counts include reasoning. A chat stream tells its
usage only where `stream_options.include_usage` asks for it, in a last chunk without choices.
Source: https://platform.openai.com/docs/api-reference
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterator
from typing import Any

from attribution.demo.wire import CREATED, Ask, Reply, compact, identifier, pretty, sse, texts, together, vector

__all__ = ["chat_completions", "embeddings", "error", "models", "responses"]

# Aliases answer with the snapshot they stand for.
SNAPSHOTS = {
    "gpt-4.1": "gpt-4.1-2025-04-14",
    "gpt-4.1-mini": "gpt-4.1-mini-2025-04-14",
    "gpt-5-mini": "gpt-5-mini-2025-08-07",
    "gpt-5.1": "gpt-5.1-2025-11-13",
}
_DIMENSIONS = 8  # real vectors are longer; their length is no part of what is measured


def chat_completions(ask: Ask) -> Reply:
    if ask.body.get("stream"):
        return _stream(ask, tuple(_chat_events(ask)))
    message: dict[str, Any] = {
        "role": "assistant",
        "content": together(texts(ask.script)),
        "refusal": None,
        "annotations": [],
    }
    if ask.script.tools:
        message["tool_calls"] = [_tool_call(ask, place) for place in range(ask.script.tools)]
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _finish_reason(ask)}
    body = {
        **_chat_head(ask, "chat.completion"),
        "choices": [choice],
        "usage": chat_usage(ask),
        "service_tier": "default",
        "system_fingerprint": "fp_sample",
    }
    return Reply(headers=_headers(ask), pieces=(pretty(body),))


def chat_usage(ask: Ask) -> dict[str, Any]:
    script = ask.script
    return {
        "prompt_tokens": script.prompt,
        "completion_tokens": script.completion,
        "total_tokens": script.prompt + script.completion,
        "prompt_tokens_details": {
            "cached_tokens": script.cache_read,
            "cache_write_tokens": script.cache_write_5m + script.cache_write_1h,
            "audio_tokens": 0,
        },
        "completion_tokens_details": {
            "reasoning_tokens": script.reasoning,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def responses(ask: Ask) -> Reply:
    if ask.body.get("stream"):
        return _stream(ask, tuple(_response_events(ask)))
    return Reply(headers=_headers(ask), pieces=(pretty(_response(ask, _final_status(ask), _output(ask))),))


def embeddings(ask: Ask) -> Reply:
    given = ask.body.get("input", "")
    inputs = given if isinstance(given, list) and given and isinstance(given[0], str) else [str(given)]
    as_base64 = ask.body.get("encoding_format") == "base64"
    data = [
        {"object": "embedding", "index": place, "embedding": _packed(values) if as_base64 else values}
        for place, values in enumerate(vector(text, _DIMENSIONS) for text in inputs)
    ]
    usage = {"prompt_tokens": ask.script.prompt, "total_tokens": ask.script.prompt}
    body = {"object": "list", "data": data, "model": ask.model, "usage": usage}
    return Reply(headers=_headers(ask), pieces=(pretty(body),))


def models(ask: Ask) -> Reply:
    entries = [
        {"id": name, "object": "model", "created": CREATED, "owned_by": "system"} for name in sorted(SNAPSHOTS.values())
    ]
    return Reply(headers=_headers(ask), pieces=(pretty({"object": "list", "data": entries}),))


_ERRORS = {
    400: ("invalid_request_error", None),
    401: ("invalid_request_error", "invalid_api_key"),
    404: ("invalid_request_error", "unknown_url"),
    429: ("tokens", "rate_limit_exceeded"),
}


def error(status: int, message: str) -> Reply:
    kind, code = _ERRORS.get(status, ("server_error", None))
    headers = [("Content-Type", "application/json"), ("x-request-id", "req_sample")]
    if status == 429:
        headers += [("retry-after", "1"), ("retry-after-ms", "50")]
    body = {"error": {"message": message, "type": kind, "param": None, "code": code}}
    return Reply(status=status, headers=tuple(headers), pieces=(pretty(body),))


def _chat_head(ask: Ask, kind: str) -> dict[str, Any]:
    return {"id": identifier(ask, "chatcmpl-"), "object": kind, "created": CREATED, "model": _served(ask)}


def _chat_events(ask: Ask) -> Iterator[bytes]:
    with_usage = bool((ask.body.get("stream_options") or {}).get("include_usage"))
    head = {
        **_chat_head(ask, "chat.completion.chunk"),
        "service_tier": "default",
        "system_fingerprint": "fp_sample",
    }
    tail = {"usage": None} if with_usage else {}

    def chunk(delta: dict[str, Any], finish_reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        return sse({**head, "choices": [choice], **tail, "obfuscation": "x"})

    yield chunk({"role": "assistant", "content": "", "refusal": None})
    for text in texts(ask.script):
        yield chunk({"content": text})
    for place in range(ask.script.tools):
        call = _tool_call(ask, place)
        yield chunk({"tool_calls": [{"index": place, **call, "function": {**call["function"], "arguments": ""}}]})
        yield chunk({"tool_calls": [{"index": place, "function": {"arguments": call["function"]["arguments"]}}]})
    if ask.script.end == "error":
        yield sse(
            {"error": {"message": "The server had an error", "type": "server_error", "param": None, "code": None}}
        )
        return
    yield chunk({}, _finish_reason(ask))
    if with_usage:
        yield sse({**head, "choices": [], "usage": chat_usage(ask), "obfuscation": "x"})
    yield sse(b"[DONE]")


def _response(ask: Ask, status: str, output: list[dict[str, Any]]) -> dict[str, Any]:
    done = status in ("completed", "incomplete")
    return {
        "id": identifier(ask, "resp_", 48),
        "object": "response",
        "created_at": CREATED,
        "status": status,
        "background": False,
        "error": {"code": "server_error", "message": "The model failed to answer."} if status == "failed" else None,
        "incomplete_details": {"reason": "max_output_tokens"} if status == "incomplete" else None,
        "instructions": ask.body.get("instructions"),
        "max_output_tokens": ask.body.get("max_output_tokens"),
        "model": _served(ask),
        "output": output,
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "reasoning": {"effort": "medium" if ask.script.reasoning else None, "summary": None},
        "service_tier": "default" if done else "auto",
        "store": True,
        "temperature": 1.0,
        "text": {"format": {"type": "text"}, "verbosity": "medium"},
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": response_usage(ask) if done else None,
        "user": None,
        "metadata": {},
    }


def response_usage(ask: Ask) -> dict[str, Any]:
    script = ask.script
    return {
        "input_tokens": script.prompt,
        "input_tokens_details": {
            "cached_tokens": script.cache_read,
            "cache_write_tokens": script.cache_write_5m + script.cache_write_1h,
        },
        "output_tokens": script.completion,
        "output_tokens_details": {"reasoning_tokens": script.reasoning},
        "total_tokens": script.prompt + script.completion,
    }


def _output(ask: Ask) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    if ask.script.reasoning:
        items.append({"id": identifier(ask, "rs_", 48), "type": "reasoning", "summary": []})
    items.append(_message(ask, "completed", [_text_part(together(texts(ask.script)))]))
    for place in range(ask.script.tools):
        call = _tool_call(ask, place)
        items.append(
            {
                "id": identifier(ask, "fc_", 48, str(place)),
                "type": "function_call",
                "status": "completed",
                "call_id": call["id"],
                **call["function"],
            }
        )
    return items


def _response_events(ask: Ask) -> Iterator[bytes]:
    numbered = iter(range(1 << 30))

    def event(kind: str, **values: Any) -> bytes:
        return sse({"type": kind, "sequence_number": next(numbered), **values}, event=kind)

    yield event("response.created", response=_response(ask, "in_progress", []))
    yield event("response.in_progress", response=_response(ask, "in_progress", []))
    for place, item in enumerate(_output(ask)):
        if item["type"] == "message":
            yield from _message_events(ask, event, place, item)
        else:
            yield event("response.output_item.added", output_index=place, item={**item, "status": "in_progress"})
            if item["type"] == "function_call":
                named = {"item_id": item["id"], "output_index": place}
                yield event("response.function_call_arguments.delta", **named, delta=item["arguments"])
                yield event("response.function_call_arguments.done", **named, arguments=item["arguments"])
            yield event("response.output_item.done", output_index=place, item=item)
    status = _final_status(ask)
    yield event(f"response.{status}", response=_response(ask, status, [] if status == "failed" else _output(ask)))


def _message_events(ask: Ask, event: Any, place: int, item: dict[str, Any]) -> Iterator[bytes]:
    named = {"item_id": item["id"], "output_index": place, "content_index": 0}
    yield event("response.output_item.added", output_index=place, item=_message(ask, "in_progress", []))
    yield event("response.content_part.added", **named, part=_text_part(""))
    for text in texts(ask.script):
        yield event("response.output_text.delta", **named, delta=text, logprobs=[], obfuscation="x")
    whole = together(texts(ask.script))
    yield event("response.output_text.done", **named, text=whole, logprobs=[])
    yield event("response.content_part.done", **named, part=_text_part(whole))
    yield event("response.output_item.done", output_index=place, item=item)


def _message(ask: Ask, status: str, content: list[dict[str, Any]]) -> dict[str, Any]:
    name = identifier(ask, "msg_", 48)
    return {"id": name, "type": "message", "status": status, "content": content, "role": "assistant"}


def _text_part(text: str) -> dict[str, Any]:
    return {"type": "output_text", "annotations": [], "logprobs": [], "text": text}


def _tool_call(ask: Ask, place: int) -> dict[str, Any]:
    function = {"name": "edit_file", "arguments": compact({"path": f"src/file_{place}.py"}).decode()}
    return {"id": identifier(ask, "call_", 24, str(place)), "type": "function", "function": function}


def _packed(values: list[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(values)}f", *values)).decode()


def _served(ask: Ask) -> str:
    return SNAPSHOTS.get(ask.model, ask.model)


def _finish_reason(ask: Ask) -> str:
    return "length" if ask.script.end == "length" else "tool_calls" if ask.script.tools else "stop"


def _final_status(ask: Ask) -> str:
    return {"stop": "completed", "length": "incomplete", "error": "failed"}[ask.script.end]


def _headers(ask: Ask, content_type: str = "application/json") -> tuple[tuple[str, str], ...]:
    return (
        ("Content-Type", content_type),
        ("openai-processing-ms", "312"),
        ("openai-version", "2020-10-01"),
        ("x-request-id", identifier(ask, "req_", 32)),
        ("x-ratelimit-limit-requests", "10000"),
        ("x-ratelimit-remaining-requests", "9999"),
    )


def _stream(ask: Ask, pieces: tuple[bytes, ...]) -> Reply:
    return Reply(headers=_headers(ask, "text/event-stream; charset=utf-8"), pieces=pieces, streamed=True)
