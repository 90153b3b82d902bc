"""What a response did besides writing tokens: searches, retrievals, containers, as counts under the names we bill by.

The items themselves hold queries and code, so a response is reduced to counts (`FACTS`) before anything is kept; both
forms are read here.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from proxy.usage.counts import MAX_COUNT, entries

__all__ = ["FACTS", "tool_counts", "tool_facts"]

# Count kept of a response → billed tool.
FACTS: Mapping[str, str] = MappingProxyType(
    {
        "web_search_calls": "web_search",
        "grounding_queries": "web_search",
        "grounding_maps": "google_maps",
        "file_search_calls": "file_search",
        "code_interpreter_calls": "code_interpreter",
        "image_generation_calls": "image_generation",
    }
)
# Output item of the Responses API → count kept of it. Items not named here cost nothing of their own.
_ITEMS = {
    "web_search_call": "web_search_calls",
    "file_search_call": "file_search_calls",
    "image_generation_call": "image_generation_calls",
}


def tool_counts(response: Mapping[str, Any]) -> dict[str, int]:
    """Billed tool uses of a response, whole or reduced."""
    facts = tool_facts(response)
    return {FACTS[fact]: count for fact, count in facts.items()} if facts else facts


def tool_facts(response: Mapping[str, Any]) -> dict[str, int]:
    """What is kept of a response's tool uses: its own counts where it was reduced before, else counted here."""
    found = {fact: count for fact in FACTS if type(count := response.get(fact)) is int and 0 < count <= MAX_COUNT}
    if response.get("output") is not None:
        _count_items(response, found)
    if response.get("candidates") is not None:
        _count_grounding(response, found)
    return found


def _count_items(response: Mapping[str, Any], found: dict[str, int]) -> None:
    containers = set()
    for item in entries(response.get("output")):
        kind = item.get("type")
        if kind == "code_interpreter_call":  # billed by container, however often it is used
            containers.add(str(item.get("container_id")))
        elif isinstance(kind, str) and kind in _ITEMS and not _is_page_visit(item):
            found[_ITEMS[kind]] = found.get(_ITEMS[kind], 0) + 1
    if containers:
        found["code_interpreter_calls"] = len(containers)


def _is_page_visit(item: Mapping[str, Any]) -> bool:
    """Of a web search call only `search` is billed; `open_page` and `find_in_page` read what was found."""
    action = item.get("action")
    return isinstance(action, Mapping) and action.get("type", "search") != "search"


def _count_grounding(response: Mapping[str, Any], found: dict[str, int]) -> None:
    for candidate in entries(response.get("candidates")):
        grounding = candidate.get("groundingMetadata")
        if not isinstance(grounding, Mapping):
            continue
        queries = grounding.get("webSearchQueries")
        if isinstance(queries, list) and queries:
            found["grounding_queries"] = found.get("grounding_queries", 0) + len(queries)
        if any("maps" in chunk for chunk in entries(grounding.get("groundingChunks"))):
            found["grounding_maps"] = found.get("grounding_maps", 0) + 1
