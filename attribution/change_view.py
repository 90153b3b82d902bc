"""One change seen by what was spent on it. "Attributed model cost", never its "cost per accepted change": that is a
number of an organisation, over a window."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from attribution.ledger.sums import local_period
from attribution.model import Allocation, Change, Invalidation, PriceStatus, RecordedCall, Verdict

__all__ = ["ChangeView", "Split", "change_view"]

Names = tuple[str | None, ...]
AllocatedCall = tuple[RecordedCall, Allocation]


@dataclass(frozen=True, slots=True)
class Split:
    """The change's dollars by `columns`, largest part first: (names, pico-dollars, calls). The parts sum to the
    change's dollars."""

    name: str
    columns: tuple[str, ...]
    parts: tuple[tuple[Names, int, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeView:
    change: Change
    verdict: Verdict
    evidence: tuple[Invalidation, ...]
    picodollars: int
    calls: int
    unpriced: int
    splits: tuple[Split, ...]
    call_list: tuple[AllocatedCall, ...]  # by start


def change_view(
    change: Change,
    verdict: Verdict,
    invalidations: Sequence[Invalidation],
    calls: Sequence[AllocatedCall],
    *,
    time_zone: str,
) -> ChangeView:
    return ChangeView(
        change=change,
        verdict=verdict,
        evidence=tuple(invalidations),
        picodollars=sum(recorded.charge.total or 0 for recorded, _ in calls),
        calls=len(calls),
        unpriced=sum(recorded.charge.status is PriceStatus.UNPRICED for recorded, _ in calls),
        splits=(
            _by_component(calls),
            *(_split(name, columns, calls, names_of) for name, columns, names_of in SPLITS),
            _split("day", ("day",), calls, lambda call: (_day(call, time_zone),)),
        ),
        call_list=tuple(calls),
    )


def _by_component(calls: Sequence[AllocatedCall]) -> Split:
    picodollars: Counter[Names] = Counter()
    count: Counter[Names] = Counter()
    for recorded, _ in calls:
        charge = recorded.charge
        if charge.total is None or charge.list_total is not None:
            continue  # unpriced, or on a plan: its components are no part of the dollars
        for name, amount in charge.components:
            picodollars[name,] += amount
            count[name,] += 1
    return _ranked("component", ("component",), picodollars, count)


def _split(
    name: str, columns: tuple[str, ...], calls: Sequence[AllocatedCall], names_of: Callable[[AllocatedCall], Names]
) -> Split:
    picodollars: Counter[Names] = Counter()
    count: Counter[Names] = Counter()
    for call in calls:
        names = names_of(call)
        picodollars[names] += call[0].charge.total or 0
        count[names] += 1
    return _ranked(name, columns, picodollars, count)


def _ranked(name: str, columns: tuple[str, ...], picodollars: Counter[Names], count: Counter[Names]) -> Split:
    ranked = sorted(picodollars.items(), key=lambda part: (-part[1], [text or "" for text in part[0]]))
    return Split(name, columns, tuple((names, amount, count[names]) for names, amount in ranked))


def _day(call: AllocatedCall, time_zone: str) -> str:
    return local_period("day", time_zone, f"{call[0].call.started_at:%Y-%m-%dT%H:%M}")


# name, columns, what of a call they show
SPLITS: tuple[tuple[str, tuple[str, ...], Callable[[AllocatedCall], Names]], ...] = (
    ("model", ("model",), lambda call: (call[0].attempt.metered.response_model or call[0].call.request_model,)),
    ("session", ("session",), lambda call: (call[0].call.stamp.session,)),
    ("rule", ("grade", "rule"), lambda call: (call[1].grade.value, call[1].rule.value)),
    ("purpose", ("purpose",), lambda call: (call[0].call.stamp.purpose,)),
)
