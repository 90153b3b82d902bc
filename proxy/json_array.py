"""The elements of a top-level JSON array as they arrive, however the bytes were cut.

Gemini's streamGenerateContent without `alt=sse` answers with one array whose objects come one by one. Strategy: follow
only strings, escapes and nesting, and cut out each object at depth one; the objects themselves are parsed by the meter.
A body that is one object instead (an error, mostly) is its own only element.
"""

from __future__ import annotations

import re

__all__ = ["MAX_ELEMENT_BYTES", "JsonArrayParser"]

# A longer element is not kept: its bytes still reach the client, only the meter goes without.
MAX_ELEMENT_BYTES = 32 * 1024 * 1024

_INTERESTING = re.compile(rb'["\\{}\[\]]')


class JsonArrayParser:
    """`feed` bytes, get the complete objects of the array."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._scanned = 0
        self._start: int | None = None  # where the current object begins in the buffer
        self._depth = 0
        self._element_depth = 2  # 1 where the body is an object itself
        self._in_string = False
        self._escaped_at = -1  # index of a character that a backslash took the meaning from
        self.oversized = 0  # elements that were too long to keep

    def feed(self, data: bytes) -> list[bytes]:
        self._buffer += data
        objects: list[bytes] = []
        for match in _INTERESTING.finditer(self._buffer, self._scanned):
            self._step(match.start(), objects)
        self._scanned = len(self._buffer)
        self._trim()
        return objects

    def _step(self, index: int, objects: list[bytes]) -> None:
        character = self._buffer[index]
        if index == self._escaped_at:
            return
        if self._in_string:
            if character == 0x5C:  # backslash
                self._escaped_at = index + 1
            elif character == 0x22:  # quote
                self._in_string = False
        elif character == 0x22:
            self._in_string = True
        elif character in b"{[":
            self._open(index, character)
        elif character in b"}]":
            self._close(index, objects)

    def _open(self, index: int, character: int) -> None:
        self._depth += 1
        if self._depth == 1:
            self._element_depth = 1 if character == 0x7B else 2  # opening brace
        if self._depth == self._element_depth:
            self._start = index

    def _close(self, index: int, objects: list[bytes]) -> None:
        self._depth -= 1
        if self._depth != self._element_depth - 1 or self._start is None:
            return
        if index + 1 - self._start > MAX_ELEMENT_BYTES:
            self.oversized += 1
        else:
            objects.append(bytes(self._buffer[self._start : index + 1]))
        self._start = None

    def _trim(self) -> None:
        if self._start is not None and len(self._buffer) - self._start > MAX_ELEMENT_BYTES:
            self.oversized += 1
            self._start = None
        keep_from = self._start if self._start is not None else len(self._buffer)
        if keep_from:
            del self._buffer[:keep_from]
            self._scanned -= keep_from
            self._escaped_at -= keep_from
            if self._start is not None:
                self._start = 0
