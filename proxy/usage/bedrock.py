"""Bedrock's Converse API: `inputTokens` leaves out the cache; `cacheDetails` splits cache writes by time to live."""

from __future__ import annotations

from proxy.call import Usage
from proxy.usage.counts import Counts, entries

__all__ = ["converse"]


def converse(counts: Counts) -> Usage:
    usage = counts.usage
    written = counts.take(usage, "cacheWriteInputTokens")
    written_1h = sum(
        counts.take(entry, "inputTokens") for entry in entries(usage.get("cacheDetails")) if entry.get("ttl") == "1h"
    )
    if written_1h > written:
        counts.reject(f"cacheDetails holds {written_1h} tokens of {written}")
        return Usage()
    return Usage(
        input_tokens=counts.need(usage, "inputTokens"),
        cache_read_tokens=counts.take(usage, "cacheReadInputTokens"),
        cache_write_5m_tokens=written - written_1h,
        cache_write_1h_tokens=written_1h,
        output_tokens=counts.need(usage, "outputTokens"),
    )
