"""OpenAI, and everyone whose API is OpenAI's: every operation, one row each.

A path without a row here is relayed and recorded as unmetered. Sellers that serve an operation under a name of their
own (Perplexity's `sonar` and `agent`) have it in the row's path.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from proxy.providers.base import OnDocument, OnEvent, Operation, Provider, free
from proxy.providers.openai_media import media_document, media_event
from proxy.providers.openai_text import (
    batch_line,
    chat_document,
    chat_event,
    identity,
    response_document,
    response_event,
)

__all__ = ["OPENAI"]

_ERROR_TYPES = {
    400: "invalid_request_error",
    401: "invalid_request_error",
    403: "invalid_request_error",
    404: "invalid_request_error",
    413: "invalid_request_error",
    429: "rate_limit_error",
}


def _error(status: int, message: str) -> Mapping[str, Any]:
    kind = _ERROR_TYPES.get(status, "server_error")
    return {"error": {"message": message, "type": kind, "param": None, "code": f"mergecost_{status}"}}


def _text(name: str, path: str, on_document: OnDocument, on_event: OnEvent | None = None) -> Operation:
    return Operation(
        name=name, method="POST", path=re.compile(f"/v1/{path}$"), on_document=on_document, on_event=on_event
    )


def _media(name: str, path: str, on_document: OnDocument | None = media_document) -> Operation:
    return Operation(
        name=name,
        method="POST",
        path=re.compile(f"/v1/{path}$"),
        on_document=on_document,
        on_event=media_event,
        estimable=False,
    )


_ID = "[^/]+"

OPENAI = Provider(
    kind="openai",
    otel_name="openai",
    version="v1",
    unversioned=re.compile(
        r"^/(?:chat|completions|responses|embeddings|models|images|audio|files|batches|moderations|realtime|uploads|"
        r"fine_tuning|vector_stores|conversations|containers|evals|videos|skills)(?:/|$)"
    ),
    key_carrier="Authorization",
    error_body=_error,
    operations=(
        _text("chat.completions", "(?:chat/completions|sonar)", chat_document, chat_event),
        _text("responses", "(?:responses|agent)", response_document, response_event),
        _text("completions", "completions", chat_document, chat_event),
        _text("embeddings", "embeddings", chat_document),
        _text("responses.compact", "responses/compact", response_document, response_event),
        _media("images.generations", "images/generations"),
        _media("images.edits", "images/edits"),
        _media("images.variations", "images/variations"),
        _media("audio.transcriptions", "audio/transcriptions"),
        _media("audio.translations", "audio/translations"),
        _media("audio.speech", "audio/speech", None),
        *free("models", f"/v1/models(?:/{_ID})*$", "GET", "DELETE"),  # names of models may hold slashes
        *free("moderations", "/v1/moderations$", "POST"),
        *free("responses.input_tokens", "/v1/responses/input_tokens$", "POST"),
        *free("responses.retrieve", f"/v1/responses/{_ID}$", "GET", on_document=identity),
        *free("responses.delete", f"/v1/responses/{_ID}$", "DELETE"),
        *free("responses.cancel", f"/v1/responses/{_ID}/cancel$", "POST", on_document=identity),
        *free("responses.input_items", f"/v1/responses/{_ID}/input_items$", "GET"),
        *free("chat.completions.stored", f"/v1/chat/completions(?:/{_ID}(?:/messages)?)?$", "GET"),
        *free("chat.completions.stored", f"/v1/chat/completions/{_ID}$", "POST", "DELETE"),
        *free("conversations", f"/v1/conversations(?:/{_ID}(?:/items(?:/{_ID})?)?)?$", "GET", "POST", "DELETE"),
        *free("batches", f"/v1/batches(?:/{_ID}(?:/cancel)?)?$", "GET", "POST", on_document=identity),
        *free("files", f"/v1/files(?:/{_ID})?$", "GET", "POST", "DELETE"),
        Operation(
            name="files.content",
            method="GET",
            path=re.compile(f"/v1/files/(?P<source>{_ID})/content$"),
            on_line=batch_line,
            billable=False,
        ),
        *free("uploads", f"/v1/uploads(?:/{_ID}/(?:parts|complete|cancel))?$", "POST"),
        # Not its `search`, whose price is not documented.
        *free("vector_stores", f"/v1/vector_stores(?:/{_ID})?$", "GET", "POST", "DELETE"),
        *free(
            "vector_stores",
            f"/v1/vector_stores/{_ID}/(?:files|file_batches)(?:/{_ID}(?:/(?:content|cancel|files))?)?$",
            "GET",
            "POST",
            "DELETE",
        ),
    ),
)
