"""The listener: accepts requests, decides what they are, and hands calls to the forwarder.

One request passes: health → WebSocket refusal → route → gate → body → stamp → forward. Whatever is refused here is
refused in the shape the provider's client understands, before the journal or the provider hear of it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, replace
from urllib.parse import unquote_plus, urlsplit

import aiohttp
from aiohttp import web

from proxy.call import BillingBasis, Call, Stamp
from proxy.clock import Clock
from proxy.forward import Forwarder, Outgoing, RequestBodyError
from proxy.headers import (
    KEY_PREFIX,
    billing_basis,
    client_identity,
    collect_stamp,
    forwardable,
    header_text,
    presented_keys,
    swap_key,
)
from proxy.in_flight import InFlight
from proxy.journal import Journal, JournalFullError
from proxy.ports import Admission, Gate, Refusal
from proxy.providers.base import Provider
from proxy.request import RequestFacts, read_request
from proxy.responses import refuse
from proxy.routes import NoRoute, Route, resolve
from proxy.sellers import Limits, Seller
from proxy.websocket import WebSocketRelay

__all__ = ["ProxyServer"]

log = logging.getLogger(__name__)

# Agents send long URLs and long metadata headers.
_MAX_HEAD_FIELD = 64 * 1024
# Providers close idle connections after a few seconds; a request on a closed one would fail.
_UPSTREAM_KEEPALIVE_SECONDS = 5
_IDLE_CLIENT_SECONDS = 300
_CLOSING_SECONDS = 1  # for connections without a call; aiohttp takes 0 for ever


@dataclass(frozen=True, slots=True)
class _Body:
    """A request body, or its beginning and where the rest comes from."""

    data: bytes
    rest: AsyncIterator[bytes] | None = None


class ProxyServer:
    """The proxy on one address. `ready` says whether calls can be recorded, for /readyz."""

    def __init__(
        self,
        *,
        sellers: Mapping[str, Seller],
        limits: Limits,
        gate: Gate,
        journal: Journal,
        clock: Clock,
        new_call_id: Callable[[], str],
        ready: Callable[[], str | None],
    ) -> None:
        self._sellers = sellers
        self._limits = limits
        self._gate = gate
        self._journal = journal
        self._clock = clock
        self._new_call_id = new_call_id
        self._ready = ready
        self._in_flight = InFlight()
        self._server: web.Server | None = None
        self._runner: web.ServerRunner | None = None
        self._session: aiohttp.ClientSession | None = None
        self._forwarder: Forwarder | None = None
        self._websockets: WebSocketRelay | None = None

    async def start(self, host: str, port: int) -> str:
        """Listen; returns the base URL. Raises OSError where the address cannot be had."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_UPSTREAM_KEEPALIVE_SECONDS),
            auto_decompress=False,
            skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),  # the client's, or none
            cookie_jar=aiohttp.DummyCookieJar(),  # cookies are the client's, never shared between clients
            max_line_size=_MAX_HEAD_FIELD,
            max_field_size=_MAX_HEAD_FIELD,
        )
        self._forwarder = Forwarder(
            self._session,
            self._journal,
            self._clock,
            self._in_flight,
            drain_when_client_gone=self._limits.drain_when_client_gone,
        )
        self._websockets = WebSocketRelay(
            self._session,
            self._journal,
            self._clock,
            new_call_id=self._new_call_id,
            max_message_bytes=self._limits.max_body_bytes,
        )
        self._server = web.Server(
            self._handle,
            handler_cancellation=True,
            auto_decompress=False,
            access_log=None,
            keepalive_timeout=_IDLE_CLIENT_SECONDS,
            max_line_size=_MAX_HEAD_FIELD,
            max_field_size=_MAX_HEAD_FIELD,
        )
        self._runner = web.ServerRunner(self._server, shutdown_timeout=_CLOSING_SECONDS)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port)
        try:
            await site.start()
        except OSError:
            await self.stop()
            raise
        address = self._runner.addresses[0]
        shown = f"[{address[0]}]" if ":" in address[0] else address[0]
        return f"http://{shown}:{address[1]}"

    async def stop(self) -> None:
        """Stop listening, let calls in flight finish within the drain time, end those that have not, close."""
        if self._runner is not None and self._server is not None:
            for site in list(self._runner.sites):
                await site.stop()
            self._server.pre_shutdown()  # a connection ends with the call it carries
            await self._in_flight.finish(within=self._limits.drain_seconds)
            await self._runner.cleanup()
        if self._session is not None:
            await self._session.close()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if (task := asyncio.current_task()) is not None:
            self._in_flight.add(task)
        if request.path == "/healthz":
            return web.json_response({"status": "ok"})
        if request.path == "/readyz":
            problem = self._ready()
            body = {"status": "ok"} if problem is None else {"status": "not ready", "reason": problem}
            return web.json_response(body, status=200 if problem is None else 503)
        route = resolve(request.method, request.raw_path, request.headers, self._sellers)
        if isinstance(route, NoRoute):
            return refuse(route.provider, route.status, route.message, client=client_identity(request.headers).name)
        refusal = self._refuse_early(request, route.provider)
        if refusal is not None:
            return refusal
        admission = await self._gate.admit(presented_keys(request.headers, request.query), route.seller)
        if isinstance(admission, Refusal):
            client = client_identity(request.headers).name
            return refuse(route.provider, admission.status, admission.message, client=client)
        return await self._forward(request, route, admission)

    def _refuse_early(self, request: web.BaseRequest, provider: Provider) -> web.Response | None:
        if (request.content_length or 0) > self._limits.max_body_bytes:
            return refuse(provider, 413, self._too_large())
        if self._server is not None and len(self._server.connections) > self._limits.max_connections:
            return refuse(
                provider,
                503,
                f"mergecost serves {self._limits.max_connections} connections at once and all are taken; raise "
                "server.max_connections",
            )
        return None

    async def _forward(self, request: web.BaseRequest, route: Route, admission: Admission) -> web.StreamResponse:
        assert self._forwarder is not None
        assert self._websockets is not None
        is_upgrade = request.headers.get("Upgrade", "").lower() == "websocket"
        try:
            body = _Body(b"") if is_upgrade else await self._read_body(request, route.seller)
        except RequestBodyError as error:
            return refuse(route.provider, error.status, str(error))
        outgoing = self._outgoing(request, route, admission, body)
        try:
            return await (self._websockets if is_upgrade else self._forwarder).relay(request, outgoing)
        except JournalFullError as error:
            log.error("a call was refused because it could not be recorded: %s", error)
            return refuse(
                route.provider,
                503,
                f"mergecost cannot record this call, so it was not sent: {error}. Free disk space or move the ledger.",
                outgoing.call,
            )

    async def _read_body(self, request: web.BaseRequest, seller: Seller) -> _Body:
        """Up to `buffer_bytes` at once; a larger body is passed on as it comes, unless it has to be signed whole."""
        at_once = self._limits.max_body_bytes if seller.signer is not None else self._limits.buffer_bytes
        if not request.body_exists:
            return _Body(b"")
        if request.headers.get("Expect", "").lower() == "100-continue" and request.transport is not None:
            request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        pieces: list[bytes] = []
        size = 0
        rest = self._pieces(request)
        async for piece in rest:
            pieces.append(piece)
            size += len(piece)
            if size > at_once:
                return _Body(b"".join(pieces), rest)
        return _Body(b"".join(pieces))

    async def _pieces(self, request: web.BaseRequest) -> AsyncIterator[bytes]:
        """The body as it comes. Raises RequestBodyError where it is too large, or the client takes too long over it."""
        size = 0
        waited_us = 0
        while True:
            began_us = self._clock.monotonic_us()
            try:
                async with asyncio.timeout(self._limits.body_timeout_seconds - waited_us / 1e6):
                    piece = await request.content.readany()
            except TimeoutError:
                raise self._too_slow() from None
            waited_us += self._clock.monotonic_us() - began_us
            if not piece:
                return
            size += len(piece)
            if size > self._limits.max_body_bytes:
                raise RequestBodyError(413, "request_too_large", self._too_large())
            yield piece

    def _outgoing(self, request: web.BaseRequest, route: Route, admission: Admission, body: _Body) -> Outgoing:
        tagged = collect_stamp(request.headers.items(), route.tags)
        facts = _request_facts(request, body)
        identity = client_identity(request.headers)
        streams = facts.stream or (route.operation is not None and "stream" in route.operation.name)
        call = Call(
            call_id=self._new_call_id(),
            attempt=1,
            started_at=self._clock.now(),
            provider=route.provider.otel_name,
            seller=route.seller.name,
            operation=route.operation.name if route.operation else "unknown",
            method=request.method,
            path=route.path[:512],
            server=urlsplit(route.url).netloc.rpartition("@")[2],
            request_model=route.model or facts.model,
            requested_tier=facts.service_tier,
            stream=streams,
            stamp=_bound_to_key(tagged.stamp, admission),
            key_id=admission.key_id,
            billing_basis=BillingBasis.METERED if admission.provider_key else billing_basis(request.headers),
            client_name=identity.name,
            client_version=identity.version,
            client_retry_count=identity.retry_count,
            request_bytes=len(body.data) if body.rest is None else request.content_length,
            body_hash=facts.body_hash,
            problems=(*tagged.problems, *facts.problems),
        )
        raw = [(header_text(name), header_text(value)) for name, value in request.raw_headers]
        return Outgoing(
            route=replace(route, url=_without_our_key(route.url)),
            call=call,
            headers=_upstream_headers(raw, route, admission),
            body=body.data,
            rest=body.rest,
            body_length=request.content_length if body.rest is not None else None,
        )

    def _too_slow(self) -> RequestBodyError:
        seconds = self._limits.body_timeout_seconds
        return RequestBodyError(408, "request_timeout", f"the request body did not arrive in {seconds} s")

    def _too_large(self) -> str:
        return (
            f"the request body is larger than {self._limits.max_body_bytes} bytes; raise server.max_body_bytes in "
            "mergecost's configuration"
        )


def _request_facts(request: web.BaseRequest, body: _Body) -> RequestFacts:
    """What the body says. Of a body too large to be read whole, a form still names its model in its first fields."""
    facts = read_request(body.data, request.headers.get("Content-Encoding"))
    if body.rest is None:
        return facts
    problems = () if facts.model else ("the request body was too large to read its model",)
    return replace(facts, body_hash=None, problems=problems)


def _bound_to_key(stamp: Stamp, admission: Admission) -> Stamp:
    """A team bound to a key always wins over a header; actor and purpose of a key are defaults."""
    return replace(
        stamp,
        team=admission.team or stamp.team,
        actor=stamp.actor or admission.actor,
        purpose=stamp.purpose or admission.purpose,
    )


def _upstream_headers(raw: list[tuple[str, str]], route: Route, admission: Admission) -> tuple[tuple[str, str], ...]:
    # aiohttp answered `Expect` itself and states the length of what it sends.
    headers = [pair for pair in forwardable(raw) if pair[0].lower() not in ("expect", "content-length")]
    if admission.key_id is not None:
        carrier = route.seller.key_carrier or route.provider.key_carrier
        headers = swap_key(headers, carrier=carrier, secret=admission.provider_key)
    return tuple(headers)


def _without_our_key(url: str) -> str:
    """The URL without the query parameters that hold a mergecost key, however it is encoded."""
    head, _, query = url.partition("?")
    if KEY_PREFIX not in unquote_plus(query):
        return url
    kept = [pair for pair in query.split("&") if KEY_PREFIX not in unquote_plus(pair)]
    return f"{head}?{'&'.join(kept)}" if kept else head
