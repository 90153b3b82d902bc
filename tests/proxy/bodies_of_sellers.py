"""How the sellers that copied OpenAI's and Anthropic's APIs tell usage: each streamed and not, as they document it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from proxy.call import Usage
from tests.proxy.bodies import PLAIN, Body, Expected, chunk, document, written

__all__ = ["OF_SELLERS"]

DONE = "data: [DONE]\n\n"
TOKENS = {"prompt_tokens": 1700, "completion_tokens": 65, "total_tokens": 1765}
READ = Usage(input_tokens=1000, cache_read_tokens=700, output_tokens=40, reasoning_tokens=25)
FEW = {"prompt_tokens": 10, "completion_tokens": 20, "total_tokens": 30}
SEARCHED = replace(PLAIN, other=(("web_search", 1),))

# Seller → its usage object, and what that is.
USAGES: Mapping[str, tuple[dict[str, Any], Usage]] = {
    "cerebras": (FEW | {"prompt_tokens_details": {"cached_tokens": 0}}, PLAIN),
    "cohere": (FEW, PLAIN),
    "deepseek": (
        TOKENS
        | {
            "prompt_cache_hit_tokens": 700,
            "prompt_cache_miss_tokens": 1000,
            "completion_tokens_details": {"reasoning_tokens": 25},
        },
        READ,
    ),
    "fireworks": (
        TOKENS
        | {"prompt_tokens_details": {"cached_tokens": 700}, "completion_tokens_details": {"reasoning_tokens": 25}},
        READ,
    ),
    "groq": (FEW | {"queue_time": 0.04, "prompt_time": 0.01, "completion_time": 0.1, "total_time": 0.11}, PLAIN),
    "lmstudio": (FEW, PLAIN),
    "mistral": (FEW | {"prompt_audio_seconds": None}, PLAIN),
    "moonshot": (FEW | {"cached_tokens": 4}, Usage(input_tokens=6, cache_read_tokens=4, output_tokens=20)),
    "ollama": (FEW, PLAIN),
    "openrouter": (
        TOKENS
        | {
            "prompt_tokens_details": {"cached_tokens": 700, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 25},
            "cost": 0.00492,
            "is_byok": False,
            "cost_details": {"upstream_inference_cost": None},
        },
        READ,
    ),
    "perplexity": (
        FEW
        | {
            "search_context_size": "low",
            "cost": {
                "input_tokens_cost": 0.00001,
                "output_tokens_cost": 0.00002,
                "request_cost": 0.005,
                "total_cost": 0.00503,
            },
        },
        SEARCHED,
    ),
    "perplexity deep research": (  # reasoning beside both the completion and the total
        {
            "prompt_tokens": 10,
            "completion_tokens": 20,
            "total_tokens": 30,
            "reasoning_tokens": 95305,
            "citation_tokens": 8557,
            "num_search_queries": 21,
            "search_context_size": "medium",
            "cost": {"total_cost": 0.51},
        },
        Usage(
            input_tokens=10,
            output_tokens=20,
            reasoning_tokens=95305,
            other=(("web_search", 21), ("citation_tokens", 8557)),
        ),
    ),
    "together": (TOKENS | {"cached_tokens": 700, "completion_tokens_details": {"reasoning_tokens": 25}}, READ),
    "vllm": (FEW | {"prompt_tokens_details": None}, PLAIN),
    "xai": (
        {
            "prompt_tokens": 1700,
            "completion_tokens": 40,
            "total_tokens": 1765,
            "prompt_tokens_details": {"text_tokens": 1700, "audio_tokens": 0, "image_tokens": 0, "cached_tokens": 700},
            "completion_tokens_details": {"reasoning_tokens": 25, "audio_tokens": 0},
            "num_sources_used": 0,
            "cost_in_usd_ticks": 37_756_000,
        },
        READ,
    ),
    "zai": (
        FEW | {"prompt_tokens_details": {"cached_tokens": 4}},
        Usage(input_tokens=6, cache_read_tokens=4, output_tokens=20),
    ),
}


def last(seller: str, usage: Mapping[str, Any]) -> dict[str, Any]:
    """The chunk in which a seller's stream tells usage: most put it beside the finish."""
    ending = chunk(None, "stop")
    if seller == "groq":
        return ending | {"x_groq": {"id": "req_1", "usage": usage}}
    if seller == "moonshot":
        ending["choices"][0]["usage"] = usage
        return ending
    return ending | {"usage": usage}


def stream(seller: str, usage: Mapping[str, Any]) -> Body:
    if seller in ("ollama", "lmstudio"):  # as OpenAI: a chunk of its own, where it was asked for
        return written("chat", chunk("a"), chunk(None, "stop"), chunk(usage=usage) | {"choices": []}, DONE)
    before = ": OPENROUTER PROCESSING\n\n" if seller == "openrouter" else ""
    running: dict[str, Any] = {"usage": {"prompt_tokens": 10, "completion_tokens": 1}} if seller == "vllm" else {}
    return written("chat", before, chunk("a", **running), last(seller, usage), DONE)


def plain(seller: str, usage: Mapping[str, Any]) -> Body:
    extra: dict[str, Any] = {"x_groq": {"id": "req_1"}} if seller == "groq" else {}
    if seller.startswith("perplexity"):
        extra = {"citations": ["https://example.com"], "search_results": [{"title": "x", "url": "https://example.com"}]}
    choice = {"index": 0, "message": {"role": "assistant", "content": "a"}, "finish_reason": "stop"}
    return document("chat", {"id": "c-1", "model": "m-1", "choices": [choice], "usage": usage, **extra})


OF_SELLERS: dict[str, tuple[Body, Expected]] = {
    **{
        seller: (plain(seller, usage), Expected(expected, ("stop",), ends=False))
        for seller, (usage, expected) in USAGES.items()
    },
    **{
        f"{seller} stream": (stream(seller, usage), Expected(expected, ("stop",)))
        for seller, (usage, expected) in USAGES.items()
    },
}
