"""A readable copy of an encoded body for the meter. The client always gets the bytes as they came.

Strategy: one incremental decoder a coding of RFC 9110 section 8.4; an unknown or broken coding yields nothing and says
so once, since metering may never hurt a call. A small body can unpack to a very large one, so it is unpacked in small
steps, and a copy that grows past its limit is given up.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator

import brotli
import zstandard

__all__ = ["MAX_DECODED_BYTES", "BodyDecoder", "decode_body"]

MAX_DECODED_BYTES = 256 * 1024 * 1024
_MAX_CODINGS = 4
_STEP = 1024  # encoded bytes a step: at most 1 MiB of deflate, 32 MiB of zstd
_BROTLI_STEP = 1024 * 1024  # decoded bytes a step: brotli knows no bound of its own

# Encoded bytes → the decoded ones, in pieces.
_Stage = Callable[[bytes], Iterator[bytes]]


def _stepwise(decompress: Callable[[bytes], bytes]) -> _Stage:
    def stage(data: bytes) -> Iterator[bytes]:
        for start in range(0, len(data), _STEP):
            yield decompress(data[start : start + _STEP])

    return stage


def _gzip() -> _Stage:
    member = zlib.decompressobj(wbits=47)  # gzip or zlib, told by the header

    def stage(data: bytes) -> Iterator[bytes]:
        nonlocal member
        for start in range(0, len(data), _STEP):
            rest = data[start : start + _STEP]
            while rest:
                if member.eof:  # a body may be several members, one after the other
                    member = zlib.decompressobj(wbits=47)
                yield member.decompress(rest)
                rest = member.unused_data

    return stage


def _deflate() -> _Stage:
    chosen: list[Callable[[bytes], bytes]] = []

    def decompress(data: bytes) -> bytes:
        if not chosen:  # some servers send deflate without its zlib wrapper
            chosen.append(zlib.decompressobj(wbits=15 if data[0] & 0x0F == 8 else -15).decompress)
        return chosen[0](data)

    return _stepwise(decompress)


def _brotli() -> _Stage:
    decoder = brotli.Decompressor()

    def stage(data: bytes) -> Iterator[bytes]:
        yield decoder.process(data, output_buffer_limit=_BROTLI_STEP)
        while not decoder.can_accept_more_data():
            yield decoder.process(b"", output_buffer_limit=_BROTLI_STEP)

    return stage


def _zstd() -> _Stage:
    return _stepwise(zstandard.ZstdDecompressor().decompressobj(read_across_frames=True).decompress)


_DECODERS: dict[str, Callable[[], _Stage]] = {
    "gzip": _gzip,
    "x-gzip": _gzip,
    "deflate": _deflate,
    "br": _brotli,
    "zstd": _zstd,
}


class BodyDecoder:
    """Feed encoded bytes, get decoded ones; never raises. `problem` says why there are none any more."""

    def __init__(self, content_encoding: str | None) -> None:
        self.problem: str | None = None
        self._size = 0
        self._stages: list[_Stage] = []
        named = [coding.strip().lower() for coding in (content_encoding or "").split(",")]
        codings = [coding for coding in named if coding not in ("", "identity")]
        if len(codings) > _MAX_CODINGS:
            self.problem = f"content-encoding names more than {_MAX_CODINGS} codings"
            return
        for coding in reversed(codings):
            if coding not in _DECODERS:
                self.problem = f"content-encoding {coding[:32]!r} cannot be read"
                return
            self._stages.append(_DECODERS[coding]())

    def feed(self, data: bytes) -> bytes:
        if self.problem is not None:
            return b""
        if not self._stages:
            return data
        pieces: list[bytes] = []
        try:
            for piece in self._through(data, 0):
                pieces.append(piece)
                self._size += len(piece)
                if self._size > MAX_DECODED_BYTES:
                    self.problem = f"the body unpacks to more than {MAX_DECODED_BYTES} bytes"
                    return b""
        except (zlib.error, brotli.error, zstandard.ZstdError):
            self.problem = "the body does not match its content-encoding"
        return b"".join(pieces)

    def _through(self, data: bytes, number: int) -> Iterator[bytes]:
        """What comes out of the last stage when `data` goes into stage `number`, piece by piece."""
        if number == len(self._stages):
            yield data
        elif data:
            for piece in self._stages[number](data):
                yield from self._through(piece, number + 1)


def decode_body(body: bytes, content_encoding: str | None) -> tuple[bytes, str | None]:
    """A whole body decoded, and the problem where there was one."""
    decoder = BodyDecoder(content_encoding)
    return decoder.feed(body), decoder.problem
