"""Gemini: generateContent and streamGenerateContent (SSE or JSON array), embedContent, countTokens, models.

Where usage stands: `usageMetadata` in every chunk, cumulative; the last one counts. The chunk with a `finishReason`
ends the stream. The model stands in the path, not in the body.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from proxy.providers.base import Operation, Provider, Reading, count_text, parse_object

__all__ = ["GEMINI"]

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


def _candidate(reading: Reading, candidate: dict[str, Any]) -> None:
    if isinstance(candidate.get("finishReason"), str):
        reading.finish_reasons.append(candidate["finishReason"])
    content = candidate.get("content")
    parts = content.get("parts") if isinstance(content, dict) else None
    for part in parts if isinstance(parts, list) else ():
        if isinstance(part, dict) and "functionCall" in part:
            reading.tool_calls += 1


def _event(reading: Reading, _name: bytes, data: bytes) -> None:
    count_text(reading, data)
    body = parse_object(reading, data)
    if body is not None:
        _document(reading, body)
        if reading.finish_reasons:
            reading.ended = True


def _free(reading: Reading, body: dict[str, Any]) -> None:
    """Counting tokens and listing models is free; a count is an answer, not a usage."""


def _error(status: int, message: str) -> Mapping[str, Any]:
    name = _STATUS_NAMES.get(status, "INTERNAL" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else "INVALID_ARGUMENT")
    return {"error": {"code": status, "message": message, "status": name}}


def _verb(name: str) -> re.Pattern[str]:
    return re.compile(rf"^/v1(?:beta|alpha)?/.*(?:models|tunedModels)/[^/:]+:{name}$")


GEMINI = Provider(
    kind="gemini",
    otel_name="gcp.gemini",
    version="v1beta",
    unversioned=re.compile(r"^/(?:models|tunedModels|cachedContents|files|batches)(?:/|$)"),
    key_carrier="x-goog-api-key",
    error_body=_error,
    model_in_path=_MODEL,
    operations=(
        Operation(name="generateContent", method="POST", path=_verb("generateContent"), on_document=_document),
        Operation(
            name="streamGenerateContent",
            method="POST",
            path=_verb("streamGenerateContent"),
            on_document=_document,
            on_event=_event,
            streams_json_array=True,
        ),
        Operation(name="embedContent", method="POST", path=_verb("embedContent"), on_document=_document),
        Operation(name="embedContent", method="POST", path=_verb("batchEmbedContents"), on_document=_document),
        Operation(name="countTokens", method="POST", path=_verb("countTokens"), on_document=_free, billable=False),
        Operation(
            name="models",
            method="GET",
            path=re.compile(r"^/v1(?:beta|alpha)?/models(?:/[^/:]+)?$"),
            on_document=_free,
            billable=False,
        ),
    ),
)
