"""Gemini: generateContent and streamGenerateContent (SSE or JSON array), embeddings, caches, batches, files, models.

Where usage stands: `usageMetadata` in every chunk, cumulative; the last one counts. The chunk with a `finishReason`
ends the stream. The model stands in the path, not in the body. The results of a batch stand in the batch itself, or in
a file of JSON lines. The OpenAI-compatible endpoint under `/v1beta/openai` is read as OpenAI's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import Any

from proxy.providers.base import (
    OnDocument,
    OnEvent,
    Operation,
    Provider,
    Reading,
    Result,
    count_text,
    free,
    parse_object,
)
from proxy.providers.openai import OPENAI

__all__ = ["GEMINI", "event_reader"]

_STATUS_NAMES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    402: "RESOURCE_EXHAUSTED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_MODEL = re.compile(r"/(?:models|tunedModels)/([^/:]+)")


def _document(reading: Reading, body: dict[str, Any]) -> None:
    if isinstance(body.get("modelVersion"), str):
        reading.model = body["modelVersion"]
    if isinstance(body.get("responseId"), str):
        reading.response_id = body["responseId"]
    reading.saw_response(body)
    reading.saw_usage(body.get("usageMetadata"))
    candidates = body.get("candidates")
    for candidate in candidates if isinstance(candidates, list) else ():
        if isinstance(candidate, dict):
            _candidate(reading, candidate)
    feedback = body.get("promptFeedback")
    if isinstance(feedback, dict) and isinstance(feedback.get("blockReason"), str):
        reading.finish_reasons.append(feedback["blockReason"])  # a blocked prompt has no candidate that could finish
    error = body.get("error")
    if isinstance(error, dict):
        reading.error_type = str(error.get("status") or error.get("code") or "error")[:64]


def _head(reading: Reading, headers: Mapping[str, str]) -> None:
    """The served tier, where the body does not name it (Gemini API, priority inference)."""
    tier = headers.get("x-gemini-service-tier")
    if tier:
        reading.saw_response({"serviceTier": tier})


def _candidate(reading: Reading, candidate: dict[str, Any]) -> None:
    if isinstance(candidate.get("finishReason"), str):
        reading.finish_reasons.append(candidate["finishReason"])
    content = candidate.get("content")
    parts = content.get("parts") if isinstance(content, dict) else None
    for part in parts if isinstance(parts, list) else ():
        if isinstance(part, dict) and "functionCall" in part:
            reading.tool_calls += 1


def event_reader(on_document: OnDocument) -> OnEvent:
    """Reads a chunk of a stream: a document like the whole answer, and its end where it says how it finished."""

    def on_event(reading: Reading, _name: bytes, data: bytes) -> None:
        count_text(reading, data)
        body = parse_object(reading, data)
        if body is not None:
            on_document(reading, body)
            if reading.finish_reasons:
                reading.ended = True

    return on_event


def _identity(reading: Reading, body: dict[str, Any]) -> None:
    """Which batch or cache was made or looked at."""
    if isinstance(body.get("name"), str):
        reading.response_id = body["name"]


def _cache(reading: Reading, body: dict[str, Any]) -> None:
    _identity(reading, body)
    if isinstance(body.get("model"), str):
        reading.model = body["model"]
    reading.saw_usage(body.get("usageMetadata"))


def _batch(reading: Reading, body: dict[str, Any]) -> None:
    """A batch as it stands: once finished, with its answers where they were not asked for as a file.

    `{"name", "metadata": {"model", "output"}, "done", "response": {"inlinedResponses": {"inlinedResponses": [...]}}}`
    https://ai.google.dev/api/batch-api
    """
    _identity(reading, body)
    metadata = _inside(body, "metadata")
    model = metadata.get("model")
    answers = _inside(body, "response") or _inside(metadata, "output")
    for holder in ("inlinedResponses", "inlinedEmbedContentResponses"):
        inlined = _inside(answers, holder).get("inlinedResponses")
        for place, answer in enumerate(inlined if isinstance(inlined, list) else ()):
            if isinstance(answer, dict):
                key = _inside(answer, "metadata").get("key")
                _answer(reading, answer, key if isinstance(key, str) else f"#{place}", model)


def _result_line(reading: Reading, line: bytes) -> None:
    """One line of a batch's results file, `{"key", "response"}` or `{"key", "error"}`; other files say nothing."""
    if b'"key"' not in line or not (b'"response"' in line or b'"error"' in line):
        return
    entry = parse_object(reading, line)
    if entry is not None and isinstance(entry.get("key"), str):
        _answer(reading, entry, entry["key"], None, size=len(line))


def _answer(reading: Reading, entry: dict[str, Any], key: str, model: object, *, size: int = 0) -> None:
    inner = Reading()
    response, error = entry.get("response"), entry.get("error")
    if isinstance(response, dict):
        _document(inner, response)
    elif isinstance(error, dict):
        inner.error_type = str(error.get("status") or error.get("code") or "error")[:64]
    else:
        return
    embedded = isinstance(response, dict) and "embedding" in response
    if embedded and inner.usage is None:
        inner.saw_usage({"promptTokenCount": _count(_inside(entry, "response").get("tokenCount"))})
    reading.results.append(
        Result(
            custom_id=key,
            operation="batchGenerateContent",
            api="embedContent" if embedded else "batchGenerateContent",
            reading=inner,
            status=200 if isinstance(response, dict) else None,
            request_model=model if isinstance(model, str) else None,
            size=size,
        )
    )


def _count(value: object) -> object:
    """A 64-bit count as Google's JSON has it, in quotes."""
    return int(value) if isinstance(value, str) and value.isdecimal() and len(value) < 16 else value


def _inside(holder: dict[str, Any], key: str) -> dict[str, Any]:
    value = holder.get(key)
    return value if isinstance(value, dict) else {}


def _error(status: int, message: str) -> Mapping[str, Any]:
    name = _STATUS_NAMES.get(status, "INTERNAL" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else "INVALID_ARGUMENT")
    return {"error": {"code": status, "message": message, "status": name}}


def _verb(name: str) -> re.Pattern[str]:
    return re.compile(rf"^/v1(?:beta|alpha)?/.*(?:models|tunedModels)/[^/:]+:{name}$")


_VERSION = "^/v1(?:beta|alpha)?"

GEMINI = Provider(
    kind="gemini",
    otel_name="gcp.gemini",
    version="v1beta",
    unversioned=re.compile(r"^/(?:models|tunedModels|cachedContents|files|batches|fileSearchStores)(?:/|$)"),
    key_carrier="x-goog-api-key",
    error_body=_error,
    model_in_path=_MODEL,
    operations=(
        Operation(
            name="generateContent",
            method="POST",
            path=_verb("generateContent"),
            on_head=_head,
            on_document=_document,
        ),
        Operation(
            name="streamGenerateContent",
            method="POST",
            path=_verb("streamGenerateContent"),
            on_head=_head,
            on_document=_document,
            on_event=event_reader(_document),
            streams_json_array=True,
        ),
        Operation(name="embedContent", method="POST", path=_verb("embedContent"), on_document=_document),
        Operation(name="embedContent", method="POST", path=_verb("batchEmbedContents"), on_document=_document),
        replace(OPENAI.named("chat.completions"), path=re.compile(f"{_VERSION}/openai/chat/completions$")),
        replace(OPENAI.named("embeddings"), path=re.compile(f"{_VERSION}/openai/embeddings$")),
        Operation(
            name="cachedContents.create",
            method="POST",
            path=re.compile(f"{_VERSION}/cachedContents$"),
            on_document=_cache,
            estimable=False,
        ),
        *free("countTokens", _verb("countTokens").pattern, "POST"),
        *free("models", f"{_VERSION}/(?:openai/)?(?:models|tunedModels)(?:/[^/:]+)?$", "GET"),
        *free("cachedContents", f"{_VERSION}/cachedContents(?:/[^/:]+)?$", "GET", "PATCH", "DELETE"),
        # Making a batch costs nothing; its answers do, when they are read.
        *free("batches", _verb("(?:batchGenerate|asyncBatchEmbed)Content").pattern, "POST", on_document=_identity),
        *free("batches", f"{_VERSION}/batches/(?P<source>[^/:]+)$", "GET", on_document=_batch),
        *free("batches", f"{_VERSION}/batches$", "GET"),
        *free("batches", f"{_VERSION}/batches/[^/:]+(?::cancel|:delete)?$", "POST", "DELETE"),
        Operation(
            name="files.content",
            method="GET",
            path=re.compile(r"^(?:/download)?/v1(?:beta|alpha)?/files/(?P<source>[^/:]+):download$"),
            on_line=_result_line,
            billable=False,
        ),
        *free("files", f"{_VERSION}/files(?:/[^/:]+)?$", "GET", "DELETE"),
        *free("files", r"^(?:/upload)?/v1(?:beta|alpha)?/files(?::register)?$", "POST", "PUT"),
    ),
)
