"""What the provider's bytes say was used, read without any of the proxy's own code, and what that costs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from attribution.demo.provider import Exchange

__all__ = ["RATES", "Tokens", "billed", "picodollars", "tokens_sent"]

# Picodollars per token: input, read from the cache, output. A dollar per million tokens is a million of them.
RATES = {
    "claude-haiku-4-5": (1_000_000, 100_000, 5_000_000),
    "claude-sonnet-4-5": (3_000_000, 300_000, 15_000_000),
    "claude-sonnet-4-6": (3_000_000, 300_000, 15_000_000),
    "gemini-3.5-flash-lite": (300_000, 30_000, 2_500_000),
    "gemini-3.8-flash": (750_000, 75_000, 3_750_000),
    "gpt-4.1": (2_000_000, 500_000, 8_000_000),
    "gpt-5": (1_250_000, 125_000, 10_000_000),
}


@dataclass(frozen=True, slots=True)
class Tokens:
    input: int
    cache_read: int
    output: int


def picodollars(model: str, tokens: Tokens) -> int:
    rates = RATES[model]
    return tokens.input * rates[0] + tokens.cache_read * rates[1] + tokens.output * rates[2]


def billed(exchange: Exchange) -> int:
    """How often the model was asked: over a WebSocket, once for every frame but the one that warms it up."""
    if exchange.status != 101:
        return 1
    return sum(json.loads(frame).get("generate") is not False for frame in bytes(exchange.body).splitlines())


def tokens_sent(exchange: Exchange) -> Tokens | None:
    """The last usage of a response, later counts over earlier ones; None where the provider told none."""
    usage: dict[str, Any] = {}
    for value in _values(bytes(exchange.sent)):
        inner = value.get("response") or value.get("message") or value
        usage |= inner.get("usage") or inner.get("usageMetadata") or {}
    if not usage:
        return None
    if "promptTokenCount" in usage:
        cached = usage["cachedContentTokenCount"]
        return Tokens(usage["promptTokenCount"] - cached, cached, usage["candidatesTokenCount"])
    if "prompt_tokens" in usage:
        cached = usage["prompt_tokens_details"]["cached_tokens"]
        return Tokens(usage["prompt_tokens"] - cached, cached, usage["completion_tokens"])
    if "cache_read_input_tokens" in usage:
        return Tokens(usage["input_tokens"], usage["cache_read_input_tokens"], usage["output_tokens"])
    cached = usage["input_tokens_details"]["cached_tokens"]
    return Tokens(usage["input_tokens"] - cached, cached, usage["output_tokens"])


def _values(sent: bytes) -> Iterator[dict[str, Any]]:
    """One JSON body, or the JSON of every line of an event stream or of a WebSocket's frames."""
    try:
        yield json.loads(sent)
    except ValueError:
        for line in sent.split(b"\n"):
            value = line.removeprefix(b"data: ")
            if value.startswith(b"{"):
                yield json.loads(value)
