"""Sellers that a name is enough for: which API they speak, where, and which variable holds their key. One line each.

Addresses are the ones the sellers document for their OpenAI- or Anthropic-compatible API. A name, or the host, leads to
the seller's prices (attribution/pricing/sellers.py). What a configuration says of a seller beats its line here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

__all__ = ["BUILT_IN", "KNOWN_SELLERS", "KnownSeller"]


@dataclass(frozen=True, slots=True)
class KnownSeller:
    name: str
    kind: str
    base_url: str
    key_variables: tuple[str, ...] = ()  # the first that is set
    version: str | None = None  # as proxy.sellers.Seller
    key_carrier: str | None = None  # as proxy.sellers.Seller


_BEARER = "Authorization"

KNOWN_SELLERS: Mapping[str, KnownSeller] = MappingProxyType(
    {
        seller.name: seller
        for seller in (
            KnownSeller("openai", "openai", "https://api.openai.com/v1", ("OPENAI_API_KEY",)),
            KnownSeller("anthropic", "anthropic", "https://api.anthropic.com", ("ANTHROPIC_API_KEY",)),
            KnownSeller(
                "gemini",
                "gemini",
                "https://generativelanguage.googleapis.com",
                ("GEMINI_API_KEY", "GOOGLE_API_KEY"),
            ),
            KnownSeller("cerebras", "openai", "https://api.cerebras.ai/v1", ("CEREBRAS_API_KEY",)),
            KnownSeller("cohere", "openai", "https://api.cohere.ai/compatibility/v1", ("COHERE_API_KEY", "CO_API_KEY")),
            KnownSeller(
                "dashscope",
                "openai",
                "https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
                ("DASHSCOPE_API_KEY",),
            ),
            KnownSeller("deepinfra", "openai", "https://api.deepinfra.com/v1/openai", ("DEEPINFRA_API_KEY",)),
            KnownSeller("deepseek", "openai", "https://api.deepseek.com/v1", ("DEEPSEEK_API_KEY",)),
            KnownSeller("deepseek-anthropic", "anthropic", "https://api.deepseek.com/anthropic", ("DEEPSEEK_API_KEY",)),
            KnownSeller("fireworks", "openai", "https://api.fireworks.ai/inference/v1", ("FIREWORKS_API_KEY",)),
            KnownSeller(
                "gemini-openai",
                "openai",
                "https://generativelanguage.googleapis.com/v1beta/openai",
                ("GEMINI_API_KEY", "GOOGLE_API_KEY"),
            ),
            KnownSeller("groq", "openai", "https://api.groq.com/openai/v1", ("GROQ_API_KEY",)),
            KnownSeller("hyperbolic", "openai", "https://api.hyperbolic.xyz/v1", ("HYPERBOLIC_API_KEY",)),
            KnownSeller("kimi", "openai", "https://api.moonshot.ai/v1", ("MOONSHOT_API_KEY",)),
            KnownSeller("minimax", "openai", "https://api.minimax.io/v1", ("MINIMAX_API_KEY",)),
            KnownSeller(
                "minimax-anthropic",
                "anthropic",
                "https://api.minimax.io/anthropic",
                ("MINIMAX_API_KEY",),
                key_carrier=_BEARER,
            ),
            KnownSeller("mistral", "openai", "https://api.mistral.ai/v1", ("MISTRAL_API_KEY",)),
            KnownSeller("moonshot", "openai", "https://api.moonshot.ai/v1", ("MOONSHOT_API_KEY",)),
            KnownSeller("openrouter", "openai", "https://openrouter.ai/api/v1", ("OPENROUTER_API_KEY",)),
            KnownSeller(
                "openrouter-anthropic",
                "anthropic",
                "https://openrouter.ai/api",
                ("OPENROUTER_API_KEY",),
                key_carrier=_BEARER,
            ),
            # `/chat/completions` and `/v1/responses`: its paths are taken as clients write them.
            KnownSeller("perplexity", "openai", "https://api.perplexity.ai", ("PERPLEXITY_API_KEY",), version=""),
            KnownSeller("sambanova", "openai", "https://api.sambanova.ai/v1", ("SAMBANOVA_API_KEY",)),
            KnownSeller("together", "openai", "https://api.together.ai/v1", ("TOGETHER_API_KEY",)),
            KnownSeller("xai", "openai", "https://api.x.ai/v1", ("XAI_API_KEY",)),
            KnownSeller("zai", "openai", "https://api.z.ai/api/paas/v4", ("ZAI_API_KEY",)),
            KnownSeller(
                "zai-anthropic",
                "anthropic",
                "https://api.z.ai/api/anthropic",
                ("ZAI_API_KEY",),
                key_carrier=_BEARER,
            ),
            # On a machine of one's own: no key, no list price.
            KnownSeller("lmstudio", "openai", "http://127.0.0.1:1234/v1"),
            KnownSeller("ollama", "openai", "http://127.0.0.1:11434/v1"),
            KnownSeller("vllm", "openai", "http://127.0.0.1:8000/v1"),
        )
    }
)

# Configured without being named.
BUILT_IN = ("openai", "anthropic", "gemini")
