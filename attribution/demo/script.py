"""What a request asks the sample provider to do: written into its prompt, so that an answer depends on nothing else.

    [sample input=48000 cache_read=41000 output=900 reasoning=200 chunks=4 fail=429x1]

The last such mark of a body counts, because earlier turns of a conversation hold theirs too. Without one, token counts
follow from the length of the body.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields

__all__ = ["Script", "ScriptError", "read_script"]

_MARK = re.compile(rb"\[sample ([^\]\"\\]*)\]")
_BYTES_PER_TOKEN = 4
_ENDS = ("stop", "length", "error")


class ScriptError(ValueError):
    """A mark that cannot be read; the message names its faulty part."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """Disjoint token counts, as `proxy.call.Usage` has them, and how the answer goes."""

    input: int
    output: int = 12
    cache_read: int = 0
    cache_write_5m: int = 0
    cache_write_1h: int = 0
    reasoning: int = 0
    tools: int = 0  # tool calls in the answer
    chunks: int = 4  # pieces of text in a stream
    end: str = "stop"  # stop; length: cut off at the token limit; error: a stream that breaks off with an error event
    fail_status: int = 0  # answer with this status …
    fail_times: int = 0  # … while the client says it has retried fewer times
    seed: int = 0  # ids are made from this and not from the whole body, which may hold ids of the client's own making

    @property
    def prompt(self) -> int:
        return self.input + self.cache_read + self.cache_write_5m + self.cache_write_1h

    @property
    def completion(self) -> int:
        return self.output + self.reasoning


def read_script(body: bytes) -> Script:
    """The script in a request body, whatever its format. Raises ScriptError."""
    marks = _MARK.findall(body)
    values: dict[str, str | int] = {"input": max(1, len(body) // _BYTES_PER_TOKEN)}
    for item in marks[-1].decode("ascii", "replace").split() if marks else ():
        name, _, value = item.partition("=")
        values |= _read_item(name, value)
    return Script(**values)  # type: ignore[arg-type]  # names and types are checked one by one


def _read_item(name: str, value: str) -> dict[str, str | int]:
    if name == "fail" and (match := re.fullmatch(r"(\d{3})x(\d+)", value)):
        return {"fail_status": int(match[1]), "fail_times": int(match[2])}
    if name == "end" and value in _ENDS:
        return {"end": value}
    numbers = {field.name for field in fields(Script)} - {"end", "fail_status", "fail_times"}
    if name in numbers and value.isascii() and value.isdigit():
        return {name: int(value)}
    raise ScriptError(f"the sample provider does not understand {name}={value} in a [sample …] mark")
