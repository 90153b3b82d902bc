"""Wire bodies and the arithmetic of their price, written out from literal rates of the pinned price map.

Each row: what goes into `mergecost price`, and the components it must come to, as tokens times US dollars a token.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

D = Decimal


@dataclass(frozen=True, kw_only=True)
class Shape:
    provider: str
    model: str
    api: str
    usage: dict[str, Any]
    components: dict[str, Decimal] = field(default_factory=dict)
    response: dict[str, Any] = field(default_factory=dict)
    request: dict[str, Any] = field(default_factory=dict)
    timestamp: str | None = None
    status: str = "priced"
    reason: str | None = None

    @property
    def line(self) -> dict[str, Any]:
        names = ("provider", "model", "api", "usage", "response", "request", "timestamp")
        return {name: getattr(self, name) for name in names}


def _chat(prompt: int, completion: int, **details: int) -> dict[str, Any]:
    inputs = {name: details[name] for name in ("cached_tokens", "cache_write_tokens") if name in details}
    outputs = {name: details[name] for name in ("reasoning_tokens",) if name in details}
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": inputs,
        "completion_tokens_details": outputs,
    }


def _messages(inputs: int, output: int, **more: Any) -> dict[str, Any]:
    return {"input_tokens": inputs, "output_tokens": output, **more}


OPENAI = {
    "chat with cached tokens, priced by the snapshot that answered": Shape(
        provider="openai",
        model="gpt-4o",
        api="chat.completions",
        usage=_chat(2006, 300, cached_tokens=1920),
        response={"model": "gpt-4o-2024-08-06", "service_tier": "default"},
        components={
            "input": 86 * D("0.0000025"),
            "cache_read": 1920 * D("0.00000125"),
            "output": 300 * D("0.00001"),
        },
    ),
    "reasoning stands apart at the output rate": Shape(
        provider="openai",
        model="gpt-5",
        api="responses",
        usage={
            "input_tokens": 1000,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": 800,
            "output_tokens_details": {"reasoning_tokens": 600},
            "total_tokens": 1800,
        },
        components={
            "input": 1000 * D("0.00000125"),
            "output": 200 * D("0.00001"),
            "reasoning": 600 * D("0.00001"),
        },
    ),
    "the served tier beats the requested one": Shape(
        provider="openai",
        model="gpt-5",
        api="chat.completions",
        usage=_chat(1000, 100),
        response={"service_tier": "default"},
        request={"tier": "priority"},
        components={"input": 1000 * D("0.00000125"), "output": 100 * D("0.00001")},
    ),
    "flex": Shape(
        provider="openai",
        model="gpt-5",
        api="chat.completions",
        usage=_chat(1000, 100, cached_tokens=400),
        response={"service_tier": "flex"},
        components={
            "input": 600 * D("0.000000625"),
            "cache_read": 400 * D("0.0000000625"),
            "output": 100 * D("0.000005"),
        },
    ),
    "priority": Shape(
        provider="openai",
        model="gpt-5",
        api="chat.completions",
        usage=_chat(1000, 100, reasoning_tokens=40),
        response={"service_tier": "priority"},
        components={
            "input": 1000 * D("0.0000025"),
            "output": 60 * D("0.00002"),
            "reasoning": 40 * D("0.00002"),
        },
    ),
    "batch by the request": Shape(
        provider="openai",
        model="gpt-4o",
        api="chat.completions",
        usage=_chat(1000, 100),
        request={"batch": True},
        components={"input": 1000 * D("0.00000125"), "output": 100 * D("0.000005")},
    ),
    "exactly at the cliff the base rates hold": Shape(
        provider="openai",
        model="gpt-5.5",
        api="chat.completions",
        usage=_chat(272_000, 10),
        components={"input": 272_000 * D("0.000005"), "output": 10 * D("0.00003")},
    ),
    "beyond the cliff the whole request is repriced, cache included": Shape(
        provider="openai",
        model="gpt-5.5",
        api="chat.completions",
        usage=_chat(272_001, 10, cached_tokens=272_000),
        components={
            "input": 1 * D("0.00001"),
            "cache_read": 272_000 * D("0.000001"),
            "output": 10 * D("0.000045"),
        },
    ),
    "cliff and flex together": Shape(
        provider="openai",
        model="gpt-5.5",
        api="chat.completions",
        usage=_chat(300_000, 10),
        response={"service_tier": "flex"},
        components={"input": 300_000 * D("0.000005"), "output": 10 * D("0.0000225")},
    ),
    "cache writes have their price from GPT-5.6 on": Shape(
        provider="openai",
        model="gpt-5.6-sol",
        api="responses",
        usage={
            "input_tokens": 5000,
            "input_tokens_details": {"cached_tokens": 1000, "cache_write_tokens": 3500},
            "output_tokens": 10,
        },
        components={
            "input": 500 * D("0.000004"),
            "cache_read": 1000 * D("0.0000004"),
            "cache_write_5m": 3500 * D("0.000005"),
            "output": 10 * D("0.00002"),
        },
    ),
    "cache writes before GPT-5.6 are plain input": Shape(
        provider="openai",
        model="gpt-5",
        api="chat.completions",
        usage=_chat(2000, 1, cache_write_tokens=1500),
        components={
            "input": 500 * D("0.00000125"),
            "cache_write_5m": 1500 * D("0.00000125"),
            "output": 1 * D("0.00001"),
        },
    ),
    "data residency in Europe": Shape(
        provider="openai",
        model="gpt-5.5",
        api="chat.completions",
        usage=_chat(1000, 100),
        request={"api_base": "https://eu.api.openai.com/v1"},
        components={"input": 1000 * D("0.0000055"), "output": 100 * D("0.000033")},
    ),
    "web and file searches": Shape(
        provider="openai",
        model="gpt-5",
        api="responses",
        usage={"input_tokens": 100, "output_tokens": 10},
        response={
            "output": [
                {"type": "web_search_call", "action": {"type": "search"}},
                {"type": "web_search_call", "action": {"type": "open_page"}},
                {"type": "file_search_call"},
                {"type": "file_search_call"},
            ]
        },
        components={
            "input": 100 * D("0.00000125"),
            "output": 10 * D("0.00001"),
            "tool": 1 * D("0.01") + 2 * D("0.0025"),
        },
    ),
    "a search without a price leaves no total": Shape(
        provider="openai",
        model="o3-deep-research",
        api="responses",
        usage={"input_tokens": 100, "output_tokens": 10},
        response={"output": [{"type": "web_search_call", "action": {"type": "search"}}]},
        components={"input": 100 * D("0.00001"), "output": 10 * D("0.00004")},
        status="unpriced",
        reason="no price for web_search",
    ),
    "audio in and out": Shape(
        provider="openai",
        model="gpt-audio",
        api="chat.completions",
        usage={
            "prompt_tokens": 150,
            "completion_tokens": 90,
            "prompt_tokens_details": {"audio_tokens": 100},
            "completion_tokens_details": {"audio_tokens": 70},
        },
        components={
            "input": 50 * D("0.0000025"),
            "audio_input": 100 * D("0.000032"),
            "output": 20 * D("0.00001"),
            "audio_output": 70 * D("0.000064"),
        },
    ),
    "realtime with cached audio": Shape(
        provider="openai",
        model="gpt-realtime",
        api="realtime",
        usage={
            "input_tokens": 800,
            "output_tokens": 200,
            "input_token_details": {
                "audio_tokens": 500,
                "cached_tokens": 384,
                "cached_tokens_details": {"text_tokens": 128, "audio_tokens": 256},
            },
            "output_token_details": {"text_tokens": 50, "audio_tokens": 150},
        },
        components={
            "input": 172 * D("0.000004"),
            "cache_read": 128 * D("0.0000004") + 256 * D("0.0000004"),
            "audio_input": 244 * D("0.000032"),
            "output": 50 * D("0.000016"),
            "audio_output": 150 * D("0.000064"),
        },
    ),
    "images": Shape(
        provider="openai",
        model="gpt-image-1",
        api="images.generations",
        usage={
            "input_tokens": 50,
            "input_tokens_details": {"text_tokens": 10, "image_tokens": 40},
            "output_tokens": 4160,
        },
        components={
            "input": 10 * D("0.000005"),
            "image_input": 40 * D("0.00001"),
            "image_output": 4160 * D("0.00004"),
        },
    ),
    "transcription by the second": Shape(
        provider="openai",
        model="whisper-1",
        api="audio.transcriptions",
        usage={"type": "duration", "seconds": 12.5},
        components={"audio_input": D("12.5") * D("0.0001")},
    ),
    "embeddings": Shape(
        provider="openai",
        model="text-embedding-3-small",
        api="embeddings",
        usage={"prompt_tokens": 8, "total_tokens": 8},
        components={"input": 8 * D("0.00000002")},
    ),
    "a fine-tuned model bills at its base": Shape(
        provider="openai",
        model="ft:gpt-4o-mini-2024-07-18:acme::A1b2",
        api="chat.completions",
        usage=_chat(1000, 100),
        components={"input": 1000 * D("0.0000003"), "output": 100 * D("0.0000012")},
    ),
    "an unknown snapshot of a known model is priced as requested": Shape(
        provider="openai",
        model="gpt-4o",
        api="chat.completions",
        usage=_chat(1000, 100),
        response={"model": "gpt-4o-2031-01-31"},
        components={"input": 1000 * D("0.0000025"), "output": 100 * D("0.00001")},
        reason="priced as gpt-4o, of which gpt-4o-2031-01-31 is a dated snapshot",
    ),
    "another model than the requested one is never priced as requested": Shape(
        provider="openai",
        model="gpt-4o",
        api="chat.completions",
        usage=_chat(1000, 100),
        response={"model": "gpt-4o-turbo-ultra"},
        status="unpriced",
        reason="model gpt-4o-turbo-ultra is not in the price book of openai",
    ),
    "prepaid capacity has no list price": Shape(
        provider="openai",
        model="gpt-5",
        api="chat.completions",
        usage=_chat(1000, 100),
        response={"service_tier": "scale"},
        status="unpriced",
        reason="no list price for the tier scale",
    ),
    "a tier the model is not sold at": Shape(
        provider="openai",
        model="gpt-audio",
        api="chat.completions",
        usage=_chat(1000, 0),
        response={"service_tier": "flex"},
        status="unpriced",
        reason="no price for input",
    ),
}

ANTHROPIC = {
    "cache writes by time to live": Shape(
        provider="anthropic",
        model="claude-sonnet-4-5",
        api="messages",
        usage=_messages(
            10,
            50,
            cache_read_input_tokens=5000,
            cache_creation_input_tokens=300,
            cache_creation={"ephemeral_5m_input_tokens": 100, "ephemeral_1h_input_tokens": 200},
        ),
        components={
            "input": 10 * D("0.000003"),
            "cache_read": 5000 * D("0.0000003"),
            "cache_write_5m": 100 * D("0.00000375"),
            "cache_write_1h": 200 * D("0.000006"),
            "output": 50 * D("0.000015"),
        },
    ),
    "a cache write without a time to live": Shape(
        provider="anthropic",
        model="claude-sonnet-4-5-20250929",
        api="messages",
        usage=_messages(10, 50, cache_creation_input_tokens=300),
        components={
            "input": 10 * D("0.000003"),
            "cache_write_5m": 300 * D("0.00000375"),
            "output": 50 * D("0.000015"),
        },
    ),
    "batch halves everything, one-hour writes included": Shape(
        provider="anthropic",
        model="claude-sonnet-4-5",
        api="messages",
        usage=_messages(
            10,
            50,
            service_tier="batch",
            cache_creation_input_tokens=200,
            cache_creation={"ephemeral_1h_input_tokens": 200},
        ),
        components={
            "input": 10 * D("0.0000015"),
            "cache_write_1h": 200 * D("0.000003"),
            "output": 50 * D("0.0000075"),
        },
    ),
    "fast mode multiplies every token": Shape(
        provider="anthropic",
        model="claude-opus-4-8",
        api="messages",
        usage=_messages(10, 50, speed="fast", cache_read_input_tokens=1000),
        components={
            "input": 10 * D("0.00001"),
            "cache_read": 1000 * D("0.000001"),
            "output": 50 * D("0.00005"),
        },
    ),
    "fast mode without a published factor": Shape(
        provider="anthropic",
        model="claude-sonnet-4-5",
        api="messages",
        usage=_messages(10, 0, speed="fast"),
        status="unpriced",
        reason="no price for input",
    ),
    "inference in the United States": Shape(
        provider="anthropic",
        model="claude-opus-4-8",
        api="messages",
        usage=_messages(10, 50, inference_geo="us"),
        components={"input": 10 * D("0.0000055"), "output": 50 * D("0.0000275")},
    ),
    "fast mode in the United States": Shape(
        provider="anthropic",
        model="claude-opus-4-8",
        api="messages",
        usage=_messages(10, 50, inference_geo="us", speed="fast"),
        components={"input": 10 * D("0.000011"), "output": 50 * D("0.000055")},
    ),
    "inference anywhere": Shape(
        provider="anthropic",
        model="claude-opus-4-8",
        api="messages",
        usage=_messages(10, 50, inference_geo="global", speed="standard"),
        components={"input": 10 * D("0.000005"), "output": 50 * D("0.000025")},
    ),
    "web searches": Shape(
        provider="anthropic",
        model="claude-sonnet-4-5",
        api="messages",
        usage=_messages(10, 50, server_tool_use={"web_search_requests": 3}),
        components={"input": 10 * D("0.000003"), "output": 50 * D("0.000015"), "tool": 3 * D("0.01")},
    ),
    "beyond the cliff with one-hour writes": Shape(
        provider="anthropic",
        model="claude-haiku-5-5",
        api="messages",
        usage=_messages(
            50_000,
            50,
            cache_creation_input_tokens=60_000,
            cache_creation={"ephemeral_1h_input_tokens": 60_000},
        ),
        components={
            "input": 50_000 * D("0.0000005"),
            "cache_write_1h": 60_000 * D("0.000001"),
            "output": 50 * D("0.0000025"),
        },
    ),
    "each sampling of a fallback at its own model": Shape(
        provider="anthropic",
        model="claude-sonnet-4-5",
        api="messages",
        response={"model": "claude-opus-4-8"},
        usage=_messages(
            100,
            10,
            iterations=[
                {"type": "message", "model": "claude-sonnet-4-5", "input_tokens": 100, "output_tokens": 1},
                {"type": "fallback_message", "model": "claude-opus-4-8", "input_tokens": 100, "output_tokens": 10},
            ],
        ),
        components={
            "input": 100 * D("0.000003") + 100 * D("0.000005"),
            "output": 1 * D("0.000015") + 10 * D("0.000025"),
        },
    ),
    "compaction is billed beside the message": Shape(
        provider="anthropic",
        model="claude-sonnet-4-5",
        api="messages",
        usage=_messages(
            23_000,
            1000,
            iterations=[
                {"type": "compaction", "input_tokens": 180_000, "output_tokens": 3500},
                {"type": "message", "input_tokens": 23_000, "output_tokens": 1000},
            ],
        ),
        components={"input": 203_000 * D("0.000003"), "output": 4500 * D("0.000015")},
    ),
    "priority is committed capacity": Shape(
        provider="anthropic",
        model="claude-sonnet-4-5",
        api="messages",
        usage=_messages(10, 50, service_tier="priority"),
        status="unpriced",
        reason="no price for input; no price for output",
    ),
    "a model name with a client's suffix is unknown": Shape(
        provider="anthropic",
        model="claude-opus-4-8[1m]",
        api="messages",
        usage=_messages(10, 50),
        status="unpriced",
        reason="model claude-opus-4-8[1m] is not in the price book of anthropic",
    ),
    "counting tokens is free": Shape(
        provider="anthropic",
        model="claude-sonnet-4-5",
        api="messages.count_tokens",
        usage={"input_tokens": 2095},
        status="free",
    ),
}

GEMINI = {
    "thoughts and cached tokens": Shape(
        provider="gcp.gemini",
        model="gemini-2.5-pro",
        api="generateContent",
        usage={
            "promptTokenCount": 1000,
            "cachedContentTokenCount": 600,
            "candidatesTokenCount": 50,
            "thoughtsTokenCount": 20,
            "totalTokenCount": 1070,
        },
        response={"modelVersion": "gemini-2.5-pro"},
        components={
            "input": 400 * D("0.00000125"),
            "cache_read": 600 * D("0.000000125"),
            "output": 50 * D("0.00001"),
            "reasoning": 20 * D("0.00001"),
        },
    ),
    "the resource name of a model": Shape(
        provider="gemini",
        model="models/gemini-2.5-pro",
        api="streamGenerateContent",
        usage={"promptTokenCount": 10, "candidatesTokenCount": 5, "totalTokenCount": 15},
        components={"input": 10 * D("0.00000125"), "output": 5 * D("0.00001")},
    ),
    "beyond the cliff": Shape(
        provider="gemini",
        model="gemini-2.5-pro",
        api="generateContent",
        usage={
            "promptTokenCount": 200_001,
            "cachedContentTokenCount": 1000,
            "candidatesTokenCount": 50,
            "totalTokenCount": 200_051,
        },
        components={
            "input": 199_001 * D("0.0000025"),
            "cache_read": 1000 * D("0.00000025"),
            "output": 50 * D("0.000015"),
        },
    ),
    "batch beyond the cliff is half of the standard price": Shape(
        provider="gemini",
        model="gemini-2.5-pro",
        api="batchGenerateContent",
        usage={"promptTokenCount": 300_000, "candidatesTokenCount": 50, "totalTokenCount": 300_050},
        components={"input": 300_000 * D("0.00000125"), "output": 50 * D("0.0000075")},
    ),
    "audio in, with its cached part": Shape(
        provider="gemini",
        model="gemini-2.5-flash",
        api="generateContent",
        usage={
            "promptTokenCount": 1000,
            "promptTokensDetails": [
                {"modality": "TEXT", "tokenCount": 600},
                {"modality": "AUDIO", "tokenCount": 400},
            ],
            "cachedContentTokenCount": 500,
            "cacheTokensDetails": [
                {"modality": "AUDIO", "tokenCount": 350},
                {"modality": "TEXT", "tokenCount": 150},
            ],
            "candidatesTokenCount": 10,
            "totalTokenCount": 1010,
        },
        components={
            "input": 450 * D("0.0000003"),
            "cache_read": 150 * D("0.00000003") + 350 * D("0.0000001"),
            "audio_input": 50 * D("0.000001"),
            "output": 10 * D("0.0000025"),
        },
    ),
    "audio at a model with one price for all input": Shape(
        provider="gemini",
        model="gemini-2.5-pro",
        api="generateContent",
        usage={
            "promptTokenCount": 100,
            "promptTokensDetails": [{"modality": "AUDIO", "tokenCount": 90}],
            "candidatesTokenCount": 1,
            "totalTokenCount": 101,
        },
        components={
            "input": 10 * D("0.00000125"),
            "audio_input": 90 * D("0.00000125"),
            "output": 1 * D("0.00001"),
        },
    ),
    "an image written": Shape(
        provider="gemini",
        model="gemini-2.5-flash-image",
        api="generateContent",
        usage={
            "promptTokenCount": 10,
            "candidatesTokenCount": 1300,
            "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 1290}],
            "totalTokenCount": 1310,
        },
        components={
            "input": 10 * D("0.0000003"),
            "output": 10 * D("0.0000025"),
            "image_output": 1290 * D("0.00003"),
        },
    ),
    "grounding at Gemini 2.5 is one fee a request": Shape(
        provider="gemini",
        model="gemini-2.5-pro",
        api="generateContent",
        usage={"promptTokenCount": 10, "candidatesTokenCount": 5, "totalTokenCount": 15},
        response={"candidates": [{"groundingMetadata": {"webSearchQueries": ["a", "b"]}}]},
        components={"input": 10 * D("0.00000125"), "output": 5 * D("0.00001"), "tool": 1 * D("0.035")},
    ),
    "grounding at Gemini 3 is a fee a query": Shape(
        provider="gemini",
        model="gemini-3.1-pro-preview",
        api="generateContent",
        usage={"promptTokenCount": 10, "candidatesTokenCount": 5, "totalTokenCount": 15},
        response={"candidates": [{"groundingMetadata": {"webSearchQueries": ["a", "b"]}}]},
        components={"input": 10 * D("0.000002"), "output": 5 * D("0.000012"), "tool": 2 * D("0.014")},
    ),
    "priority traffic at Vertex AI": Shape(
        provider="gcp.vertex_ai",
        model="gemini-2.5-pro",
        api="generateContent",
        usage={
            "promptTokenCount": 10,
            "candidatesTokenCount": 5,
            "totalTokenCount": 15,
            "trafficType": "ON_DEMAND_PRIORITY",
        },
        components={"input": 10 * D("0.00000225"), "output": 5 * D("0.000018")},
    ),
    "a regional endpoint of Vertex AI": Shape(
        provider="vertex_ai",
        model="claude-haiku-4-5",
        api="messages",
        usage=_messages(1000, 100),
        response={"model": "claude-haiku-4-5-20251001"},
        request={"api_base": "https://us-east5-aiplatform.googleapis.com"},
        components={"input": 1000 * D("0.0000011"), "output": 100 * D("0.0000055")},
    ),
    "flex at a model that is not sold at flex": Shape(
        provider="gemini",
        model="gemini-2.5-computer-use-preview-10-2025",
        api="generateContent",
        usage={
            "promptTokenCount": 10,
            "candidatesTokenCount": 5,
            "totalTokenCount": 15,
            "serviceTier": "flex",
        },
        status="unpriced",
        reason="no price for input; no price for output",
    ),
    "embeddings": Shape(
        provider="gemini",
        model="gemini-embedding-001",
        api="embedContent",
        usage={"promptTokenCount": 9},
        components={"input": 9 * D("0.00000015")},
    ),
    "counting tokens is free": Shape(
        provider="gemini", model="gemini-2.5-pro", api="countTokens", usage={"totalTokens": 31}, status="free"
    ),
}

OTHERS = {
    "xAI states what it billed": Shape(
        provider="x_ai",
        model="grok-4.3",
        api="chat.completions",
        usage={**_chat(100, 10), "cost_in_usd_ticks": 37_756_000},
        components={"provider_stated": D(37_756_000) / D(10**10)},
        status="provider_stated",
    ),
    "OpenRouter states what it billed, without a list price": Shape(
        provider="openrouter",
        model="openai/gpt-5",
        api="chat.completions",
        usage={
            **_chat(194, 2),
            "cost": 0.00014,
            "is_byok": False,
            "cost_details": {"upstream_inference_cost": 0.00013},
        },
        components={"provider_stated": D("0.00014")},
        status="provider_stated",
    ),
    "OpenRouter with the user's own key: its fee and the provider's bill": Shape(
        provider="openrouter",
        model="openai/gpt-5",
        api="chat.completions",
        usage={
            **_chat(194, 2),
            "cost": 0.0005,
            "is_byok": True,
            "cost_details": {"upstream_inference_cost": 0.01},
        },
        components={"provider_stated": D("0.0005") + D("0.01")},
        status="provider_stated",
    ),
    "Perplexity states what it billed": Shape(
        provider="perplexity",
        model="sonar-pro",
        api="chat.completions",
        usage={**_chat(8, 400), "cost": {"input_tokens_cost": 0.00002, "total_cost": 0.01203}},
        components={"provider_stated": D("0.01203")},
        status="provider_stated",
    ),
    "Perplexity without a statement: tokens and the request's fee by its search context": Shape(
        provider="perplexity",
        model="sonar-pro",
        api="chat.completions",
        usage={**_chat(8, 400), "search_context_size": "low"},
        components={"input": 8 * D("0.000003"), "output": 400 * D("0.000015"), "tool": 1 * D("0.006")},
    ),
    "a statement in another currency": Shape(
        provider="perplexity",
        model="sonar-pro",
        api="chat.completions",
        usage={**_chat(8, 400), "cost": {"total_cost": 0.01203, "currency": "EUR"}},
        status="unpriced",
        reason="the stated cost is not in USD",
    ),
    "a statement that is no amount": Shape(
        provider="openrouter",
        model="openai/gpt-5",
        api="chat.completions",
        usage={**_chat(8, 400), "cost": "0.01"},
        status="unpriced",
        reason="the stated cost is not an amount of money",
    ),
    "a statement beyond belief falls back to the list, flagged": Shape(
        provider="perplexity",
        model="sonar-pro",
        api="chat.completions",
        usage={**_chat(0, 400), "search_context_size": "low", "cost": {"total_cost": 5000}},
        components={"output": 400 * D("0.000015"), "tool": 1 * D("0.006")},
        reason="the provider states 5000 USD, beyond belief against a list price of 0.012 USD",
    ),
    "a cost in a usage object of a seller that documents none is ignored": Shape(
        provider="openai",
        model="gpt-4o",
        api="chat.completions",
        usage={**_chat(1000, 100), "cost": 99},
        components={"input": 1000 * D("0.0000025"), "output": 100 * D("0.00001")},
    ),
    "DeepSeek at peak": Shape(
        provider="deepseek",
        model="deepseek-v4-flash",
        api="chat.completions",
        usage={"prompt_tokens": 1000, "completion_tokens": 20, "prompt_cache_hit_tokens": 896},
        timestamp="2026-10-14T08:00:00Z",  # a Wednesday
        components={
            "input": 104 * D("0.0000003"),
            "cache_read": 896 * D("0.000000006"),
            "output": 20 * D("0.0000012"),
        },
    ),
    "DeepSeek off peak": Shape(
        provider="deepseek",
        model="deepseek-v4-flash",
        api="chat.completions",
        usage={"prompt_tokens": 1000, "completion_tokens": 20, "prompt_cache_hit_tokens": 896},
        timestamp="2026-10-14T05:00:00Z",
        components={
            "input": 104 * D("0.00000015"),
            "cache_read": 896 * D("0.000000003"),
            "output": 20 * D("0.0000006"),
        },
    ),
    "DeepSeek without a time: the base rates": Shape(
        provider="deepseek",
        model="deepseek-v4-flash",
        api="chat.completions",
        usage={"prompt_tokens": 1000, "completion_tokens": 20, "prompt_cache_hit_tokens": 0},
        components={"input": 1000 * D("0.0000003"), "output": 20 * D("0.0000012")},
    ),
    "a tiered table prices the whole request at one tier": Shape(
        provider="dashscope",
        model="qwen-flash",
        api="chat.completions",
        usage=_chat(256_001, 10),
        components={"input": 256_001 * D("0.00000025"), "output": 10 * D("0.000002")},
    ),
    "Bedrock beyond the cliff": Shape(
        provider="aws.bedrock",
        model="anthropic.claude-sonnet-4-5-20250929-v1:0",
        api="converse",
        usage={
            "inputTokens": 100_000,
            "outputTokens": 20,
            "cacheReadInputTokens": 100_000,
            "cacheWriteInputTokens": 300,
            "cacheDetails": [{"ttl": "1h", "inputTokens": 200}, {"ttl": "5m", "inputTokens": 100}],
        },
        components={
            "input": 100_000 * D("0.000006"),
            "cache_read": 100_000 * D("0.0000006"),
            "cache_write_5m": 100 * D("0.0000075"),
            "cache_write_1h": 200 * D("0.000012"),
            "output": 20 * D("0.0000225"),
        },
    ),
    "Azure sells under its own keys": Shape(
        provider="azure.ai.openai",
        model="gpt-5",
        api="chat.completions",
        usage=_chat(1000, 100, cached_tokens=400),
        components={
            "input": 600 * D("0.00000125"),
            "cache_read": 400 * D("0.000000125"),
            "output": 100 * D("0.00001"),
        },
    ),
    "litellm's spelling of a model": Shape(
        provider="xai",
        model="xai/grok-4.3",
        api="chat.completions",
        usage=_chat(1000, 100),
        components={"input": 1000 * D("0.00000125"), "output": 100 * D("0.0000025")},
    ),
    "an unknown seller": Shape(
        provider="acme",
        model="gpt-4o",
        api="chat.completions",
        usage=_chat(1, 1),
        status="unpriced",
        reason="model gpt-4o is not in the price book of acme",
    ),
    "inconsistent usage": Shape(
        provider="openai",
        model="gpt-4o",
        api="chat.completions",
        usage=_chat(800, 1, cached_tokens=900),
        status="unpriced",
        reason="cached_tokens 900 exceeds prompt_tokens 800",
    ),
    "an absurd quantity": Shape(
        provider="openai",
        model="gpt-4o",
        api="chat.completions",
        usage=_chat(10**12, 1),
        status="unpriced",
        reason="a quantity beyond 1000000000 is no usage of one call",
    ),
}

SHAPES = {
    f"{group}: {name}": shape
    for group, shapes in (("openai", OPENAI), ("anthropic", ANTHROPIC), ("gemini", GEMINI), ("others", OTHERS))
    for name, shape in shapes.items()
}
