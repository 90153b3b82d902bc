"""What the journal is told of one attempt, and when.

`Opened` when the log is made, `Progress` as usage appears, `Done` before the end of the response may leave. A response
can tell more after its terminal event; then a second done record, one revision up, amends the first.
"""

from __future__ import annotations

from dataclasses import replace

from proxy.call import Attempt, Call, Metered, Outcome
from proxy.clock import Clock
from proxy.journal import Done, Journal, Opened, Progress
from proxy.meter import Meter
from proxy.results import BatchResult, result_call

__all__ = ["AttemptLog"]

PROGRESS_EVERY_US = 250_000


class AttemptLog:
    """Journals one attempt. Raises JournalFullError when made: nothing may go upstream then."""

    def __init__(self, journal: Journal, clock: Clock, call: Call) -> None:
        self.call = call
        self._journal = journal
        self._clock = clock
        self._began_us = clock.monotonic_us()
        self._status: int | None = None
        self._head_us: int | None = None
        self._chunk_us: int | None = None
        self._response_bytes = 0
        self._progress_us: int | None = None
        self._progress_usage = 0
        self._done: Attempt | None = None
        self._revision = 0
        journal.opened(Opened(call))

    @property
    def is_done(self) -> bool:
        return self._done is not None

    def head(self, status: int) -> None:
        """The provider's response head has arrived."""
        self._status = status
        self._head_us = self._elapsed_us()

    def chunk(self, size: int, meter: Meter) -> None:
        """Body bytes have arrived and were metered."""
        self._response_bytes += size
        if self._chunk_us is None:
            self._chunk_us = self._elapsed_us()
        if self._progress_is_due(meter):
            self._progress_us = self._elapsed_us()
            self._progress_usage = meter.usage_events
            self._journal.progress(
                Progress(
                    call_id=self.call.call_id,
                    attempt=self.call.attempt,
                    metered=meter.metered(complete=False),
                    response_bytes=self._response_bytes,
                )
            )

    def done(
        self,
        outcome: Outcome,
        meter: Meter | None,
        *,
        complete: bool,
        error_type: str | None = None,
        final: bool = True,
    ) -> None:
        """The attempt has ended; again where more was learned since."""
        attempt = Attempt(
            outcome=outcome,
            status=self._status,
            error_type=error_type,
            duration_us=self._elapsed_us(),
            time_to_first_byte_us=self._head_us,
            time_to_first_chunk_us=self._chunk_us if self.call.stream else None,
            response_bytes=self._response_bytes,
            metered=meter.metered(complete=complete) if meter is not None else Metered(),
        )
        if self._done is not None:
            attempt = replace(attempt, duration_us=self._done.duration_us)  # it ended when it first said so
            if attempt == self._done:
                return
            self._revision += 1
        self._journal.done(Done(self.call, attempt, self._revision, final))
        self._done = attempt

    def result(self, source: str, result: BatchResult) -> None:
        """One answer of a finished batch was read: a call of its own. Raises JournalFullError."""
        self._journal.done(Done(*result_call(self.call, source, result)))

    def was_last(self) -> None:
        """The retry that was to follow will not: its client left, or the journal takes no more."""
        if self._done is not None:
            self._revision += 1
            self._journal.done(Done(self.call, self._done, self._revision, final=True))

    def _progress_is_due(self, meter: Meter) -> bool:
        if self._done is not None or not self.call.stream:
            return False
        if self._progress_us is None:
            return True
        news = meter.usage_events != self._progress_usage
        return news and self._elapsed_us() - self._progress_us >= PROGRESS_EVERY_US

    def _elapsed_us(self) -> int:
        return self._clock.monotonic_us() - self._began_us
