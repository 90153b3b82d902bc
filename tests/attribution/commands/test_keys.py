from __future__ import annotations

import pytest

from attribution.commands.keys import keys
from attribution.errors import UserError
from attribution.keys import hash_secret


def test_a_new_key_is_printed_once_and_stored_as_a_hash(run, ledger_path) -> None:
    result = run(keys, "add", "--team", "payments", "--actor", "ci")
    secret = result.stdout.strip()
    assert secret.startswith("sk-mc-")
    assert secret not in run(keys, "list").output
    stored = b"".join(file.read_bytes() for file in ledger_path.parent.glob("ledger.db*"))
    assert secret.encode() not in stored
    assert hash_secret(secret).encode() in stored


def test_keys_are_listed_without_secret_or_hash(run, run_json) -> None:
    added = run_json(keys, "add", "--team", "payments", "--purpose", "review", "--json")
    (listed,) = run_json(keys, "list", "--json")
    assert listed == {name: value for name, value in added.items() if name != "key"}
    assert (listed["team"], listed["purpose"], listed["revoked_at"]) == ("payments", "review", None)
    assert listed["id"] in run(keys, "list").stdout


def test_a_revoked_key_stays_listed_with_its_end(run, run_json) -> None:
    added = run_json(keys, "add", "--team", "payments", "--json")
    assert run(keys, "revoke", added["id"]).exit_code == 0
    (listed,) = run_json(keys, "list", "--json")
    assert listed["revoked_at"] is not None


def test_a_key_that_is_not_there_cannot_be_revoked(run) -> None:
    result = run(keys, "revoke", "key-0")
    assert isinstance(result.exception, UserError)
    assert "no key 'key-0'" in str(result.exception)


@pytest.mark.parametrize("team", ["", "  "])
def test_a_key_needs_a_team_that_can_be_read(run, team) -> None:
    result = run(keys, "add", "--team", team)
    assert isinstance(result.exception, UserError)
    assert "--team is empty" in str(result.exception)


def test_without_keys_the_list_says_how_to_make_one(run) -> None:
    assert "mergecost keys add" in run(keys, "list").stdout
