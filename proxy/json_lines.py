"""The lines of a body as they arrive, however the bytes were cut.

A file may be of any kind and size: a line that grows too long is let go, and with it all of a file that has none.
"""

from __future__ import annotations

__all__ = ["MAX_LINE_BYTES", "LineParser"]

# A longer line is not kept: its bytes still reach the client, only the meter goes without.
MAX_LINE_BYTES = 32 * 1024 * 1024


class LineParser:
    """`feed` bytes, get the complete lines, without their ends. Empty lines are left out."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0
        self._is_dropped = False
        self.oversized = 0  # lines that were too long to keep

    def feed(self, data: bytes) -> list[bytes]:
        lines: list[bytes] = []
        *complete, rest = data.split(b"\n")
        for piece in complete:
            self._keep(piece)
            lines += self._taken()
        self._keep(rest)
        return lines

    def close(self) -> list[bytes]:
        """The last line, where no end followed it."""
        return self._taken()

    def _keep(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size > MAX_LINE_BYTES:
            self._is_dropped = True
            self._parts.clear()
        elif piece:
            self._parts.append(piece)

    def _taken(self) -> list[bytes]:
        line = b"".join(self._parts).strip()
        self.oversized += self._is_dropped
        self._parts.clear()
        self._size = 0
        self._is_dropped = False
        return [line] if line else []
