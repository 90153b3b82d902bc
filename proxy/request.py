"""What a request body says that the books need: the model, whether it streams, the tier it asks for. Pure.

Only these fields are decoded; msgspec skips the rest of the body without building it. Of a form (RFC 7578: audio and
images are sent so) the short fields of the same names are read. A body that is neither is relayed all the same: the
provider answers it, and the row says what was odd.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Any

import msgspec

from proxy.decoding import decode_body
from proxy.providers.base import read_object

__all__ = ["RequestFacts", "read_request"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestFacts:
    model: str | None = None
    stream: bool = False
    service_tier: str | None = None
    body_hash: str | None = None
    problems: tuple[str, ...] = ()


class _Body(msgspec.Struct):
    model: Any = None
    stream: Any = None
    service_tier: Any = None
    speed: Any = None


_DECODER = msgspec.json.Decoder(_Body)
# Claude Code puts a random value into its system prompt; a retry of the same request must hash alike.
_RANDOM_VALUE = re.compile(rb"\bcch=[0-9a-f]{1,16}\b")
_MAX_NAME = 256
_FORM_BOUNDARY = re.compile(rb"--[^\r\n]{1,70}\r\n")
# A field of a form, told by the one parameter that its head has beside its type; a file has a filename as well.
_FORM_FIELD = re.compile(rb'[cC]ontent-[dD]isposition: form-data; name="?(model|stream|service_tier)"?\r\n')
_MAX_FORM_FIELDS = 64


def read_request(body: bytes, content_encoding: str | None) -> RequestFacts:
    """The facts of a whole request body; never raises."""
    if not body:
        return RequestFacts()
    digest = hashlib.blake2b(_RANDOM_VALUE.sub(b"", body), digest_size=16).hexdigest()
    plain, problem = decode_body(body, content_encoding)
    if problem is not None:
        return RequestFacts(body_hash=digest, problems=(f"request: {problem}",))
    fields = _form(plain) if _FORM_BOUNDARY.match(plain) else _fields(plain)
    if fields is None:
        return RequestFacts(body_hash=digest, problems=("the request body is not a JSON object",))
    tier = _name(fields.service_tier) or ("fast" if fields.speed == "fast" else None)
    return RequestFacts(model=_name(fields.model), stream=fields.stream is True, service_tier=tier, body_hash=digest)


def _fields(plain: bytes) -> _Body | None:
    try:
        return _DECODER.decode(plain)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        whole = read_object(plain)  # knows how to read half a surrogate pair
        return msgspec.convert(whole, _Body) if whole is not None else None


def _form(plain: bytes) -> _Body:
    """The fields of a multipart form. Parts are found by their boundary, so nothing inside a file is taken for one."""
    found: dict[str, str] = {}
    boundary = plain[: plain.index(b"\r\n")]
    start = len(boundary)
    for _ in range(_MAX_FORM_FIELDS):
        end = plain.find(b"\r\n" + boundary, start)
        if end < 0:
            break
        head, _, value = plain[start + 2 : min(end, start + 4096)].partition(b"\r\n\r\n")
        field = _FORM_FIELD.search(head + b"\r\n")
        if field and len(value) <= _MAX_NAME:
            found[field.group(1).decode()] = value.decode(errors="replace")
        start = end + 2 + len(boundary)
    return _Body(model=found.get("model"), stream=found.get("stream") == "true", service_tier=found.get("service_tier"))


def _name(value: object) -> str | None:
    return value[:_MAX_NAME] if isinstance(value, str) and value else None
