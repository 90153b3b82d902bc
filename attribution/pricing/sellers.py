"""Who sends the bill: spellings of sellers, what belongs to each in the price map, and by which name they sell a model.

The same model has different prices at different sellers, so everything here is exact: no prefix, no similarity.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

__all__ = ["SELLERS", "SellerTerms", "canonical_seller", "region_of", "seller_at", "terms_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SellerTerms:
    """How one seller's entries are found in the price map and read."""

    name: str  # litellm's spelling
    owners: frozenset[str]  # values of `litellm_provider` that are this seller
    prefixes: tuple[str, ...]  # what its keys begin with, most specific first
    owner_family: str | None = None  # owners of the form `<family>-…` belong as well
    sells_by_request: bool = False  # the bill names the model as requested, not as the response calls it
    cliff_is_inclusive: bool = False  # the long-context price begins at the threshold, not after it
    plain_cache_writes: bool = False  # where no write price is published, writes are plain input
    region_in_key: bool = False  # regional prices stand under <prefix><region>/<model>
    is_self_hosted: bool = False  # runs on a machine of one's own: whatever a list says, no seller bills by the token


def _terms(name: str, **settings: object) -> SellerTerms:
    values: dict[str, object] = {"owners": frozenset({name}), "prefixes": (f"{name}/", "")}
    return SellerTerms(name=name, **(values | settings))  # type: ignore[arg-type]  # keyword names are the fields


SELLERS: Mapping[str, SellerTerms] = MappingProxyType(
    {
        terms.name: terms
        for terms in (
            # "For models before GPT-5.6 there is no charge for cache writes" (OpenAI, prompt caching guide)
            _terms(
                "openai",
                owners=frozenset({"openai", "text-completion-openai"}),
                prefixes=("", "openai/"),
                plain_cache_writes=True,
            ),
            _terms("anthropic", prefixes=("", "anthropic/")),
            _terms("gemini"),
            _terms("vertex_ai", owner_family="vertex_ai", sells_by_request=True),
            _terms(
                "azure",
                owners=frozenset({"azure", "azure_text"}),
                prefixes=("azure/", ""),
                plain_cache_writes=True,
                region_in_key=True,
            ),
            _terms("azure_ai"),
            _terms(
                "bedrock",
                owners=frozenset({"bedrock", "bedrock_converse"}),
                prefixes=("bedrock/", ""),
                sells_by_request=True,
                region_in_key=True,
            ),
            _terms("xai", cliff_is_inclusive=True),
            _terms("cohere", owners=frozenset({"cohere", "cohere_chat"}), prefixes=("", "cohere/")),
            _terms("ollama", is_self_hosted=True),
            _terms("vllm", is_self_hosted=True),
            _terms("lmstudio", is_self_hosted=True),
            _terms("fireworks_ai", owners=frozenset({"fireworks_ai", "fireworks_ai-embedding-models"})),
        )
    }
)

# gen_ai.provider.name (OpenTelemetry), names of known sellers and other documented spellings → litellm's.
_SPELLINGS = {
    "aws.bedrock": "bedrock",
    "azure.ai.inference": "azure_ai",
    "azure.ai.openai": "azure",
    "deepseek-anthropic": "deepseek",
    "fireworks": "fireworks_ai",
    "gcp.gemini": "gemini",
    "gcp.vertex_ai": "vertex_ai",
    "gemini-openai": "gemini",
    "hosted_vllm": "vllm",
    "ibm.watsonx.ai": "watsonx",
    "kimi": "moonshot",
    "lm_studio": "lmstudio",
    "minimax-anthropic": "minimax",
    "mistral_ai": "mistral",
    "moonshot_ai": "moonshot",
    "openrouter-anthropic": "openrouter",
    "together": "together_ai",
    "vertex": "vertex_ai",
    "x_ai": "xai",
    "zai-anthropic": "zai",
}

# Public hosts → who bills for what is served there.
_HOSTS = {
    "api.anthropic.com": "anthropic",
    "api.cerebras.ai": "cerebras",
    "api.cohere.ai": "cohere",
    "api.cohere.com": "cohere",
    "api.deepinfra.com": "deepinfra",
    "api.deepseek.com": "deepseek",
    "api.fireworks.ai": "fireworks_ai",
    "api.groq.com": "groq",
    "api.hyperbolic.xyz": "hyperbolic",
    "api.minimax.io": "minimax",
    "api.mistral.ai": "mistral",
    "api.moonshot.ai": "moonshot",
    "api.openai.com": "openai",
    "api.perplexity.ai": "perplexity",
    "api.sambanova.ai": "sambanova",
    "api.together.ai": "together_ai",
    "api.together.xyz": "together_ai",
    "api.x.ai": "xai",
    "api.z.ai": "zai",
    "dashscope-intl.aliyuncs.com": "dashscope",
    "eu.api.openai.com": "openai",
    "eu.openrouter.ai": "openrouter",
    "generativelanguage.googleapis.com": "gemini",
    "openrouter.ai": "openrouter",
    "us.api.openai.com": "openai",
}

# Hosts that carry a customer's resource or a region in their name.
# https://learn.microsoft.com/azure/ai-foundry/openai/reference (endpoint)
# https://docs.aws.amazon.com/general/latest/gr/bedrock.html, with VPC endpoints
# https://cloud.google.com/vertex-ai/docs/reference/rest#rest_endpoints, with multi-regions
_HOST_PATTERNS = (
    (re.compile(r"[a-z0-9-]+\.openai\.azure\.com"), "azure"),
    (
        re.compile(
            r"(?:vpce-[a-z0-9-]+\.)?bedrock-runtime(?:-fips)?\.(?P<region>[a-z]{2}[a-z-]*-\d)\."
            r"(?:vpce\.)?(?:amazonaws\.com(?:\.cn)?|api\.aws)"
        ),
        "bedrock",
    ),
    (re.compile(r"(?:[a-z0-9-]+-)?aiplatform(?:\.[a-z]+\.rep)?\.googleapis\.com"), "vertex_ai"),
)
_LOCATION = re.compile(r"/locations/([^/]+)/")


def canonical_seller(name: str) -> str:
    """litellm's spelling of a seller: `gcp.gemini` → `gemini`. A name it does not know stays as it is."""
    return _SPELLINGS.get(name, name)


def seller_at(server: str) -> str | None:
    """The seller behind a public host[:port]; None for gateways, test servers and everything unknown."""
    host = _host(server)
    return _HOSTS.get(host) or next((seller for pattern, seller in _HOST_PATTERNS if pattern.fullmatch(host)), None)


def region_of(seller: str, server: str, path: str) -> str | None:
    """The region a call was sold in, where it tells: Bedrock by its host, Vertex AI by the location in its path."""
    if seller == "vertex_ai":
        location = _LOCATION.search(path)
        return location.group(1) if location else None
    host = _host(server)
    for pattern, name in _HOST_PATTERNS:
        if name == seller and (found := pattern.fullmatch(host)):
            return found.groupdict().get("region")
    return None


def _host(server: str) -> str:
    return server.rpartition("@")[2].partition(":")[0].lower()


def terms_of(name: str) -> SellerTerms:
    """The terms of a seller by any of its spellings; one without special terms sells under `<name>/<model>`."""
    seller = canonical_seller(name)
    return SELLERS.get(seller) or _terms(seller)
