"""Prices of tool uses, per use. The map prices searches; what it leaves out and a seller documents stands here."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType

from attribution.pricing.rates import Entry, Rate

__all__ = ["SECONDS_KEY", "tool_rate"]

SECONDS_KEY = "input_cost_per_second"
GOOGLE = frozenset({"gemini", "vertex_ai"})

# Billed tool → key of the map.
_MAP_KEYS = {"web_search": "search_context_cost_per_query", "google_maps": "google_maps_grounding_cost_per_query"}

# (seller, tool) → US dollars a use.
_OWN: Mapping[tuple[str, str], Rate] = MappingProxyType(
    {
        # OpenAI API pricing, built-in tools: file search $2.50 per 1,000 calls; code interpreter $0.03 per container
        ("openai", "file_search"): Rate.of(Decimal("0.0025")),
        ("openai", "code_interpreter"): Rate.of(Decimal("0.03")),
    }
)


def tool_rate(entry: Entry, tool: str, uses: int, *, search_context: str) -> tuple[int, Rate | None]:
    """How many uses are billed, and the price of one. Gemini models not billed by query pay one fee a request."""
    own = _OWN.get((entry.terms.name, tool))
    if own is not None:
        return uses, own
    key = _MAP_KEYS.get(tool)
    if key is None:
        return uses, None
    if entry.terms.name in GOOGLE and entry.raw.get("web_search_billing_unit") != "per_query":
        uses = 1
    return uses, entry.unit_rate(key, search_context)
