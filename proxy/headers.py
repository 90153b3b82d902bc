"""Headers: what is passed on, what is ours, what people already send as tags, which key a client presents.

Rules:
- hop-by-hop headers (RFC 9110 section 7.6.1, and what `Connection` names) end here, on both sides;
- ours (`x-mergecost-*`) never reach a provider; everything else is forwarded untouched, in order and spelling;
- a stamp field is taken from the strongest place that names it: our header, the path tag, W3C baggage, then the
  headers other gateways taught people to send;
- names and values are bounded and stripped of control characters, and one that is too long, no UTF-8 or a key of ours
  is refused, never cut: half a branch name is another branch.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from urllib.parse import unquote

from proxy.call import BillingBasis, Stamp, StampSource
from proxy.repository_name import as_said

__all__ = [
    "CALL_ID_HEADER",
    "KEY_PREFIX",
    "STAMP_FIELDS",
    "ClientIdentity",
    "Headers",
    "Tagged",
    "billing_basis",
    "client_identity",
    "collect_stamp",
    "forwardable",
    "header_text",
    "presented_keys",
    "swap_key",
]

OUR_PREFIX = "x-mergecost-"
CALL_ID_HEADER = "x-mergecost-call-id"
KEY_HEADER = "x-mergecost-key"
KEY_PREFIX = "sk-mc-"

MAX_VALUE = 256  # bytes of UTF-8
MAX_TAGS = 32
_MAX_PROBLEMS = 8

HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)

# Name in our headers and path tags → field of the stamp.
STAMP_FIELDS: Mapping[str, str] = {
    "team": "team",
    "actor": "actor",
    "purpose": "purpose",
    "repo": "repository",
    "branch": "branch",
    "commit": "head",
    "change": "change",
    "session": "session",
}

# W3C baggage keys: OpenTelemetry's VCS and GenAI names, and the short ones above.
_BAGGAGE_FIELDS: Mapping[str, str] = {
    **STAMP_FIELDS,
    "vcs.repository.url.full": "repository",
    "vcs.ref.head.name": "branch",
    "vcs.ref.head.revision": "head",
    "vcs.change.id": "change",
    "gen_ai.conversation.id": "session",
    "session.id": "session",
    "user.id": "actor",
}

# Headers that carry a whole mapping of tags as JSON.
_JSON_TAG_HEADERS = ("x-litellm-spend-logs-metadata", "x-portkey-metadata", "cf-aig-metadata")
_SESSION_HEADER = re.compile(r"^(?:x-(?:[a-z0-9-]+-)?session-id|session[-_]id|helicone-session-id)$")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_ACCESS_KEY = re.compile(rf"\s*AWS4-HMAC-SHA256\s+Credential=({KEY_PREFIX}[^/\s,]+)/")
_BEARER = re.compile(r"^\s*bearer\s+", re.IGNORECASE)
# `codex_cli_rs/0.169.0 (…)`; the official SDKs put their language before the version: `OpenAI/Python 1.109.1`.
_PRODUCT = re.compile(r"^([A-Za-z0-9_.@-]{1,64})(?:/(?:[A-Za-z]+ (?=\d))?([A-Za-z0-9_.+-]{1,64}))?")

Headers = Iterable[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Tagged:
    """A stamp read from a request, and what in it could not be used."""

    stamp: Stamp
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ClientIdentity:
    """First product of the User-Agent, and the retry count official SDKs send."""

    name: str | None
    version: str | None
    retry_count: int | None


def forwardable(headers: Headers) -> list[tuple[str, str]]:
    """The headers that go on to the other side: without hop-by-hop ones, ours, and Host."""
    pairs = list(headers)
    named = {
        token.strip().lower() for name, value in pairs if name.lower() == "connection" for token in value.split(",")
    }
    dropped = HOP_BY_HOP | named | {"host"}
    return [
        (name, value)
        for name, value in pairs
        if name.lower() not in dropped and not name.lower().startswith(OUR_PREFIX)
    ]


def header_text(value: bytes) -> str:
    """A header as text that is written again as the same bytes where it is UTF-8, else with the same characters.

    What is no UTF-8 is ISO-8859-1 (RFC 9110 section 5.5); the libraries beneath write UTF-8 only.
    """
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def presented_keys(headers: Mapping[str, str], query: Mapping[str, str]) -> list[str]:
    """Secrets a client presents, strongest first: our own header, then where each provider's clients put theirs."""
    authorization = headers.get("Authorization", "")
    candidates = [
        headers.get(KEY_HEADER, ""),
        _BEARER.sub("", authorization) if _BEARER.match(authorization) else "",
        _key_in_signature(authorization),
        headers.get("x-api-key", ""),
        headers.get("x-goog-api-key", ""),
        headers.get("api-key", ""),
        query.get("key", ""),
    ]
    return [candidate.strip() for candidate in candidates if candidate.strip()]


def _key_in_signature(authorization: str) -> str:
    """A key of ours that an AWS SDK was given as its access key id; the signature beside it is for nobody."""
    found = _ACCESS_KEY.match(authorization)
    return found.group(1) if found else ""


def swap_key(headers: Headers, *, carrier: str, secret: str | None) -> list[tuple[str, str]]:
    """Headers in which our key no longer stands; `secret`, where given, stands in the provider's own `carrier`.

    `secret` None leaves a provider credential that the client sent beside `x-mergecost-key` as it is.
    """
    kept = [(name, value) for name, value in headers if KEY_PREFIX not in value]
    if secret is None:
        return kept
    value = f"Bearer {secret}" if carrier.lower() == "authorization" else secret
    credential = {"authorization", "x-api-key", "x-goog-api-key", "api-key"}
    return [(name, text) for name, text in kept if name.lower() not in credential] + [(carrier, value)]


def billing_basis(headers: Mapping[str, str]) -> BillingBasis:
    """Whether a client's own credential is an API key or a subscription's login token."""
    bearer = _BEARER.sub("", headers.get("Authorization", ""))
    if bearer.startswith("sk-ant-oat") or "chatgpt-account-id" in headers:
        return BillingBasis.PLAN
    return BillingBasis.METERED


def client_identity(headers: Mapping[str, str]) -> ClientIdentity:
    product = _PRODUCT.match(headers.get("User-Agent", ""))
    retries = headers.get("x-stainless-retry-count", "")
    return ClientIdentity(
        name=product.group(1) if product else None,
        version=product.group(2) if product else None,
        retry_count=int(retries) if retries.isascii() and retries.isdigit() and len(retries) < 6 else None,
    )


def collect_stamp(headers: Headers, path_tags: Iterable[tuple[str, str]]) -> Tagged:
    """The stamp a request carries in so many words. Weakest source first, so that stronger ones overwrite it."""
    pairs = [(name.lower(), value) for name, value in headers]
    reader = _StampReader()
    for name, value in pairs:
        _read_foreign(reader, name, value)
    for name, value in pairs:
        if name == "baggage":
            _read_baggage(reader, value)
    for name, value in path_tags:
        reader.put(STAMP_FIELDS.get(name), name, value)
    for name, value in pairs:
        if name == f"{OUR_PREFIX}tags":
            for tag, text in _comma_separated(value):
                reader.put(None, tag, text)
        elif name.startswith(OUR_PREFIX) and name.removeprefix(OUR_PREFIX) in STAMP_FIELDS:
            reader.put(STAMP_FIELDS[name.removeprefix(OUR_PREFIX)], name, value)
    return reader.tagged()


def _read_foreign(reader: _StampReader, name: str, value: str) -> None:
    if name == "x-litellm-tags":
        for tag, text in _comma_separated(value):
            reader.put({"repo": "repository", "branch": "branch"}.get(tag), tag, text)
    elif name in _JSON_TAG_HEADERS:
        reader.put_mapping(name, value)
    elif name.startswith("helicone-property-"):
        tag = name.removeprefix("helicone-property-")
        reader.put(STAMP_FIELDS.get(tag), tag, value)
    elif name == "helicone-user-id":
        reader.put("actor", name, value)
    elif _SESSION_HEADER.match(name):
        reader.put("session", name, value)


def _read_baggage(reader: _StampReader, value: str) -> None:
    for member in value.split(","):
        key, separator, rest = member.partition("=")
        if separator:
            text = unquote(rest.partition(";")[0].strip())
            reader.put(_BAGGAGE_FIELDS.get(key.strip()), key.strip(), text)


def _comma_separated(value: str) -> Iterable[tuple[str, str]]:
    """`a:b,c=d,e` → (a, b), (c, d), (e, "")."""
    for item in value.split(","):
        name, _, text = re.sub(r"[:=]", "\0", item.strip(), count=1).partition("\0")
        if name:
            yield name, text


class _StampReader:
    def __init__(self) -> None:
        self._fields: dict[str, str] = {}
        self._tags: dict[str, str] = {}
        self._problems: list[str] = []

    def put(self, field: str | None, name: str, value: str) -> None:
        name, text = (_CONTROL.sub("", part).strip() for part in (name, value))
        if KEY_PREFIX in name:
            self._refuse("a tag whose name held a key was ignored")
        elif KEY_PREFIX in text:
            self._refuse(f"tag {name[:32]!r} held a key and was ignored")
        elif (size := _utf8_size(name, text)) is None:
            self._refuse(f"tag {name[:32]!r} is not UTF-8 and was ignored")
        elif size > MAX_VALUE:
            self._refuse(f"tag {name[:32]!r} is longer than {MAX_VALUE} bytes and was ignored")
        elif field is not None:
            if text:
                self._fields[field] = text
        elif name in self._tags or (name and len(self._tags) < MAX_TAGS):
            self._tags[name] = text
        elif name:
            self._refuse(f"more than {MAX_TAGS} tags: {name[:32]!r} was ignored")

    def _refuse(self, problem: str) -> None:
        if len(self._problems) < _MAX_PROBLEMS:
            self._problems.append(problem)

    def put_mapping(self, header: str, value: str) -> None:
        try:
            mapping = json.loads(value)
        except (ValueError, RecursionError):
            mapping = None
        if not isinstance(mapping, dict):
            self._refuse(f"header {header} is not a JSON object and was ignored")
            return
        for name, text in mapping.items():
            if isinstance(text, bool):
                self.put(STAMP_FIELDS.get(name), name, json.dumps(text))
            elif isinstance(text, (str, int)):
                self.put(STAMP_FIELDS.get(name), name, str(text))

    def tagged(self) -> Tagged:
        git_fields = {"repository", "branch", "head", "change"}
        source = StampSource.EXPLICIT if git_fields & self._fields.keys() else StampSource.NONE
        stamp = replace(
            Stamp(source=source, tags=tuple(sorted(self._tags.items()))),
            **{**self._fields, "repository": as_said(self._fields.get("repository", ""))},  # type: ignore[arg-type]
        )
        return Tagged(stamp, tuple(self._problems))


def _utf8_size(*texts: str) -> int | None:
    """Bytes of the longest text, or None where one cannot be written as UTF-8 (a header held other bytes)."""
    try:
        return max(len(text.encode()) for text in texts)
    except UnicodeEncodeError:
        return None
