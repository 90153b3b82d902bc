"""A provider on loopback that speaks the OpenAI, Anthropic and Gemini APIs: for the demo, the tests and the benchmarks.

What it answers is decided in `answers.py`; this file only serves, and gives tests their hands on the wire: how the
bytes of a reply are cut, where they wait, where they break off, replies of one's own down to raw bytes, and a record of
what came in and went out.
"""

from __future__ import annotations

import asyncio
import gzip
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from aiohttp import WSMsgType, web

from attribution.demo.answers import answer
from attribution.demo.conversation import is_conversation, replies
from attribution.demo.wire import Reply, Request

__all__ = ["Delivery", "Exchange", "Raw", "SampleProvider"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """How the body of a reply is sent. Offsets count bytes of the body as sent, after compression."""

    chunk_bytes: int | None = None  # writes of this many bytes; None: the reply's own pieces
    wait_at: int | None = None  # after this many bytes …
    until: asyncio.Event | None = None  # … wait for this event
    reached: asyncio.Event | None = None  # set when the wait begins
    break_at: int | None = None  # cut the connection after this many bytes
    gzip: bool = False  # compress where the client accepts it


@dataclass(frozen=True, slots=True)
class Raw:
    """Bytes sent as they are in place of a whole HTTP response, head included; the connection is closed after them."""

    sent: bytes


@dataclass(slots=True)
class Exchange:
    """What was received and what was sent, exactly. Header names and values are bytes as they came.

    Of a WebSocket it holds the text frames, a line each.
    """

    method: str
    target: str
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes
    status: int = 0
    response_headers: tuple[tuple[str, str], ...] = ()
    sent: bytearray = field(default_factory=bytearray)
    finished: bool = False  # everything was sent; False where the client went away or the reply was broken off

    def header(self, name: str) -> str | None:
        """The first value of a request header."""
        wanted = name.lower().encode()
        return next((value.decode("latin-1") for key, value in self.headers if key.lower() == wanted), None)


class SampleProvider:
    """Async context manager; `url` is its root, without a version segment.

    `planned` replies are sent first, one a request, in order; everything else is answered from the request itself.
    """

    def __init__(
        self,
        *,
        api_key: str | None = None,
        delivery: Delivery | None = None,
        record: bool = True,
        received: Callable[[Exchange], None] = lambda _: None,
    ) -> None:
        self.api_key = api_key
        self.delivery = delivery or Delivery()
        self.planned: deque[Reply | Raw] = deque()
        self.exchanges: list[Exchange] = []
        self.url = ""
        self._record = record
        self._received = received  # called before anything is answered
        self._runner: web.AppRunner | None = None

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        app = web.Application(client_max_size=1 << 30)
        app.router.add_route("*", "/{path:.*}", self._serve)
        # The request is read to its end, so a client that goes away mid-response is noticed by the next write.
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=1)
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port).start()
        bound = self._runner.addresses[0]
        self.url = f"http://{bound[0]}:{bound[1]}"

    async def stop(self) -> None:
        if self._runner:
            await self._runner.cleanup()
            self._runner = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def _serve(self, http: web.Request) -> web.StreamResponse:
        body = await http.read()
        exchange = Exchange(http.method, http.raw_path, tuple(http.raw_headers), body)
        if self._record:
            self.exchanges.append(exchange)
        self._received(exchange)
        planned = self.planned.popleft() if self.planned else None
        if isinstance(planned, Raw):
            return _send_raw(http, planned, exchange)
        headers = {name.lower(): value for name, value in http.headers.items()}
        request = Request(method=http.method, path=http.path, query=http.query, headers=headers, body=body)
        if planned is None and is_conversation(request):
            return await _converse(http, request, self.api_key, exchange)
        reply = planned or answer(request, api_key=self.api_key)
        return await _send(http, reply, self.delivery, exchange)


async def _send(http: web.Request, reply: Reply, delivery: Delivery, exchange: Exchange) -> web.StreamResponse:
    pieces = reply.pieces
    response = web.StreamResponse(status=reply.status)
    for name, value in reply.headers:
        response.headers.add(name, value)
    if delivery.gzip and "gzip" in http.headers.get("Accept-Encoding", ""):
        response.headers["Content-Encoding"] = "gzip"
        pieces = (gzip.compress(reply.body, mtime=0),)
    if reply.streamed:
        response.enable_chunked_encoding()
    else:
        response.content_length = sum(map(len, pieces))
    await response.prepare(http)
    exchange.status, exchange.response_headers = reply.status, tuple(response.headers.items())
    for piece in _cut(pieces, delivery):
        await response.write(piece)
        exchange.sent += piece
        if len(exchange.sent) == delivery.wait_at and delivery.until:
            if delivery.reached:
                delivery.reached.set()
            await delivery.until.wait()
        if len(exchange.sent) == delivery.break_at:
            _close(http)
            return response
    await response.write_eof()
    exchange.finished = True
    return response


async def _converse(http: web.Request, request: Request, api_key: str | None, exchange: Exchange) -> web.StreamResponse:
    socket = web.WebSocketResponse(compress=False)
    await socket.prepare(http)
    exchange.status, exchange.response_headers = socket.status, tuple(socket.headers.items())
    async for message in socket:
        if message.type is WSMsgType.TEXT:
            exchange.body += message.data.encode() + b"\n"
            for frame in replies(request, message.data.encode(), api_key=api_key):
                await socket.send_str(frame.decode())
                exchange.sent += frame + b"\n"
    exchange.finished = True
    return socket


def _cut(pieces: tuple[bytes, ...], delivery: Delivery) -> Iterator[bytes]:
    """The body in writes: as given or in `chunk_bytes`, and always ending at the offsets where something happens."""
    if delivery.chunk_bytes is not None:
        body, size = b"".join(pieces), delivery.chunk_bytes
        pieces = tuple(body[start : start + size] for start in range(0, len(body), size))
    offset = 0
    marks = sorted(mark for mark in (delivery.wait_at, delivery.break_at) if mark)
    for piece in pieces:
        rest = piece
        for mark in marks:
            if offset < mark < offset + len(rest):
                yield rest[: mark - offset]
                rest, offset = rest[mark - offset :], mark
        yield rest
        offset += len(rest)


def _send_raw(http: web.Request, raw: Raw, exchange: Exchange) -> web.StreamResponse:
    if http.transport is not None:
        http.transport.write(raw.sent)
    exchange.sent += raw.sent
    exchange.finished = True
    _close(http)
    return web.StreamResponse()


def _close(http: web.Request) -> None:
    if http.transport is not None:
        http.transport.close()
