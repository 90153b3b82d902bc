"""What the proxy is told about the world: where calls may go and within which limits. Values only."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["Limits", "Seller"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seller:
    """One configured provider entry: who sends the bill. `name` is its first path segment."""

    name: str
    kind: str  # key of proxy.providers.PROVIDERS
    base_url: str
    api_key: str | None = field(default=None, repr=False)
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
