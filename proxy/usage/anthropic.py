"""Anthropic's Messages API: `input_tokens` leaves out both cache quantities; thinking is inside `output_tokens`.

`usage.iterations` lists every sampling of one response: tool loops, compaction, advisors, fallbacks. The top-level
quantities leave out compaction and advisors, so where iterations are given the response consumed their sum, each at its
own model.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from typing import Any

from proxy.call import Usage
from proxy.usage.counts import Counts, entries

__all__ = ["iterations", "messages"]

_QUANTITIES = tuple(quantity.name for quantity in fields(Usage) if quantity.name != "other")


def messages(counts: Counts) -> Usage:
    own = _sampling(counts.usage, counts)
    parts = iterations(counts)
    if parts:
        total = _sum(part for _, part in parts)
        if total.prompt_tokens < own.prompt_tokens or total.completion_tokens < own.completion_tokens:
            counts.reject("iterations hold fewer tokens than the usage they explain")
        own = total
    searches = counts.take(counts.inside(counts.usage, "server_tool_use"), "web_search_requests")
    return replace(own, other=(("web_search", searches),)) if searches else own


def iterations(counts: Counts) -> list[tuple[str | None, Usage]]:
    """Each sampling's model (None: the response's own) and its usage; empty where the provider lists none."""
    parts = []
    for entry in entries(counts.usage.get("iterations")):
        model = entry.get("model")
        parts.append((model if isinstance(model, str) else None, _sampling(entry, counts)))
    return parts


def _sampling(usage: Mapping[str, Any], counts: Counts) -> Usage:
    output = counts.need(usage, "output_tokens")
    thinking = counts.take(counts.inside(usage, "output_tokens_details"), "thinking_tokens")
    if thinking > output:
        counts.reject(f"thinking_tokens {thinking} exceeds output_tokens {output}")
        thinking = 0
    written_5m, written_1h = _cache_writes(usage, counts)
    return Usage(
        input_tokens=counts.need(usage, "input_tokens"),
        cache_read_tokens=counts.take(usage, "cache_read_input_tokens"),
        cache_write_5m_tokens=written_5m,
        cache_write_1h_tokens=written_1h,
        output_tokens=output - thinking,
        reasoning_tokens=thinking,
    )


def _cache_writes(usage: Mapping[str, Any], counts: Counts) -> tuple[int, int]:
    """By time to live; what the breakdown does not name is the default, five minutes."""
    breakdown = counts.inside(usage, "cache_creation")
    written_5m = counts.take(breakdown, "ephemeral_5m_input_tokens")
    written_1h = counts.take(breakdown, "ephemeral_1h_input_tokens")
    if usage.get("cache_creation_input_tokens") is None:
        return written_5m, written_1h
    total = counts.take(usage, "cache_creation_input_tokens")
    if written_5m + written_1h > total:
        counts.reject(f"cache_creation holds {written_5m + written_1h} tokens of {total}")
        return 0, 0
    return total - written_1h, written_1h


def _sum(parts: Iterable[Usage]) -> Usage:
    held = list(parts)
    return Usage(**{name: sum(getattr(part, name) for part in held) for name in _QUANTITIES})
