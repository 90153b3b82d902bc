"""What the books need of a request body, whatever else is in it."""

from __future__ import annotations

import gzip
import json

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from proxy.request import RequestFacts, read_request
from tests.proxy.test_decoding import bomb

NO_OBJECT = ("the request body is not a JSON object",)


def facts(body: bytes, coding: str | None = None) -> tuple[str | None, bool, str | None]:
    read = read_request(body, coding)
    assert read.problems == ()
    return read.model, read.stream, read.service_tier


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"model": "gpt-5", "stream": True, "service_tier": "flex"}, ("gpt-5", True, "flex")),
        ({"messages": [{"content": '{"model":"no","stream":true}'}], "model": "m"}, ("m", False, None)),
        ({"model": "m", "stream": False}, ("m", False, None)),
        ({"model": "m", "stream": "true"}, ("m", False, None)),
        ({"model": "m", "stream": 1}, ("m", False, None)),
        ({"model": None, "stream": None, "service_tier": None}, (None, False, None)),
        ({"model": 7, "service_tier": ["flex"]}, (None, False, None)),
        ({"model": "", "service_tier": ""}, (None, False, None)),
        ({"model": "m", "speed": "fast"}, ("m", False, "fast")),
        ({"model": "m", "speed": "fast", "service_tier": "auto"}, ("m", False, "auto")),
        ({"model": "m" * 300}, ("m" * 256, False, None)),
        ({}, (None, False, None)),
    ],
)
def test_model_stream_and_tier_are_read(body: object, expected: tuple[str | None, bool, str | None]) -> None:
    assert facts(json.dumps(body).encode()) == expected


@pytest.mark.parametrize(
    "text", [rb"half an emoji \ud83d", rb"\ude00\ud83d", rb"\\ud83d \ud83d\ud83d\ude00", b"\xff\xfe"]
)
def test_text_that_is_no_unicode_hides_nothing(text: bytes) -> None:
    assert facts(b'{"prompt":"' + text + b'","model":"m","stream":true}') == ("m", True, None)


def test_the_model_is_always_text_that_can_be_written() -> None:
    assert facts(rb'{"model":"m\ud83d\ud83d\ude00"}')[0] == "m\ufffd😀"


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"1",
        b"null",
        b'"model"',
        b"{",
        b'{"model":"m"',
        b'{"model":"m"} x',
        b"nope",
        b"\x00",
        b"\xff{}",
        b"{" * 100_000,
        b'{"a":' * 100_000,
        rb'"\ud83d"',
        rb'{"model":"\ud8"}',
    ],
    ids=range(14),
)
def test_a_body_that_is_no_object_is_a_problem_and_no_more(body: bytes) -> None:
    read = read_request(body, None)
    assert (read.model, read.stream, read.problems) == (None, False, NO_OBJECT)
    assert read.body_hash is not None


def test_no_body_says_nothing() -> None:
    assert read_request(b"", "gzip") == RequestFacts()


@pytest.mark.parametrize(("coding", "encode"), [("gzip", gzip.compress), ("zstd", zstandard.compress)])
def test_a_compressed_body_is_read(coding: str, encode: object) -> None:
    assert callable(encode)
    assert facts(encode(b'{"model":"gpt-5-codex","stream":true}'), coding) == ("gpt-5-codex", True, None)


@pytest.mark.parametrize(
    ("body", "coding", "problem"),
    [
        (b'{"model":"m"}', "gzip", "request: the body does not match its content-encoding"),
        (b'{"model":"m"}', "exotic", "request: content-encoding 'exotic' cannot be read"),
        (gzip.compress(b'{"model":"m"}')[:-12], "gzip", NO_OBJECT[0]),
    ],
)
def test_a_body_that_cannot_be_decoded_is_a_problem(body: bytes, coding: str, problem: str) -> None:
    read = read_request(body, coding)
    assert (read.model, read.problems) == (None, (problem,))


def test_a_bomb_is_a_problem() -> None:
    assert read_request(bomb("br"), "br").problems[0].startswith("request: the body unpacks to more than")


def claude_code(random: str, prompt: str = "hi") -> bytes:
    header = f"x-anthropic-billing-header: cc_version=2.1.330; cc_entrypoint=cli; cch={random};"
    return json.dumps({"model": "m", "system": [{"type": "text", "text": header}], "messages": [prompt]}).encode()


def test_a_retry_of_claude_code_hashes_alike() -> None:
    assert read_request(claude_code("a1b2c"), None).body_hash == read_request(claude_code("00000"), None).body_hash


def test_different_requests_hash_differently() -> None:
    one, other = read_request(claude_code("a1b2c"), None), read_request(claude_code("a1b2c", "ho"), None)
    assert one.body_hash != other.body_hash


@given(st.binary(max_size=80), st.sampled_from([None, "gzip", "br", "zstd, deflate", "x"]))
def test_arbitrary_bytes_never_raise(body: bytes, coding: str | None) -> None:
    read = read_request(body, coding)
    assert (read.body_hash is None) == (not body)


WORDS = st.text(max_size=4) | st.none() | st.booleans() | st.integers() | st.lists(st.none(), max_size=1)


@given(WORDS, WORDS, WORDS, st.booleans())
def test_fields_of_any_type_never_raise(model: object, stream: object, tier: object, escaped: bool) -> None:
    body = json.dumps({"model": model, "stream": stream, "service_tier": tier}, ensure_ascii=escaped)
    read = read_request(body.encode("utf-8", "surrogatepass"), None)
    assert read.model == (model if isinstance(model, str) and model else None)
    assert read.stream is (stream is True)


# Forms ---------------------------------------------------------------------------------------------------------------


def form(*parts: tuple[str, bytes], boundary: str = "------------------------a1b2") -> bytes:
    """A multipart body as clients write it: parts are the rest of their disposition and their content."""
    body = b"".join(
        f"--{boundary}\r\nContent-Disposition: form-data; {head}\r\n\r\n".encode() + content + b"\r\n"
        for head, content in parts
    )
    return body + f"--{boundary}--\r\n".encode()


AUDIO = ('name="file"; filename="a.wav"\r\nContent-Type: audio/wav', b"RIFF\x00\r\n\xff" * 1000)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (form(('name="model"', b"whisper-1"), AUDIO), ("whisper-1", False, None)),
        (form(AUDIO, ('name="model"', b"m"), ('name="stream"', b"true")), ("m", True, None)),
        (form(("name=model", b"m"), ('name="stream"', b"false")), ("m", False, None)),
        (form(('name="model"\r\nContent-Type: text/plain', b"m"), AUDIO), ("m", False, None)),
        (form(AUDIO), (None, False, None)),
        (form(('name="model"', b"m" * 300)), (None, False, None)),
        (form(('name="model"; filename="x"', b"m")), (None, False, None)),
        (form(('name="prompt"', b'form-data; name="model"\r\n\r\nno'), AUDIO), (None, False, None)),
        (form(('name="file"; filename="x"', form(('name="model"', b"no"), boundary="other"))), (None, False, None)),
        (form(('name="model"', b"m"))[:-4], ("m", False, None)),
        (b"--a1b2\r\n", (None, False, None)),
    ],
    ids=range(11),
)
def test_the_fields_of_a_form_are_read_and_nothing_inside_a_file(
    body: bytes, expected: tuple[str | None, bool, str | None]
) -> None:
    assert facts(body) == expected


@given(st.binary(max_size=200))
def test_any_form_is_read_without_a_fault(rest: bytes) -> None:
    assert read_request(b"--a\r\n" + rest, None).body_hash is not None
