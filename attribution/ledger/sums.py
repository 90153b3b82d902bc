"""Spend by any dimensions: one SELECT whose sums are exact beyond 64 bits.

SQLite's SUM raises `integer overflow` past $9.22 M in pico-dollars, so every sum is made in two halves (the high part
and the low 32 bits) and put together here. Quantities and components without a column of their own are grouped by
their JSON text and multiplied out here, for the same reason.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from attribution.ledger.base import Dimension, SpendRow
from attribution.ledger.rows import COMPONENTS, QUANTITIES, from_text
from proxy.call import Usage

__all__ = ["join_halves", "local_period", "other_sql", "spend_rows", "spend_sql"]

# What a plan call would have cost, and what is known of an unpriced one, are no part of the dollars.
BILLED = "total_picodollars IS NOT NULL AND list_picodollars IS NULL"

COLUMN_OF = {
    Dimension.TEAM: "team",
    Dimension.MODEL: "coalesce(response_model, request_model)",  # what served the call, else what was asked for
    Dimension.PROVIDER: "provider",
    Dimension.SELLER: "seller",
    Dimension.OPERATION: "operation",
    Dimension.REPO: "repository",
    Dimension.BRANCH: "branch",
    Dimension.SESSION: "session",
    Dimension.PURPOSE: "purpose",
    Dimension.ACTOR: "actor",
    Dimension.KEY: "key_id",
    Dimension.CLIENT: "client_name",
    Dimension.OUTCOME: "outcome",
    Dimension.PRICE_STATUS: "price_status",
    Dimension.DAY: "local_period('day', :time_zone, substr(started_at, 1, 16))",
    Dimension.WEEK: "local_period('week', :time_zone, substr(started_at, 1, 16))",
    Dimension.MONTH: "local_period('month', :time_zone, substr(started_at, 1, 16))",
}

COUNTS = {
    "calls": "count(*)",
    "retries": "sum(attempt > 1 OR coalesce(client_retry_count, 0) > 0)",
    "failed": "sum(outcome <> 'ok')",
    "unpriced": "sum(price_status = 'unpriced')",
    "estimated": "sum(price_status = 'estimated')",
}

SUMS = {
    "picodollars": "total_picodollars",
    "list_picodollars": "list_picodollars",
    **{name: f"CASE WHEN {BILLED} THEN {name}_picodollars END" for name in COMPONENTS},
    **{name: name for name in QUANTITIES},
}

PERIODS: dict[str, Callable[[datetime], str]] = {
    "day": lambda moment: f"{moment:%Y-%m-%d}",
    "week": lambda moment: "{:04}-W{:02}".format(*moment.isocalendar()),  # ISO 8601
    "month": lambda moment: f"{moment:%Y-%m}",
}


@lru_cache(maxsize=100_000)
def local_period(kind: str, time_zone: str, minute: str) -> str:
    """The day, week or month of `time_zone` a UTC minute `YYYY-MM-DDTHH:MM` falls in; offsets are whole minutes."""
    return PERIODS[kind](datetime.fromisoformat(minute + "+00:00").astimezone(ZoneInfo(time_zone)))


def join_halves(high: int | None, low: int | None) -> int:
    return ((high or 0) << 32) + (low or 0)


def spend_sql(by: Sequence[Dimension]) -> str:
    counts = [f"coalesce({sql}, 0) AS {name}" for name, sql in COUNTS.items()]
    halves = [
        f"sum(({sql}) >> 32) AS {name}_high, sum(({sql}) & 4294967295) AS {name}_low" for name, sql in SUMS.items()
    ]
    return _select([*counts, *halves], by)


def other_sql(by: Sequence[Dimension]) -> str:
    """Each distinct JSON text of what has no column of its own, with how many calls have it."""
    columns = ["other_usage", f"CASE WHEN {BILLED} THEN other_components END AS other_components", "count(*) AS calls"]
    condition = "AND (other_usage IS NOT NULL OR other_components IS NOT NULL)"
    return _select(columns, by, condition, ("other_usage", "other_components"))


def _select(
    columns: Sequence[str], by: Sequence[Dimension], condition: str = "", also_group_by: Sequence[str] = ()
) -> str:
    groups = [f"{COLUMN_OF[dimension]} AS group_{place}" for place, dimension in enumerate(by)]
    group_by = ", ".join([*(f"group_{place}" for place in range(len(by))), *also_group_by])
    return (
        f"SELECT {', '.join([*groups, *columns])} FROM calls "  # noqa: S608 - expressions of the tables above
        f"WHERE started_at >= :since AND started_at < :until {condition} "
        + (f"GROUP BY {group_by}" if group_by else "")
    )


def spend_rows(
    by: Sequence[Dimension], rows: Iterable[dict[str, Any]], others: Iterable[dict[str, Any]]
) -> list[SpendRow]:
    """SpendRows from the answers to `spend_sql` and `other_sql`, largest first."""
    other_usage: defaultdict[tuple[str | None, ...], Counter[str]] = defaultdict(Counter)
    other_components: defaultdict[tuple[str | None, ...], Counter[str]] = defaultdict(Counter)
    for row in others:
        group = _group(by, row)
        for name, count in from_text(row["other_usage"]):
            other_usage[group][name] += count * row["calls"]
        for name, amount in from_text(row["other_components"]):
            other_components[group][name] += amount * row["calls"]
    answer = [_spend_row(by, row, other_usage[_group(by, row)], other_components[_group(by, row)]) for row in rows]
    return sorted(answer, key=lambda row: (-row.picodollars, -row.calls, [value or "" for _, value in row.group]))


def _group(by: Sequence[Dimension], row: dict[str, Any]) -> tuple[str | None, ...]:
    return tuple(row[f"group_{place}"] for place in range(len(by)))


def _spend_row(
    by: Sequence[Dimension], row: dict[str, Any], other_usage: Counter[str], other_components: Counter[str]
) -> SpendRow:
    def total(name: str) -> int:
        return join_halves(row[f"{name}_high"], row[f"{name}_low"])

    own = ((name, total(name)) for name in COMPONENTS)
    return SpendRow(
        group=tuple(zip(by, _group(by, row), strict=True)),
        calls=row["calls"],
        retries=row["retries"],
        failed=row["failed"],
        unpriced=row["unpriced"],
        estimated=row["estimated"],
        picodollars=total("picodollars"),
        list_picodollars=total("list_picodollars"),
        components=(*((name, amount) for name, amount in own if amount), *sorted(other_components.items())),
        usage=Usage(**{name: total(name) for name in QUANTITIES}, other=tuple(sorted(other_usage.items()))),
    )
