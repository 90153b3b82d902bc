"""Bodies of every operation, whole, as providers write them: the sample provider's, and oddities written by hand."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest

from attribution.demo.answers import answer
from attribution.demo.wire import Request
from proxy.call import Metered, Usage
from proxy.meter import Meter
from proxy.providers import PROVIDERS, Operation

__all__ = [
    "CHAT_USAGE",
    "MARK",
    "PATHS",
    "PLAIN",
    "REQUEST_BYTES",
    "SSE",
    "START",
    "STOP",
    "STREAMED",
    "USED",
    "WHOLE",
    "WITH_USAGE",
    "Body",
    "Expected",
    "candidate",
    "cases",
    "chunk",
    "document",
    "gemini_usage",
    "message_delta",
    "sample",
    "text_delta",
    "written",
]

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
    "completions": ("openai", "/v1/completions"),
    "responses": ("openai", "/v1/responses"),
    "compact": ("openai", "/v1/responses/compact"),
    "images": ("openai", "/v1/images/generations"),
    "edits": ("openai", "/v1/images/edits"),
    "speech": ("openai", "/v1/audio/speech"),
    "transcriptions": ("openai", "/v1/audio/transcriptions"),
    "translations": ("openai", "/v1/audio/translations"),
    "embeddings": ("openai", "/v1/embeddings"),
    "messages": ("anthropic", "/v1/messages"),
    "count_tokens": ("anthropic", "/v1/messages/count_tokens"),
    "generate": ("gemini", "/v1beta/models/gemini-2.5-flash:generateContent"),
    "stream": ("gemini", "/v1beta/models/gemini-2.5-flash:streamGenerateContent"),
    "gemini chat": ("gemini", "/v1beta/openai/chat/completions"),
    "cache": ("gemini", "/v1beta/cachedContents"),
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


def document(name: str, body: Mapping[str, Any], content_type: str = "application/json") -> Body:
    """A plain answer written by hand."""
    kind, path = PATHS[name]
    return Body(kind, path, json.dumps(body).encode(), content_type)


MARK = "input=1000 cache_read=700 output=40 reasoning=25 tools=2"
USED = Usage(input_tokens=1000, cache_read_tokens=700, output_tokens=40, reasoning_tokens=25)
PLAIN = Usage(input_tokens=10, output_tokens=20)
WITH_USAGE: dict[str, Any] = {"stream": True, "stream_options": {"include_usage": True}}


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
    names_model: bool = True


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
        written(
            "chat",
            ": OPENROUTER PROCESSING\r\n\r\n",
            chunk("a"),
            chunk(None, "stop"),
            CHAT_USAGE,
            "data: [DONE]\r\n\r\n",
            end="\r\n\r\n",
        ),
        Expected(PLAIN, ("stop",)),
    ),
    "chat: chunks without a model": (
        written(
            "chat",
            {"choices": [], "id": "", "model": "", "prompt_filter_results": []},
            chunk("a"),
            chunk(None, "stop"),
            CHAT_USAGE | {"id": "", "model": ""},
            "data: [DONE]\n\n",
        ),
        Expected(PLAIN, ("stop",)),
    ),
    "chat: several choices": (
        written("chat", chunk("a", "stop"), chunk("b", "length"), CHAT_USAGE, "data: [DONE]\n\n"),
        Expected(PLAIN, ("stop", "length")),
    ),
    "chat: usage cumulative in every chunk": (
        written(
            "chat",
            chunk("a", usage={"prompt_tokens": 10, "completion_tokens": 1}),
            chunk(None, "stop", usage={"prompt_tokens": 10, "completion_tokens": 20}),
            "data: [DONE]\n\n",
        ),
        Expected(PLAIN, ("stop",)),
    ),
    "chat: no last blank line": (
        written("chat", chunk("a"), chunk(None, "stop"), CHAT_USAGE, "data: [DONE]"),
        Expected(PLAIN, ("stop",)),
    ),
    "chat: content that looks like usage": (
        written(
            "chat",
            chunk('"usage":{"prompt_tokens":1}, "finish_reason":"no" data: [DONE]\n\n'),
            chunk(None, "stop"),
            CHAT_USAGE,
            "data: [DONE]\n\n",
        ),
        Expected(PLAIN, ("stop",)),
    ),
    "messages: full usage in the last delta, pings": (
        written(
            "messages",
            START,
            {"type": "ping"},
            text_delta("a"),
            message_delta(None, output_tokens=9),
            message_delta(input_tokens=10, cache_read_input_tokens=5, output_tokens=20),
            STOP,
            named=True,
        ),
        Expected(Usage(input_tokens=10, cache_read_tokens=5, output_tokens=20), ("end_turn",)),
    ),
    "messages: output alone in the delta, nulls beside it": (
        written(
            "messages", START, message_delta(input_tokens=None, output_tokens=20), STOP, named=True, end="\r\n\r\n"
        ),
        Expected(Usage(input_tokens=10, cache_read_tokens=5, output_tokens=20), ("end_turn",)),
    ),
    "responses: unnamed events": (
        written(
            "responses",
            {"type": "response.created", "response": {"id": "r", "model": "m-1", "status": "in_progress"}},
            {"type": "response.output_text.delta", "delta": "a"},
            {
                "type": "response.completed",
                "response": {
                    "id": "r",
                    "model": "m-1",
                    "status": "completed",
                    "output": [
                        {"type": "web_search_call", "action": {"type": "search"}},
                        {"type": "web_search_call", "action": {"type": "open_page"}},
                    ],
                    "usage": {"input_tokens": 10, "output_tokens": 20},
                },
            },
        ),
        Expected(replace(PLAIN, other=(("web_search", 1),)), ("completed",), 2),
    ),
    "stream: a blocked prompt": (
        written(
            "stream",
            {
                "promptFeedback": {"blockReason": "SAFETY"},
                "modelVersion": "m-1",
                "responseId": "r",
                "usageMetadata": {"promptTokenCount": 10, "totalTokenCount": 10},
            },
        ),
        Expected(Usage(input_tokens=10), ("SAFETY",)),
    ),
    "stream: grounded": (
        written(
            "stream",
            candidate("a"),
            candidate("b", "STOP", **gemini_usage(10, 20))
            | {"candidates": [{"finishReason": "STOP", "groundingMetadata": {"webSearchQueries": ["x", "y"]}}]},
        ),
        Expected(replace(PLAIN, other=(("web_search", 2),)), ("STOP",)),
    ),
}
STREAMED = {name: (body, expected) for name, (body, expected) in WHOLE.items() if expected.ends}


def cases(table: Mapping[str, tuple[Body, Expected]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(("body", "expected"), table.values(), ids=list(table))
