"""Answers to clients: a provider's, as it came, or our own in the provider's error shape."""

from __future__ import annotations

import json

from aiohttp import hdrs, web
from multidict import CIMultiDict

from proxy.call import Call
from proxy.headers import CALL_ID_HEADER
from proxy.providers.base import Provider

__all__ = ["Relayed", "refuse"]


class Relayed(web.StreamResponse):
    """A response with exactly the headers it was given: aiohttp's own Server, Date and Content-Type stay out."""

    def __init__(self, status: int, reason: str | None, headers: CIMultiDict[str]) -> None:
        super().__init__(status=status, reason=reason, headers=headers)
        self._given = frozenset(name.lower() for name in headers)
        # A body of known length follows at once: head and body leave in one write. A stream's head goes ahead.
        self._send_headers_immediately = hdrs.CONTENT_LENGTH not in headers

    async def _prepare_headers(self) -> None:
        await super()._prepare_headers()
        for name in (hdrs.SERVER, hdrs.DATE, hdrs.CONTENT_TYPE):
            if name.lower() not in self._given:
                self.headers.popall(name, None)


# Codex repeats a 401 five times over six seconds; 400 with plain text it shows at once, word for word.
_SHOWS_PLAIN_TEXT = ("codex",)


def refuse(
    provider: Provider, status: int, message: str, call: Call | None = None, *, client: str | None = None
) -> web.Response:
    """An error of ours as the provider's client expects it, so that the person reads `message`.

    `x-should-retry: false` stops the official SDKs and agents from repeating what cannot succeed. `client` is the name
    a client gives itself, for those that need to be told otherwise.
    """
    if client is not None and client.lower().startswith(_SHOWS_PLAIN_TEXT) and status in (401, 402, 403, 404):
        return web.Response(status=400, text=message, headers={"x-should-retry": "false"})
    headers = {} if status >= 500 and status != 501 else {"x-should-retry": "false"}
    if call is not None:
        headers[CALL_ID_HEADER] = call.call_id
    body = json.dumps(provider.error_body(status, message)).encode()
    return web.Response(status=status, body=body, content_type="application/json", headers=headers)
