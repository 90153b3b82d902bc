"""What the proxy is told about the world: where calls may go and within which limits. Values only."""

from __future__ import annotations

from dataclasses import dataclass, field

from proxy.signing import Signer

__all__ = ["Limits", "Seller"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seller:
    """One configured provider entry: who sends the bill. `name` is its first path segment."""

    name: str
    kind: str  # key of proxy.providers.PROVIDERS
    base_url: str
    # Version segment of its paths; "": none is added and a client's is kept. None: the one in `base_url`, otherwise the
    # provider's usual one.
    version: str | None = None
    # Header its key stands in; None: the provider's usual one.
    key_carrier: str | None = None
    api_key: str | None = field(default=None, repr=False)
    signer: Signer | None = field(default=None, repr=False)  # signs every request that carries no API key
    # Ask chat streams for their usage where the client did not (proxy.injection).
    inject_usage: bool = True
    retries: int = 0
    timeout_seconds: int = 600
    connect_timeout_seconds: int = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Sizes in bytes, times in seconds."""

    max_body_bytes: int = 200_000_000
    buffer_bytes: int = 8_000_000
    max_connections: int = 1000
    body_timeout_seconds: int = 60
    drain_seconds: int = 30
    drain_when_client_gone: bool = False
