"""Off-peak windows are half-open spans of UTC hours, on some weekdays, possibly across midnight."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from attribution.pricing.offpeak import is_off_peak

NIGHTS = {"hours_utc": "16:30-00:30"}
MIDNIGHT = {"hours_utc": ["10:00-00:00"]}
WEEKENDS = {"windows": [{"hours_utc": "00:00-00:00", "weekdays": [6, 7]}]}
SHANGHAI = {**WEEKENDS, "weekday_timezone": "Asia/Shanghai"}


@pytest.mark.parametrize(
    ("rules", "moment", "expected"),
    [
        (NIGHTS, "2026-10-14T16:29", False),
        (NIGHTS, "2026-10-14T16:30", True),
        (NIGHTS, "2026-10-15T00:29", True),
        (NIGHTS, "2026-10-15T00:30", False),
        (MIDNIGHT, "2026-10-14T23:59", True),
        (MIDNIGHT, "2026-10-14T00:00", False),
        (WEEKENDS, "2026-10-16T23:59", False),  # a Friday
        (WEEKENDS, "2026-10-17T00:00", True),
        (SHANGHAI, "2026-10-16T16:00", True),  # Saturday there
        (None, "2026-10-17T00:00", False),
    ],
)
def test_an_instant_is_off_peak_within_a_window(rules: dict[str, Any] | None, moment: str, expected: bool) -> None:
    assert is_off_peak(rules, datetime.fromisoformat(moment).replace(tzinfo=UTC)) is expected


def test_without_an_instant_the_base_rates_hold() -> None:
    assert is_off_peak(NIGHTS, None) is False
