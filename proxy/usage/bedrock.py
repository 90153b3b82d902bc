"""Bedrock's counts. Every form leaves the cache out of the input.

Converse: `inputTokens`, cache writes split by time to live in `cacheDetails`; Nova writes the same with its own names
for the cache. InvokeModel: the usage object of the model's maker where it has one, otherwise the metrics of the
service, `inputTokenCount` and its like, which do not tell a cache write's time to live: five minutes, the default.
"""

from __future__ import annotations

from proxy.call import Usage
from proxy.usage import anthropic, openai
from proxy.usage.counts import Counts, entries

__all__ = ["converse", "invoke"]


def invoke(counts: Counts) -> Usage:
    if "input_tokens" in counts.usage:
        return anthropic.messages(counts)
    if "prompt_tokens" in counts.usage:
        return openai.chat(counts)
    return converse(counts)


def converse(counts: Counts) -> Usage:
    if "inputTokenCount" in counts.usage:
        return _metrics(counts)
    usage = counts.usage
    written = counts.first((usage, "cacheWriteInputTokens"), (usage, "cacheWriteInputTokenCount"))
    written_1h = sum(
        counts.take(entry, "inputTokens") for entry in entries(usage.get("cacheDetails")) if entry.get("ttl") == "1h"
    )
    if written_1h > written:
        counts.reject(f"cacheDetails holds {written_1h} tokens of {written}")
        return Usage()
    return Usage(
        input_tokens=counts.need(usage, "inputTokens"),
        cache_read_tokens=counts.first((usage, "cacheReadInputTokens"), (usage, "cacheReadInputTokenCount")),
        cache_write_5m_tokens=written - written_1h,
        cache_write_1h_tokens=written_1h,
        output_tokens=counts.need(usage, "outputTokens"),
    )


def _metrics(counts: Counts) -> Usage:
    """Embeddings have no output count."""
    usage = counts.usage
    return Usage(
        input_tokens=counts.need(usage, "inputTokenCount"),
        cache_read_tokens=counts.take(usage, "cacheReadInputTokenCount"),
        cache_write_5m_tokens=counts.take(usage, "cacheWriteInputTokenCount"),
        output_tokens=counts.take(usage, "outputTokenCount"),
    )
