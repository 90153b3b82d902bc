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
import contextlib
import logging
import random
import re
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from http import HTTPStatus

import aiohttp
from aiohttp import HttpVersion11, web
from multidict import CIMultiDict
from yarl import URL

from proxy.attempt_log import AttemptLog
from proxy.call import Call, Outcome
from proxy.clock import Clock
from proxy.failures import failure_of
from proxy.headers import CALL_ID_HEADER, forwardable, header_text
from proxy.in_flight import InFlight
from proxy.injection import ask_for_usage
from proxy.journal import Journal, JournalWriteError
from proxy.meter import Meter
from proxy.relaying import ResponseRelay
from proxy.responses import Relayed, refuse
from proxy.retries import may_retry, retry_delay
from proxy.routes import Route
from proxy.signing import SigningError

__all__ = ["Forwarder", "Outgoing", "RequestBodyError"]

log = logging.getLogger(__name__)

_SLICE = 256 * 1024
_REFUSES_FIELDS = (HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY)  # what an unknown field is answered with
_MAX_REFUSED_BODY = 1024 * 1024
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A call on its way. `call` is its first attempt; `rest` follows `body` where that was too large to read whole."""

    route: Route
    call: Call
    headers: tuple[tuple[str, str], ...]
    body: bytes
    rest: AsyncIterator[bytes] | None = None
    body_length: int | None = None  # where the client stated it and the body was not read whole
    asking: bytes | None = None  # the body with usage asked for, sent in place of `body`


class RequestBodyError(Exception):
    """A client's request body cannot be sent on. The message is for the person, `error_type` for the row."""

    def __init__(self, status: int, error_type: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.error_type = error_type


class Forwarder:
    def __init__(
        self,
        session: aiohttp.ClientSession,
        journal: Journal,
        clock: Clock,
        in_flight: InFlight,
        *,
        drain_when_client_gone: bool,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._session = session
        self._journal = journal
        self._clock = clock
        self._in_flight = in_flight
        self._unasked: set[str] = set()  # sellers that refuse to be asked for usage
        self._drain_when_client_gone = drain_when_client_gone
        self._sleep = sleep

    async def relay(self, request: web.BaseRequest, outgoing: Outgoing) -> web.StreamResponse:
        """Send the call upstream, once or as often as the seller's `retries` allow, and answer the client.

        Raises JournalFullError where the call cannot be recorded; nothing was sent then.
        """
        seller = outgoing.route.seller
        retries = seller.retries if outgoing.rest is None else 0
        number = 1
        outgoing = self._asking_for_usage(outgoing)
        waiting: AttemptLog | None = None  # the attempt that a retry is to follow
        try:
            while True:
                call = replace(outgoing.call, attempt=number, started_at=self._clock.now())
                attempt = AttemptLog(self._journal, self._clock, call)
                waiting = None
                answer = await self._attempt(request, outgoing, attempt, last=number > retries)
                if isinstance(answer, web.StreamResponse):
                    return answer
                waiting = attempt
                if answer is None:  # refused, perhaps for what we asked: the client's own request decides
                    outgoing = replace(outgoing, asking=None)
                    self._unasked.add(seller.name)
                else:
                    await self._sleep(answer)
                number += 1
        finally:
            if waiting is not None:
                waiting.was_last()

    async def _attempt(
        self, request: web.BaseRequest, outgoing: Outgoing, attempt: AttemptLog, *, last: bool
    ) -> web.StreamResponse | float | None:
        """The answer to the client, or how many seconds to wait before the next attempt; None: try again at once,
        without asking for usage."""
        try:
            upstream = await self._send(outgoing)
        except asyncio.CancelledError:
            outcome, error_type = self._cut_short()
            attempt.done(outcome, self._meter(outgoing, None), complete=False, error_type=error_type)
            raise
        except Exception as error:  # noqa: BLE001 - whatever went wrong, an attempt that was opened has to end
            return self._not_answered(outgoing, attempt, error, last=last)
        attempt.head(upstream.status)
        if outgoing.asking is not None and upstream.status in _REFUSES_FIELDS:
            await self._discard(outgoing, upstream, attempt)
            return None
        wait = None if last else self._wait_before_retry(attempt.call.attempt, upstream)
        if wait is None:
            return await self._answer(request, outgoing, upstream, attempt)
        await self._discard(outgoing, upstream, attempt)
        return wait

    def _not_answered(
        self, outgoing: Outgoing, attempt: AttemptLog, error: Exception, *, last: bool
    ) -> web.StreamResponse | float:
        call, provider = attempt.call, outgoing.route.provider
        if isinstance(body := error.__cause__, RequestBodyError):
            attempt.done(Outcome.ERROR, None, complete=False, error_type=body.error_type)
            return refuse(provider, body.status, str(body), call)
        failure = failure_of(error)
        if failure.is_ours:
            log.error("call %s could not be sent", call.call_id, exc_info=error)
        retry = not (last or failure.is_ours)
        wait = retry_delay(call.attempt, {}, now=self._clock.now(), jitter=random.random()) if retry else None  # noqa: S311 - spreads load, guards nothing
        # A call that timed out unanswered has reached the provider: it may well be billed.
        meter = self._meter(outgoing, None) if failure.error_type == "timeout" else None
        attempt.done(Outcome.ERROR, meter, complete=False, error_type=failure.error_type, final=wait is None)
        if wait is not None:
            return wait
        words = str(error) if isinstance(error, SigningError) else failure.words
        return refuse(provider, failure.status, f"mergecost could not reach {call.server}: {words}", call)

    def _cut_short(self) -> tuple[Outcome, str]:
        """Why a call was cancelled: its client left, or we stop."""
        if self._in_flight.is_stopping:
            return Outcome.INTERRUPTED, "proxy_stopped"
        return Outcome.CANCELLED, "client_gone"

    def _asking_for_usage(self, outgoing: Outgoing) -> Outgoing:
        """The same call, asking for usage where its client did not and the seller has not refused it before."""
        operation, seller = outgoing.route.operation, outgoing.route.seller
        if operation is None or not operation.asks_for_usage or not seller.inject_usage or outgoing.rest is not None:
            return outgoing
        if seller.name in self._unasked or any(name.lower() == "content-encoding" for name, _ in outgoing.headers):
            return outgoing
        return replace(outgoing, asking=ask_for_usage(outgoing.body))

    async def _send(self, outgoing: Outgoing) -> aiohttp.ClientResponse:
        seller = outgoing.route.seller
        body = outgoing.asking or outgoing.body
        headers = CIMultiDict(outgoing.headers)
        if outgoing.asking is not None:
            headers["Accept-Encoding"] = "identity"  # the answer is to be taken out again
        data: bytes | AsyncIterator[bytes] | None = body or None
        if outgoing.rest is not None:
            data = _joined(outgoing.body, outgoing.rest)
            if outgoing.body_length is not None:
                headers["Content-Length"] = str(outgoing.body_length)
        elif len(body) > _SLICE:
            data = _sliced(body)
            headers["Content-Length"] = str(len(body))
        if seller.signer is not None:
            signed = await seller.signer.sign(outgoing.call.method, outgoing.route.url, list(headers.items()), body)
            headers = CIMultiDict(signed)
        return await self._session.request(
            outgoing.call.method,
            URL(outgoing.route.url, encoded=True),
            headers=headers,
            data=data,
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(
                total=None, sock_connect=seller.connect_timeout_seconds, sock_read=seller.timeout_seconds
            ),
        )

    def _wait_before_retry(self, number: int, upstream: aiohttp.ClientResponse) -> float | None:
        if not may_retry(upstream.status, upstream.headers):
            return None
        return retry_delay(number, upstream.headers, now=self._clock.now(), jitter=random.random())  # noqa: S311 - as above

    async def _discard(self, outgoing: Outgoing, upstream: aiohttp.ClientResponse, attempt: AttemptLog) -> None:
        """Read the answer of an attempt that will be repeated, for its error and whatever it charged."""
        meter = self._meter(outgoing, upstream)
        received = 0
        is_last = False
        try:
            async for chunk in upstream.content.iter_any():
                meter.feed(chunk)
                attempt.chunk(len(chunk), meter)
                received += len(chunk)
                if received > _MAX_REFUSED_BODY:
                    break
        except asyncio.CancelledError:
            is_last = True
            raise
        except (aiohttp.ClientError, TimeoutError, OSError):
            pass  # the attempt failed already; its status says why
        finally:
            upstream.close()
            meter.close()
            error_type = meter.error_type or str(upstream.status)
            attempt.done(Outcome.ERROR, meter, complete=True, error_type=error_type, final=is_last)

    async def _answer(
        self, request: web.BaseRequest, outgoing: Outgoing, upstream: aiohttp.ClientResponse, attempt: AttemptLog
    ) -> web.StreamResponse:
        relay = ResponseRelay(
            outgoing.route,
            upstream,
            attempt,
            self._meter(outgoing, upstream),
            asked_for_usage=outgoing.asking is not None,
        )
        headers = _response_headers(upstream, attempt.call)
        if relay.filters:
            headers.popall("Content-Length", None)
        response = Relayed(upstream.status, upstream.reason, headers)
        try:
            if relay.is_empty(outgoing.call.method):
                relay.finish()
            await response.prepare(request)
            async for chunk in relay.chunks():
                await response.write(chunk)
            await response.write_eof()
        except (aiohttp.ClientConnectionResetError, asyncio.CancelledError) as gone:
            self._client_gone(request, relay)
            if isinstance(gone, asyncio.CancelledError):
                raise
        except Exception as error:
            _cut(request)
            if isinstance(error, JournalWriteError) or failure_of(error).is_ours:
                log.error("call %s was cut off", attempt.call.call_id, exc_info=error)
            with contextlib.suppress(JournalWriteError):  # told already, and owed
                relay.broken(error)
        finally:
            if not relay.is_draining:
                upstream.close()
        return response

    def _client_gone(self, request: web.BaseRequest, relay: ResponseRelay) -> None:
        if self._in_flight.is_stopping:
            _cut(request)
        elif self._drain_when_client_gone and not relay.has_ended:
            relay.is_draining = True
            self._in_flight.add(asyncio.get_running_loop().create_task(relay.drain()))
            return
        relay.cancelled(*self._cut_short())

    def _meter(self, outgoing: Outgoing, upstream: aiohttp.ClientResponse | None) -> Meter:
        return Meter(
            outgoing.route.operation,
            provider_kind=outgoing.route.provider.kind,
            status=upstream.status if upstream else HTTPStatus.OK,
            content_type=upstream.headers.get("Content-Type", "") if upstream else "",
            content_encoding=upstream.headers.get("Content-Encoding") if upstream else None,
            headers=upstream.headers if upstream else {},
            request_bytes=outgoing.call.request_bytes or 0,
        )


def _response_headers(upstream: aiohttp.ClientResponse, call: Call) -> CIMultiDict[str]:
    # A control character would be refused on the way out (RFC 9110 section 5.5: it may be replaced by a space).
    pairs = [(header_text(name), _CONTROL.sub(" ", header_text(value))) for name, value in upstream.raw_headers]
    headers = CIMultiDict(forwardable(pairs))
    headers[CALL_ID_HEADER] = call.call_id
    return headers


def _cut(request: web.BaseRequest) -> None:
    """Close the client's connection without the response's end, so that it can tell."""
    transport = request.transport
    if transport is None:
        return
    if request.version < HttpVersion11:  # the end of the connection is the response's end: only a reset tells
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        transport.abort()
    else:
        transport.close()


async def _sliced(body: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(body), _SLICE):
        yield body[start : start + _SLICE]


async def _joined(body: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    async for piece in _sliced(body):
        yield piece
    async for piece in rest:
        yield piece
