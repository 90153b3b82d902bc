"""The two calls that are measured: a chat completion of about 2 KB each way, and one streamed in 20 events."""

from __future__ import annotations

import json
from dataclasses import dataclass

from attribution.demo.answers import answer
from attribution.demo.wire import Request

__all__ = ["CALLS", "EVENTS", "PATH", "Call"]

PATH = "/v1/chat/completions"
EVENTS = 20
_TEXT = "Which of these lines rounds the tax twice? " * 45


@dataclass(frozen=True, slots=True)
class Call:
    """A request body and the reply's head and pieces, chunk framing included where it is streamed."""

    body: bytes
    head: bytes
    pieces: tuple[bytes, ...]


def _call(mark: str, **more: object) -> Call:
    messages = [{"role": "user", "content": f"{_TEXT} [sample {mark}]"}]
    body = json.dumps({"model": "gpt-4.1", "messages": messages, **more}).encode()
    reply = answer(Request(method="POST", path=PATH, body=body))
    assert reply.status == 200, reply.body
    framing = ("Transfer-Encoding", "chunked") if reply.streamed else ("Content-Length", str(len(reply.body)))
    lines = [f"{name}: {value}\r\n" for name, value in (*reply.headers, framing)]
    pieces = reply.pieces
    if reply.streamed:
        pieces = tuple(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
        pieces = (*pieces[:-1], pieces[-1] + b"0\r\n\r\n")
    return Call(body, f"HTTP/1.1 200 OK\r\n{''.join(lines)}\r\n".encode(), pieces)


# Two events of a stream carry no text: the first and the one with the usage.
CALLS = {
    "plain": _call("input=900 cache_read=600 output=300 chunks=90"),
    "stream": _call(
        f"input=900 cache_read=600 output=300 chunks={EVENTS - 4}", stream=True, stream_options={"include_usage": True}
    ),
}
