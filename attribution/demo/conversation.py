"""Responses over a WebSocket, as Codex speaks it: a `response.create` frame in, the events of the stream out, a frame
each. A frame with `generate: false` only warms up: its response is complete at once, without output and without usage.
Source: https://platform.openai.com/docs/guides/websocket-mode
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from attribution.demo.answers import answer
from attribution.demo.wire import Request, compact

__all__ = ["is_conversation", "replies"]

_DATA = b"data: "


def is_conversation(request: Request) -> bool:
    return request.path == "/v1/responses" and request.headers.get("upgrade", "").lower() == "websocket"


def replies(request: Request, frame: bytes, *, api_key: str | None = None) -> tuple[bytes, ...]:
    """Frames that answer one text frame."""
    try:
        asked: Any = json.loads(frame)
    except ValueError:
        return (_error(400, "We could not parse the JSON of your frame."),)
    if not isinstance(asked, dict) or asked.get("type") != "response.create":
        return (_error(400, "A frame must be an object of type response.create."),)
    body = compact({key: value for key, value in asked.items() if key not in ("type", "generate")} | {"stream": True})
    reply = answer(replace(request, method="POST", body=body), api_key=api_key)
    if reply.status != 200:
        return (_error(reply.status, json.loads(reply.body)["error"]["message"]),)
    events = tuple(line.removeprefix(_DATA) for line in reply.body.split(b"\n") if line.startswith(_DATA))
    return _warm_up(events) if asked.get("generate") is False else events


def _warm_up(events: tuple[bytes, ...]) -> tuple[bytes, ...]:
    """Created and completed."""
    created, completed = json.loads(events[0]), json.loads(events[-1])
    completed["sequence_number"] = 1
    completed["response"] |= {"output": [], "usage": None}
    return compact(created), compact(completed)


def _error(status: int, message: str) -> bytes:
    error = {"type": "invalid_request_error", "message": message, "code": None, "param": None}
    return compact({"type": "error", "status": status, "error": error})
