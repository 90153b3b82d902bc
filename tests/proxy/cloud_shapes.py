"""Bodies of Azure OpenAI, Vertex AI and Bedrock, in the shapes their references and recorded traffic show.

Sources: Azure OpenAI REST reference (content filter fields, first chunk without choices); Vertex AI REST reference
(`trafficType` in every chunk, usage in the last); botocore's service model of bedrock-runtime and the Bedrock user
guide's model parameters (Anthropic, Nova, Titan, Llama, OpenAI bodies and `amazon-bedrock-invocationMetrics`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from proxy.call import Usage
from proxy.meter import Meter
from proxy.providers import PROVIDERS
from tests.proxy.bodies import REQUEST_BYTES, SSE
from tests.proxy.frames import chunk_frame, event_frame

__all__ = [
    "ANTHROPIC_CHUNKS",
    "AZURE_CHAT",
    "AZURE_RESPONSE",
    "AZURE_USAGE",
    "AZURE_USED",
    "BEDROCK_MESSAGE",
    "CLAUDE",
    "CLAUDE_EVENTS",
    "CLAUDE_MESSAGE",
    "CLAUDE_USED",
    "CONVERSE",
    "CONVERSE_STREAM",
    "COUNT_HEADERS",
    "DEPLOYED",
    "EVENTSTREAM",
    "GEMINI",
    "GEMINI_STREAM",
    "METRICS_USED",
    "MODEL",
    "PLAIN",
    "PLAIN_METRICS",
    "PROJECT",
    "VERTEX_USAGE",
    "CloudBody",
    "azure_chunk",
    "candidate",
    "document",
    "frames",
    "openai_chunk",
    "sse",
]

EVENTSTREAM = "application/vnd.amazon.eventstream"
MODEL = "/model/anthropic.claude-haiku-4-5-20251001-v1%3A0"
PROJECT = "/v1/projects/p-1/locations/us-east5"


@dataclass(frozen=True)
class CloudBody:
    """One response, its headers included: Bedrock counts there."""

    kind: str
    path: str
    data: bytes
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    status: int = 200

    def meter(self) -> Meter:
        return Meter(
            PROVIDERS[self.kind].operation("POST", self.path),
            provider_kind=self.kind,
            status=self.status,
            content_type=self.content_type,
            request_bytes=REQUEST_BYTES,
            headers=self.headers,
        )

    def read(self, chunks: list[bytes] | None = None) -> Meter:
        meter = self.meter()
        for chunk in [self.data] if chunks is None else chunks:
            meter.feed(chunk)
        meter.close()
        return meter


def document(kind: str, path: str, body: Mapping[str, Any], **settings: Any) -> CloudBody:
    return CloudBody(kind, path, json.dumps(body).encode(), **settings)


def sse(kind: str, path: str, *events: Mapping[str, Any] | str, named: bool = False) -> CloudBody:
    blocks = []
    for event in events:
        name = f"event: {event['type']}\n" if named and not isinstance(event, str) else ""
        blocks.append(f"{name}data: {event if isinstance(event, str) else json.dumps(event)}\n\n")
    return CloudBody(kind, path, "".join(blocks).encode(), SSE)


def frames(path: str, *parts: bytes, **settings: Any) -> CloudBody:
    return CloudBody("bedrock", MODEL + path, b"".join(parts), EVENTSTREAM, **settings)


# Azure OpenAI --------------------------------------------------------------------------------------------------------

FILTER = {"hate": {"filtered": False, "severity": "safe"}, "jailbreak": {"filtered": False, "detected": False}}
AZURE_USAGE = {
    "prompt_tokens": 100,
    "completion_tokens": 30,
    "total_tokens": 130,
    "prompt_tokens_details": {"audio_tokens": 0, "cached_tokens": 64},
    "completion_tokens_details": {"audio_tokens": 0, "reasoning_tokens": 10},
}
AZURE_USED = Usage(input_tokens=36, cache_read_tokens=64, output_tokens=20, reasoning_tokens=10)


def azure_chunk(delta: Mapping[str, Any] | None, finish: str | None = None, **values: Any) -> dict[str, Any]:
    choices = [{"index": 0, "delta": delta, "finish_reason": finish, "content_filter_results": FILTER}]
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "model": "gpt-4o-2024-11-20",
        "choices": choices if delta is not None else [],
        **values,
    }


AZURE_CHAT = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "model": "gpt-4o-2024-11-20",
    "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": FILTER}],
    "choices": [
        {
            "index": 0,
            "finish_reason": "stop",
            "content_filter_results": FILTER,
            "message": {"role": "assistant", "content": "Hello"},
        }
    ],
    "usage": AZURE_USAGE,
}
AZURE_RESPONSE = {
    "id": "resp_1",
    "object": "response",
    "status": "completed",
    "model": "gpt-4o-2024-11-20",
    "content_filters": [{"source_type": "prompt", "content_filter_results": FILTER}],
    "output": [{"type": "message", "content": [{"type": "output_text", "text": "Hello"}]}],
    "usage": {
        "input_tokens": 100,
        "input_tokens_details": {"cached_tokens": 64},
        "output_tokens": 30,
        "output_tokens_details": {"reasoning_tokens": 10},
        "total_tokens": 130,
    },
}
DEPLOYED = "/openai/deployments/my-gpt"

# Vertex AI -----------------------------------------------------------------------------------------------------------

VERTEX_USAGE = {
    "promptTokenCount": 100,
    "candidatesTokenCount": 20,
    "thoughtsTokenCount": 10,
    "totalTokenCount": 130,
    "cachedContentTokenCount": 64,
    "trafficType": "ON_DEMAND",
    "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 100}],
    "cacheTokensDetails": [{"modality": "TEXT", "tokenCount": 64}],
    "candidatesTokensDetails": [{"modality": "TEXT", "tokenCount": 20}],
}


def candidate(text: str, finish: str | None = None, usage: Mapping[str, Any] | None = None) -> dict[str, Any]:
    told = {"content": {"role": "model", "parts": [{"text": text}]}, **({"finishReason": finish} if finish else {})}
    return {
        "candidates": [told],
        "usageMetadata": usage or {"trafficType": "ON_DEMAND"},
        "modelVersion": "gemini-2.5-flash",
        "createTime": "2026-11-02T12:00:00.000000Z",
        "responseId": "r-1",
    }


GEMINI = f"{PROJECT}/publishers/google/models/gemini-2.5-flash"
CLAUDE = f"{PROJECT}/publishers/anthropic/models/claude-sonnet-4-5@20250929"
GEMINI_STREAM = (candidate("Hel"), candidate("lo"), candidate("", "STOP", VERTEX_USAGE))
CLAUDE_USAGE = {
    "input_tokens": 36,
    "cache_read_input_tokens": 64,
    "cache_creation_input_tokens": 50,
    "cache_creation": {"ephemeral_5m_input_tokens": 20, "ephemeral_1h_input_tokens": 30},
    "output_tokens": 20,
}
CLAUDE_USED = Usage(
    input_tokens=36, cache_read_tokens=64, cache_write_5m_tokens=20, cache_write_1h_tokens=30, output_tokens=20
)
CLAUDE_MESSAGE = {
    "id": "msg_vrtx_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-4-5-20250929",
    "content": [{"type": "text", "text": "Hello"}, {"type": "tool_use", "id": "t", "name": "ls", "input": {}}],
    "stop_reason": "tool_use",
    "stop_sequence": None,
    "usage": CLAUDE_USAGE,
}
CLAUDE_EVENTS: tuple[dict[str, Any], ...] = (
    {
        "type": "message_start",
        "message": {**CLAUDE_MESSAGE, "content": [], "stop_reason": None, "usage": CLAUDE_USAGE | {"output_tokens": 1}},
    },
    {"type": "ping"},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": 'Hello "type":"message_stop"'}},
    {"type": "content_block_stop", "index": 0},
    {"type": "content_block_start", "index": 1, "content_block": {"type": "tool_use", "id": "t", "name": "ls"}},
    {"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": "{}"}},
    {"type": "content_block_stop", "index": 1},
    {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 20}},
    {"type": "message_stop"},
)

# Bedrock -------------------------------------------------------------------------------------------------------------

CONVERSE_USAGE = {
    "inputTokens": 36,
    "outputTokens": 20,
    "totalTokens": 170,
    "cacheReadInputTokens": 64,
    "cacheWriteInputTokens": 50,
    "cacheDetails": [{"ttl": "1h", "inputTokens": 30}, {"ttl": "5m", "inputTokens": 20}],
}
CONVERSE = {
    "metrics": {"latencyMs": 1150},
    "output": {
        "message": {
            "role": "assistant",
            "content": [{"text": "Hello"}, {"toolUse": {"toolUseId": "t", "name": "ls", "input": {}}}],
        }
    },
    "stopReason": "tool_use",
    "serviceTier": {"type": "default"},
    "usage": CONVERSE_USAGE,
}
CONVERSE_STREAM = (
    event_frame("messageStart", {"role": "assistant"}),
    event_frame("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "Hello"}, "p": "abcd"}),
    event_frame("contentBlockStop", {"contentBlockIndex": 0}),
    event_frame("contentBlockStart", {"contentBlockIndex": 1, "start": {"toolUse": {"toolUseId": "t", "name": "ls"}}}),
    event_frame("contentBlockDelta", {"contentBlockIndex": 1, "delta": {"toolUse": {"input": "{}"}}}),
    event_frame("contentBlockStop", {"contentBlockIndex": 1}),
    event_frame("messageStop", {"stopReason": "tool_use"}),
    event_frame("metadata", {"usage": CONVERSE_USAGE, "metrics": {"latencyMs": 900}, "serviceTier": {"type": "flex"}}),
)
METRICS = {
    "inputTokenCount": 36,
    "outputTokenCount": 20,
    "invocationLatency": 900,
    "firstByteLatency": 200,
    "cacheReadInputTokenCount": 64,
    "cacheWriteInputTokenCount": 50,
}
METRICS_USED = Usage(input_tokens=36, cache_read_tokens=64, cache_write_5m_tokens=50, output_tokens=20)
PLAIN_METRICS = {"inputTokenCount": 10, "outputTokenCount": 20, "invocationLatency": 9, "firstByteLatency": 2}
COUNT_HEADERS = {
    "x-amzn-requestid": "req-1",
    "x-amzn-bedrock-input-token-count": "10",
    "x-amzn-bedrock-output-token-count": "20",
    "x-amzn-bedrock-invocation-latency": "900",
}
PLAIN = Usage(input_tokens=10, output_tokens=20)
BEDROCK_MESSAGE = CLAUDE_MESSAGE | {"id": "msg_bdrk_1"}
ANTHROPIC_CHUNKS = tuple(
    chunk_frame(event | ({"amazon-bedrock-invocationMetrics": METRICS} if event["type"] == "message_stop" else {}))
    for event in CLAUDE_EVENTS
)


def openai_chunk(delta: Mapping[str, Any], finish: str | None = None, **values: Any) -> dict[str, Any]:
    return {
        "id": "c-1",
        "model": "openai.gpt-oss-20b-1:0",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
        **values,
    }
