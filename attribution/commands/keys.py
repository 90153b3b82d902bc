"""`mergecost keys`: make, list and revoke the keys clients call the proxy with."""

from __future__ import annotations

import click

from attribution.commands.common import App, json_option, print_json, with_app
from attribution.commands.tables import NOTHING, print_table
from attribution.errors import UserError
from attribution.keys import new_key
from attribution.ledger.base import Key
from attribution.ledger.rows import instant

__all__ = ["keys"]


@click.group()
def keys() -> None:
    """Keys clients call the proxy with; each stands for a team."""


@keys.command()
@click.option("--team", required=True, help="Team that pays for the key's calls; beats what a header says.")
@click.option("--actor", help="Person or agent that uses the key, where its calls do not say.")
@click.option("--purpose", help="What the key is for, where its calls do not say: code-gen, review, chat …")
@json_option
@with_app
def add(app: App, team: str, actor: str | None, purpose: str | None, as_json: bool) -> None:
    """Make a key and print it. It is shown once and stored as a hash."""
    for option, value in (("--team", team), ("--actor", actor), ("--purpose", purpose)):
        if value is not None and not value.strip():
            raise UserError(f"{option} is empty; name one, or leave the option out", exit_code=2)
    key, secret = new_key(team=team, actor=actor, purpose=purpose, created_at=app.clock.now())
    with app.ledger(make=True) as ledger:
        ledger.add_key(key)
    if as_json:
        print_json({**_as_json(key), "key": secret})
        return
    click.echo(secret)
    click.echo(f"Key {key.id} of team {team}, shown this once; `mergecost keys revoke {key.id}` ends it.", err=True)


@keys.command("list")
@json_option
@with_app
def list_(app: App, as_json: bool) -> None:
    """All keys, revoked ones too. Secrets are not known."""
    with app.ledger() as ledger:
        known = ledger.keys()
    if as_json:
        print_json([_as_json(key) for key in known])
        return
    if not known:
        click.echo("No keys yet; `mergecost keys add --team NAME` makes one.")
        return
    columns = ("id", "team", "actor", "purpose", "created", "revoked")
    print_table(
        app.console,
        columns,
        [
            (
                key.id,
                key.team,
                key.actor or NOTHING,
                key.purpose or NOTHING,
                f"{key.created_at:%F %R}Z",
                f"{key.revoked_at:%F %R}Z" if key.revoked_at else NOTHING,
            )
            for key in known
        ],
    )


@keys.command()
@click.argument("key_id", metavar="ID")
@with_app
def revoke(app: App, key_id: str) -> None:
    """End a key. Its calls stay in the books."""
    with app.ledger() as ledger:
        if not ledger.revoke_key(key_id, app.clock.now()):
            raise UserError(f"no key {key_id!r}; `mergecost keys list` shows them")
    click.echo(f"Key {key_id} is revoked.")


def _as_json(key: Key) -> dict[str, str | None]:
    return {
        "id": key.id,
        "team": key.team,
        "actor": key.actor,
        "purpose": key.purpose,
        "created_at": instant(key.created_at),
        "revoked_at": instant(key.revoked_at) if key.revoked_at else None,
    }
