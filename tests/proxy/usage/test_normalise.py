"""Every wire shape in one table: the usage object as the provider sends it, and the disjoint quantities it means."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.call import Usage
from proxy.usage import FREE_OPERATIONS, normalise, reduced, samplings
from proxy.usage.normalise import READERS

SHAPES: dict[str, tuple[str, dict[str, Any], Usage]] = {
    "chat: cached tokens are inside the prompt, reasoning inside the completion": (
        "chat.completions",
        {
            "prompt_tokens": 2006,
            "completion_tokens": 300,
            "total_tokens": 2306,
            "prompt_tokens_details": {"cached_tokens": 1920, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 64, "rejected_prediction_tokens": 10},
        },
        Usage(input_tokens=86, cache_read_tokens=1920, output_tokens=236, reasoning_tokens=64),
    ),
    "chat: details may be null": (
        "chat.completions",
        {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10, "prompt_tokens_details": None},
        Usage(input_tokens=7, output_tokens=3),
    ),
    "chat: cache writes are inside the prompt": (
        "chat.completions",
        {
            "prompt_tokens": 5000,
            "completion_tokens": 10,
            "prompt_tokens_details": {"cached_tokens": 1000, "cache_write_tokens": 3500},
        },
        Usage(input_tokens=500, cache_read_tokens=1000, cache_write_5m_tokens=3500, output_tokens=10),
    ),
    "chat: audio in and out": (
        "chat.completions",
        {
            "prompt_tokens": 150,
            "completion_tokens": 90,
            "prompt_tokens_details": {"audio_tokens": 100},
            "completion_tokens_details": {"audio_tokens": 70},
        },
        Usage(input_tokens=50, audio_input_tokens=100, output_tokens=20, audio_output_tokens=70),
    ),
    "chat: cached tokens beyond the text can only be audio": (
        "chat.completions",
        {
            "prompt_tokens": 150,
            "completion_tokens": 1,
            "prompt_tokens_details": {"audio_tokens": 100, "cached_tokens": 80},
        },
        Usage(
            cache_read_tokens=80,
            audio_input_tokens=70,
            output_tokens=1,
            other=(("cache_read_audio_tokens", 30),),
        ),
    ),
    "DeepSeek: hits and misses": (
        "chat.completions",
        {
            "prompt_tokens": 1000,
            "completion_tokens": 20,
            "prompt_cache_hit_tokens": 896,
            "prompt_cache_miss_tokens": 104,
        },
        Usage(input_tokens=104, cache_read_tokens=896, output_tokens=20),
    ),
    "Moonshot: cached tokens at the top": (
        "chat.completions",
        {"prompt_tokens": 100, "completion_tokens": 5, "cached_tokens": 60},
        Usage(input_tokens=40, cache_read_tokens=60, output_tokens=5),
    ),
    "reasoning on top of the completion is told by the total": (
        "chat.completions",
        {
            "prompt_tokens": 100,
            "completion_tokens": 10,
            "total_tokens": 160,
            "completion_tokens_details": {"reasoning_tokens": 50},
        },
        Usage(input_tokens=100, output_tokens=10, reasoning_tokens=50),
    ),
    "responses: cached, written and reasoning tokens are inside": (
        "responses",
        {
            "input_tokens": 4000,
            "input_tokens_details": {"cached_tokens": 2000, "cache_write_tokens": 1500},
            "output_tokens": 800,
            "output_tokens_details": {"reasoning_tokens": 600},
            "total_tokens": 4800,
        },
        Usage(
            input_tokens=500,
            cache_read_tokens=2000,
            cache_write_5m_tokens=1500,
            output_tokens=200,
            reasoning_tokens=600,
        ),
    ),
    "embeddings": ("embeddings", {"prompt_tokens": 8, "total_tokens": 8}, Usage(input_tokens=8)),
    "transcription by tokens": (
        "audio.transcriptions",
        {
            "type": "tokens",
            "input_tokens": 120,
            "input_token_details": {"audio_tokens": 110, "text_tokens": 10},
            "output_tokens": 30,
            "total_tokens": 150,
        },
        Usage(input_tokens=10, audio_input_tokens=110, output_tokens=30),
    ),
    "transcription by duration": (
        "audio.transcriptions",
        {"type": "duration", "seconds": 12.5},
        Usage(other=(("audio_input_milliseconds", 12500),)),
    ),
    "images: all output is image": (
        "images.generations",
        {
            "input_tokens": 50,
            "input_tokens_details": {"text_tokens": 10, "image_tokens": 40},
            "output_tokens": 4160,
            "total_tokens": 4210,
        },
        Usage(input_tokens=10, image_input_tokens=40, image_output_tokens=4160),
    ),
    "realtime: cached audio is told apart": (
        "realtime",
        {
            "total_tokens": 1000,
            "input_tokens": 800,
            "output_tokens": 200,
            "input_token_details": {
                "text_tokens": 300,
                "audio_tokens": 500,
                "cached_tokens": 384,
                "cached_tokens_details": {"text_tokens": 128, "audio_tokens": 256},
            },
            "output_token_details": {"text_tokens": 50, "audio_tokens": 150},
        },
        Usage(
            input_tokens=172,
            cache_read_tokens=384,
            audio_input_tokens=244,
            output_tokens=50,
            audio_output_tokens=150,
            other=(("cache_read_audio_tokens", 256),),
        ),
    ),
    "batch of embeddings": ("batch", {"prompt_tokens": 8, "total_tokens": 8}, Usage(input_tokens=8)),
    "batch of responses": ("batch", {"input_tokens": 8, "output_tokens": 2}, Usage(input_tokens=8, output_tokens=2)),
    "messages: input leaves out both cache quantities": (
        "messages",
        {
            "input_tokens": 10,
            "cache_creation_input_tokens": 300,
            "cache_read_input_tokens": 5000,
            "cache_creation": {"ephemeral_5m_input_tokens": 100, "ephemeral_1h_input_tokens": 200},
            "output_tokens": 50,
        },
        Usage(
            input_tokens=10,
            cache_read_tokens=5000,
            cache_write_5m_tokens=100,
            cache_write_1h_tokens=200,
            output_tokens=50,
        ),
    ),
    "messages: a cache write without a time to live is five minutes": (
        "messages",
        {"input_tokens": 1, "cache_creation_input_tokens": 300, "output_tokens": 2},
        Usage(input_tokens=1, cache_write_5m_tokens=300, output_tokens=2),
    ),
    "messages: thinking is inside output": (
        "messages",
        {"input_tokens": 1, "output_tokens": 100, "output_tokens_details": {"thinking_tokens": 80}},
        Usage(input_tokens=1, output_tokens=20, reasoning_tokens=80),
    ),
    "messages: searches are counted, fetches are free": (
        "messages",
        {
            "input_tokens": 1,
            "output_tokens": 2,
            "server_tool_use": {"web_search_requests": 3, "web_fetch_requests": 4},
        },
        Usage(input_tokens=1, output_tokens=2, other=(("web_search", 3),)),
    ),
    "messages: compaction is outside the top-level quantities": (
        "messages",
        {
            "input_tokens": 23000,
            "output_tokens": 1000,
            "iterations": [
                {"type": "compaction", "input_tokens": 180000, "output_tokens": 3500},
                {"type": "message", "input_tokens": 23000, "output_tokens": 1000},
            ],
        },
        Usage(input_tokens=203000, output_tokens=4500),
    ),
    "gemini: cached inside the prompt, thoughts outside the candidates": (
        "generateContent",
        {
            "promptTokenCount": 1000,
            "cachedContentTokenCount": 600,
            "candidatesTokenCount": 50,
            "thoughtsTokenCount": 20,
            "totalTokenCount": 1070,
        },
        Usage(input_tokens=400, cache_read_tokens=600, output_tokens=50, reasoning_tokens=20),
    ),
    "gemini: thoughts inside the candidates are told by the total": (
        "streamGenerateContent",
        {
            "promptTokenCount": 1000,
            "candidatesTokenCount": 70,
            "thoughtsTokenCount": 20,
            "totalTokenCount": 1070,
        },
        Usage(input_tokens=1000, output_tokens=50, reasoning_tokens=20),
    ),
    "gemini: absent numbers are zeros": (
        "generateContent",
        {"promptTokenCount": 12, "totalTokenCount": 12},
        Usage(input_tokens=12),
    ),
    "gemini: audio, images and their cached parts": (
        "generateContent",
        {
            "promptTokenCount": 1000,
            "promptTokensDetails": [
                {"modality": "TEXT", "tokenCount": 300},
                {"modality": "AUDIO", "tokenCount": 400},
                {"modality": "IMAGE", "tokenCount": 258},
                {"modality": "VIDEO", "tokenCount": 42},
            ],
            "cachedContentTokenCount": 500,
            "cacheTokensDetails": [
                {"modality": "AUDIO", "tokenCount": 350},
                {"modality": "TEXT", "tokenCount": 150},
            ],
            "candidatesTokenCount": 1300,
            "candidatesTokensDetails": [
                {"modality": "IMAGE", "tokenCount": 1290},
                {"modality": "TEXT", "tokenCount": 10},
            ],
            "totalTokenCount": 2300,
        },
        Usage(
            input_tokens=192,
            cache_read_tokens=500,
            audio_input_tokens=50,
            image_input_tokens=258,
            output_tokens=10,
            image_output_tokens=1290,
            other=(("cache_read_audio_tokens", 350),),
        ),
    ),
    "gemini: tool use is input beside the prompt": (
        "generateContent",
        {
            "promptTokenCount": 100,
            "toolUsePromptTokenCount": 900,
            "candidatesTokenCount": 5,
            "totalTokenCount": 1005,
        },
        Usage(input_tokens=1000, output_tokens=5),
    ),
    "gemini: embeddings": ("embedContent", {"promptTokenCount": 9}, Usage(input_tokens=9)),
    "converse: input leaves out the cache, details split it": (
        "converse",
        {
            "inputTokens": 10,
            "outputTokens": 20,
            "totalTokens": 1330,
            "cacheReadInputTokens": 1000,
            "cacheWriteInputTokens": 300,
            "cacheDetails": [{"ttl": "1h", "inputTokens": 200}, {"ttl": "5m", "inputTokens": 100}],
        },
        Usage(
            input_tokens=10,
            cache_read_tokens=1000,
            cache_write_5m_tokens=100,
            cache_write_1h_tokens=200,
            output_tokens=20,
        ),
    ),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_usage_object_is_split_into_disjoint_quantities(shape: str) -> None:
    api, usage, expected = SHAPES[shape]
    result = normalise(api=api, usage=usage, response={})
    assert (result.usage, result.problems) == (expected, ())


UNSOUND: dict[str, tuple[str, dict[str, Any]]] = {
    "cached_tokens 900 exceeds prompt_tokens 800": (
        "chat.completions",
        {"prompt_tokens": 800, "completion_tokens": 1, "prompt_tokens_details": {"cached_tokens": 900}},
    ),
    "prompt_tokens is a string, not a count": ("chat.completions", {"prompt_tokens": "8", "completion_tokens": 1}),
    "completion_tokens is -1, not a count": ("chat.completions", {"prompt_tokens": 8, "completion_tokens": -1}),
    "prompt_tokens is 1.5, not a count": ("chat.completions", {"prompt_tokens": 1.5, "completion_tokens": 1}),
    "prompt_tokens is a boolean, not a count": ("embeddings", {"prompt_tokens": True}),
    "input_tokens is a number beyond 2**53, not a count": (
        "messages",
        {"input_tokens": 2**53 + 1, "output_tokens": 1},
    ),
    "prompt_tokens_details is an array, not an object": (
        "chat.completions",
        {"prompt_tokens": 1, "completion_tokens": 1, "prompt_tokens_details": []},
    ),
    "output_tokens is missing": ("messages", {"input_tokens": 5}),
    "the parts of completion_tokens exceed its 10 tokens": (
        "chat.completions",
        {"prompt_tokens": 1, "completion_tokens": 10, "completion_tokens_details": {"reasoning_tokens": 11}},
    ),
    "the parts of prompt_tokens exceed its 10 tokens": (
        "chat.completions",
        {"prompt_tokens": 10, "completion_tokens": 1, "prompt_tokens_details": {"audio_tokens": 11}},
    ),
    "cache_creation holds 30 tokens of 20": (
        "messages",
        {
            "input_tokens": 1,
            "output_tokens": 1,
            "cache_creation_input_tokens": 20,
            "cache_creation": {"ephemeral_1h_input_tokens": 30},
        },
    ),
    "promptTokenCount is missing": ("generateContent", {"serviceTier": "STANDARD"}),
    "no reader for this operation": ("videos", {"seconds": 3}),
}


@pytest.mark.parametrize("problem", UNSOUND)
def test_an_unsound_quantity_makes_the_usage_unknown_and_says_why(problem: str) -> None:
    api, usage = UNSOUND[problem]
    result = normalise(api=api, usage=usage, response={})
    assert (result.usage, result.problems[0]) == (None, problem)


def test_a_total_that_does_not_add_up_is_noted_and_the_parts_stand() -> None:
    usage = {"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 99}
    result = normalise(api="chat.completions", usage=usage, response={})
    assert result.usage == Usage(input_tokens=10, output_tokens=2)
    assert result.problems == ("total_tokens 99 is not the sum of its parts 12",)


def test_xai_adds_reasoning_on_top_where_no_total_tells() -> None:
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "completion_tokens_details": {"reasoning_tokens": 4}}
    result = normalise(api="chat.completions", usage=usage, response={}, provider="xai")
    assert result.usage == Usage(input_tokens=10, output_tokens=5, reasoning_tokens=4)


def test_perplexity_counts_a_search_for_each_request_or_query() -> None:
    plain: dict[str, Any] = {"prompt_tokens": 10, "completion_tokens": 5}
    queries: dict[str, Any] = {**plain, "num_search_queries": 7}
    found = [
        normalise(api="chat.completions", usage=usage, response={}, provider="perplexity").usage
        for usage in (plain, queries)
    ]
    assert [usage.other for usage in found if usage] == [(("web_search", 1),), (("web_search", 7),)]


RESPONSE_WITH_TOOLS = {
    "model": "gpt-5",
    "output": [
        {"type": "web_search_call", "action": {"type": "search", "query": "secret plans"}},
        {"type": "web_search_call", "action": {"type": "open_page", "url": "https://example.org"}},
        {"type": "web_search_call"},
        {"type": "file_search_call"},
        {"type": "code_interpreter_call", "container_id": "c1"},
        {"type": "code_interpreter_call", "container_id": "c1"},
        {"type": "function_call", "name": "f"},
    ],
}


def test_searches_are_counted_but_page_visits_are_not_and_a_container_counts_once() -> None:
    usage = {"input_tokens": 1, "output_tokens": 1}
    result = normalise(api="responses", usage=usage, response=RESPONSE_WITH_TOOLS)
    assert result.usage is not None
    assert dict(result.usage.other) == {"web_search": 2, "file_search": 1, "code_interpreter": 1}


def test_a_reduced_response_holds_no_content_and_means_the_same() -> None:
    usage = {"input_tokens": 1, "output_tokens": 1}
    kept = reduced(RESPONSE_WITH_TOOLS)
    assert kept == {
        "model": "gpt-5",
        "web_search_calls": 2,
        "file_search_calls": 1,
        "code_interpreter_calls": 1,
    }
    whole = normalise(api="responses", usage=usage, response=RESPONSE_WITH_TOOLS)
    assert normalise(api="responses", usage=usage, response=kept) == whole


def test_grounding_counts_queries_and_leaves_the_retrieved_context_uncharged() -> None:
    usage = {"promptTokenCount": 10, "toolUsePromptTokenCount": 500, "candidatesTokenCount": 2, "totalTokenCount": 512}
    response = {"candidates": [{"groundingMetadata": {"webSearchQueries": ["a", "b"]}}]}
    result = normalise(api="generateContent", usage=usage, response=response)
    assert result.usage == Usage(input_tokens=10, output_tokens=2, other=(("web_search", 2),))


def test_a_search_model_in_chat_completions_searches_once_a_request() -> None:
    usage = {"prompt_tokens": 10, "completion_tokens": 2}
    result = normalise(api="chat.completions", usage=usage, response={"model": "gpt-4o-search-preview-2025-03-11"})
    assert result.usage is not None
    assert result.usage.other == (("web_search", 1),)


@pytest.mark.parametrize(
    ("api", "usage", "response", "tier"),
    [
        ("chat.completions", {"prompt_tokens": 1, "completion_tokens": 1}, {"service_tier": "flex"}, "flex"),
        ("messages", {"input_tokens": 1, "output_tokens": 1, "service_tier": "priority"}, {}, "priority"),
        ("generateContent", {"promptTokenCount": 1, "trafficType": "ON_DEMAND"}, {}, "ON_DEMAND"),
        ("converse", {"inputTokens": 1, "outputTokens": 1}, {"serviceTier": {"type": "flex"}}, "flex"),
        ("messages", {"input_tokens": 1, "output_tokens": 1}, {}, None),
    ],
)
def test_the_served_tier_is_the_one_the_response_names(
    api: str, usage: dict[str, Any], response: dict[str, Any], tier: str | None
) -> None:
    assert normalise(api=api, usage=usage, response=response).service_tier == tier


def test_samplings_keep_each_model_of_a_fallback() -> None:
    usage = {
        "input_tokens": 100,
        "output_tokens": 10,
        "iterations": [
            {"type": "message", "model": "claude-opus-5", "input_tokens": 100, "output_tokens": 1},
            {"type": "fallback_message", "model": "claude-opus-4-8", "input_tokens": 100, "output_tokens": 10},
        ],
    }
    assert samplings("messages", usage) == (
        ("claude-opus-5", Usage(input_tokens=100, output_tokens=1)),
        ("claude-opus-4-8", Usage(input_tokens=100, output_tokens=10)),
    )
    assert samplings("chat.completions", usage) == ()


@pytest.mark.parametrize("api", sorted(FREE_OPERATIONS))
def test_a_free_operation_has_no_usage_and_no_problem(api: str) -> None:
    result = normalise(api=api, usage={"input_tokens": 2095}, response={})
    assert (result.usage, result.problems) == (None, ())


def test_the_raw_copy_keeps_numbers_and_words_and_drops_text() -> None:
    usage = {
        "input_tokens": 1,
        "output_tokens": 1,
        "service_tier": "standard",
        "cost": 0.25,
        "ok": True,
        "note": "please summarise this letter",
        "long": "x" * 65,
        "huge": 2**60,
        "nothing": None,
        "iterations": [{"model": "claude-opus-5"}],
    }
    assert dict(normalise(api="messages", usage=usage, response={}).raw_usage) == {
        "input_tokens": 1,
        "output_tokens": 1,
        "service_tier": "standard",
        "cost": 0.25,
        "ok": True,
        "iterations": [{"model": "claude-opus-5"}],
    }


WIRE_NAMES = st.sampled_from(
    [
        "prompt_tokens", "completion_tokens", "total_tokens", "prompt_tokens_details", "cached_tokens", "input_tokens",
        "output_tokens", "input_tokens_details", "output_tokens_details", "cache_creation", "iterations", "ttl",
        "ephemeral_1h_input_tokens", "cache_creation_input_tokens", "promptTokenCount", "promptTokensDetails",
        "tokenCount", "modality", "thoughtsTokenCount", "candidatesTokenCount", "totalTokenCount", "inputTokens",
        "outputTokens", "cacheDetails", "output", "candidates", "groundingMetadata", "action", "type", "seconds",
        "service_tier", "serviceTier", "model", "server_tool_use", "web_search_requests", "audio_tokens",
        "completion_tokens_details", "reasoning_tokens", "input_token_details", "cached_tokens_details",
    ]
)  # fmt: skip
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.integers(0, 500) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WIRE_NAMES | st.text(max_size=3), inner, max_size=5),
    max_leaves=20,
)
ANY_OBJECT = st.dictionaries(WIRE_NAMES, ANY_JSON, max_size=8)


@given(
    api=st.sampled_from(sorted(READERS)), usage=ANY_OBJECT, response=ANY_OBJECT, provider=st.sampled_from(["xai", None])
)
def test_arbitrary_json_never_raises_and_leaves_a_copy_that_is_json(
    api: str, usage: dict[str, Any], response: dict[str, Any], provider: str | None
) -> None:
    result = normalise(api=api, usage=usage, response=response, provider=provider)
    assert result.usage is not None or result.problems
    assert json.loads(json.dumps(dict(result.raw_usage), allow_nan=False)) == result.raw_usage
    assert samplings(api, usage) is not None
    assert reduced(reduced(response)) == reduced(response)


COUNT = st.integers(0, 10**6)


@given(text=COUNT, cached=COUNT, written=COUNT, visible=COUNT, reasoning=COUNT)
def test_the_parts_of_an_inclusive_total_sum_to_it(
    text: int, cached: int, written: int, visible: int, reasoning: int
) -> None:
    usage = {
        "input_tokens": text + cached + written,
        "input_tokens_details": {"cached_tokens": cached, "cache_write_tokens": written},
        "output_tokens": visible + reasoning,
        "output_tokens_details": {"reasoning_tokens": reasoning},
    }
    read = normalise(api="responses", usage=usage, response={}).usage
    assert read is not None
    assert (read.prompt_tokens, read.completion_tokens) == (usage["input_tokens"], usage["output_tokens"])
    assert (read.input_tokens, read.output_tokens) == (text, visible)
