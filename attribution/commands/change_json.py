"""A change and its verdict as programs read them, the same in every command."""

from __future__ import annotations

from typing import Any

from attribution.ledger.rows import instant
from attribution.model import Change, Verdict

__all__ = ["change_as_json", "verdict_as_json"]


def change_as_json(change: Change) -> dict[str, Any]:
    return {
        "id": change.id,
        "repository": change.repository,
        "number": change.number,
        "title": change.title,
        "kind": change.kind.value,
        "head_ref": change.head_ref,
        "landing_sha": change.landing_sha,
        "created_at": instant(change.created_at) if change.created_at else None,
        "merged_at": instant(change.merged_at) if change.merged_at else None,
        "closed_at": instant(change.closed_at) if change.closed_at else None,
        "lines_changed": change.lines_changed,
        "excluded_lines": change.excluded_lines,
        "units": change.units,
    }


def verdict_as_json(verdict: Verdict) -> dict[str, Any]:
    return {
        "state": verdict.state.value,
        "accepted": verdict.accepted,
        "signal": verdict.signal,
        "invalidated_by": verdict.invalidated_by,
        "days_to_invalidation": verdict.days_to_invalidation,
    }
