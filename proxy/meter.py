"""From the bytes of one response to its usage, model and end. Never raises, never waits, changes nothing.

Strategy: decode a copy, cut it into events (SSE, a JSON array, Amazon's event stream) or lines or keep it whole (a
plain document), hand each to the operation's reader, and normalise the last usage object that was seen. `ended` turns
true with the provider's terminal event: the caller journals the call before it lets that event out.

Servers mislabel streams. Where an operation has both, the first bytes tell a stream from a document, whatever the
content type says: no JSON begins like SSE, and no SSE like JSON.

Where a response that should carry usage ends without it, usage is estimated from what was streamed and marked so: four
characters a token, the published rule of thumb of OpenAI and Anthropic for English text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from enum import Enum, auto
from types import MappingProxyType

from proxy.call import Metered, Usage
from proxy.decoding import BodyDecoder
from proxy.eventstream import EventStreamParser, Message
from proxy.json_array import JsonArrayParser
from proxy.json_lines import LineParser
from proxy.providers.base import Operation, Reading, Result, count_text, parse_object, read_object
from proxy.results import BatchResult
from proxy.sse import SseParser
from proxy.usage import Normalised, normalise

__all__ = ["CHARACTERS_PER_TOKEN", "Meter", "estimate"]

CHARACTERS_PER_TOKEN = 4
MAX_DOCUMENT_BYTES = 64 * 1024 * 1024


class _Shape(Enum):
    EVENTS = auto()
    ARRAY = auto()
    MESSAGES = auto()
    LINES = auto()
    DOCUMENT = auto()
    OPAQUE = auto()


_STREAMS = (_Shape.EVENTS, _Shape.ARRAY, _Shape.MESSAGES)
_BLANK = b" \t\r\n\xef\xbb\xbf"  # white space and the bytes of a byte order mark
_SSE_STARTS = (b"data:", b"event:", b"id:", b"retry:", b":")


_NO_HEADERS: Mapping[str, str] = MappingProxyType({})


class Meter:
    """Meters one response. Feed it the body as it comes, then `close`. `headers` are asked by lower-case names."""

    def __init__(
        self,
        operation: Operation | None,
        *,
        provider_kind: str,
        status: int,
        content_type: str = "",
        content_encoding: str | None = None,
        request_bytes: int = 0,
        headers: Mapping[str, str] = _NO_HEADERS,
    ) -> None:
        self._operation = operation
        self._provider_kind = provider_kind
        self._status = status
        self._request_bytes = request_bytes
        self._reading = Reading()
        self._decoder = BodyDecoder(content_encoding)
        self._shape = _shape(operation, content_type)
        self._head: bytes | None = b"" if _may_be_mislabelled(operation) else None
        self._sse = SseParser()
        self._array = JsonArrayParser()
        self._messages = EventStreamParser()
        self._lines = LineParser()
        self._document: list[bytes] = []
        self._size = 0
        self._closed = False
        if operation is not None and operation.on_head is not None:
            operation.on_head(self._reading, headers)

    @property
    def ended(self) -> bool:
        """The provider's terminal event was seen."""
        return self._reading.ended

    @property
    def usage_events(self) -> int:
        """How often usage was seen: grows when there is something new to journal."""
        return self._reading.usage_events

    @property
    def error_type(self) -> str | None:
        """An error the provider told in the body."""
        return self._reading.error_type

    @property
    def is_whole(self) -> bool:
        """Whether a body whose transport ended well is a whole answer: a stream must have said how it finished."""
        if self._shape in _STREAMS:
            return self._reading.ended or bool(self._reading.finish_reasons)
        return True

    def feed(self, data: bytes) -> None:
        plain = self._decoder.feed(data)
        if self._head is not None:
            plain = self._recognised(self._head + plain)
        if plain:
            self._read(plain)

    def _recognised(self, head: bytes) -> bytes:
        """All bytes so far, once they tell the shape of the body; nothing while they do not."""
        assert self._operation is not None  # or there would be nothing to recognise
        begun = head.lstrip(_BLANK)[:6]
        if begun.startswith(_SSE_STARTS):
            self._shape = _Shape.EVENTS
        elif begun[:1] in (b"{", b"["):
            self._shape = _shape(self._operation, "application/json")
        elif not begun or any(start.startswith(begun) for start in _SSE_STARTS):
            self._head = head
            return b""
        self._head = None
        return head

    def _read(self, plain: bytes) -> None:
        match self._shape:
            case _Shape.EVENTS:
                for event in self._sse.feed(plain):
                    self._read_event(event.name, event.data)
            case _Shape.ARRAY:
                for element in self._array.feed(plain):
                    self._read_event(b"", element)
            case _Shape.LINES:
                for line in self._lines.feed(plain):
                    self._read_line(line)
            case _Shape.MESSAGES:
                for message in self._messages.feed(plain):
                    self._read_message(message)
            case _Shape.DOCUMENT:
                self._keep(plain)

    def _keep(self, plain: bytes) -> None:
        self._size += len(plain)
        if self._size <= MAX_DOCUMENT_BYTES:
            self._document.append(plain)
        else:
            self._document.clear()

    def close(self) -> None:
        """The body is complete, or as complete as it gets."""
        if self._closed:
            return
        self._closed = True
        if self._head:
            self._read(self._head)
        match self._shape:
            case _Shape.EVENTS:
                self._close_events()
            case _Shape.LINES:
                for line in self._lines.close():
                    if read_object(line) is not None:  # half a line is read by whoever reads the whole
                        self._read_line(line)
            case _Shape.MESSAGES:
                self._close_messages()
            case _Shape.DOCUMENT:
                self._close_document()
        self._note_losses()

    def _note_losses(self) -> None:
        if self._sse.oversized or self._array.oversized or self._messages.oversized:
            self._note("an event of the stream was too large to read")
        if self._lines.oversized:
            self._note("a line of the results was too large to read")
        if self._decoder.problem is not None:
            self._note(f"response: {self._decoder.problem}")

    def _close_events(self) -> None:
        for event in self._sse.close():
            if event.data == b"[DONE]" or read_object(event.data) is not None:
                self._read_event(event.name, event.data)
            else:
                self._note("the stream stopped in the middle of an event")

    def _close_document(self) -> None:
        if self._size > MAX_DOCUMENT_BYTES:
            self._note(f"the response is larger than {MAX_DOCUMENT_BYTES} bytes and was not read")
        elif self._document:
            self._read_document(b"".join(self._document))
        self._document.clear()

    def metered(self, *, complete: bool) -> Metered:
        """What is known now. `complete`: the response ended as the provider meant it to."""
        reading = self._reading
        metered = self._told()
        if not self._is_billable():
            return replace(metered, usage=None)
        if metered.usage is not None and (complete or reading.finish_reasons):
            return metered  # usage told with or after the finish is the final one, whatever broke off behind it
        if reading.usage is not None and metered.usage is None:
            return metered  # the provider told something that cannot be read: unknown, not estimated
        if not self._operation_is_estimable() or (complete and self._shape not in _STREAMS):
            return replace(metered, problems=(*metered.problems, "the response carries no usage"))
        return estimate(metered, request_bytes=self._request_bytes, characters=reading.text_characters)

    def take_results(self) -> list[BatchResult]:
        """The answers of a finished batch that were read since this was last asked."""
        taken = [self._result(result) for result in self._reading.results]
        self._reading.results.clear()
        return taken

    def _result(self, result: Result) -> BatchResult:
        normalised = _normalised(result.api, self._provider_kind, result.reading)
        return BatchResult(
            custom_id=result.custom_id,
            operation=result.operation,
            metered=_facts(result.reading, normalised),
            status=result.status,
            error_type=result.reading.error_type,
            request_model=_bounded(result.request_model),
            size=result.size,
        )

    def _operation_is_estimable(self) -> bool:
        return self._operation is not None and self._operation.estimable

    def _is_billable(self) -> bool:
        """A failed request without usage is free; so is an operation the provider gives away."""
        if self._operation is None or not self._operation.billable:
            return False
        return self._status < 300 or self._reading.usage is not None

    def _told(self) -> Metered:
        """What the response itself says."""
        if self._operation is None:
            return Metered(problems=tuple(self._reading.problems))
        return _facts(self._reading, _normalised(self._operation.name, self._provider_kind, self._reading))

    def _read_event(self, name: bytes, data: bytes) -> None:
        on_event = self._operation.on_event if self._operation else None
        assert on_event is not None  # or the body would not be read as events
        try:
            on_event(self._reading, name, data)
        except Exception as error:  # noqa: BLE001 - metering may never hurt a call; the row says what went wrong
            self._note(f"an event could not be read: {type(error).__name__}")

    def _read_line(self, line: bytes) -> None:
        on_line = self._operation.on_line if self._operation else None
        assert on_line is not None  # or the body would not be read as lines
        try:
            on_line(self._reading, line)
        except Exception as error:  # noqa: BLE001 - as above
            self._note(f"a line could not be read: {type(error).__name__}")

    def _read_message(self, message: Message) -> None:
        name = message.name
        if message.is_error:
            self._reading.error_type = name[:64] or "error"
        else:
            self._read_event(name.encode(), message.payload)

    def _close_messages(self) -> None:
        if self._messages.problem is not None:
            self._note(self._messages.problem)
        elif not self._messages.close():
            self._note("the stream stopped in the middle of an event")

    def _read_document(self, body: bytes) -> None:
        on_document = self._operation.on_document if self._operation else None
        assert on_document is not None  # or the body would not be kept
        document = parse_object(self._reading, body)
        if document is None:
            count_text(self._reading, body)  # half an answer was billed as well
            return
        try:
            on_document(self._reading, document)
        except Exception as error:  # noqa: BLE001 - as above
            self._note(f"the response could not be read: {type(error).__name__}")

    def _note(self, problem: str) -> None:
        if problem not in self._reading.problems:
            self._reading.problems.append(problem)


def estimate(metered: Metered, *, request_bytes: int, characters: int) -> Metered:
    """Fill in what a broken, cancelled or unreported call must have used at least, marked `estimated`.

    Usage seen on the wire is kept where it says more than the estimate.
    """
    seen = metered.usage or Usage()
    output = max(seen.output_tokens, -(-characters // CHARACTERS_PER_TOKEN))
    known_input = metered.usage is not None and seen.prompt_tokens > 0
    inputs = seen.input_tokens if known_input else request_bytes // CHARACTERS_PER_TOKEN
    how = f"output from {characters} streamed characters"
    if not known_input:
        how = f"input from {request_bytes} request bytes, {how}"
    return replace(
        metered,
        usage=replace(seen, input_tokens=inputs, output_tokens=output),
        estimated=True,
        problems=(*metered.problems, f"usage was estimated at {CHARACTERS_PER_TOKEN} characters a token: {how}"),
    )


def _shape(operation: Operation | None, content_type: str) -> _Shape:
    if operation is None:
        return _Shape.OPAQUE
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "text/event-stream" and operation.on_event is not None:
        return _Shape.EVENTS
    if operation.on_line is not None:
        return _Shape.LINES
    if kind == "application/vnd.amazon.eventstream" and operation.on_event is not None:
        return _Shape.MESSAGES
    if operation.streams_json_array:
        return _Shape.ARRAY
    return _Shape.DOCUMENT if operation.on_document is not None else _Shape.OPAQUE


def _may_be_mislabelled(operation: Operation | None) -> bool:
    return operation is not None and operation.on_event is not None and operation.on_document is not None


def _normalised(api: str, provider_kind: str, reading: Reading) -> Normalised:
    if reading.usage is None:
        return Normalised()
    try:
        return normalise(api=api, provider=provider_kind, usage=reading.usage, response=reading.facts)
    except Exception as error:  # noqa: BLE001 - metering may never hurt a call
        return Normalised(problems=(f"the usage could not be read: {type(error).__name__}",))


def _facts(reading: Reading, normalised: Normalised) -> Metered:
    return Metered(
        usage=normalised.usage,
        response_model=_bounded(reading.model),
        response_id=_bounded(reading.response_id),
        service_tier=_bounded(normalised.service_tier),
        finish_reasons=tuple(reason[:64] for reason in reading.finish_reasons[:16]),
        tool_calls=reading.tool_calls,
        raw_usage=normalised.raw_usage,
        raw_response=dict(reading.facts),
        problems=(*reading.problems, *normalised.problems),
    )


def _bounded(text: str | None) -> str | None:
    return text[:256] if text else None
