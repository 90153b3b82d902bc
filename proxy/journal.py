"""The journal: an append-only file of what happened to each call, written before a client may see the end of it.

Durability rule: `opened` is on file before anything goes upstream, `done` before the last byte goes to the client. One
`pwrite` a record is enough to survive a killed process (the page cache outlives it); `durability="power"` adds an
fdatasync.

Full disk: segments are preallocated, and every open call holds room for its own done record in the current segment. So
the disk can only refuse an `opened`, and a call that was let through can always be finished. A record larger than that
room is trimmed (`shrink`), never split: half of the room is for the call, half for how it ended. Where the disk refuses
a done record nevertheless, the record is owed: it is written before the next one that the disk takes.

Format of a segment: records of `length:u32 crc32:u32 payload`, little endian, payload JSON (msgspec, tagged by kind);
length 0 is the end. A torn last record (the process died in the middle of a write) ends the segment: no client saw the
end of that call. A record that cannot be read in the middle is told and passed over: it may not hide those behind it.
Segment names are `<count>-<random>.journal`: sorted, they are in the order they were begun, and the
random part tells a new segment from an older one of the same count.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, Literal

import msgspec

from proxy.call import Attempt, Call, Metered

__all__ = [
    "Done",
    "Journal",
    "JournalFullError",
    "JournalInUseError",
    "JournalWriteError",
    "Opened",
    "Position",
    "Progress",
    "Record",
    "read_segment",
    "segments",
]

SEGMENT_BYTES = 8 * 1024 * 1024
ROOM_FOR_DONE = 16 * 1024  # most a done record may take
_ROOM_FOR_CALL = ROOM_FOR_DONE // 2
_LONGEST_TEXT = 256  # as JSON: a longer one is not kept in a trimmed record
_DROPPED = "details were dropped: the record was too large"
_HEADER = struct.Struct("<II")
_SUFFIX = ".journal"
_SEGMENT = re.compile(r"\d+-[0-9a-f]+\.journal")
_RECORD_BEGINS = b'{"type":"'


class JournalFullError(Exception):
    """The journal cannot take another call; the message names the file and the cause."""


class JournalInUseError(Exception):
    """Another process writes this journal."""


class JournalWriteError(OSError):
    """The disk refused the end of a call; the record is owed and the message names the file and the cause."""


class Opened(msgspec.Struct, frozen=True, tag="opened"):
    """An attempt is about to go upstream."""

    call: Call


class Progress(msgspec.Struct, frozen=True, tag="progress"):
    """Something to estimate from, should the end never come."""

    call_id: str
    attempt: int
    metered: Metered
    response_bytes: int


class Done(msgspec.Struct, frozen=True, tag="done"):
    """An attempt has ended. `revision` > 0 amends an earlier done of the same attempt; `final`: no retry follows."""

    call: Call
    attempt: Attempt
    revision: int = 0
    final: bool = True


Record = Opened | Progress | Done


def _plain_mapping(value: object) -> object:
    """msgspec knows dict alone among mappings."""
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"a journal record cannot hold {type(value).__name__}")


_ENCODER = msgspec.json.Encoder(enc_hook=_plain_mapping)
_DECODER: msgspec.json.Decoder[Record] = msgspec.json.Decoder(Record)


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """Just behind a record: a segment's name and an offset in it."""

    segment: str
    offset: int

    def __str__(self) -> str:
        return f"{self.segment}:{self.offset}"

    @classmethod
    def parse(cls, text: str) -> Position:
        segment, _, offset = text.rpartition(":")
        return cls(segment, int(offset))


class Journal:
    """The writing side: one writer a directory (a lock says so), one thread. `written` is called after each record."""

    def __init__(
        self,
        directory: Path,
        *,
        durability: Literal["process", "power"] = "process",
        segment_bytes: int = SEGMENT_BYTES,
        written: Callable[[], None] = lambda: None,
    ) -> None:
        """Raises JournalInUseError where another process writes here, JournalFullError where there is no room."""
        self._directory = directory
        self._durability = durability
        self._segment_bytes = segment_bytes
        self._written = written
        self._open_calls: set[tuple[str, int]] = set()
        self._owed: dict[tuple[str, int], bytes] = {}  # done records that the disk refused
        self._file = -1
        self._offset = 0
        self._name = ""
        self._size = 0
        try:
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock = os.open(directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise JournalFullError(f"cannot use the journal directory {directory}: {error.strerror}") from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._lock)
            raise JournalInUseError(f"another process already writes the journal {directory}") from error
        try:
            self._next_segment()
        except JournalFullError:
            os.close(self._lock)
            raise

    @property
    def position(self) -> Position:
        """Behind the last record written."""
        return Position(self._name, self._offset)

    def opened(self, record: Opened) -> None:
        """Record an attempt before it goes upstream. Raises JournalFullError; nothing is written then."""
        data = _ENCODER.encode(record)
        if len(data) > _ROOM_FOR_CALL:
            data = _ENCODER.encode(Opened(_shrink_call(record.call)))
        if len(data) > _ROOM_FOR_CALL:
            raise JournalFullError(f"the record of a call takes {len(data)} bytes, more than {_ROOM_FOR_CALL}")
        if self._free() < len(data) + _HEADER.size + (len(self._open_calls) + 1) * ROOM_FOR_DONE:
            self._next_segment()
        try:
            self._append_owed()
            self._append(data)
        except OSError as error:
            raise JournalFullError(f"cannot write to {self._directory / self._name}: {error}") from error
        self._open_calls.add((record.call.call_id, record.call.attempt))

    def progress(self, record: Progress) -> None:
        """Record something to estimate from, where there is room beyond what open calls have reserved."""
        data = _ENCODER.encode(record)
        if self._free() >= len(data) + _HEADER.size + len(self._open_calls) * ROOM_FOR_DONE:
            with contextlib.suppress(OSError):  # an estimate the worse
                self._append(data)

    def done(self, record: Done) -> None:
        """Record the end of an attempt. Cannot fail for want of space: its room was reserved by `opened`.

        An amendment has no such room: on a full disk the first done record stands as it is. Raises JournalWriteError
        where the disk refuses what it had promised: the client may not see the end then.
        """
        key = (record.call.call_id, record.call.attempt)
        data = _ENCODER.encode(record)
        if len(data) + _HEADER.size > ROOM_FOR_DONE:
            data = _ENCODER.encode(shrink(record))
        needed = len(data) + _HEADER.size + len(self._open_calls) * ROOM_FOR_DONE
        if key not in self._open_calls and self._free() < needed:
            try:
                self._next_segment()
            except JournalFullError:
                if record.revision:
                    return
                raise
        try:
            self._append(data)
        except OSError as error:
            if record.revision:
                return
            self._owed[key] = data
            raise JournalWriteError(f"cannot write to {self._directory / self._name}: {error}") from error
        self._open_calls.discard(key)
        self._owed.pop(key, None)

    def close(self) -> None:
        """Write what is owed; give back the room that was reserved, and the lock."""
        with contextlib.suppress(OSError):
            self._append_owed()
        self._close_segment()
        os.close(self._lock)

    def _close_segment(self) -> None:
        if self._file >= 0:
            os.ftruncate(self._file, self._offset)
            os.close(self._file)
            self._file = -1

    def _free(self) -> int:
        return self._size - self._offset - _HEADER.size  # the end mark

    def _append(self, data: bytes) -> None:
        record = _HEADER.pack(len(data), zlib.crc32(data)) + data
        written = os.pwrite(self._file, record, self._offset)
        if written != len(record):
            raise OSError(f"short write to {self._directory / self._name}")
        if self._durability == "power":
            os.fdatasync(self._file)
        self._offset += len(record)  # a record that failed is written over by the next
        self._written()

    def _append_owed(self) -> None:
        for key, data in list(self._owed.items()):
            self._append(data)
            self._open_calls.discard(key)
            del self._owed[key]

    def _next_segment(self) -> None:
        size = max(self._segment_bytes, (len(self._open_calls) + 4) * 2 * ROOM_FOR_DONE)
        count = max((int(name.partition("-")[0]) for name in segments(self._directory)), default=0) + 1
        name = f"{count:012d}-{os.urandom(4).hex()}{_SUFFIX}"
        path = self._directory / name
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as error:
            raise JournalFullError(f"cannot make the journal file {path}: {error.strerror}") from error
        try:
            os.posix_fallocate(handle, 0, size)
        except OSError as error:
            os.close(handle)
            path.unlink(missing_ok=True)
            raise JournalFullError(f"no room for the journal file {path} ({size} bytes): {error.strerror}") from error
        self._close_segment()
        self._file, self._name, self._size, self._offset = handle, name, size, 0


def shrink(record: Done) -> Done:
    """The same record without what may be dropped: raw usage, tags, and texts too long to be names."""
    metered = record.attempt.metered
    usage = metered.usage
    if usage is not None and len(_ENCODER.encode(usage.other)) > 8 * _LONGEST_TEXT:
        usage = None  # a bill with a part left out would look like a cheap one
    metered = replace(
        metered,
        usage=usage,
        response_model=_if_short(metered.response_model),
        response_id=_if_short(metered.response_id),
        service_tier=_if_short(metered.service_tier),
        finish_reasons=_first_if_short(metered.finish_reasons),
        raw_usage={},
        raw_response={},
        problems=(*_first_if_short(metered.problems), _DROPPED),
    )
    return msgspec.structs.replace(
        record,
        call=_shrink_call(record.call),
        attempt=replace(record.attempt, error_type=_if_short(record.attempt.error_type), metered=metered),
    )


def _shrink_call(call: Call) -> Call:
    problems = (*_first_if_short(call.problems), _DROPPED)
    return replace(call, stamp=replace(call.stamp, tags=()), problems=problems)


def _first_if_short(texts: tuple[str, ...]) -> tuple[str, ...]:
    return texts[:1] if texts and _if_short(texts[0]) is not None else ()


def _if_short(text: str | None) -> str | None:
    return text if text is not None and len(_ENCODER.encode(text)) <= _LONGEST_TEXT else None


def segments(directory: Path) -> list[str]:
    """Names of the segments in a journal directory, oldest first."""
    return sorted(path.name for path in directory.glob(f"*{_SUFFIX}") if _SEGMENT.fullmatch(path.name))


def read_segment(
    path: Path,
    offset: int = 0,
    *,
    until: int | None = None,
    unreadable: Callable[[int, str], None] | None = None,
) -> Iterator[tuple[int, Record]]:
    """Records of a segment from `offset` to `until`, each with the offset behind it.

    Ends at the end mark or a torn record, unless there are records behind it: then, as for a record whose meaning is
    not known, `unreadable` is told where it begins and why, and reading goes on behind it.
    """
    with path.open("rb") as file:
        while until is None or offset < until:
            file.seek(offset)
            data = _whole_record(file)
            if data is None:
                found = _next_record(file, offset)
                if found is None or (until is not None and found >= until):
                    return
                if unreadable is not None:
                    unreadable(offset, f"{found - offset} bytes are damaged")
                offset = found
                continue
            start, offset = offset, offset + _HEADER.size + len(data)
            try:
                record = _DECODER.decode(data)
            except msgspec.DecodeError as error:
                if unreadable is not None:
                    unreadable(start, str(error))
                continue
            yield offset, record


def _whole_record(file: BinaryIO) -> bytes | None:
    """The payload of the record that begins where `file` stands, or None where none does."""
    header = file.read(_HEADER.size)
    if len(header) != _HEADER.size:
        return None
    length, checksum = _HEADER.unpack(header)
    data = file.read(length) if 0 < length <= SEGMENT_BYTES else b""
    return data if data and len(data) == length and zlib.crc32(data) == checksum else None


def _next_record(file: BinaryIO, offset: int) -> int | None:
    """Where the next whole record begins behind `offset`."""
    file.seek(offset)
    rest = file.read()
    place = rest.find(_RECORD_BEGINS, _HEADER.size + 1)
    while place >= 0:
        file.seek(offset + place - _HEADER.size)
        if _whole_record(file) is not None:
            return offset + place - _HEADER.size
        place = rest.find(_RECORD_BEGINS, place + 1)
    return None
