from __future__ import annotations

from datetime import UTC, datetime

import pytest

from attribution.errors import UserError
from attribution.ledger.base import Window
from attribution.periods import month_window


def test_a_month_runs_from_local_midnight_to_local_midnight_across_a_clock_change() -> None:
    assert month_window("2026-10", "Europe/Berlin") == Window(
        datetime(2026, 9, 30, 22, tzinfo=UTC), datetime(2026, 10, 31, 23, tzinfo=UTC)
    )


def test_december_ends_with_the_year() -> None:
    assert month_window("2026-12", "UTC").until == datetime(2027, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["", "2026", "2026-13", "2026-00", "2026-1", "2026-10-01", "October", "0000-01", "9999-12", "٢٠٢٦-10"]
)
def test_what_is_no_month_is_named_with_its_mend(text: str) -> None:
    with pytest.raises(UserError, match=r"is not a month; write --month 2026-10") as raised:
        month_window(text, "UTC")
    assert raised.value.exit_code == 2
