"""Messages of Amazon's event stream (`application/vnd.amazon.eventstream`) from bytes, however they were cut.

A message is a prelude (its length, the length of its headers, a CRC of the two), typed headers, a payload and a CRC of
all before it; numbers are big-endian, CRCs are CRC-32 (Smithy, "Amazon Event Stream Specification").

Strategy: keep bytes until a whole message is there. A damaged message is let go and the next one read; where the
prelude itself is damaged nobody can say where the next message begins, so nothing more is read.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from zlib import crc32

__all__ = ["MAX_MESSAGE_BYTES", "EventStreamParser", "HeaderValue", "Message"]

# A longer message is not kept: its bytes still reach the client, only the meter goes without.
MAX_MESSAGE_BYTES = 32 * 1024 * 1024

HeaderValue = bool | int | bytes | str

_PRELUDE = struct.Struct("!III")
_CRC = struct.Struct("!I")
_LENGTH = struct.Struct("!H")
_SMALLEST = _PRELUDE.size + _CRC.size
_TRUE, _FALSE, _BYTES, _STRING, _UUID = 0, 1, 6, 7, 9
# Type of a header → its fixed-size number. A timestamp (8) is milliseconds since 1970.
_NUMBERS: Mapping[int, struct.Struct] = {
    2: struct.Struct("!b"),
    3: struct.Struct("!h"),
    4: struct.Struct("!i"),
    5: struct.Struct("!q"),
    8: struct.Struct("!q"),
}
_UUID_SIZE = 16


@dataclass(frozen=True, slots=True)
class Message:
    """`headers` by name; those that begin with a colon are the protocol's own."""

    headers: Mapping[str, HeaderValue]
    payload: bytes

    @property
    def is_error(self) -> bool:
        """The service ends the stream with an exception of its model or an error outside of it."""
        return self.headers.get(":message-type") in ("exception", "error")

    @property
    def name(self) -> str:
        """The event's type, or the exception's or error's."""
        for header in (":event-type", ":exception-type", ":error-code"):
            value = self.headers.get(header)
            if isinstance(value, str):
                return value
        return ""


class EventStreamParser:
    """`feed` any chunking of a stream, get the messages that are complete."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._needed = _SMALLEST  # bytes from which on there is something to do
        self._skipped = 0  # bytes of an oversized message still to come
        self._lost = False
        self.oversized = 0  # messages that were too long to keep
        self.problem: str | None = None

    def feed(self, data: bytes) -> list[Message]:
        """Messages that `data` completes, in order."""
        if self._lost:
            return []
        if self._skipped:
            passed = min(self._skipped, len(data))
            self._skipped -= passed
            data = data[passed:]
        self._buffer += data
        messages: list[Message] = []
        while len(self._buffer) >= self._needed and not self._lost:
            self._advance(messages)
        return messages

    def close(self) -> bool:
        """Whether the stream ended between two messages."""
        return not self._buffer and not self._skipped

    def _advance(self, messages: list[Message]) -> None:
        total, header_size, expected = _PRELUDE.unpack_from(self._buffer)
        if crc32(self._buffer[: _PRELUDE.size - _CRC.size]) != expected or total < _SMALLEST + header_size:
            self._lost = True
            self._buffer.clear()
            self.problem = "the prelude of an event stream message is damaged"
        elif total > MAX_MESSAGE_BYTES:
            self.oversized += 1
            self._skipped = max(0, total - len(self._buffer))
            del self._buffer[:total]
            self._needed = _SMALLEST
        elif len(self._buffer) < total:
            self._needed = total
        else:
            message = _message(bytes(self._buffer[:total]), header_size)
            del self._buffer[:total]
            self._needed = _SMALLEST
            if message is None:
                self.problem = "an event stream message is damaged"
            else:
                messages.append(message)


def _message(data: bytes, header_size: int) -> Message | None:
    """A whole message, or None where its CRC or its headers are wrong."""
    (expected,) = _CRC.unpack_from(data, len(data) - _CRC.size)
    if crc32(data[: -_CRC.size]) != expected:
        return None
    begin = _PRELUDE.size
    headers = _headers(data[begin : begin + header_size])
    return None if headers is None else Message(headers, data[begin + header_size : -_CRC.size])


def _headers(data: bytes) -> dict[str, HeaderValue] | None:
    headers: dict[str, HeaderValue] = {}
    at = 0
    try:
        while at < len(data):
            end = at + 1 + data[at]
            name = data[at + 1 : end].decode()
            value, at = _value(data, data[end], end + 1)
            headers[name] = value
    except (IndexError, struct.error, UnicodeDecodeError, ValueError):
        return None
    return headers if at == len(data) else None


def _value(data: bytes, kind: int, at: int) -> tuple[HeaderValue, int]:
    """The value that begins at `at`, and where the next header begins. Raises ValueError for a type nobody knows."""
    if kind in (_TRUE, _FALSE):
        return kind == _TRUE, at
    if number := _NUMBERS.get(kind):
        return number.unpack_from(data, at)[0], at + number.size
    if kind == _UUID:
        return data[at : at + _UUID_SIZE], at + _UUID_SIZE
    if kind in (_BYTES, _STRING):
        begin = at + _LENGTH.size
        end = begin + _LENGTH.unpack_from(data, at)[0]
        raw = data[begin:end]
        return (raw if kind == _BYTES else raw.decode()), end
    raise ValueError(f"header type {kind} is not in the specification")
