"""Calendar months of a time zone as half-open windows of instants."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from attribution.errors import UserError
from attribution.ledger.base import Window

__all__ = ["month_window"]


def month_window(month: str, time_zone: str) -> Window:
    """The window of `YYYY-MM` in `time_zone` (IANA name). Raises UserError where it is no month."""
    match = re.fullmatch(r"([0-9]{4})-([0-9]{2})", month)
    try:
        year, number = (int(part) for part in match.groups()) if match else (0, 0)
        return Window(_start(year, number, time_zone), _start(year + number // 12, number % 12 + 1, time_zone))
    except (ValueError, OverflowError):
        raise UserError(f"{month!r} is not a month; write --month 2026-10", exit_code=2) from None


def _start(year: int, month: int, time_zone: str) -> datetime:
    return datetime(year, month, 1, tzinfo=ZoneInfo(time_zone)).astimezone(UTC)
