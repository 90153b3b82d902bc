"""Gemini's `usageMetadata`: `promptTokenCount` includes cached tokens; thoughts are outside `candidatesTokenCount`.

`toolUsePromptTokenCount` stands outside the prompt as well. It is billed as input, except for what Google Search
brought in: retrieved context is not charged as input (Gemini API pricing, grounding). Absent numbers are zeros, as in
every protobuf JSON, but a usage object without any known number is no usage.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from proxy.call import Usage
from proxy.usage.counts import Counts, Quantities, disjoint_input, disjoint_output, entries
from proxy.usage.tools import tool_counts

__all__ = ["cache", "embed", "generate"]

GEMINI_API = "gemini"


def generate(counts: Counts) -> Usage:
    usage = counts.usage
    if usage.get("promptTokenCount") is None and usage.get("totalTokenCount") is None:
        counts.reject("promptTokenCount is missing")
        return Usage()
    prompt = counts.take(usage, "promptTokenCount")
    candidates = counts.take(usage, "candidatesTokenCount")
    thoughts = counts.take(usage, "thoughtsTokenCount")
    tool_use = counts.take(usage, "toolUsePromptTokenCount")
    grounded = tool_counts(counts.response)
    if _thoughts_inside(counts.usage, prompt + candidates + tool_use, candidates, thoughts):
        candidates -= thoughts
    written = _by_modality(counts, "candidatesTokensDetails")
    given = disjoint_output(
        counts,
        total=candidates,
        total_name="candidatesTokenCount",
        audio=written.get("AUDIO", 0),
        image=written.get("IMAGE", 0),
    )
    taken = _prompt(counts, prompt, 0 if grounded.get("web_search") else tool_use)
    other = taken.get("other", ()) + tuple(grounded.items())
    return Usage(**(taken | given | {"reasoning_tokens": thoughts, "other": other}))


def embed(counts: Counts) -> Usage:
    return Usage(**_prompt(counts, counts.need(counts.usage, "promptTokenCount"), 0))


def cache(counts: Counts) -> Usage:
    """What was put into a cache. Vertex AI bills it as input ("billed for the input tokens used to create the cache at
    the standard input token price", context caching overview); the Gemini API does not say, so it has no price there.
    """
    total = counts.need(counts.usage, "totalTokenCount")
    if counts.provider == GEMINI_API:
        return Usage(other=(("cached_content_tokens", total),))
    return Usage(input_tokens=total)


def predict(counts: Counts) -> Usage:
    """Vertex AI's older embeddings: the sum of each prediction's `token_count`."""
    return Usage(input_tokens=counts.need(counts.usage, "token_count"))


def _prompt(counts: Counts, prompt: int, tool_use: int) -> Quantities:
    read = _by_modality(counts, "promptTokensDetails")
    cached = _by_modality(counts, "cacheTokensDetails")
    tool_read = _by_modality(counts, "toolUsePromptTokensDetails") if tool_use else {}
    return disjoint_input(
        counts,
        total=prompt + tool_use,
        total_name="promptTokenCount",
        cache_read=counts.take(counts.usage, "cachedContentTokenCount"),
        audio=read.get("AUDIO", 0) + tool_read.get("AUDIO", 0),
        image=read.get("IMAGE", 0) + tool_read.get("IMAGE", 0),
        cache_read_audio=cached.get("AUDIO", 0),
        cache_read_image=cached.get("IMAGE", 0),
    )


def _by_modality(counts: Counts, key: str) -> dict[str, int]:
    """Tokens by modality. Text, documents and video share one rate, so only audio and images are told apart later."""
    found: dict[str, int] = {}
    for entry in entries(counts.usage.get(key)):
        modality = str(entry.get("modality"))
        found[modality] = found.get(modality, 0) + counts.take(entry, "tokenCount")
    return found


def _thoughts_inside(usage: Mapping[str, Any], without: int, candidates: int, thoughts: int) -> bool:
    """Some models count thoughts as candidates; then the total adds up without them."""
    return 0 < thoughts <= candidates and usage.get("totalTokenCount") == without
