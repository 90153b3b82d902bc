"""Operations that no provider bills by the call: they consume no model, or were charged when what they read was made.

What is kept there may be billed by its size and time (vector stores, cached contents); that is a charge without a call.
"""

from __future__ import annotations

__all__ = ["FREE_OPERATIONS"]

FREE_OPERATIONS = frozenset(
    {
        # lists of models and counts of tokens
        "models",
        "models.list",
        "models.retrieve",
        "messages.count_tokens",
        "countTokens",
        "count-tokens",
        "responses.input_tokens",
        # OpenAI charges nothing for moderation
        "moderations",
        # reading, changing and ending what was generated before
        "chat.completions.stored",
        "responses.retrieve",
        "responses.cancel",
        "responses.delete",
        "responses.input_items",
        "conversations",
        # batches are charged by their results, each at batch prices
        "batches",
        "messages.batches.results",
        # what calls refer to
        "files",
        "files.content",
        "uploads",
        "vector_stores",
        "cachedContents",
        # a frame that only prepares a connection
        "responses.warmup",
        # clients telling about themselves
        "event_logging",
    }
)
