"""OpenAI's images and audio.

Where usage stands: in a document beside `data` or `text`; in a stream in the event that ends it, `….completed` of an
image and `….done` of a transcript or of speech. Speech that is not streamed is audio and tells nothing.
"""

from __future__ import annotations

import re
from typing import Any

from proxy.providers.base import Reading, parse_object

__all__ = ["media_document", "media_event"]

_TYPE = re.compile(rb'"type"\s*:\s*"([a-z_.]+)"')
# What ends a stream. The events before it hold media and are not parsed.
_ENDS = frozenset(
    {
        b"image_generation.completed",
        b"image_edit.completed",
        b"transcript.text.done",
        b"speech.audio.done",
        b"error",
    }
)


def media_event(reading: Reading, name: bytes, data: bytes) -> None:
    if not name:
        found = _TYPE.search(data)
        name = found.group(1) if found else b""
    if name not in _ENDS:
        return
    body = parse_object(reading, data)
    if body is None:
        return
    media_document(reading, body)
    if name == b"error":
        reading.error_type = reading.error_type or "error"
    else:
        reading.ended = True


def media_document(reading: Reading, body: dict[str, Any]) -> None:
    reading.saw_usage(body.get("usage"))
    error = body.get("error")
    if isinstance(error, dict):
        reading.error_type = str(error.get("type") or error.get("code") or "error")[:64]
