"""The work under way: what a stop waits for, and then ends."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

__all__ = ["InFlight"]


class InFlight:
    """Tasks that serve clients, or read on for one that has left. `is_stopping`: who cancels them now is the stop."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()
        self.is_stopping = False

    def add(self, task: asyncio.Task[Any]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def finish(self, *, within: float) -> None:
        """Let all of it end within so many seconds; cancel what has not, and wait for that."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within):
                while self._tasks:
                    await asyncio.wait(self._tasks)
        self.is_stopping = True
        late = set(self._tasks)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late)
