"""OpenAI's wire shapes, and those of the sellers that copied them.

- `prompt_tokens` / `input_tokens` include cached and cache-written tokens; `completion_tokens` / `output_tokens`
  include reasoning, except at sellers that add it on top (xAI's chat completions, Perplexity). Where `total_tokens`
  tells which, it is believed before the seller's name.
- Cached tokens go by several names: `prompt_tokens_details.cached_tokens` (OpenAI), `prompt_cache_hit_tokens`
  (DeepSeek), `cached_tokens` (Moonshot, Together), `cache_read_input_tokens` (Databricks, LiteLLM gateways).
"""

from __future__ import annotations

from proxy.call import Usage
from proxy.usage.counts import Counts, Quantities, disjoint_input, disjoint_output

__all__ = ["batch", "chat", "embeddings", "images", "realtime", "responses", "speech", "transcription"]

REASONING_ON_TOP = frozenset({"xai", "x_ai", "perplexity"})
PERPLEXITY = "perplexity"
# These models search the web before every answer (OpenAI, Chat Completions web search guide); nothing counts it.
ALWAYS_SEARCHING = ("gpt-4o-search-preview", "gpt-4o-mini-search-preview", "gpt-5-search-api")


def batch(counts: Counts) -> Usage:
    """One line of a batch's output: chat completions, responses or embeddings, told apart by what they count."""
    usage = counts.usage
    if "input_tokens" in usage:
        return responses(counts)
    return chat(counts) if "completion_tokens" in usage else embeddings(counts)


def chat(counts: Counts) -> Usage:
    usage = counts.usage
    prompt = counts.need(usage, "prompt_tokens")
    completion = counts.need(usage, "completion_tokens")
    detail = counts.inside(usage, "prompt_tokens_details")
    output_detail = counts.inside(usage, "completion_tokens_details")
    taken = disjoint_input(
        counts,
        total=prompt,
        total_name="prompt_tokens",
        cache_read=counts.first(
            (detail, "cached_tokens"),
            (usage, "prompt_cache_hit_tokens"),
            (usage, "cached_tokens"),
            (usage, "cache_read_input_tokens"),
        ),
        cache_write=counts.first(
            (detail, "cache_write_tokens"),
            (detail, "cache_creation_tokens"),
            (detail, "cache_creation_input_tokens"),
            (usage, "cache_creation_input_tokens"),
        ),
        audio=counts.take(detail, "audio_tokens"),
        image=counts.take(detail, "image_tokens"),
    )
    reasoning = counts.first((output_detail, "reasoning_tokens"), (usage, "reasoning_tokens"))
    on_top = reasoning if _reasoning_on_top(counts, prompt, completion, reasoning) else 0
    if counts.usage.get("total_tokens") != prompt + completion:
        _check_total(counts, prompt + completion + on_top)
    given = disjoint_output(
        counts,
        total=completion + on_top,
        total_name="completion_tokens",
        reasoning=reasoning,
        audio=counts.take(output_detail, "audio_tokens"),
        image=counts.take(output_detail, "image_tokens"),
    )
    return _joined(taken, given, _chat_searches(counts))


def responses(counts: Counts) -> Usage:
    usage = counts.usage
    total_in = counts.need(usage, "input_tokens")
    total_out = counts.need(usage, "output_tokens")
    detail = counts.inside(usage, "input_tokens_details")
    output_detail = counts.inside(usage, "output_tokens_details")
    _check_total(counts, total_in + total_out)
    taken = disjoint_input(
        counts,
        total=total_in,
        total_name="input_tokens",
        cache_read=counts.first((detail, "cached_tokens"), (detail, "cache_read_input_tokens")),
        cache_write=counts.first((detail, "cache_write_tokens"), (detail, "cache_creation_input_tokens")),
        audio=counts.take(detail, "audio_tokens"),
        image=counts.take(detail, "image_tokens"),
    )
    given = disjoint_output(
        counts,
        total=total_out,
        total_name="output_tokens",
        reasoning=counts.take(output_detail, "reasoning_tokens"),
        audio=counts.take(output_detail, "audio_tokens"),
        image=counts.take(output_detail, "image_tokens"),
    )
    return _joined(taken, given)


def embeddings(counts: Counts) -> Usage:
    usage = counts.usage
    detail = counts.inside(usage, "prompt_tokens_details")
    taken = disjoint_input(
        counts,
        total=counts.need(usage, "prompt_tokens"),
        total_name="prompt_tokens",
        image=counts.take(detail, "image_tokens"),
        audio=counts.take(detail, "audio_tokens"),
    )
    return _joined(taken, {})


def transcription(counts: Counts) -> Usage:
    """By tokens (`type: tokens`) or by the length of the audio (`type: duration`, in seconds)."""
    usage = counts.usage
    if usage.get("type") == "duration":
        return _duration(counts)
    detail = counts.inside(usage, "input_token_details")
    taken = disjoint_input(
        counts,
        total=counts.need(usage, "input_tokens"),
        total_name="input_tokens",
        audio=counts.take(detail, "audio_tokens"),
    )
    return _joined(taken, {"output_tokens": counts.need(usage, "output_tokens")})


def speech(counts: Counts) -> Usage:
    """Text in, audio out."""
    usage = counts.usage
    return Usage(
        input_tokens=counts.need(usage, "input_tokens"), audio_output_tokens=counts.need(usage, "output_tokens")
    )


def images(counts: Counts) -> Usage:
    """Image models write image tokens, unless the details name some of them as text."""
    usage = counts.usage
    detail = counts.inside(usage, "input_tokens_details")
    output_detail = counts.inside(usage, "output_tokens_details")
    taken = disjoint_input(
        counts,
        total=counts.need(usage, "input_tokens"),
        total_name="input_tokens",
        image=counts.take(detail, "image_tokens"),
        cache_read=counts.take(detail, "cached_tokens"),
    )
    total = counts.need(usage, "output_tokens")
    text = counts.take(output_detail, "text_tokens")
    return _joined(taken, disjoint_output(counts, total=total, total_name="output_tokens", image=max(0, total - text)))


def realtime(counts: Counts) -> Usage:
    usage = counts.usage
    detail = counts.inside(usage, "input_token_details")
    cached = counts.inside(detail, "cached_tokens_details")
    output_detail = counts.inside(usage, "output_token_details")
    taken = disjoint_input(
        counts,
        total=counts.need(usage, "input_tokens"),
        total_name="input_tokens",
        cache_read=counts.take(detail, "cached_tokens"),
        audio=counts.take(detail, "audio_tokens"),
        image=counts.take(detail, "image_tokens"),
        cache_read_audio=counts.take(cached, "audio_tokens"),
        cache_read_image=counts.take(cached, "image_tokens"),
    )
    given = disjoint_output(
        counts,
        total=counts.need(usage, "output_tokens"),
        total_name="output_tokens",
        audio=counts.take(output_detail, "audio_tokens"),
    )
    return _joined(taken, given)


def _joined(taken: Quantities, given: Quantities, other: tuple[tuple[str, int], ...] = ()) -> Usage:
    return Usage(**(taken | given | {"other": taken.get("other", ()) + other}))


def _reasoning_on_top(counts: Counts, prompt: int, completion: int, reasoning: int) -> bool:
    if not reasoning:
        return False
    if reasoning > completion and _is_perplexity(counts):
        return True  # whatever the total says: Perplexity's leaves reasoning out
    total = counts.usage.get("total_tokens")
    if total == prompt + completion:
        return False
    return total == prompt + completion + reasoning or counts.provider in REASONING_ON_TOP


def _is_perplexity(counts: Counts) -> bool:
    """By its name, or behind any other by the search context size that nobody else tells."""
    return counts.provider == PERPLEXITY or "search_context_size" in counts.usage


def _check_total(counts: Counts, parts: int) -> None:
    total = counts.usage.get("total_tokens")
    if type(total) is int and total != parts:
        counts.note(f"total_tokens {total} is not the sum of its parts {parts}")


def _chat_searches(counts: Counts) -> tuple[tuple[str, int], ...]:
    if _is_perplexity(counts):  # a fee per request, or per query where the model makes several
        searches = (("web_search", counts.take(counts.usage, "num_search_queries") or 1),)
        cited = counts.take(counts.usage, "citation_tokens")
        return (*searches, ("citation_tokens", cited)) if cited else searches
    model = counts.response.get("model")
    if isinstance(model, str) and model.startswith(ALWAYS_SEARCHING):
        return (("web_search", 1),)
    return ()


def _duration(counts: Counts) -> Usage:
    seconds = counts.usage.get("seconds")
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds < 1e9:
        counts.reject("seconds is not a duration")
        return Usage()
    return Usage(other=(("audio_input_milliseconds", round(seconds * 1000)),))
