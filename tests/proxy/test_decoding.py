"""The meter's copy of an encoded body: every coding, every cutting, and nothing ever raises."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable
from functools import partial

import brotli
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from proxy.decoding import MAX_DECODED_BYTES, BodyDecoder, decode_body
from tests.proxy.cutting import chunkings, cut, every_cutting

PLAIN = '{"model":"gpt-5","text":"naïve → ✓"}'.encode() * 3


def raw_deflate(data: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-15)
    return compressor.compress(data) + compressor.flush()


ENCODERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": partial(gzip.compress, mtime=0),
    "x-gzip": partial(gzip.compress, mtime=0),
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstandard.compress,
    "identity": bytes,
}


def decoded(chunks: list[bytes], coding: str | None) -> tuple[bytes, str | None]:
    decoder = BodyDecoder(coding)
    return b"".join(map(decoder.feed, chunks)), decoder.problem


@pytest.mark.parametrize("coding", ENCODERS)
def test_a_coding_is_undone_at_every_cutting(coding: str) -> None:
    for chunks in every_cutting(ENCODERS[coding](PLAIN)):
        assert decoded(chunks, coding) == (PLAIN, None)


def test_deflate_without_its_zlib_wrapper_is_undone_at_every_cutting() -> None:
    for chunks in every_cutting(raw_deflate(PLAIN)):
        assert decoded(chunks, "deflate") == (PLAIN, None)


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_a_body_of_several_members_is_undone_at_every_cutting(coding: str) -> None:
    encode = ENCODERS[coding]
    for chunks in every_cutting(encode(PLAIN) + encode(b"") + encode(b"more")):
        assert decoded(chunks, coding) == (PLAIN + b"more", None)


def test_stacked_codings_are_undone_last_first() -> None:
    body = zstandard.compress(gzip.compress(brotli.compress(PLAIN)))
    for chunks in every_cutting(body):
        assert decoded(chunks, " BR, GZip ,identity,, zstd") == (PLAIN, None)


@pytest.mark.parametrize("coding", [None, "", "identity", "Identity"])
def test_a_plain_body_is_passed_on(coding: str | None) -> None:
    assert decode_body(PLAIN, coding) == (PLAIN, None)


def test_an_unknown_coding_yields_nothing_and_is_named() -> None:
    assert decode_body(PLAIN, "gzip, exotic") == (b"", "content-encoding 'exotic' cannot be read")


def test_more_codings_than_anybody_stacks_are_not_begun() -> None:
    assert decode_body(PLAIN, ",".join(["gzip"] * 5)) == (b"", "content-encoding names more than 4 codings")


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
def test_a_body_of_another_coding_is_a_problem_once_and_for_all(coding: str) -> None:
    decoder = BodyDecoder(coding)
    decoder.feed(b'{"model": "not encoded at all"}')
    assert decoder.problem == "the body does not match its content-encoding"
    assert decoder.feed(ENCODERS[coding](PLAIN)) == b""


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
def test_a_torn_body_yields_its_beginning_without_a_problem(coding: str) -> None:
    plain = bytes(range(256)) * 4000
    encoded = ENCODERS[coding](plain)
    beginning, problem = decode_body(encoded[: len(encoded) - 2], coding)
    assert plain.startswith(beginning)
    assert problem is None


def test_what_came_before_rubbish_is_kept() -> None:
    assert decode_body(gzip.compress(PLAIN) + b"rubbish", "gzip") == (
        PLAIN,
        "the body does not match its content-encoding",
    )


@given(st.sampled_from([*ENCODERS, "gzip, br", "zstd, deflate"]), st.binary(max_size=64), st.lists(st.integers(0, 64)))
def test_arbitrary_bytes_never_raise(coding: str, body: bytes, places: list[int]) -> None:
    plain, problem = decoded(cut(body, places), coding)
    assert isinstance(plain, bytes)
    assert problem in (None, "the body does not match its content-encoding")


@given(
    st.sampled_from(["gzip", "deflate", "br", "zstd"]).flatmap(
        lambda coding: st.tuples(st.just(coding), chunkings(st.binary(max_size=300).map(ENCODERS[coding])))
    )
)
def test_any_body_at_any_cutting_is_undone(case: tuple[str, tuple[bytes, list[bytes]]]) -> None:
    coding, (body, chunks) = case
    assert decoded(chunks, coding) == decode_body(body, coding)
    assert ENCODERS[coding](decode_body(body, coding)[0]) == body


def bomb(coding: str) -> bytes:
    """A small body that unpacks to more than the limit."""
    piece = bytes(1 << 20)
    count = MAX_DECODED_BYTES // len(piece) + 64
    if coding == "br":
        packer = brotli.Compressor(quality=1)
        return b"".join([*(packer.process(piece) for _ in range(count)), packer.finish()])
    packed = zstandard.ZstdCompressor().compressobj() if coding == "zstd" else zlib.compressobj(level=1, wbits=31)
    return b"".join(packed.compress(piece) for _ in range(count)) + packed.flush()


@pytest.mark.parametrize("coding", ["gzip", "br", "zstd"])
def test_a_body_that_unpacks_without_measure_is_given_up(coding: str) -> None:
    assert decode_body(bomb(coding), coding) == (b"", f"the body unpacks to more than {MAX_DECODED_BYTES} bytes")


def test_a_bomb_in_a_bomb_is_given_up_like_any_other() -> None:
    body = zstandard.compress(bomb("zstd") * 64)
    assert decode_body(body, "zstd, zstd") == (b"", f"the body unpacks to more than {MAX_DECODED_BYTES} bytes")


def test_one_step_never_unpacks_more_than_a_fraction_of_the_limit() -> None:
    decoder = BodyDecoder("br")
    assert max(map(len, decoder._through(bomb("br"), 0))) <= 4 * 1024 * 1024
