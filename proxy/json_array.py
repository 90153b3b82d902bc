"""The elements of a top-level JSON array as they arrive, however the bytes were cut.

Gemini's streamGenerateContent without `alt=sse` answers with one array whose objects come one by one. Strategy: follow
only strings, escapes and nesting, and cut out each object at depth one; the objects themselves are parsed by the meter.
"""

from __future__ import annotations

import re

__all__ = ["JsonArrayParser"]

_INTERESTING = re.compile(rb'["\\{}\[\]]')


class JsonArrayParser:
    """`feed` bytes, get the complete objects of the array."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._scanned = 0
        self._start: int | None = None  # where the current object begins in the buffer
        self._depth = 0
        self._in_string = False
        self._escaped_at = -1  # index of a character that a backslash took the meaning from

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
            self._depth += 1
            if self._depth == 2 and self._start is None:
                self._start = index
        elif character in b"}]":
            self._depth -= 1
            if self._depth == 1 and self._start is not None:
                objects.append(bytes(self._buffer[self._start : index + 1]))
                self._start = None

    def _trim(self) -> None:
        keep_from = self._start if self._start is not None else len(self._buffer)
        if keep_from:
            del self._buffer[:keep_from]
            self._scanned -= keep_from
            self._escaped_at -= keep_from
            if self._start is not None:
                self._start = 0
