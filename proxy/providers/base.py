"""What a provider is to the proxy: its operations, where usage and the end of a response stand, how its errors look.

Adding a provider is one file with a `Provider` and one line in `PROVIDERS` (proxy/providers/__init__.py).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from proxy.usage import reduced

__all__ = [
    "OnDocument",
    "OnEvent",
    "OnHead",
    "OnLine",
    "Operation",
    "Provider",
    "Reading",
    "Result",
    "count_text",
    "free",
    "parse_object",
    "read_object",
]


@dataclass(slots=True)
class Reading:
    """What has been read of one response so far. The meter owns it; providers' functions fill it in."""

    model: str | None = None
    response_id: str | None = None
    usage: Mapping[str, Any] | None = None  # the provider's last usage object, raw
    facts: dict[str, Any] = field(default_factory=dict)  # other response fields a price may hang on
    finish_reasons: list[str] = field(default_factory=list)
    tool_calls: int = 0
    text_characters: int = 0  # streamed so far, to estimate from where no usage came
    error_type: str | None = None  # an error told inside a response that began well
    usage_events: int = 0
    ended: bool = False  # the provider's terminal event was seen
    problems: list[str] = field(default_factory=list)
    results: list[Result] = field(default_factory=list)  # of a finished batch, until the meter takes them

    def saw_response(self, body: Mapping[str, Any]) -> None:
        """Keep what a price may hang on beside the usage."""
        self.facts.update(reduced(body))

    def saw_usage(self, usage: object) -> None:
        """Keep the newest usage object: streams repeat it cumulatively, so it is never summed."""
        if isinstance(usage, dict):
            self.usage = usage
            self.usage_events += 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One answer out of a finished batch: a charge of its own, whichever response it was read from."""

    custom_id: str  # unique within its batch
    operation: str  # billed as: the provider's name of its batch operation
    api: str  # whose usage object it carries
    reading: Reading
    status: int | None = None  # HTTP status the provider noted for it; None where it never ran
    request_model: str | None = None
    size: int = 0


OnEvent = Callable[[Reading, bytes, bytes], None]  # reading, event name, event data
OnDocument = Callable[[Reading, dict[str, Any]], None]
OnLine = Callable[[Reading, bytes], None]
OnHead = Callable[[Reading, Mapping[str, str]], None]  # reading, response headers


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation of a provider's API. `path` matches the canonical path, version segment included.

    A response without a reader that fits it is not looked at: it may be a gigabyte of audio.
    """

    name: str  # the provider's name of it
    method: str
    path: re.Pattern[str]  # where `on_line` or `on_document` find results, its group `source` names their batch or file
    on_document: OnDocument | None = None
    on_event: OnEvent | None = None
    on_head: OnHead | None = None  # before the body: some services tell usage in headers
    on_line: OnLine | None = None  # reads JSON lines, whatever the content type says
    billable: bool = True
    estimable: bool = True  # its tokens can be told from the length of its texts; those of audio and images cannot
    streams_json_array: bool = False

    @property
    def asks_for_usage(self) -> bool:
        """Its streams tell their usage only where `stream_options` asks for it."""
        return self.name in ("chat.completions", "completions")


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    kind: str
    otel_name: str  # gen_ai.provider.name
    operations: tuple[Operation, ...]
    version: str | None = None  # version segment added where a client leaves it out; None: its paths have none
    unversioned: re.Pattern[str] | None = None  # paths that need one
    key_carrier: str  # header the provider's own key stands in
    error_body: Callable[[int, str], Mapping[str, Any]]
    # Model named in the path rather than in the body (Gemini).
    model_in_path: re.Pattern[str] | None = None
    # Paths that hold another provider's operations at an address of their own: what stands in their place there.
    alias: tuple[re.Pattern[str], str] | None = None

    def operation(self, method: str, path: str) -> Operation | None:
        """The operation at a canonical path, or None where the provider has it and the registry does not.

        HEAD asks for the head of a GET (RFC 9110 section 9.3.2).
        """
        method = "GET" if method == "HEAD" else method
        path = self._registered(path)
        for operation in self.operations:
            if operation.method == method and operation.path.search(path):
                return operation
        return None

    def source(self, operation: Operation, path: str) -> str | None:
        """The batch or file whose results `operation` reads at `path`; None where it reads none."""
        match = operation.path.search(self._registered(path))
        return match.groupdict().get("source") if match else None

    def _registered(self, path: str) -> str:
        """`path` as the operations have it."""
        return self.alias[0].sub(self.alias[1], path, count=1) if self.alias is not None else path

    def named(self, name: str) -> Operation:
        """The first operation of that name, for a provider that speaks the same format. Raises KeyError."""
        for operation in self.operations:
            if operation.name == name:
                return operation
        raise KeyError(name)


def free(name: str, path: str, *methods: str, on_document: OnDocument | None = None) -> tuple[Operation, ...]:
    """Operations of one name that no provider bills by the call, one for each method."""
    pattern = re.compile(path)
    return tuple(
        Operation(name=name, method=method, path=pattern, on_document=on_document, billable=False) for method in methods
    )


_OBJECT = msgspec.json.Decoder(dict[str, Any])
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
# A whole pair or any other escape is passed over, so that what is left is a half.
_LONE_SURROGATE = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<half>\\u[dD][89a-fA-F][0-9a-fA-F]{2})|\\."
)
_TEXT = re.compile(
    rb'"(?:content|text|delta|arguments|partial_json|thinking|reasoning_content|reasoning|refusal)"\s*:\s*'
    rb'"([^"\\]*+(?:\\.[^"\\]*+)*+)"'  # possessive: one pass over texts of any size
)


def parse_object(reading: Reading, data: bytes) -> dict[str, Any] | None:
    """A JSON object, or None with the problem noted."""
    body = read_object(data)
    if body is None:
        problem = "a response event or body is not a JSON object"
        if problem not in reading.problems:
            reading.problems.append(problem)
    return body


def read_object(data: bytes) -> dict[str, Any] | None:
    """A JSON object, or None. Half of a surrogate pair, as JavaScript writes a cut emoji, is read as U+FFFD."""
    try:
        return _OBJECT.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        if not _SURROGATE.search(data):
            return None
    try:
        return _OBJECT.decode(_LONE_SURROGATE.sub(_without_half, data))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def _without_half(match: re.Match[bytes]) -> bytes:
    return rb"\ufffd" if match.group("half") else match.group()


def count_text(reading: Reading, data: bytes) -> None:
    """Add the length of the text an event carries. Only its length is kept."""
    for text in _TEXT.findall(data):
        reading.text_characters += len(text)
