"""One response on its way to the client: its bytes in order, its end in the journal first.

The chunk that holds the provider's terminal event or the last byte waits for the done record; nothing else waits. What
was asked for on the client's behalf is taken out again, and the results of a finished batch become calls of their own.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp

from proxy.attempt_log import AttemptLog
from proxy.call import Outcome
from proxy.failures import failure_of
from proxy.injection import UsageChunkFilter
from proxy.meter import Meter
from proxy.routes import Route

__all__ = ["ResponseRelay"]


class ResponseRelay:
    """One response on its way to the client: yields its bytes, and sees to it that its end is journaled first."""

    def __init__(
        self,
        route: Route,
        upstream: aiohttp.ClientResponse,
        attempt: AttemptLog,
        meter: Meter,
        *,
        asked_for_usage: bool,
    ) -> None:
        self._upstream = upstream
        self._route = route
        self._filter = UsageChunkFilter() if asked_for_usage and _is_plain_sse(upstream) else None
        self._attempt = attempt
        self._meter = meter
        self._received = 0
        self._told_at: int | None = None  # bytes received when the books were told the end
        self.has_ended = False
        self.is_draining = False

    def is_empty(self, method: str) -> bool:
        """Responses whose end is their head."""
        status = self._upstream.status
        return method == "HEAD" or status in (204, 304) or self._upstream.content_length == 0

    async def chunks(self) -> AsyncIterator[bytes]:
        async for chunk in self._upstream.content.iter_any():
            self._received += len(chunk)
            self._meter.feed(chunk)
            self._attempt.chunk(len(chunk), self._meter)
            self._take_results()
            if self._received == self._upstream.content_length:
                self.finish()
            elif self._meter.ended and not self.has_ended:
                self._done(complete=True)
            if self._filter is None:
                yield chunk
            elif shown := self._filter.feed(chunk):
                yield shown
        self.finish()
        if self._filter is not None and (held := self._filter.close()):
            yield held

    async def drain(self) -> None:
        """Read on without a client, so that what the provider bills is what the books say."""
        complete = False
        try:
            async for _ in self.chunks():
                pass
            complete = True
        except (aiohttp.ClientError, TimeoutError, OSError):
            pass  # as complete as it gets
        finally:
            self._upstream.close()
            self._meter.close()
            self._attempt.done(Outcome.CANCELLED, self._meter, complete=complete, error_type="client_gone")

    def finish(self) -> None:
        """The transport's end. Told once: without a byte since, there is nothing to add."""
        if self._told_at == self._received:
            return
        self._meter.close()
        self._take_results()
        self._done(complete=self._meter.is_whole)

    def cancelled(self, outcome: Outcome, error_type: str) -> None:
        """The client went away, or we stop. After the terminal event that is how real SDKs finish."""
        self._broken_off(outcome, error_type)

    def broken(self, error: Exception) -> None:
        """The provider broke off, or we had to."""
        self._broken_off(Outcome.INTERRUPTED, failure_of(error).error_type)

    @property
    def filters(self) -> bool:
        """Something is taken out of the body: its length is not the provider's."""
        return self._filter is not None

    def _take_results(self) -> None:
        """A finished batch is charged when its results are read: one call a result."""
        if results := self._meter.take_results():
            route = self._route
            source = (route.operation and route.provider.source(route.operation, route.path)) or route.path
            for result in results:
                self._attempt.result(source, result)

    def _broken_off(self, outcome: Outcome, error_type: str) -> None:
        if self.has_ended:
            return
        self._meter.close()
        self._attempt.done(outcome, self._meter, complete=False, error_type=error_type)

    def _done(self, *, complete: bool) -> None:
        status = self._upstream.status
        error = self._meter.error_type or (str(status) if status >= 400 else None)
        if error is None and not complete:
            error = "incomplete_response"
        if not self.is_draining:  # drain() says how it went
            outcome = Outcome.OK if error is None else Outcome.ERROR
            self._attempt.done(outcome, self._meter, complete=complete, error_type=error)
        self._told_at = self._received
        self.has_ended = True


def _is_plain_sse(upstream: aiohttp.ClientResponse) -> bool:
    encoding = upstream.headers.get("Content-Encoding", "identity").strip().lower()
    return upstream.content_type == "text/event-stream" and encoding in ("", "identity")
