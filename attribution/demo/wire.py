"""What the three wire formats share: a request in, a reply out, both plain values. Nothing here does I/O.

Replies are pure functions of the request, ids and texts included, so that the same story costs the same every time.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from attribution.demo.script import Script

__all__ = [
    "CREATED",
    "Answer",
    "Ask",
    "Reply",
    "Request",
    "compact",
    "identifier",
    "instance",
    "pretty",
    "sse",
    "texts",
    "together",
    "vector",
]

CREATED = 1_788_000_000  # every body says it was made at this second
# Bytes of more than one length, so that a stream cut anywhere cuts characters too.
_WORDS = ("The", "naïve", "parser", "→", "now", "counts", "tokens", "✓", "über", "every", "chunk", "🧮")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One HTTP request. Header names are lower case."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One HTTP response. `pieces` are the natural units: the events of a stream, or one whole body."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = (("Content-Type", "application/json"),)
    pieces: tuple[bytes, ...] = ()
    streamed: bool = False  # sent with chunked encoding, its length unknown at the start

    @property
    def body(self) -> bytes:
        return b"".join(self.pieces)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A request understood: its JSON body and its script."""

    request: Request
    body: Mapping[str, Any]
    script: Script
    model: str


Answer = Callable[[Ask], Reply]


def identifier(ask: Ask, prefix: str, length: int = 24, salt: str = "") -> str:
    """An id that looks like the provider's and is the same for the same body (or model and seed)."""
    source = f"{ask.model} {ask.script.seed}".encode() if ask.script.seed else ask.request.body
    digest = hashlib.sha512(salt.encode() + ask.request.path.encode() + source).hexdigest()
    return prefix + digest[:length]


def compact(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def pretty(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=2).encode() + b"\n"


def sse(value: Any, *, event: str | None = None, end: bytes = b"\n\n") -> bytes:
    """One server-sent event."""
    name = f"event: {event}\n".encode() if event else b""
    return name + b"data: " + (value if isinstance(value, bytes) else compact(value)) + end


def texts(script: Script) -> list[str]:
    """The answer's text in `script.chunks` pieces."""
    return [
        " ".join(_WORDS[(piece * 3 + word) % len(_WORDS)] for word in range(3)) + " " for piece in range(script.chunks)
    ]


def vector(text: str, dimensions: int) -> list[float]:
    """A made-up embedding of `text`: numbers between -1 and 1."""
    digest = hashlib.sha256(text.encode()).digest()
    return [round((digest[place % len(digest)] - 127.5) / 127.5, 6) for place in range(dimensions)]


def instance(schema: Mapping[str, Any]) -> Any:
    """A value that a JSON schema allows, for clients that asked for one (structured output)."""
    if "enum" in schema:
        return schema["enum"][0]
    match str(schema.get("type", "")).lower():  # Gemini also writes OBJECT
        case "object":
            return {name: instance(inner) for name, inner in schema.get("properties", {}).items()}
        case "array":
            return [instance(schema.get("items", {}))]
        case "integer" | "number":
            return schema.get("minimum", 1)
        case "boolean":
            return True
        case _:
            return "sample"


def together(parts: Iterable[str]) -> str:
    return "".join(parts).rstrip()
