from __future__ import annotations

import hashlib
import re

from attribution.keys import hash_secret, new_key
from tests.factories import NOON


def test_a_key_holds_the_hash_of_its_secret_and_not_the_secret() -> None:
    key, secret = new_key(team="payments", actor="ci", created_at=NOON)
    assert key.secret_hash == hash_secret(secret) == hashlib.sha256(secret.encode()).hexdigest()
    assert secret not in repr(key)
    assert (key.team, key.actor, key.purpose, key.revoked_at) == ("payments", "ci", None, None)


def test_a_secret_is_256_random_bits_behind_our_prefix() -> None:
    secrets = {new_key(team="t", created_at=NOON)[1] for _ in range(50)}
    assert len(secrets) == 50
    assert all(re.fullmatch(r"sk-mc-[A-Za-z0-9_-]{43}", secret) for secret in secrets)


def test_text_that_is_no_unicode_hashes_to_no_key_and_raises_nothing() -> None:
    assert len(hash_secret("sk-mc-caf\udce9")) == 64
