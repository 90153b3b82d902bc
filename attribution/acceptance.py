"""What a change is, as of an instant. Pure.

Accepted: merged to production and not undone within its survival window, which is counted from its own merge and must
have passed. What became known after the instant does not count, so that any past statement can be told again. A
revert past the window changes nothing; it is still named, for the change's own page.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from attribution.model import Change, ChangeKind, Invalidation, Verdict, VerdictState

__all__ = ["judge"]

_DAY = timedelta(days=1)


def judge(change: Change, invalidations: Iterable[Invalidation], *, as_of: datetime, survival_days: int) -> Verdict:
    """The verdict on `change` as of `as_of` (aware UTC).

    Invalidations of other changes are ignored. `days_to_invalidation` runs from landing to landing; up to and including
    `survival_days` it rejects. A revert is judged like any change, and its state is `revert`.
    """
    if change.merged_at is None or change.merged_at > as_of:
        return _unmerged(change, as_of)
    if not change.to_production:
        return Verdict(change_id=change.id, state=VerdictState.MERGED_ELSEWHERE, accepted=False)
    first = _first_known(change, invalidations, as_of)
    # Clocks of two committers may disagree; what landed later cannot have undone it before it was there.
    days = None if first is None else max(0.0, (first.invalidated_at - change.merged_at) / _DAY)
    survived = as_of >= change.merged_at + survival_days * _DAY
    state, accepted = _merged(days, survived=survived, survival_days=survival_days)
    return Verdict(
        change_id=change.id,
        state=VerdictState.REVERT if change.kind is ChangeKind.REVERT else state,
        accepted=accepted,
        signal=first.signal if first else None,
        invalidated_by=first.invalidated_by if first else None,
        days_to_invalidation=days,
    )


def _unmerged(change: Change, as_of: datetime) -> Verdict:
    if change.closed_at is not None and change.closed_at <= as_of:
        return Verdict(change_id=change.id, state=VerdictState.CLOSED, accepted=False)
    return Verdict(change_id=change.id, state=VerdictState.OPEN, accepted=None)


def _first_known(change: Change, invalidations: Iterable[Invalidation], as_of: datetime) -> Invalidation | None:
    known = (found for found in invalidations if found.change_id == change.id and found.invalidated_at <= as_of)
    return min(known, key=lambda found: (found.invalidated_at, found.invalidated_by, found.signal), default=None)


def _merged(days: float | None, *, survived: bool, survival_days: int) -> tuple[VerdictState, bool | None]:
    if days is not None and days <= survival_days:
        return VerdictState.REJECTED, False
    if survived:
        return VerdictState.ACCEPTED, True
    return VerdictState.SEASONING, None
