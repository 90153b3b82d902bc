"""Who may call: mergecost keys against the ledger, provider keys from the settings.

The hot path only looks into memory. Keys are read again when an unknown one is presented and every few seconds (so that
a revoked key stops working); a ledger that cannot be read leaves the last known keys in force.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Literal

from attribution.keys import hash_secret
from attribution.ledger.base import Key, Ledger, LedgerError
from proxy.clock import Clock
from proxy.headers import KEY_PREFIX
from proxy.ports import Admission, Refusal
from proxy.sellers import Seller

__all__ = ["KeyGate"]

_READ_AGAIN_US = 5_000_000
_UNKNOWN_KEY_PAUSE_US = 250_000  # made-up keys may not make the ledger busy


class KeyGate:
    """proxy.ports.Gate over the ledger's keys."""

    def __init__(
        self, ledger: Ledger, clock: Clock, *, mode: Literal["auto", "required", "optional"], is_loopback: bool
    ) -> None:
        self._ledger = ledger
        self._clock = clock
        self._mode = mode
        self._is_loopback = is_loopback
        self._keys: Mapping[str, Key] = {}
        self._read_at_us: int | None = None
        self._reading = asyncio.Lock()

    async def admit(self, secrets: Sequence[str], seller: Seller) -> Admission | Refusal:
        await self._read_keys(older_than_us=_READ_AGAIN_US)
        ours = next((secret for secret in secrets if secret.startswith(KEY_PREFIX)), None)
        if ours is None:
            if self._is_required():
                return Refusal(
                    401,
                    "this proxy asks for a mergecost key (sk-mc-…) in place of the provider's key. "
                    "Whoever runs it makes one with `mergecost keys add --team NAME`.",
                )
            return Admission()
        digest = hash_secret(ours)
        if digest not in self._keys:
            await self._read_keys(older_than_us=_UNKNOWN_KEY_PAUSE_US)
        key = self._keys.get(digest)
        if key is None or key.revoked_at is not None:
            return Refusal(
                401,
                "this mergecost key is unknown or was revoked. `mergecost keys list` shows the keys of this ledger, "
                "`mergecost keys add --team NAME` makes a new one.",
            )
        return self._admission(key, seller, has_own=any(not secret.startswith(KEY_PREFIX) for secret in secrets))

    def _admission(self, key: Key, seller: Seller, *, has_own: bool) -> Admission | Refusal:
        if seller.api_key is None and seller.signer is None and not has_own:
            return Refusal(
                401,
                f"the mergecost key is good, but this proxy has no key of its own for {seller.name}: set "
                f"{seller.name.upper()}_API_KEY in its environment, or providers.{seller.name}.api_key in its "
                "configuration, and start it again.",
            )
        return Admission(
            key_id=key.id,
            team=key.team,
            actor=key.actor,
            purpose=key.purpose,
            provider_key=None if has_own else seller.api_key,
        )

    def _is_required(self) -> bool:
        if self._mode == "optional":
            return False
        return self._mode == "required" or not self._is_loopback or bool(self._keys)

    async def _read_keys(self, *, older_than_us: int) -> None:
        if not self._is_stale(older_than_us):
            return
        async with self._reading:
            if self._is_stale(older_than_us):
                self._read_at_us = self._clock.monotonic_us()
                try:
                    keys = await asyncio.to_thread(self._ledger.keys)
                except LedgerError:
                    return
                self._keys = {key.secret_hash: key for key in keys}

    def _is_stale(self, older_than_us: int) -> bool:
        return self._read_at_us is None or self._clock.monotonic_us() - self._read_at_us >= older_than_us
