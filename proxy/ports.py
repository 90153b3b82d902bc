"""What the proxy asks of whoever runs it. `attribution` implements these; the proxy knows no more of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from proxy.sellers import Seller

__all__ = ["Admission", "Gate", "Refusal"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """A call may pass. `provider_key` replaces the client's key upstream; None passes the client's own through."""

    key_id: str | None = None
    team: str | None = None
    actor: str | None = None
    purpose: str | None = None
    provider_key: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A call may not pass. `message` says why and what to do; it is sent in the provider's own error shape."""

    status: int
    message: str


class Gate(Protocol):
    async def admit(self, secrets: Sequence[str], seller: Seller) -> Admission | Refusal:
        """Decide on a call that presents these keys, strongest first."""
        ...
