"""Proxy keys: `sk-mc-` and 256 random bits, shown once, kept as a SHA-256.

A plain hash suffices where the secret is random: there is nothing to guess, so nothing to slow down.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime

from attribution.ledger.base import Key

__all__ = ["PREFIX", "hash_secret", "new_key"]

PREFIX = "sk-mc-"
SECRET_BYTES = 32
ID_BYTES = 4


def hash_secret(secret: str) -> str:
    """Lower-case hex SHA-256 of a key as it was shown."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()


def new_key(
    *, team: str, created_at: datetime, actor: str | None = None, purpose: str | None = None
) -> tuple[Key, str]:
    """A new key and its secret, which is nowhere else."""
    secret = PREFIX + secrets.token_urlsafe(SECRET_BYTES)
    key = Key(
        id=f"key-{secrets.token_hex(ID_BYTES)}",
        secret_hash=hash_secret(secret),
        team=team,
        actor=actor,
        purpose=purpose,
        created_at=created_at,
    )
    return key, secret
