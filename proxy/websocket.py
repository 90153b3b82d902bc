"""Relay a WebSocket: frames pass as they come, and each response inside the connection is a call of its own.

Rules:
- a frame that asks for a response is journaled as a call before it goes upstream; the frame that ends the response
  waits for the done record, nothing else waits;
- what a connection carries is told by its dialect; a connection without one passes too and is recorded as one call
  whose usage is not known;
- a provider that has no WebSocket at this path is told to the client as 426, which makes agents fall back to HTTP.

Pings are answered on each side by itself; message boundaries are kept, fragmentation and compression are not.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus

import aiohttp
from aiohttp import WSCloseCode, WSMsgType, web
from multidict import CIMultiDict
from yarl import URL

from proxy.attempt_log import AttemptLog
from proxy.call import Call, Outcome
from proxy.clock import Clock
from proxy.failures import failure_of
from proxy.forward import Outgoing
from proxy.headers import CALL_ID_HEADER, forwardable
from proxy.journal import Journal, JournalFullError
from proxy.meter import Meter
from proxy.providers.base import Operation, Provider, read_object
from proxy.request import read_request
from proxy.responses import refuse

__all__ = ["WebSocketRelay"]

_HANDSHAKE = re.compile(r"^sec-websocket-")
# What servers without a WebSocket here answer to the attempt.
_NO_WEBSOCKET = frozenset({200, 400, 404, 405, 426, 501})
_MAX_REASON = 120  # bytes of a close frame's reason
_CLOSED = (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR)


@dataclass(frozen=True, slots=True)
class _Dialect:
    """How responses are asked for on one kind of socket, and as which operation of the provider they are read."""

    provider: str
    path: re.Pattern[str]
    operation: str
    asks: bytes  # `type` of the frame that asks for a response


_DIALECTS = (_Dialect("openai", re.compile(r"/responses$"), "responses", b"response.create"),)


@dataclass(slots=True)
class _Turn:
    """One response under way."""

    log: AttemptLog
    meter: Meter
    operation: Operation | None


class WebSocketRelay:
    def __init__(
        self,
        session: aiohttp.ClientSession,
        journal: Journal,
        clock: Clock,
        *,
        new_call_id: Callable[[], str],
        max_message_bytes: int,
    ) -> None:
        self._session = session
        self._journal = journal
        self._clock = clock
        self._new_call_id = new_call_id
        self._max_message_bytes = max_message_bytes

    async def relay(self, request: web.BaseRequest, outgoing: Outgoing) -> web.StreamResponse:
        """Connect upstream, accept the client, pass frames until either side closes."""
        provider = outgoing.route.provider
        try:
            upstream = await self._connect(request, outgoing)
        except aiohttp.WSServerHandshakeError as error:
            status = HTTPStatus.UPGRADE_REQUIRED if error.status in _NO_WEBSOCKET else error.status
            return refuse(provider, status, f"{outgoing.call.server} does not take a WebSocket here ({error.status})")
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            failure = failure_of(error)
            reason = f"mergecost could not reach {outgoing.call.server}: {failure.words}"
            return refuse(provider, failure.status, reason)
        client = web.WebSocketResponse(
            protocols=[upstream.protocol] if upstream.protocol else (), max_msg_size=self._max_message_bytes
        )
        for name, value in _handshake_headers(upstream):
            client.headers.add(name, value)
        client.headers[CALL_ID_HEADER] = outgoing.call.call_id
        conversation = _Conversation(outgoing, self._journal, self._clock, self._new_call_id)
        try:
            await client.prepare(request)
            conversation.opened()
            await _pass_frames(client, upstream, conversation)
        except asyncio.CancelledError:
            conversation.client_left = True
            raise
        finally:
            conversation.ended()
            await upstream.close()
        return client

    async def _connect(self, request: web.BaseRequest, outgoing: Outgoing) -> aiohttp.ClientWebSocketResponse:
        offered = request.headers.get("Sec-WebSocket-Protocol", "")
        kept = [(name, value) for name, value in outgoing.headers if not _HANDSHAKE.match(name.lower())]
        async with asyncio.timeout(outgoing.route.seller.connect_timeout_seconds):
            return await self._session.ws_connect(
                URL(outgoing.route.url, encoded=True),
                headers=CIMultiDict(kept),
                protocols=[name.strip() for name in offered.split(",") if name.strip()],
                max_msg_size=self._max_message_bytes,
            )


def _handshake_headers(upstream: aiohttp.ClientWebSocketResponse) -> list[tuple[str, str]]:
    """What the provider said when it took the connection: agents read limits and routing hints there."""
    said = upstream._response.headers.items()  # noqa: SLF001 - aiohttp offers no other way to them
    return [(name, value) for name, value in forwardable(said) if not _HANDSHAKE.match(name.lower())]


async def _pass_frames(
    client: web.WebSocketResponse, upstream: aiohttp.ClientWebSocketResponse, conversation: _Conversation
) -> None:
    upward = asyncio.ensure_future(_upward(client, upstream, conversation))
    downward = asyncio.ensure_future(_downward(client, upstream, conversation))
    try:
        await asyncio.wait((upward, downward), return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (upward, downward):
            task.cancel()
        await asyncio.gather(upward, downward, return_exceptions=True)


async def _upward(
    client: web.WebSocketResponse, upstream: aiohttp.ClientWebSocketResponse, conversation: _Conversation
) -> None:
    while (message := await client.receive()).type not in _CLOSED:
        if message.type is WSMsgType.BINARY:
            await upstream.send_bytes(message.data)
            continue
        refusal = conversation.asked(message.data)
        if refusal is None:
            await upstream.send_str(message.data)
        else:
            await client.send_str(refusal)
    conversation.client_left = True
    await upstream.close(code=_code(message), message=_reason(message))


async def _downward(
    client: web.WebSocketResponse, upstream: aiohttp.ClientWebSocketResponse, conversation: _Conversation
) -> None:
    while (message := await upstream.receive()).type not in _CLOSED:
        conversation.answered(message.data)
        if message.type is WSMsgType.BINARY:
            await client.send_bytes(message.data)
        else:
            await client.send_str(message.data)
    conversation.ended()  # before the client may see the end
    await client.close(code=_code(message), message=_reason(message))


def _code(message: aiohttp.WSMessage) -> int:
    """The close code to pass on; a connection that broke without one is told as such."""
    if message.type is WSMsgType.CLOSE and isinstance(message.data, int) and message.data:
        return message.data
    return WSCloseCode.INTERNAL_ERROR


def _reason(message: aiohttp.WSMessage) -> bytes:
    return (message.extra or "").encode()[:_MAX_REASON] if message.type is WSMsgType.CLOSE else b""


class _Conversation:
    """The calls of one connection, in the order they were asked for. No I/O but the journal's."""

    def __init__(self, outgoing: Outgoing, journal: Journal, clock: Clock, new_call_id: Callable[[], str]) -> None:
        self._provider: Provider = outgoing.route.provider
        self._call = outgoing.call
        self._journal = journal
        self._clock = clock
        self._new_call_id = new_call_id
        self._dialect = next(
            (d for d in _DIALECTS if d.provider == self._provider.kind and d.path.search(outgoing.route.path)), None
        )
        self._turns: deque[_Turn] = deque()
        self.client_left = False

    def opened(self) -> None:
        """The connection stands. Without a dialect the whole of it is one call. Raises JournalFullError."""
        if self._dialect is None:
            self._begin(replace(self._call, operation="unknown", started_at=self._clock.now()), None)

    def asked(self, frame: str) -> str | None:
        """A client's text frame; returns the frame to answer it with where the call cannot be recorded."""
        data = frame.encode()
        if self._dialect is None or self._dialect.asks not in data:
            return None
        body = read_object(data)
        if body is None or body.get("type") != self._dialect.asks.decode():
            return None
        operation = self._operation(body)
        facts = read_request(data, None)
        call = replace(
            self._call,
            call_id=self._new_call_id(),
            started_at=self._clock.now(),
            operation=operation.name if operation else "unknown",
            request_model=facts.model,
            requested_tier=facts.service_tier,
            stream=True,
            request_bytes=len(data),
            body_hash=facts.body_hash,
        )
        try:
            self._begin(call, operation)
        except JournalFullError as error:
            return _error_frame(self._provider, f"mergecost cannot record this call, so it was not sent: {error}")
        return None

    def answered(self, frame: str | bytes) -> None:
        """A provider's frame, before it goes on. The end of a response is journaled here."""
        if not self._turns:
            return
        turn = self._turns[0]
        if isinstance(frame, bytes) or turn.operation is None:
            turn.log.chunk(len(frame), turn.meter)
            return
        data = frame.encode()
        turn.meter.feed(b"data: " + data.replace(b"\n", b" ") + b"\n\n")
        turn.log.chunk(len(data), turn.meter)
        if turn.meter.ended:
            self._turns.popleft()
            error = turn.meter.error_type
            turn.log.done(Outcome.ERROR if error else Outcome.OK, turn.meter, complete=True, error_type=error)
        elif turn.meter.error_type is not None:
            self._turns.popleft()
            self._refused(turn, data)

    def ended(self) -> None:
        """The connection is over; what is still under way will not be answered."""
        while self._turns:
            turn = self._turns.popleft()
            turn.meter.close()
            if turn.operation is None:
                turn.log.done(Outcome.OK, turn.meter, complete=True)
            elif self.client_left:
                turn.log.done(Outcome.CANCELLED, turn.meter, complete=False, error_type="client_gone")
            else:
                turn.log.done(Outcome.INTERRUPTED, turn.meter, complete=False, error_type="connection_lost")

    def _begin(self, call: Call, operation: Operation | None) -> None:
        meter = _meter(operation, self._provider, HTTPStatus.OK, call.request_bytes or 0)
        log = AttemptLog(self._journal, self._clock, call)
        log.head(HTTPStatus.SWITCHING_PROTOCOLS)
        self._turns.append(_Turn(log, meter, operation))

    def _operation(self, body: Mapping[str, object]) -> Operation | None:
        assert self._dialect is not None
        name = self._dialect.operation
        operation = next((entry for entry in self._provider.operations if entry.name == name), None)
        if operation is not None and body.get("generate") is False:
            # A warm-up prepares the connection and generates nothing: it is not billed.
            return replace(operation, name=f"{name}.warmup", billable=False)
        return operation

    def _refused(self, turn: _Turn, data: bytes) -> None:
        """An error in place of a response: with its status, and free where nothing was used."""
        status = (read_object(data) or {}).get("status")
        said = status if isinstance(status, int) and 400 <= status < 600 else HTTPStatus.BAD_REQUEST
        meter = turn.meter
        if not meter.usage_events:
            meter = _meter(turn.operation, self._provider, said, 0)
        turn.log.head(said)
        turn.log.done(Outcome.ERROR, meter, complete=False, error_type=turn.meter.error_type)


def _meter(operation: Operation | None, provider: Provider, status: int, request_bytes: int) -> Meter:
    return Meter(
        operation,
        provider_kind=provider.kind,
        status=status,
        content_type="text/event-stream",
        request_bytes=request_bytes,
    )


def _error_frame(provider: Provider, message: str) -> str:
    status = HTTPStatus.SERVICE_UNAVAILABLE
    return json.dumps({"type": "error", "status": status, **provider.error_body(status, message)})
