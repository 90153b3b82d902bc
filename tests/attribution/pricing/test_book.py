"""Look-ups are exact, by seller and model; the book is a file of a known revision."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from attribution.pricing.book import BUNDLED_MAP, PriceBook, PriceBookError


@pytest.mark.parametrize(
    ("seller", "model", "key"),
    [
        ("openai", "gpt-4o", "gpt-4o"),
        ("openai", "gpt-4o-2024-08-06", "gpt-4o-2024-08-06"),
        ("openai", "ft:gpt-4o-2024-08-06:acme:bot:A1b2", "ft:gpt-4o-2024-08-06"),
        ("anthropic", "claude-sonnet-4-5", "claude-sonnet-4-5"),
        ("gemini", "gemini-2.5-pro", "gemini/gemini-2.5-pro"),
        ("gcp.gemini", "models/gemini-2.5-pro", "gemini/gemini-2.5-pro"),
        ("gemini", "gemini/gemini-2.5-pro", "gemini/gemini-2.5-pro"),
        ("gcp.vertex_ai", "gemini-2.5-pro", "gemini-2.5-pro"),
        ("vertex_ai", "publishers/google/models/gemini-2.5-pro", "gemini-2.5-pro"),
        ("vertex_ai", "claude-sonnet-4-5@20250929", "vertex_ai/claude-sonnet-4-5@20250929"),
        ("azure.ai.openai", "gpt-5", "azure/gpt-5"),
        ("aws.bedrock", "anthropic.claude-sonnet-4-5-20250929-v1:0", "anthropic.claude-sonnet-4-5-20250929-v1:0"),
        ("x_ai", "grok-4.3", "xai/grok-4.3"),
        ("mistral_ai", "mistral-large-latest", "mistral/mistral-large-latest"),
        ("deepseek", "deepseek-chat", "deepseek/deepseek-chat"),
    ],
)
def test_a_model_is_found_under_its_sellers_own_key(book: PriceBook, seller: str, model: str, key: str) -> None:
    entry = book.find(seller, model)
    assert entry is not None
    assert entry.key == key


@pytest.mark.parametrize(
    ("seller", "model"),
    [
        ("openai", "gpt-9"),
        ("openai", "gpt-4"[:-1]),
        ("openai", "gpt-4o-2024"),
        ("openai", "GPT-4o"),
        ("openai", "gpt-4o "),
        ("openai", ""),
        ("openai", "claude-sonnet-4-5"),
        ("openai", "azure/gpt-5"),
        ("openai", "sample_spec"),
        ("anthropic", "claude-sonnet-9"),
        ("anthropic", "claude-opus-4-8[1m]"),
        ("anthropic", "gpt-4o"),
        ("gemini", "text-embedding-3-small"),
        ("azure", "claude-sonnet-4-5"),
        ("nobody", "gpt-4o"),
        ("", "gpt-4o"),
    ],
)
def test_nothing_is_found_by_similarity_or_at_another_seller(book: PriceBook, seller: str, model: str) -> None:
    assert book.find(seller, model) is None


def test_a_regional_entry_is_found_before_the_general_one(book: PriceBook) -> None:
    regional = book.find("azure", "gpt-4o-2024-08-06", region="eu")
    general = book.find("azure", "gpt-4o-2024-08-06", region="swedencentral")
    assert regional is not None
    assert general is not None
    assert (regional.key, general.key) == ("azure/eu/gpt-4o-2024-08-06", "azure/gpt-4o-2024-08-06")


def test_the_revision_is_gits_blob_id_of_the_map(book: PriceBook) -> None:
    found = importlib.util.find_spec("litellm")
    assert found is not None
    assert found.origin is not None
    path = Path(found.origin).parent / BUNDLED_MAP
    blob = subprocess.run(["git", "hash-object", str(path)], capture_output=True, text=True, check=True)
    assert book.revision == blob.stdout.strip()


def test_loading_the_book_imports_no_litellm() -> None:
    script = (
        "import sys\n"
        "from attribution.pricing.book import load_bundled_book\n"
        "assert load_bundled_book().find('openai', 'gpt-4o') is not None\n"
        "assert 'litellm' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


@pytest.mark.parametrize("data", [b"{", b"[]", b'{"gpt-4o": 1}', b"\xff"])
def test_an_unreadable_map_is_refused_by_name(data: bytes) -> None:
    with pytest.raises(PriceBookError, match="the price map prices-of-mine"):
        PriceBook.from_bytes(data, name="prices-of-mine")
