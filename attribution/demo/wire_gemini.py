"""The Gemini API as it looks on the wire: generateContent, its two kinds of stream, embeddings, token counting.

`promptTokenCount` includes cached tokens; `thoughtsTokenCount` stands beside `candidatesTokenCount`. Every chunk of a
stream repeats the usage so far. With `alt=sse` chunks are events that end in CRLF; without, they are the elements of
one JSON array.
Source: https://ai.google.dev/api/generate-content
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from attribution.demo.wire import Ask, Reply, compact, identifier, instance, pretty, sse, texts, together, vector

__all__ = ["batch_embed_contents", "count_tokens", "embed_content", "error", "generate", "models", "stream_generate"]

_DIMENSIONS = 8
_MODELS = ("gemini-2.5-flash", "gemini-2.5-pro", "gemini-embedding-001")


def generate(ask: Ask) -> Reply:
    wanted = _schema(ask)
    text = together(texts(ask.script)) if wanted is None else compact(instance(wanted)).decode()
    parts = [{"text": text}, *_calls(ask)]
    body = _chunk(ask, parts, ask.script.output, _finish_reason(ask))
    return Reply(headers=_headers(), pieces=(pretty(body),))


def stream_generate(ask: Ask) -> Reply:
    chunks = list(_chunks(ask))
    if ask.request.query.get("alt") == "sse":
        pieces = tuple(sse(chunk, end=b"\r\n\r\n") for chunk in chunks)
        return Reply(headers=_headers("text/event-stream"), pieces=pieces, streamed=True)
    opened = [(b"[" if place == 0 else b",\r\n") + pretty(chunk).rstrip() for place, chunk in enumerate(chunks)]
    return Reply(headers=_headers(), pieces=(*opened, b"\n]\n"), streamed=True)


def usage(ask: Ask, output_tokens: int) -> dict[str, Any]:
    script = ask.script
    counted: dict[str, Any] = {
        "promptTokenCount": script.prompt,
        "candidatesTokenCount": output_tokens,
        "totalTokenCount": script.prompt + output_tokens + script.reasoning,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": script.prompt}],
    }
    if script.cache_read:
        counted["cachedContentTokenCount"] = script.cache_read
        counted["cacheTokensDetails"] = [{"modality": "TEXT", "tokenCount": script.cache_read}]
    if script.reasoning:
        counted["thoughtsTokenCount"] = script.reasoning
    return counted


def count_tokens(ask: Ask) -> Reply:
    details = [{"modality": "TEXT", "tokenCount": ask.script.prompt}]
    return Reply(
        headers=_headers(), pieces=(pretty({"totalTokens": ask.script.prompt, "promptTokensDetails": details}),)
    )


def embed_content(ask: Ask) -> Reply:
    return Reply(headers=_headers(), pieces=(pretty({"embedding": {"values": _vector_of(ask.body)}}),))


def batch_embed_contents(ask: Ask) -> Reply:
    vectors = [{"values": _vector_of(request)} for request in ask.body.get("requests", [])]
    return Reply(headers=_headers(), pieces=(pretty({"embeddings": vectors}),))


def models(_ask: Ask) -> Reply:
    entries = [{"name": f"models/{name}", "version": "001", "displayName": name} for name in _MODELS]
    return Reply(headers=_headers(), pieces=(pretty({"models": entries}),))


_ERRORS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    503: "UNAVAILABLE",
}


def error(status: int, message: str) -> Reply:
    body = {"error": {"code": status, "message": message, "status": _ERRORS.get(status, "INTERNAL")}}
    return Reply(status=status, headers=_headers(), pieces=(pretty(body),))


def _chunks(ask: Ask) -> Iterator[dict[str, Any]]:
    pieces = texts(ask.script)
    last = len(pieces) - 1
    for place, text in enumerate(pieces):
        so_far = ask.script.output * (place + 1) // len(pieces)
        if place < last:
            yield _chunk(ask, [{"text": text}], so_far, None)
        elif ask.script.end == "error":
            yield {"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}}
        else:
            yield _chunk(ask, [{"text": text}, *_calls(ask)], so_far, _finish_reason(ask))


def _chunk(ask: Ask, parts: list[dict[str, Any]], output_tokens: int, finish_reason: str | None) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"parts": parts, "role": "model"}}
    if finish_reason:
        candidate["finishReason"] = finish_reason
    candidate["index"] = 0
    return {
        "candidates": [candidate],
        "usageMetadata": usage(ask, output_tokens),
        "modelVersion": ask.model,
        "responseId": identifier(ask, "", 23),
    }


def _calls(ask: Ask) -> list[dict[str, Any]]:
    return [
        {"functionCall": {"name": "edit_file", "args": {"path": f"src/file_{place}.py"}}}
        for place in range(ask.script.tools)
    ]


def _schema(ask: Ask) -> Any:
    """The schema of structured output, by either of its names."""
    config = ask.body.get("generationConfig") or {}
    return config.get("responseJsonSchema") or config.get("responseSchema")


def _vector_of(request: Any) -> list[float]:
    return vector(str(request.get("content", "")), _DIMENSIONS)


def _finish_reason(ask: Ask) -> str:
    return "MAX_TOKENS" if ask.script.end == "length" else "STOP"


def _headers(content_type: str = "application/json; charset=UTF-8") -> tuple[tuple[str, str], ...]:
    return (
        ("Content-Type", content_type),
        ("Vary", "Origin"),
        ("Vary", "X-Origin"),
        ("Vary", "Referer"),
        ("Server-Timing", "gfet4t7; dur=512"),
        ("X-Content-Type-Options", "nosniff"),
    )
