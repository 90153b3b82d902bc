"""The same session without the proxy and through it: nobody on either end can tell.

Two things are normalised in the provider's bytes: `"usage":null` in the chunks of a chat stream that the proxy asked
for its usage, and ids the sample provider derives from a frame that names the client's own ids (Codex's warm-up).
Left out of headers are Date (the provider's clock), the framing and the WebSocket handshake of one connection, and
the proxy's call id. Of what the client prints, its own ids, the time of its log lines, its working directory and the
address it was given are replaced.

Codex with `openai_base_url` speaks WebSocket to the provider. Where the proxy turns that away (426), its bytes on the
wire cannot be compared; that it prints the same answer can. The other way of connecting it compares the bytes.
"""

from __future__ import annotations

import re

from tests.clients.session import Session
from tests.clients.tap import Received

NOT_COMPARED = re.compile(r"date|transfer-encoding|connection|upgrade|sec-websocket-.*|x-mergecost-call-id")
OF_A_CONNECTION = re.compile(rb"connection|host|keep-alive|upgrade|sec-websocket-.*")
BASE = re.compile(r"^/@[^/]*/(openai|anthropic|gemini)")
MADE_UP = (
    (re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"), "ID"),
    (re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z\b"), "TIME"),
    (re.compile(r"/\S*/(proxied|direct)\d+/"), "DIRECTORY/"),
    (re.compile(r"(ws|http)://127\.0\.0\.1:\d+(/@[^/\s]*/(openai|anthropic|gemini))?"), "ADDRESS"),
)


def answers(session: Session) -> list[tuple[object, ...]]:
    """Answers of the provider as the client received them, whatever order parallel calls came in."""
    return sorted(_answer(response) for response in session.received if response.status != 426)


INJECTED = re.compile(rb',"usage":null(?=[,}])')
DERIVED_ID = re.compile(rb"\b(resp|msg)_[0-9a-f]{48}\b")


def _answer(response: Received) -> tuple[object, ...]:
    headers = tuple((name, value) for name, value in response.headers if not NOT_COMPARED.fullmatch(name.lower()))
    body = response.body
    if response.target.endswith("/chat/completions"):
        body = INJECTED.sub(b"", body)
    elif response.status == 101:
        body = DERIVED_ID.sub(rb"\1_ID", body)
    return response.method, BASE.sub("", response.target), response.status, headers, body


def requests(session: Session) -> list[tuple[str, str, list[bytes]]]:
    """Requests as the provider received them, with the names of their headers."""
    return sorted(
        (
            exchange.method,
            exchange.target,
            sorted(name.lower() for name, _ in exchange.headers if not OF_A_CONNECTION.fullmatch(name.lower())),
        )
        for exchange in session.exchanges
    )


def printed(text: str) -> str:
    for pattern, name in MADE_UP:
        text = pattern.sub(name, text)
    return text


def turned_away(session: Session) -> bool:
    return any(response.status == 426 for response in session.received)


def test_the_client_receives_the_same_bytes(without_proxy: Session, through_proxy: Session) -> None:
    if turned_away(through_proxy):
        assert [status for _, _, status, *_ in answers(without_proxy)] == [101]
    else:
        assert answers(through_proxy) == answers(without_proxy)


def test_the_provider_receives_the_same_requests(without_proxy: Session, through_proxy: Session) -> None:
    if turned_away(through_proxy):
        targets = [[exchange.target for exchange in session.exchanges] for session in (through_proxy, without_proxy)]
        assert targets == [["/v1/responses"]] * 2
    else:
        assert requests(through_proxy) == requests(without_proxy)


def test_the_client_prints_the_same(without_proxy: Session, through_proxy: Session) -> None:
    assert through_proxy.exit_code == without_proxy.exit_code == 0
    assert printed(through_proxy.stdout) == printed(without_proxy.stdout) != ""
    if not turned_away(through_proxy):
        assert printed(through_proxy.stderr) == printed(without_proxy.stderr)
