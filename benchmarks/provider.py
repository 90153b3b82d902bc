"""The provider of the benchmark: prepared bytes over a bare protocol, so that little of what is measured is its own.

A streamed reply leaves in events a fixed time apart, as a model would send them; prints its port when it listens.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from typing import cast

import uvloop

from benchmarks.payloads import CALLS, Call

PACE_SECONDS = 0.002


class _Provider(asyncio.Protocol):
    def __init__(self) -> None:
        self._received = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one in all but name

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, separator, rest = self._received.partition(b"\r\n\r\n")
        if not separator:
            return
        marker = b"\r\ncontent-length:"
        at = head.lower().find(marker)
        length = int(head[at + len(marker) :].split(b"\r\n", 1)[0])
        if len(rest) >= length:
            self._received = rest[length:]
            self._answer(CALLS["stream" if b'"stream": true' in rest[:length] else "plain"])

    def _answer(self, call: Call) -> None:
        assert self._transport is not None
        if len(call.pieces) == 1:
            self._transport.write(call.head + call.pieces[0])
        else:
            self._transport.write(call.head)
            self._next(iter(call.pieces))

    def _next(self, pieces: Iterator[bytes]) -> None:
        assert self._transport is not None
        piece = next(pieces, None)
        if piece is not None and not self._transport.is_closing():
            self._transport.write(piece)
            asyncio.get_running_loop().call_later(PACE_SECONDS, self._next, pieces)


async def main() -> None:
    server = await asyncio.get_running_loop().create_server(_Provider, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())
    sys.exit(0)
