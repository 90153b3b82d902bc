"""Server-sent events from bytes, however they were cut (WHATWG HTML, 9.2.6 "Interpreting an event stream").

Strategy: keep the bytes after the last complete event, look for the blank line that ends the next one. Lines end in
CRLF, LF or CR, in any mixture; a chunk may end between the CR and the LF. Comments (`: ping`) and fields other than
`event` and `data` are passed over. Data lines are joined by a newline. An event without data is not an event.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["MAX_EVENT_BYTES", "SseEvent", "SseParser"]

# A longer event is not kept: its bytes still reach the client, only the meter goes without.
MAX_EVENT_BYTES = 32 * 1024 * 1024

# Two ends of line; the halves of a CRLF are one. Written out, because `(?>\r\n|\n|\r){2}` is six times slower.
_END_OF_EVENT = re.compile(rb"\n(?:\n|\r\n?)|\r(?:\n(?:\n|\r\n?)|\r\n?)")
_END_OF_LINE = re.compile(rb"\r\n|\n|\r")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class SseEvent:
    """`name` is "" where the provider names no event; `data` is the joined data lines."""

    name: bytes
    data: bytes


class SseParser:
    """`feed` any chunking of a stream, get the events that are complete."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []  # bytes since the last complete event
        self._size = 0
        self._dropped = 0  # bytes of the current event that were let go
        self._tail = b""  # last byte of _parts, where an end may have begun
        self._started = False
        self.oversized = 0  # events that were too long to keep

    def feed(self, data: bytes) -> list[SseEvent]:
        """Events that `data` completes, in order."""
        if not data:
            return []
        if not _END_OF_EVENT.search(self._tail + data):
            self._keep(data)
            return []
        buffer = b"".join(self._parts) + data
        dropped = self._dropped
        self._forget()
        events: list[SseEvent] = []
        start = 0
        for end in _END_OF_EVENT.finditer(buffer):
            # The "\n" of a last CRLF may still be to come: it begins the next block, as an empty line.
            self._interpret(buffer[start : end.start()], events, dropped)
            start, dropped = end.end(), 0
        if start < len(buffer):
            self._keep(buffer[start:])
        return events

    def close(self) -> list[SseEvent]:
        """The last event of a stream that ended without its blank line: the standard drops it, providers do not."""
        events: list[SseEvent] = []
        self._interpret(b"".join(self._parts), events, self._dropped)
        self._forget()
        return events

    def _keep(self, data: bytes) -> None:
        self._tail = data[-1:]
        self._parts.append(data)
        self._size += len(data)
        if self._size > MAX_EVENT_BYTES:
            self._dropped += self._size - len(self._tail)
            self._parts[:] = [self._tail]
            self._size = len(self._tail)

    def _forget(self) -> None:
        self._parts.clear()
        self._size = 0
        self._dropped = 0
        self._tail = b""

    def _interpret(self, block: bytes, events: list[SseEvent], dropped: int) -> None:
        if dropped + len(block) > MAX_EVENT_BYTES:
            self._started = True
            self.oversized += 1
            return
        if not self._started:  # the first block begins the stream, though it be empty
            self._started = True
            block = block.removeprefix(_BYTE_ORDER_MARK)
        name = b""
        data: list[bytes] = []
        for line in _END_OF_LINE.split(block):
            field, _, value = line.partition(b":")
            if field == b"data":
                data.append(value.removeprefix(b" "))
            elif field == b"event":
                name = value.removeprefix(b" ")
        if data:
            events.append(SseEvent(name, b"\n".join(data)))
