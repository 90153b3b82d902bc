"""Amazon's event stream as a service writes it: the other side of proxy.eventstream, for tests."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Mapping
from typing import Any
from zlib import crc32

__all__ = ["chunk_frame", "event_frame", "exception_frame", "frame"]


def frame(headers: bytes, payload: bytes) -> bytes:
    """One message around encoded headers."""
    prelude = struct.pack("!II", 16 + len(headers) + len(payload), len(headers))
    body = prelude + struct.pack("!I", crc32(prelude)) + headers + payload
    return body + struct.pack("!I", crc32(body))


def strings(**values: str) -> bytes:
    """String headers; `_` in a name stands for `-`, and each is one of the protocol's own."""
    encoded = b""
    for name, value in values.items():
        key = f":{name.replace('_', '-')}".encode()
        encoded += struct.pack("!B", len(key)) + key + struct.pack("!BH", 7, len(value.encode())) + value.encode()
    return encoded


def event_frame(name: str, payload: Mapping[str, Any]) -> bytes:
    headers = strings(event_type=name, content_type="application/json", message_type="event")
    return frame(headers, json.dumps(payload, separators=(",", ":")).encode())


def exception_frame(name: str, message: str) -> bytes:
    headers = strings(exception_type=name, content_type="application/json", message_type="exception")
    return frame(headers, json.dumps({"message": message}).encode())


def chunk_frame(inner: Mapping[str, Any]) -> bytes:
    """An event of InvokeModelWithResponseStream: the model maker's own, wrapped, and padded as Bedrock does."""
    encoded = base64.b64encode(json.dumps(inner, separators=(",", ":")).encode()).decode()
    return event_frame("chunk", {"bytes": encoded, "p": "abcdefgh"})
