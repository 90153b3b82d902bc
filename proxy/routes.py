"""From a request's target and headers to the seller, the upstream target, the operation and the path tags.

A target is, in order: an optional first segment of tags (`/@team=payments,actor=ci`), an optional seller name
(`/anthropic`), the provider's own path. On bare paths the provider is told by the path, and where two share one
(`/v1/models`) by the headers its clients send. Clients join base URLs in different ways, so a missing version segment
is added and a doubled one removed where the operation is known; anything else is passed on as it came. A version in a
seller's base URL stands in place of the provider's usual one, since gateways have their own (`…/paas/v4`,
`…/v1beta/openai`). A seller whose paths have none (`version: ""`) gets them as the client wrote them.

Paths stay percent-encoded from end to end: what the client wrote is what the provider reads. Only dot segments are
refused: with them a client could climb out of the address that was configured, with the key that belongs to it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from proxy.providers import PROVIDERS
from proxy.providers.base import Operation, Provider
from proxy.sellers import Seller

__all__ = ["NoRoute", "Route", "resolve"]

_VERSION = re.compile(r"^/v\d+[a-z]*\d*(?=/|$)")
_VERSION_AT_END = re.compile(r"/v\d+[a-z]*\d*$")
_VERSION_WITHIN = re.compile(r"/v\d+[a-z]*\d*(?:/|$)")
# Also encoded: what stands behind the address may decode it first.
_DOT_SEGMENT = re.compile(r"(?:/|%2[fF])(?:\.|%2[eE]){1,2}(?=/|%2[fF]|$)")
_GEMINI_VERB = re.compile(r"/(?:models|tunedModels)/[^/:]+:[A-Za-z]+$")
_MAX_MODEL = 256
_BARE = (
    ("vertex", re.compile(r"^/v1(?:beta1)?/projects/[^/]+/locations/")),
    ("bedrock", re.compile(r"^/model/.+/(?:converse(?:-stream)?|invoke(?:-with-response-stream)?|count-tokens)$")),
    (
        "anthropic",
        re.compile(
            r"^(?:/v1)*/(?:messages(?:/count_tokens|/batches.*)?|complete)$|"
            r"^/api/(?:event_logging|claude_code|claude_cli_feedback)(?:/|$)"
        ),
    ),
    ("gemini", re.compile(r"^(?:/upload|/download)?/v1(?:beta|alpha)/|^/v1/models/[^/:]+:")),
    (
        "openai",
        re.compile(
            r"^(?:/v1)*/(?:chat/completions|completions|responses|embeddings|models|moderations|images|audio|files|"
            r"uploads|batches|vector_stores|conversations|realtime)(?:/|$)"
        ),
    ),
)
# Paths that Anthropic's API shares with OpenAI's; its clients always send their version.
_SHARED = re.compile(r"^(?:/v1)*/(?:models|files|skills)(?:/|$)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Where one request goes. `operation` is None for what the registry does not know: relayed, not metered."""

    seller: Seller
    provider: Provider
    operation: Operation | None
    path: str  # canonical, for records: no query
    url: str  # upstream, query included
    tags: tuple[tuple[str, str], ...]
    model: str | None = None  # named in the path


@dataclass(frozen=True, slots=True)
class NoRoute:
    """A request nobody can be asked; `provider` shapes the answer where one could be told."""

    status: int
    message: str
    provider: Provider


def resolve(method: str, target: str, headers: Mapping[str, str], sellers: Mapping[str, Seller]) -> Route | NoRoute:
    """The route of `method target` (origin form, still encoded)."""
    path, question, query = target.partition("?")
    path = "/" + path.lstrip("/")
    if _DOT_SEGMENT.search(path):
        return NoRoute(
            400,
            f"the path {path[:200]!r} has a `.` or `..` segment, which could lead out of the configured address; write "
            "the path it stands for",
            _shape_of(path, headers),
        )
    tags: tuple[tuple[str, str], ...] = ()
    first, rest = _first_segment(path)
    if unquote(first).startswith("@"):
        read = _read_tags(first)
        if read is None:
            return NoRoute(
                400,
                f"the path tags {unquote(first)[:200]!r} are not name=value pairs; write /@team=NAME,actor=NAME/…",
                _shape_of(rest, headers),
            )
        tags, path = read, rest
        first, rest = _first_segment(path)
    seller = sellers.get(first)
    if seller is None:
        bare = _bare_provider(path, headers)
        seller = next((entry for entry in sellers.values() if entry.kind == bare), None)
        if seller is None:
            return NoRoute(404, _unknown(first, path, sellers), _shape_of(path, headers))
        rest = path
    return _route(method, seller, rest or "/", question + query, tags)


def _route(method: str, seller: Seller, path: str, query: str, tags: tuple[tuple[str, str], ...]) -> Route:
    provider = PROVIDERS[seller.kind]
    canonical = _canonical(path, provider)
    operation = provider.operation(method, canonical)
    model = provider.model_in_path.search(canonical) if provider.model_in_path else None
    return Route(
        seller=seller,
        provider=provider,
        operation=operation,
        path=canonical,
        url=f"{_upstream(path, canonical, seller, provider)}{query}",
        tags=tags,
        model=unquote(model.group(1))[:_MAX_MODEL] if model else None,
    )


def _upstream(path: str, canonical: str, seller: Seller, provider: Provider) -> str:
    base = seller.base_url
    version = _VERSION.match(canonical)
    if seller.version == "":
        return f"{base}{path}"
    if version is None:
        return f"{base}{canonical}"
    if version.group() != f"/{provider.version}":
        return f"{_VERSION_AT_END.sub('', base)}{canonical}"
    if seller.version is not None:
        return f"{base}/{seller.version}{canonical[version.end() :]}"
    return f"{base}{canonical[version.end() :]}" if _VERSION_WITHIN.search(base) else f"{base}{canonical}"


def _canonical(path: str, provider: Provider) -> str:
    while (match := _VERSION.match(path)) and _VERSION.match(path[match.end() :]):
        path = path[match.end() :]
    return f"/{provider.version}{path}" if provider.unversioned and provider.unversioned.match(path) else path


def _first_segment(path: str) -> tuple[str, str]:
    """The segment and what follows. Base URLs that end in a slash double the one between them."""
    first, slash, rest = path.removeprefix("/").partition("/")
    return first, slash + rest.lstrip("/")


def _read_tags(segment: str) -> tuple[tuple[str, str], ...] | None:
    """`@team=a,actor=b` → pairs. Values are decoded after the split, so that %2C and %2F can stand in them."""
    decoded_marks = re.sub("%3[dD]", "=", re.sub("^(?:@|%40)", "", segment))
    pairs: list[tuple[str, str]] = []
    for item in decoded_marks.split(","):
        name, equals, value = item.partition("=")
        if not equals or not name:
            return None
        pairs.append((unquote(name), unquote(value)))
    return tuple(pairs)


def _bare_provider(path: str, headers: Mapping[str, str]) -> str | None:
    if "anthropic-version" in headers and _SHARED.match(path):
        return "anthropic"
    if "x-goog-api-key" in headers and re.search(r"^(?:/v1)?/models(?:/[^/:]+)?$", path):
        return "gemini"
    if _GEMINI_VERB.search(path) and "/publishers/" not in path:
        return "gemini"
    return next((kind for kind, pattern in _BARE if pattern.search(path)), None)


def _shape_of(path: str, headers: Mapping[str, str]) -> Provider:
    """The provider whose client is most likely asking, so that it can show the message."""
    first, _ = _first_segment(path)
    kind = first if first in PROVIDERS else _bare_provider(path, headers)
    if kind is None:
        kind = "anthropic" if "anthropic-version" in headers else "gemini" if "x-goog-api-key" in headers else "openai"
    return PROVIDERS[kind]


def _unknown(first: str, path: str, sellers: Mapping[str, Seller]) -> str:
    known = ", ".join(f"/{name}" for name in sellers)
    return (
        f"mergecost has no provider for the path {path[:200]!r}. Paths begin with a configured provider ({known}) or "
        "are a provider's own, such as /v1/messages or /v1/chat/completions. Check the base URL, or add "
        f"{first[:64]!r} under `providers` in the configuration."
    )
