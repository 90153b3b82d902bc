"""Whether an instant lies in a price map's off-peak windows: hours of the day in UTC, on weekdays from Monday = 1."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

__all__ = ["is_off_peak"]


def is_off_peak(rules: object, moment: datetime | None) -> bool:
    """False without rules or without an instant: the base rates."""
    if not isinstance(rules, Mapping) or moment is None:
        return False
    at = moment.astimezone(UTC)
    if _in_hours(rules.get("hours_utc"), at):
        return True
    windows = rules.get("windows")
    return isinstance(windows, list) and any(
        _in_window(window, at, rules.get("weekday_timezone")) for window in windows
    )


def _in_window(window: Mapping[str, Any], at: datetime, zone: object) -> bool:
    weekdays = window.get("weekdays")
    return (weekdays is None or _weekday(at, zone) in weekdays) and _in_hours(window.get("hours_utc"), at)


def _weekday(at: datetime, zone: object) -> int:
    try:
        return at.astimezone(ZoneInfo(zone)).isoweekday() if isinstance(zone, str) else at.isoweekday()
    except (ZoneInfoNotFoundError, ValueError):
        return at.isoweekday()


def _in_hours(spans: object, at: datetime) -> bool:
    texts = [spans] if isinstance(spans, str) else spans if isinstance(spans, list) else []
    minute = at.hour * 60 + at.minute
    for text in texts:
        start, _, end = str(text).partition("-")
        first, last = _minute(start), _minute(end) or 24 * 60  # "00:00" as an end is midnight
        inside = first <= minute < last if first < last else minute >= first or minute < last
        if inside:
            return True
    return False


def _minute(text: str) -> int:
    hours, _, minutes = text.strip().partition(":")
    return int(hours) * 60 + int(minutes or 0)
