"""Which request gets which reply: one table over the three APIs. Pure: the same request always gets the same reply.

A scripted failure lasts while the client itself says it has not retried often enough (`x-stainless-retry-count`, sent
by the OpenAI and Anthropic libraries), so that no state is needed to fail first and succeed later.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from attribution.demo import wire_anthropic, wire_gemini, wire_openai
from attribution.demo.script import ScriptError, read_script
from attribution.demo.wire import Answer, Ask, Reply, Request

__all__ = ["answer"]


@dataclass(frozen=True, slots=True)
class _Row:
    method: str
    path: re.Pattern[str]
    answer: Answer
    error: Callable[[int, str], Reply]
    header: str = ""  # tells whose path it is where two APIs share one


def _row(method: str, path: str, reply: Answer, error: Callable[[int, str], Reply], header: str = "") -> _Row:
    return _Row(method, re.compile(path), reply, error, header)


_MODEL = r"^/v1(?:beta)?/models/(?P<model>[^/:]+):"
_TABLE = (
    _row("POST", r"^/v1/chat/completions$", wire_openai.chat_completions, wire_openai.error),
    _row("POST", r"^/v1/responses$", wire_openai.responses, wire_openai.error),
    _row("POST", r"^/v1/embeddings$", wire_openai.embeddings, wire_openai.error),
    _row("POST", r"^/v1/messages$", wire_anthropic.messages, wire_anthropic.error),
    _row("POST", r"^/v1/messages/count_tokens$", wire_anthropic.count_tokens, wire_anthropic.error),
    _row("GET", r"^/v1/models$", wire_anthropic.models, wire_anthropic.error, "anthropic-version"),
    _row("GET", r"^/v1/models$", wire_openai.models, wire_openai.error),
    _row("GET", r"^/v1beta/models$", wire_gemini.models, wire_gemini.error),
    _row("POST", _MODEL + "generateContent$", wire_gemini.generate, wire_gemini.error),
    _row("POST", _MODEL + "streamGenerateContent$", wire_gemini.stream_generate, wire_gemini.error),
    _row("POST", _MODEL + "embedContent$", wire_gemini.embed_content, wire_gemini.error),
    _row("POST", _MODEL + "batchEmbedContents$", wire_gemini.batch_embed_contents, wire_gemini.error),
    _row("POST", _MODEL + "countTokens$", wire_gemini.count_tokens, wire_gemini.error),
)
_FAILURES = {
    401: "Incorrect API key provided.",
    429: "Rate limit reached. Please try again later.",
    503: "The model is overloaded. Please try again later.",
    529: "Overloaded",
}
_KEY_HEADERS = ("authorization", "x-api-key", "x-goog-api-key")


def answer(request: Request, *, api_key: str | None = None) -> Reply:
    """The reply to `request`; where `api_key` is given, requests that do not carry it are turned away."""
    for row in _TABLE:
        match = row.path.match(request.path)
        if match and row.method == request.method and (not row.header or row.header in request.headers):
            return _answer(row, request, match.groupdict().get("model"), api_key)
    return _shape_of(request)(404, f"Unknown request URL: {request.method} {request.path}.")


def _answer(row: _Row, request: Request, model: str | None, api_key: str | None) -> Reply:
    if api_key is not None and api_key not in _keys(request):
        return row.error(401, _FAILURES[401])
    try:
        body: Any = json.loads(request.body) if request.body else {}
        script = read_script(request.body)
    except ScriptError as error:
        return row.error(400, str(error))
    except ValueError:
        return row.error(400, "We could not parse the JSON body of your request.")
    if not isinstance(body, dict):
        return row.error(400, "The body of your request must be a JSON object.")
    retries = request.headers.get("x-stainless-retry-count", "0")
    if script.fail_status and (int(retries) if retries.isdigit() else 0) < script.fail_times:
        return row.error(script.fail_status, _FAILURES.get(script.fail_status, "The server had an error."))
    return row.answer(Ask(request=request, body=body, script=script, model=model or str(body.get("model", ""))))


def _keys(request: Request) -> list[str]:
    headers = [request.headers.get(name, "").removeprefix("Bearer ") for name in _KEY_HEADERS]
    return [*headers, request.query.get("key", "")]


def _shape_of(request: Request) -> Callable[[int, str], Reply]:
    if "anthropic-version" in request.headers:
        return wire_anthropic.error
    return wire_gemini.error if request.path.startswith("/v1beta/") else wire_openai.error
