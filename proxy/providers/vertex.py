"""Vertex AI: Gemini in its own format, Claude in Anthropic's, open models in OpenAI's.

Paths are `/v1/projects/<project>/locations/<location>/publishers/<publisher>/models/<model>:<verb>` (also `/v1beta1`;
without project and location in express mode; a tuned model is an `endpoints/<id>`). The location is where the call is
priced. Claude's model stands in the path with its version (`claude-sonnet-4-5@20250929`), not in the body.

Gemini streams carry `usageMetadata` with nothing but `trafficType` in every chunk before the last.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from proxy.providers.anthropic import ANTHROPIC
from proxy.providers.base import OnDocument, Operation, Provider, Reading, free
from proxy.providers.gemini import GEMINI, event_reader
from proxy.providers.openai import OPENAI

__all__ = ["VERTEX"]

_ROOT = r"^/v1(?:beta1)?/(?:projects/[^/]+/locations/[^/]+/)?"
_MESSAGES = ANTHROPIC.named("messages")
_GENERATE = GEMINI.named("generateContent")
_CLAUDE = r"publishers/anthropic/models/"


def _document(reading: Reading, body: dict[str, Any]) -> None:
    usage = body.get("usageMetadata")
    if isinstance(usage, dict) and not any(name.endswith("TokenCount") for name in usage):
        body = {name: value for name, value in body.items() if name != "usageMetadata"}
    assert _GENERATE.on_document is not None
    _GENERATE.on_document(reading, body)


def _predict(reading: Reading, body: dict[str, Any]) -> None:
    """Embeddings tell their tokens one by one; a prediction of anything else tells none."""
    predictions = body.get("predictions")
    counts = [_token_count(entry) for entry in predictions] if isinstance(predictions, list) else []
    if counts and None not in counts:
        reading.saw_usage({"token_count": sum(count for count in counts if count is not None)})


def _token_count(prediction: object) -> int | None:
    inner: object = prediction
    for name in ("embeddings", "statistics", "token_count"):
        inner = inner.get(name) if isinstance(inner, dict) else None
    if isinstance(inner, float) and inner.is_integer():  # a number of a protobuf Value
        return int(inner)
    return inner if type(inner) is int else None


def _gemini(verb: str) -> str:
    return rf"{_ROOT}(?:publishers/google/models|endpoints)/[^/:]+:{verb}$"


def _billed(name: str, on_document: OnDocument) -> Operation:
    return Operation(name=name, method="POST", path=re.compile(_gemini(name)), on_document=on_document)


VERTEX = Provider(
    kind="vertex",
    otel_name="gcp.vertex_ai",
    version="v1",
    unversioned=re.compile(r"^/(?:projects|publishers)/"),
    key_carrier="Authorization",
    error_body=GEMINI.error_body,
    model_in_path=re.compile(r"/models/(?!count-tokens:)([^/:]+)"),
    operations=(
        _billed("generateContent", _document),
        replace(_billed("streamGenerateContent", _document), on_event=event_reader(_document), streams_json_array=True),
        _billed("embedContent", _document),
        replace(_billed("predict", _predict), estimable=False),
        *free("countTokens", _gemini("countTokens"), "POST"),
        *free("messages.count_tokens", rf"{_ROOT}{_CLAUDE}count-tokens:rawPredict$", "POST"),
        # Either verb answers in the form the body asks for with `stream`.
        replace(_MESSAGES, name="rawPredict", path=re.compile(rf"{_ROOT}{_CLAUDE}[^/:]+:rawPredict$")),
        replace(_MESSAGES, name="streamRawPredict", path=re.compile(rf"{_ROOT}{_CLAUDE}[^/:]+:streamRawPredict$")),
        replace(
            OPENAI.named("chat.completions"),
            path=re.compile(r"^/v1(?:beta1)?/projects/[^/]+/locations/[^/]+/endpoints/openapi/chat/completions$"),
        ),
        *free("models", r"^/v1(?:beta1)?/publishers/[^/]+/models(?:/[^/:]+)?$", "GET"),
    ),
)
