"""Relay one call upstream and back.

Rules:
- bytes go on as they come, in both directions, unchanged; a copy of the response is metered;
- the call is in the journal before anything goes upstream, and its end is there before the client may see it: the
  chunk that holds the provider's terminal event or the last byte waits for the done record, nothing waits for more;
- a response that breaks off is broken off towards the client too: half an answer must not look whole;
- retries happen only where configured, and only before the first byte.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from http import HTTPStatus

import aiohttp
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from proxy.attempt_log import AttemptLog
from proxy.call import Call, Outcome
from proxy.clock import Clock
from proxy.headers import CALL_ID_HEADER, forwardable
from proxy.journal import Journal
from proxy.meter import Meter
from proxy.responses import Relayed, refuse
from proxy.retries import may_retry, retry_delay
from proxy.routes import Route

__all__ = ["Forwarder", "Outgoing"]

_SLICE = 256 * 1024
_AUTOMATIC_HEADERS = frozenset({"User-Agent", "Accept", "Accept-Encoding", "Content-Type"})
_MAX_REFUSED_BODY = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A call on its way. `call` is its first attempt; `rest` follows `body` where that was too large to read whole."""

    route: Route
    call: Call
    headers: tuple[tuple[str, str], ...]
    body: bytes
    rest: AsyncIterator[bytes] | None = None
    body_length: int | None = None  # where the client stated it and the body was not read whole


class Forwarder:
    def __init__(
        self,
        session: aiohttp.ClientSession,
        journal: Journal,
        clock: Clock,
        *,
        drain_when_client_gone: bool,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._session = session
        self._journal = journal
        self._clock = clock
        self._drain_when_client_gone = drain_when_client_gone
        self._sleep = sleep
        self._draining: set[asyncio.Task[None]] = set()

    async def relay(self, request: web.BaseRequest, outgoing: Outgoing) -> web.StreamResponse:
        """Send the call upstream, once or as often as the seller's `retries` allow, and answer the client.

        Raises JournalFullError where the call cannot be recorded; nothing was sent then.
        """
        retries = outgoing.route.seller.retries if outgoing.rest is None else 0
        number = 1
        while True:
            call = replace(outgoing.call, attempt=number, started_at=self._clock.now())
            log = AttemptLog(self._journal, self._clock, call)
            last = number > retries
            try:
                upstream = await self._send(outgoing)
            except asyncio.CancelledError:
                log.done(Outcome.CANCELLED, self._meter(outgoing, None), complete=False, error_type="client_gone")
                raise
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                status, kind, reason = _connection_failure(error)
                wait = None if last else retry_delay(number, {}, now=self._clock.now(), jitter=random.random())  # noqa: S311 - spreads load, guards nothing
                # A call that timed out unanswered has reached the provider: it may well be billed.
                meter = self._meter(outgoing, None) if kind == "timeout" else None
                log.done(Outcome.ERROR, meter, complete=False, error_type=kind, final=wait is None)
                if wait is None:
                    host = outgoing.call.server
                    return refuse(outgoing.route.provider, status, f"mergecost could not reach {host}: {reason}", call)
            else:
                log.head(upstream.status)
                wait = None if last else self._wait_before_retry(number, upstream)
                if wait is None:
                    return await self._answer(request, outgoing, upstream, log)
                await self._discard(outgoing, upstream, log)
            await self._sleep(wait)
            number += 1

    async def finish(self) -> None:
        """Wait for the responses that are still read although their client went away."""
        if self._draining:
            await asyncio.wait(self._draining)

    async def _send(self, outgoing: Outgoing) -> aiohttp.ClientResponse:
        seller = outgoing.route.seller
        headers = CIMultiDict(outgoing.headers)
        data: bytes | AsyncIterator[bytes] | None = outgoing.body or None
        if outgoing.rest is not None:
            data = _joined(outgoing.body, outgoing.rest)
            if outgoing.body_length is not None:
                headers["Content-Length"] = str(outgoing.body_length)
        elif len(outgoing.body) > _SLICE:
            data = _sliced(outgoing.body)
            headers["Content-Length"] = str(len(outgoing.body))
        return await self._session.request(
            outgoing.call.method,
            URL(outgoing.route.url, encoded=True),
            headers=headers,
            data=data,
            skip_auto_headers=_AUTOMATIC_HEADERS,
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(
                total=None, sock_connect=seller.connect_timeout_seconds, sock_read=seller.timeout_seconds
            ),
        )

    def _wait_before_retry(self, number: int, upstream: aiohttp.ClientResponse) -> float | None:
        if not may_retry(upstream.status, upstream.headers):
            return None
        return retry_delay(number, upstream.headers, now=self._clock.now(), jitter=random.random())  # noqa: S311 - as above

    async def _discard(self, outgoing: Outgoing, upstream: aiohttp.ClientResponse, log: AttemptLog) -> None:
        """Read the answer of an attempt that will be repeated, for its error and whatever it charged."""
        meter = self._meter(outgoing, upstream)
        try:
            body = await upstream.content.read(_MAX_REFUSED_BODY)
            meter.feed(body)
            log.chunk(len(body), meter)
        except (aiohttp.ClientError, TimeoutError, OSError):
            pass  # the attempt failed already; its status says why
        finally:
            upstream.release()
            meter.close()
            log.done(
                Outcome.ERROR, meter, complete=True, error_type=meter.error_type or str(upstream.status), final=False
            )

    async def _answer(
        self, request: web.BaseRequest, outgoing: Outgoing, upstream: aiohttp.ClientResponse, log: AttemptLog
    ) -> web.StreamResponse:
        relay = _Relay(upstream, log, self._meter(outgoing, upstream))
        response = Relayed(upstream.status, upstream.reason, _response_headers(upstream, log.call))
        try:
            if relay.is_empty(outgoing.call.method):
                relay.finish()
            await response.prepare(request)
            async for chunk in relay.chunks():
                await response.write(chunk)
            await response.write_eof()
        except (aiohttp.ClientConnectionResetError, asyncio.CancelledError) as gone:
            await self._client_gone(relay)
            if isinstance(gone, asyncio.CancelledError):
                raise
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            relay.broken(error)
            _cut(request)
        finally:
            if not relay.is_draining:
                upstream.close()
        return response

    async def _client_gone(self, relay: _Relay) -> None:
        if self._drain_when_client_gone and not relay.has_ended:
            relay.is_draining = True
            task = asyncio.get_running_loop().create_task(relay.drain())
            self._draining.add(task)
            task.add_done_callback(self._draining.discard)
        else:
            relay.cancelled()

    def _meter(self, outgoing: Outgoing, upstream: aiohttp.ClientResponse | None) -> Meter:
        return Meter(
            outgoing.route.operation,
            provider_kind=outgoing.route.provider.kind,
            status=upstream.status if upstream else HTTPStatus.OK,
            content_type=upstream.headers.get("Content-Type", "") if upstream else "",
            content_encoding=upstream.headers.get("Content-Encoding") if upstream else None,
            request_bytes=outgoing.call.request_bytes or 0,
        )


class _Relay:
    """One response on its way to the client: yields its bytes, and sees to it that its end is journaled first."""

    def __init__(self, upstream: aiohttp.ClientResponse, log: AttemptLog, meter: Meter) -> None:
        self._upstream = upstream
        self._log = log
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
            self._log.chunk(len(chunk), self._meter)
            if self._received == self._upstream.content_length:
                self.finish()
            elif self._meter.ended and not self.has_ended:
                self.has_ended = True
                self._done(complete=True)
            yield chunk
        self.finish()

    async def drain(self) -> None:
        """Read on without a client, so that what the provider bills is what the books say."""
        complete = True
        try:
            async for _ in self.chunks():
                pass
        except (aiohttp.ClientError, TimeoutError, OSError):
            complete = False
        finally:
            self._log.done(Outcome.CANCELLED, self._meter, complete=complete, error_type="client_gone")
            self._upstream.close()

    def finish(self) -> None:
        """The transport's end. Told once: without a byte since, there is nothing to add."""
        if self._told_at == self._received:
            return
        self._meter.close()
        self.has_ended = True
        self._done(complete=self._meter.is_whole)

    def cancelled(self) -> None:
        """The client went away. After the terminal event that is how real SDKs finish."""
        if self.has_ended:
            return
        self._meter.close()
        self._log.done(Outcome.CANCELLED, self._meter, complete=False, error_type="client_gone")

    def broken(self, error: BaseException) -> None:
        """The provider broke off."""
        if self.has_ended:
            return
        self._meter.close()
        _, kind, _ = _connection_failure(error)
        self._log.done(Outcome.INTERRUPTED, self._meter, complete=False, error_type=kind)

    def _done(self, *, complete: bool) -> None:
        status = self._upstream.status
        error = self._meter.error_type or (str(status) if status >= 400 else None)
        if error is None and not complete:
            error = "incomplete_response"
        self._told_at = self._received
        if self.is_draining:
            return  # drain() says how it went
        self._log.done(Outcome.OK if error is None else Outcome.ERROR, self._meter, complete=complete, error_type=error)


def _response_headers(upstream: aiohttp.ClientResponse, call: Call) -> CIMultiDict[str]:
    pairs = [(name.decode(errors="replace"), value.decode(errors="replace")) for name, value in upstream.raw_headers]
    headers = CIMultiDict(forwardable(pairs))
    headers[CALL_ID_HEADER] = call.call_id
    return headers


def _cut(request: web.BaseRequest) -> None:
    """Close the client's connection without the response's end, so that it can tell."""
    if request.transport is not None:
        request.transport.close()


def _connection_failure(error: BaseException) -> tuple[int, str, str]:
    """Status for the client, error type for the row, words for the person."""
    match error:
        case aiohttp.ConnectionTimeoutError():
            return 504, "connect_timeout", "the connection was not answered in time"
        case TimeoutError():
            return 504, "timeout", "no answer in time"
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientSSLError():
            return 502, "tls_error", "its certificate or TLS handshake was not acceptable"
        case aiohttp.ClientConnectorDNSError():
            return 502, "name_not_resolved", "its name could not be resolved; check base_url in the configuration"
        case aiohttp.ClientConnectorError():
            return 502, "connection_refused", "it did not accept a connection; check base_url in the configuration"
        case _:
            return 502, "connection_lost", "it closed the connection"


async def _sliced(body: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(body), _SLICE):
        yield body[start : start + _SLICE]


async def _joined(body: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    async for piece in _sliced(body):
        yield piece
    async for piece in rest:
        yield piece
