"""A readable copy of an encoded body for the meter. The client always gets the bytes as they came.

Strategy: one incremental decoder a coding of RFC 9110 section 8.4; an unknown or broken coding yields nothing and says
so once, since metering may never hurt a call. A copy that grows past its limit is given up (a small body can unpack to
a very large one).
"""

from __future__ import annotations

import zlib
from collections.abc import Callable

import brotli
import zstandard

__all__ = ["MAX_DECODED_BYTES", "BodyDecoder", "decode_body"]

MAX_DECODED_BYTES = 256 * 1024 * 1024


def _gzip() -> Callable[[bytes], bytes]:
    return zlib.decompressobj(wbits=47).decompress  # gzip or zlib, told by the header


def _deflate() -> Callable[[bytes], bytes]:
    inner = zlib.decompressobj(wbits=15)
    raw = zlib.decompressobj(wbits=-15)  # some servers send deflate without its zlib wrapper
    chosen: list[Callable[[bytes], bytes]] = []

    def decompress(data: bytes) -> bytes:
        if not chosen and data:
            chosen.append(inner.decompress if data[0] & 0x0F == 8 else raw.decompress)
        return chosen[0](data) if chosen else b""

    return decompress


def _brotli() -> Callable[[bytes], bytes]:
    decoder = brotli.Decompressor()
    return lambda data: bytes(decoder.process(data))


def _zstd() -> Callable[[bytes], bytes]:
    return zstandard.ZstdDecompressor().decompressobj().decompress


_DECODERS: dict[str, Callable[[], Callable[[bytes], bytes]]] = {
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
        self._stages: list[Callable[[bytes], bytes]] = []
        codings = [coding.strip().lower() for coding in (content_encoding or "").split(",")]
        for coding in reversed([coding for coding in codings if coding not in ("", "identity")]):
            if coding not in _DECODERS:
                self.problem = f"content-encoding {coding[:32]!r} cannot be read"
                return
            self._stages.append(_DECODERS[coding]())

    def feed(self, data: bytes) -> bytes:
        if self.problem is not None:
            return b""
        try:
            for stage in self._stages:
                data = stage(data)
        except (zlib.error, brotli.error, zstandard.ZstdError, EOFError):
            self.problem = "the body does not match its content-encoding"
            return b""
        self._size += len(data)
        if self._stages and self._size > MAX_DECODED_BYTES:
            self.problem = f"the body unpacks to more than {MAX_DECODED_BYTES} bytes"
            return b""
        return data


def decode_body(body: bytes, content_encoding: str | None) -> tuple[bytes, str | None]:
    """A whole body decoded, and the problem where there was one."""
    decoder = BodyDecoder(content_encoding)
    return decoder.feed(body), decoder.problem
