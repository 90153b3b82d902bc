"""The one clock. Demo, tests and `--as-of` inject another; nothing else reads the wall clock."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

__all__ = ["Clock", "SimulatedClock", "SystemClock"]


class Clock(Protocol):
    def now(self) -> datetime:
        """The current instant, aware UTC."""
        ...

    def monotonic_us(self) -> int:
        """A clock that never goes back, in microseconds, for durations."""
        ...


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)  # noqa: TID251 - the one place that reads the wall clock

    def monotonic_us(self) -> int:
        return time.monotonic_ns() // 1000  # noqa: TID251 - as above


class SimulatedClock:
    """A clock that stands still until it is moved."""

    def __init__(self, start: datetime) -> None:
        self._now = start
        self._elapsed_us = 0

    def now(self) -> datetime:
        return self._now

    def monotonic_us(self) -> int:
        return self._elapsed_us

    def advance(self, by: timedelta) -> None:
        self._now += by
        self._elapsed_us += by // timedelta(microseconds=1)

    def move_to(self, moment: datetime) -> None:
        self.advance(moment - self._now)
