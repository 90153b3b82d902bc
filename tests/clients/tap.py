"""What a client really received: a TCP relay between it and the next hop that keeps the bytes of both directions.

It changes nothing and understands nothing while it relays; connections are read as HTTP afterwards.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import urlsplit

__all__ = ["Received", "Tap"]

_READ_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Received:
    """One response with the request line it answers. The body is without chunked framing, otherwise as it came; that of
    a WebSocket is its text messages, a line each."""

    method: str
    target: str
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


@dataclass(slots=True)
class _Connection:
    sent: bytearray = field(default_factory=bytearray)
    received: bytearray = field(default_factory=bytearray)


class Tap:
    """Async context manager; `url` stands for `upstream`."""

    def __init__(self, upstream: str) -> None:
        self._upstream = urlsplit(upstream)
        self._connections: list[_Connection] = []
        self._open: set[asyncio.Task[None]] = set()
        self.url = ""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *error: object) -> None:
        self._server.close()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    def responses(self) -> list[Received]:
        """In the order of connections, and within one in the order they came."""
        return [response for connection in self._connections for response in _responses(connection)]

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._relay(reader, writer))
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = _Connection()
        self._connections.append(connection)
        host, port = self._upstream.hostname, self._upstream.port
        upstream_reader, upstream_writer = await asyncio.open_connection(host, port)
        try:
            await asyncio.gather(
                _pump(reader, upstream_writer, connection.sent), _pump(upstream_reader, writer, connection.received)
            )
        finally:
            writer.close()
            upstream_writer.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, kept: bytearray) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(_READ_BYTES):
            kept += data
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()


class _Unclosed(io.BytesIO):
    """http.client closes what it has read a response from; the next response follows in the same bytes."""

    def close(self) -> None:
        pass

    def makefile(self, *_: Any, **__: Any) -> _Unclosed:
        return self


def _responses(connection: _Connection) -> Iterator[Received]:
    stream = _Unclosed(bytes(connection.received))
    for method, target in _requests(bytes(connection.sent)):
        if stream.tell() == len(connection.received):
            return
        response = http.client.HTTPResponse(stream, method=method)  # type: ignore[arg-type]  # a socket's one method
        response.begin()
        body = b"".join(_messages(stream)) if response.status == 101 else response.read()
        yield Received(method, target, response.status, tuple(response.getheaders()), body)


def _messages(stream: io.BytesIO) -> Iterator[bytes]:
    """Text messages of a server, inflated where they came deflated (RFC 6455, RFC 7692)."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    message, is_text, is_deflated = b"", False, False
    while head := stream.read(2):
        length = head[1] & 0x7F
        if length >= 126:
            length = int.from_bytes(stream.read(2 if length == 126 else 8))
        payload, opcode = stream.read(length), head[0] & 0x0F
        if opcode >= 8:  # a control frame may stand between the parts of a message
            continue
        if opcode:
            message, is_text, is_deflated = b"", opcode == 1, bool(head[0] & 0x40)
        message += payload
        if head[0] & 0x80 and is_text:
            yield (inflater.decompress(message + b"\x00\x00\xff\xff") if is_deflated else message) + b"\n"


def _requests(sent: bytes) -> Iterator[tuple[str, str]]:
    """Request lines of one connection; bodies are skipped by their framing."""
    stream = io.BytesIO(sent)
    while line := stream.readline():
        method, target, _ = line.decode("latin-1").split(" ", 2)
        headers = http.client.parse_headers(stream)
        yield method, target
        if headers.get("Upgrade", "").lower() == "websocket":
            return
        if "chunked" in headers.get("Transfer-Encoding", "").lower():
            while size := int(stream.readline().split(b";")[0] or b"0", 16):
                stream.read(size + len(b"\r\n"))
            stream.readline()
        else:
            stream.read(int(headers.get("Content-Length", 0)))
