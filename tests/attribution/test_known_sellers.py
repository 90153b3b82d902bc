"""Sellers that a name is enough for: well-formed, and known to the price book."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from multidict import CIMultiDict

from attribution.known_sellers import BUILT_IN, KNOWN_SELLERS, KnownSeller
from attribution.pricing.book import BUNDLED_MAP
from attribution.pricing.sellers import canonical_seller, seller_at, terms_of
from attribution.settings import ProviderSettings
from proxy.providers import PROVIDERS
from proxy.routes import Route, resolve
from proxy.sellers import Seller

LITELLM = importlib.util.find_spec("litellm")
assert LITELLM is not None
assert LITELLM.origin is not None
PRICES = json.loads(Path(LITELLM.origin).with_name(BUNDLED_MAP).read_text(encoding="utf-8"))

EVERY = pytest.mark.parametrize("known", KNOWN_SELLERS.values(), ids=list(KNOWN_SELLERS))
# Sellers whose prices the map does not have: they state what they bill.
STATING = frozenset({"openrouter"})

# name: path that a client sends, and where it goes
SENT = {
    "cohere": ("/v1/chat/completions", "https://api.cohere.ai/compatibility/v1/chat/completions"),
    "deepinfra": ("/v1/chat/completions", "https://api.deepinfra.com/v1/openai/chat/completions"),
    "deepseek": ("/chat/completions", "https://api.deepseek.com/v1/chat/completions"),
    "deepseek-anthropic": ("/v1/messages", "https://api.deepseek.com/anthropic/v1/messages"),
    "fireworks": ("/v1/chat/completions", "https://api.fireworks.ai/inference/v1/chat/completions"),
    "gemini-openai": (
        "/v1/chat/completions",
        "https://generativelanguage.googleapis.com/v1beta/openai/chat/completions",
    ),
    "groq": ("/v1/chat/completions", "https://api.groq.com/openai/v1/chat/completions"),
    "openrouter": ("/v1/chat/completions", "https://openrouter.ai/api/v1/chat/completions"),
    "openrouter-anthropic": ("/v1/messages", "https://openrouter.ai/api/v1/messages"),
    "perplexity": ("/chat/completions", "https://api.perplexity.ai/chat/completions"),
    "zai": ("/v1/chat/completions", "https://api.z.ai/api/paas/v4/chat/completions"),
    "ollama": ("/v1/chat/completions", "http://127.0.0.1:11434/v1/chat/completions"),
}


@EVERY
def test_a_line_of_the_table_is_a_provider_entry(known: KnownSeller) -> None:
    entry = ProviderSettings(
        kind=known.kind, base_url=known.base_url, version=known.version, key_header=known.key_carrier
    )
    assert entry.kind in PROVIDERS
    assert entry.base_url == known.base_url


@EVERY
def test_name_and_host_lead_to_the_same_prices(known: KnownSeller) -> None:
    by_name = terms_of(known.name).name
    by_host = seller_at(urlsplit(known.base_url).netloc)
    assert by_host == (None if terms_of(known.name).is_self_hosted else by_name)


@EVERY
def test_only_a_machine_of_one_s_own_is_asked_without_a_key_and_without_encryption(known: KnownSeller) -> None:
    own = terms_of(known.name).is_self_hosted
    assert own is (not known.key_variables)
    assert known.base_url.startswith("http://127.0.0.1:" if own else "https://")


def test_the_price_book_has_prices_of_every_seller() -> None:
    owners = {entry.get("litellm_provider") for entry in PRICES.values()}
    for known in KNOWN_SELLERS.values():
        terms = terms_of(known.name)
        if not terms.is_self_hosted and canonical_seller(known.name) not in STATING:
            assert terms.owners & owners, known.name


def test_the_built_in_sellers_are_known() -> None:
    assert set(BUILT_IN) <= KNOWN_SELLERS.keys()


@pytest.mark.parametrize("name", SENT)
def test_a_client_s_path_arrives_where_the_seller_documents_it(name: str) -> None:
    known = KNOWN_SELLERS[name]
    path, url = SENT[name]
    sellers = {name: Seller(name=name, kind=known.kind, base_url=known.base_url, version=known.version)}
    found = resolve("POST", f"/{name}{path}", CIMultiDict(), sellers)
    assert isinstance(found, Route)
    assert found.url == url
    assert found.operation is not None
