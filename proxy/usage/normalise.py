"""The registry of wire formats and the one entry to them. Pure, never raises, a few microseconds a call.

`normalise` reads the final usage object of a response (the last cumulative one of a stream, never a sum of several) and
the few other fields of the response that a price hangs on, `RESPONSE_FIELDS`. `reduced` cuts a whole response down to
those fields, without content; its result is accepted as `response` again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import islice
from types import MappingProxyType
from typing import Any

from proxy.call import Usage
from proxy.usage import anthropic, bedrock, gemini, openai
from proxy.usage.counts import MAX_COUNT, Counts
from proxy.usage.free import FREE_OPERATIONS
from proxy.usage.tools import FACTS, tool_counts, tool_facts

__all__ = ["FREE_OPERATIONS", "READERS", "RESPONSE_FIELDS", "Normalised", "normalise", "reduced", "samplings"]

Reader = Callable[[Counts], Usage]

# The provider's name of an operation → how its usage object is read.
READERS: Mapping[str, Reader] = MappingProxyType(
    {
        "chat.completions": openai.chat,
        "completions": openai.chat,
        "batch": openai.batch,
        "responses": openai.responses,
        "responses.compact": openai.responses,
        "embeddings": openai.embeddings,
        "audio.transcriptions": openai.transcription,
        "audio.translations": openai.transcription,
        "audio.speech": openai.speech,
        "images.generations": openai.images,
        "images.edits": openai.images,
        "images.variations": openai.images,
        "realtime": openai.realtime,
        "messages": anthropic.messages,
        "messages.batches": anthropic.messages,
        "generateContent": gemini.generate,
        "streamGenerateContent": gemini.generate,
        "batchGenerateContent": gemini.generate,
        "embedContent": gemini.embed,
        "batchEmbedContents": gemini.embed,
        "cachedContents.create": gemini.cache,
        "converse": bedrock.converse,
        "converse-stream": bedrock.converse,
        "invoke": bedrock.invoke,
        "invoke-with-response-stream": bedrock.invoke,
        "rawPredict": anthropic.messages,
        "streamRawPredict": anthropic.messages,
        "predict": gemini.predict,
    }
)

# Words of a response body that a price may hang on; what `reduced` keeps beside the counts of tool uses.
_WORDS = ("model", "modelVersion", "service_tier", "serviceTier", "speed", "inference_geo")
# Every field of a response that is looked at. `output` and `candidates` are counted, never kept.
RESPONSE_FIELDS = (*_WORDS, *FACTS, "output", "candidates")

_WORD = re.compile(r"[\w.:/@+\-\[\]]{1,64}", re.ASCII)
_MAX_ENTRIES = 64
_MAX_DEPTH = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Normalised:
    """What a usage object says. `usage` is None where a billed quantity is unknown or unsound: that is not zero."""

    usage: Usage | None = None
    service_tier: str | None = None  # the served tier, in the provider's own word
    problems: tuple[str, ...] = ()
    raw_usage: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))


def normalise(
    *, api: str, usage: Mapping[str, Any], response: Mapping[str, Any], provider: str | None = None
) -> Normalised:
    """Quantities of one response, disjoint. `api` is the provider's name of the operation, `usage` its usage object as
    parsed from JSON, `response` the response or what `reduced` left of it. Whatever is malformed becomes a problem."""
    if api in FREE_OPERATIONS:
        return Normalised(raw_usage=_bounded(usage))
    reader = READERS.get(api)
    if reader is None:
        return Normalised(problems=("no reader for this operation",), raw_usage=_bounded(usage))
    counts = Counts(usage, response, provider)
    read = reader(counts)
    if counts.sound and response and reader in _TOOL_USERS:
        read = _with_tools(read, response)
    return Normalised(
        usage=read if counts.sound else None,
        service_tier=_served_tier(usage, response),
        problems=tuple(counts.problems),
        raw_usage=_bounded(usage),
    )


def reduced(response: Mapping[str, Any]) -> dict[str, Any]:
    """A response cut down to what a price may hang on: words, numbers and tool counts, no content."""
    kept: dict[str, Any] = {}
    for name in _WORDS:
        value = response.get(name)
        if isinstance(value, str) and _is_word(value):
            kept[name] = value
    kept.update(tool_facts(response))
    return kept


def samplings(api: str, usage: Mapping[str, Any]) -> tuple[tuple[str | None, Usage], ...]:
    """Each sampling of a response that lists several (Anthropic's `iterations`), with its model (None: the response's
    own); empty where the usage lists none or lists it unsoundly."""
    if READERS.get(api) not in _LISTS_SAMPLINGS or not usage.get("iterations"):
        return ()
    counts = Counts(usage, {}, None)
    found = anthropic.iterations(counts)
    return tuple(found) if counts.sound else ()


_LISTS_SAMPLINGS = frozenset({anthropic.messages, bedrock.invoke})
# The readers that leave counting tool uses to the registry; the others count their own.
_TOOL_USERS = frozenset({openai.responses, openai.chat, openai.batch})


def _with_tools(usage: Usage, response: Mapping[str, Any]) -> Usage:
    used = tool_counts(response)
    return replace(usage, other=usage.other + tuple(used.items())) if used else usage


def _served_tier(usage: Mapping[str, Any], response: Mapping[str, Any]) -> str | None:
    for value in (
        response.get("service_tier"),
        usage.get("service_tier"),
        usage.get("serviceTier"),
        response.get("serviceTier"),
        usage.get("trafficType"),
    ):
        if value is None:
            continue
        if isinstance(value, str) and _is_word(value):
            return value
        if isinstance(value, dict) and isinstance(value.get("type"), str):  # Bedrock: {"type": "priority"}
            return str(value["type"])[:64]
    return None


@lru_cache(maxsize=1024)  # the same few dozen names come with every response
def _is_word(text: str) -> bool:
    return _WORD.fullmatch(text) is not None


def _bounded(usage: Mapping[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = _copy(dict(usage), _MAX_DEPTH)
    return kept


def _copy(value: Any, depth: int) -> Any:
    """Numbers, booleans, short words and what nests them; None for everything else."""
    if isinstance(value, (int, float)):
        return value if -MAX_COUNT <= value <= MAX_COUNT else None
    if isinstance(value, str):
        return value if _is_word(value) else None
    if depth == 0:
        return None
    if isinstance(value, dict):
        pairs = islice(value.items(), _MAX_ENTRIES)
        return {key: kept for key, inner in pairs if _is_word(key) and (kept := _copy(inner, depth - 1)) is not None}
    if isinstance(value, list):
        return [kept for entry in value[:_MAX_ENTRIES] if (kept := _copy(entry, depth - 1)) is not None]
    return None
