"""Service tiers: every provider's words for them, as suffixes of the price map's keys."""

from __future__ import annotations

__all__ = ["tier_suffix"]

_BATCH = "_batches"
_SUFFIXES = {
    "auto": "",  # as a request; a response names what was served
    "default": "",
    "standard": "",
    "standard_only": "",
    "unspecified": "",
    "on_demand": "",
    "traffic_type_unspecified": "",
    "flex": "_flex",
    "on_demand_flex": "_flex",
    "priority": "_priority",
    "on_demand_priority": "_priority",
    "fast": "_priority",  # OpenAI's newer word for priority processing
    "ultrafast": "_ultrafast",
    "balanced": "_balanced",
    "batch": _BATCH,
}


def tier_suffix(served: str | None, requested: str | None, *, batch: bool) -> str | None:
    """The suffix of the tier a request is billed at: batch, else the served tier, else the requested one. None where
    the word is not known or names prepaid capacity, whose price is not in any list."""
    if batch:
        return _BATCH
    word = served or requested
    return _SUFFIXES.get(word.lower()) if word else ""
