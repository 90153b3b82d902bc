"""Asking an OpenAI-compatible chat stream for its usage where the client did not, and taking the answer out. Pure.

Such a stream tells its usage only with `stream_options.include_usage`; many clients leave it out, and then nothing but
an estimate could be recorded. So it is added to the request, and the chunk it brings (`"choices": []` with `usage`) is
removed from the stream: client code that reads `choices[0]` breaks on it. Everything else passes as it came. (Chunks
may carry `"usage": null` besides, which clients ignore.)

The filter holds no byte longer than it must: an event is let through as soon as its `choices` prove not to be empty.
"""

from __future__ import annotations

import re

import msgspec

from proxy.providers.base import read_object

__all__ = ["UsageChunkFilter", "ask_for_usage"]

_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_OPTIONS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ENCODER = msgspec.json.Encoder()
_ASKED = b'"stream_options":{"include_usage":true}'

_END_OF_EVENT = re.compile(rb"\r\n\r\n|\n\n|\r\r")
_CHOICES = re.compile(rb'"choices"\s*:\s*\[\s*(.)', re.DOTALL)
_DATA = re.compile(rb"^data:[ ]?", re.MULTILINE)
# An event that has grown this long without naming its choices is no usage chunk.
_MAX_UNDECIDED = 16 * 1024


def ask_for_usage(body: bytes) -> bytes | None:
    """The request body with usage asked for; None where it need not or cannot be asked: the request does not stream,
    says itself whether it wants usage, or is no JSON object."""
    try:
        fields = _FIELDS.decode(body)
        if bytes(fields.get("stream", b"")).strip() != b"true":
            return None
        if "stream_options" not in fields:
            return _appended(body)
        options = _OPTIONS.decode(fields["stream_options"])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    if "include_usage" in options:
        return None
    options["include_usage"] = msgspec.Raw(b"true")
    return _ENCODER.encode(fields | {"stream_options": msgspec.Raw(_ENCODER.encode(options))})


def _appended(body: bytes) -> bytes:
    """The option as the last member: the client's own bytes stay as they are."""
    end = body.rindex(b"}")
    return body[:end] + b"," + _ASKED + body[end:]


class UsageChunkFilter:
    """`feed` the stream's bytes, get those the client is meant to see; `close` gives back what is still held."""

    def __init__(self) -> None:
        self._held = b""
        self._passing = False  # the event under way was let through
        self.removed = 0  # bytes taken out

    def feed(self, data: bytes) -> bytes:
        self._held += data
        out: list[bytes] = []
        while self._held:
            end = _END_OF_EVENT.search(self._held)
            if end is None:
                out.append(self._undecided())
                break
            event, self._held = self._held[: end.end()], self._held[end.end() :]
            if self._passing or not _is_usage_chunk(event):
                out.append(event)
            else:
                self.removed += len(event)
            self._passing = False
        return b"".join(out)

    def close(self) -> bytes:
        held, self._held = self._held, b""
        if held and not self._passing and _is_usage_chunk(held):
            self.removed += len(held)
            return b""
        return held

    def _undecided(self) -> bytes:
        """What of an incomplete event may go: all of it, once it cannot be the usage chunk."""
        if not self._passing:
            choices = _CHOICES.search(self._held)
            self._passing = (choices is not None and choices.group(1) != b"]") or len(self._held) > _MAX_UNDECIDED
        if not self._passing:
            return b""
        # The last bytes may be the beginning of the blank line that ends the event.
        keep = len(self._held) - len(self._held.rstrip(b"\r\n"))
        cut = len(self._held) - keep
        out, self._held = self._held[:cut], self._held[cut:]
        return out


def _is_usage_chunk(event: bytes) -> bool:
    """Whether an event says nothing but usage."""
    choices = _CHOICES.search(event)
    if choices is None or choices.group(1) != b"]" or b'"usage"' not in event:
        return False
    body = read_object(b"\n".join(_DATA.split(event)[1:]).strip())
    return body is not None and body.get("choices") == [] and isinstance(body.get("usage"), dict)
