"""Bodies of the rarer operations, of streams without their usual marks and of bodies under a wrong content type."""

from __future__ import annotations

from dataclasses import replace

from proxy.call import Usage
from tests.proxy.bodies import (
    CHAT_USAGE,
    MARK,
    PLAIN,
    SSE,
    START,
    STOP,
    USED,
    WITH_USAGE,
    Body,
    Expected,
    candidate,
    chunk,
    document,
    gemini_usage,
    message_delta,
    sample,
    text_delta,
    written,
)

__all__ = ["OF_OPERATIONS"]

DONE = "data: [DONE]\n\n"
MADE = {
    "input_tokens": 60,
    "input_tokens_details": {"text_tokens": 10, "image_tokens": 50},
    "output_tokens": 1056,
    "total_tokens": 1116,
}
MADE_USAGE = Usage(input_tokens=10, image_input_tokens=50, image_output_tokens=1056)
HEARD = {
    "type": "tokens",
    "input_tokens": 120,
    "input_token_details": {"text_tokens": 20, "audio_tokens": 100},
    "output_tokens": 9,
    "total_tokens": 129,
}
HEARD_USAGE = Usage(input_tokens=20, audio_input_tokens=100, output_tokens=9)
PLAIN_USAGE = {"prompt_tokens": 10, "completion_tokens": 20, "total_tokens": 30}
NAMELESS = Expected(None, (), names_model=False, ends=False)


def under(content_type: str, body: Body) -> Body:
    return replace(body, content_type=content_type)


_CHAT = sample("chat", MARK, **WITH_USAGE)
_MESSAGES = sample("messages", MARK, stream=True)
_CHAT_EXPECTED = Expected(USED, ("tool_calls",), 2)

OF_OPERATIONS: dict[str, tuple[Body, Expected]] = {
    "completions": (
        document(
            "completions",
            {"id": "c", "model": "m-1", "choices": [{"text": "a", "finish_reason": "length"}], "usage": PLAIN_USAGE},
        ),
        Expected(PLAIN, ("length",), ends=False),
    ),
    "completions stream": (
        written(
            "completions",
            {"id": "c", "model": "m-1", "choices": [{"text": "a", "finish_reason": None}]},
            {"id": "c", "model": "m-1", "choices": [{"text": "", "finish_reason": "stop"}]},
            CHAT_USAGE,
            DONE,
        ),
        Expected(PLAIN, ("stop",)),
    ),
    "responses compacted": (
        document(
            "compact",
            {
                "id": "r",
                "object": "response.compaction",
                "model": "m-1",
                "output": [{"type": "compaction", "encrypted_content": "x"}],
                "usage": {"input_tokens": 10, "output_tokens": 20, "total_tokens": 30},
            },
        ),
        Expected(PLAIN, (), ends=False),
    ),
    "images": (
        document("images", {"created": 1, "data": [{"b64_json": "AAAA"}], "usage": MADE}),
        replace(NAMELESS, usage=MADE_USAGE),
    ),
    "images stream": (
        written(
            "images",
            {"type": "image_generation.partial_image", "b64_json": "AAAA", "partial_image_index": 0},
            {"type": "image_generation.completed", "b64_json": "BBBB", "usage": MADE},
            named=True,
        ),
        replace(NAMELESS, usage=MADE_USAGE, ends=True),
    ),
    "images edited, unnamed events": (
        written(
            "edits",
            {"type": "image_edit.partial_image", "b64_json": "AAAA"},
            {"type": "image_edit.completed", "b64_json": "BBBB", "usage": MADE},
        ),
        replace(NAMELESS, usage=MADE_USAGE, ends=True),
    ),
    "transcription by tokens": (
        document("transcriptions", {"text": "hello", "usage": HEARD}),
        replace(NAMELESS, usage=HEARD_USAGE),
    ),
    "transcription by duration": (
        document("translations", {"text": "hello", "usage": {"type": "duration", "seconds": 8.47}}),
        replace(NAMELESS, usage=Usage(other=(("audio_input_milliseconds", 8470),))),
    ),
    "transcription stream": (
        written(
            "transcriptions",
            {"type": "transcript.text.delta", "delta": "hel"},
            {"type": "transcript.text.done", "text": "hello", "usage": HEARD},
        ),
        replace(NAMELESS, usage=HEARD_USAGE, ends=True),
    ),
    "speech stream": (
        written(
            "speech",
            {"type": "speech.audio.delta", "audio": "AAAA"},
            {"type": "speech.audio.done", "usage": {"input_tokens": 14, "output_tokens": 101, "total_tokens": 115}},
        ),
        replace(NAMELESS, usage=Usage(input_tokens=14, audio_output_tokens=101), ends=True),
    ),
    "a cache": (
        document(
            "cache",
            {"name": "cachedContents/c", "model": "m-1", "usageMetadata": {"totalTokenCount": 696}},
        ),
        Expected(Usage(other=(("cached_content_tokens", 696),)), (), ends=False),
    ),
    "gemini speaking as OpenAI": (
        written("gemini chat", chunk("a"), chunk(None, "stop"), CHAT_USAGE, DONE),
        Expected(PLAIN, ("stop",)),
    ),
    "messages: no event lines": (
        written("messages", START, text_delta("a"), message_delta(output_tokens=20), STOP),
        Expected(Usage(input_tokens=10, cache_read_tokens=5, output_tokens=20), ("end_turn",)),
    ),
    "messages: no event lines, the type last": (
        written(
            "messages",
            START,
            {
                "index": 0,
                "content_block": {"type": "tool_use", "input": {"type": "message_stop"}},
                "type": "content_block_start",
            },
            {
                "index": 0,
                "delta": {"type": "text_delta", "text": '"type":"message_stop"'},
                "type": "content_block_delta",
            },
            message_delta(output_tokens=20),
            STOP,
        ),
        Expected(Usage(input_tokens=10, cache_read_tokens=5, output_tokens=20), ("end_turn",), 1),
    ),
    "chat stream as JSON": (under("application/json", _CHAT), _CHAT_EXPECTED),
    "chat stream as text": (under("text/plain; charset=utf-8", _CHAT), _CHAT_EXPECTED),
    "chat stream without a type": (under("", _CHAT), _CHAT_EXPECTED),
    "chat stream as JSON, a comment and blank lines first": (
        under("application/json", replace(_CHAT, data=b"\xef\xbb\xbf\r\n\r\n: hello\r\n\r\n" + _CHAT.data)),
        _CHAT_EXPECTED,
    ),
    "messages stream as JSON": (under("application/json", _MESSAGES), Expected(USED, ("tool_use",), 2)),
    "gemini SSE as JSON": (
        under("application/json", written("stream", candidate("a"), candidate("b", "STOP", **gemini_usage(10, 20)))),
        Expected(PLAIN, ("STOP",)),
    ),
    "gemini array as an event stream": (
        under(SSE, sample("stream", MARK)),
        Expected(USED, ("STOP",), 2),
    ),
    "chat document as an event stream": (
        under(SSE, sample("chat", MARK)),
        Expected(USED, ("tool_calls",), 2, ends=False),
    ),
}
