"""The client of the benchmark: kept-alive connections over a bare protocol, each sending its next request when the last
reply is complete. Prints one JSON object: requests per second, latencies, its own CPU time.

    python -m benchmarks.load URL plain|stream REQUESTS CONNECTIONS
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time
from typing import cast
from urllib.parse import urlsplit

import uvloop

from benchmarks.payloads import CALLS


class _Client(asyncio.Protocol):
    """One connection. `tickets` are the requests still to be sent, shared by all connections."""

    def __init__(self, request: bytes, tickets: list[None], latencies: list[float]) -> None:
        self._request = request
        self._tickets = tickets
        self._latencies = latencies
        self._received = bytearray()
        self._sent_at = 0.0
        self._transport: asyncio.Transport | None = None
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one in all but name
        self._send()

    def data_received(self, data: bytes) -> None:
        self._received += data
        if self._is_complete():
            self._latencies.append(time.perf_counter() - self._sent_at)
            if not self._received.startswith(b"HTTP/1.1 200 "):
                self._fail(f"the reply is {bytes(self._received[:200])!r}")
                return
            self._received.clear()
            self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self._fail(f"the connection was closed: {exc}")

    def _send(self) -> None:
        assert self._transport is not None
        if self._tickets:
            self._tickets.pop()
            self._sent_at = time.perf_counter()
            self._transport.write(self._request)
        else:
            self.done.set_result(None)
            self._transport.close()

    def _is_complete(self) -> bool:
        end = self._received.find(b"\r\n\r\n")
        if end < 0:
            return False
        head = bytes(self._received[:end]).lower()
        at = head.find(b"\r\ncontent-length:")
        if at < 0:
            return self._received.endswith(b"\r\n0\r\n\r\n")
        return len(self._received) >= end + 4 + int(head[at + 17 :].split(b"\r\n", 1)[0])

    def _fail(self, why: str) -> None:
        if not self.done.done():
            self.done.set_exception(RuntimeError(why))


async def main(url: str, name: str, requests: int, connections: int) -> None:
    place = urlsplit(url)
    host, port = place.hostname or "", place.port or 80
    body = CALLS[name].body
    head = (
        f"POST {place.path} HTTP/1.1\r\nHost: {place.netloc}\r\nAuthorization: Bearer sk-bench\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    tickets, latencies = [None] * requests, list[float]()
    loop = asyncio.get_running_loop()
    cpu, start = _cpu(), time.perf_counter()
    clients = [
        await loop.create_connection(lambda: _Client(head.encode() + body, tickets, latencies), host, port)
        for _ in range(connections)
    ]
    await asyncio.gather(*(client.done for _, client in clients))
    elapsed = time.perf_counter() - start
    latencies.sort()
    print(
        json.dumps(
            {
                "requests_per_second": requests / elapsed,
                "p50_ms": latencies[len(latencies) // 2] * 1e3,
                "p99_ms": latencies[len(latencies) * 99 // 100] * 1e3,
                "client_cpu_us": (_cpu() - cpu) / requests * 1e6,
            }
        )
    )


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
