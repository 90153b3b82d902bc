"""The command line: wires the parts together, one line a command. Commands are imported when they are called, so that
`serve` loads nothing it does not need."""

from __future__ import annotations

import importlib
import sys

import click

from attribution.errors import UserError

__all__ = ["main"]

# name → module under attribution.commands and the click command in it
COMMANDS = {
    "serve": ("serve", "serve"),
    "keys": ("keys", "keys"),
    "sync": ("sync", "sync"),
    "spend": ("spend", "spend"),
    "changes": ("changes", "changes"),
    "change": ("change", "change"),
    "statement": ("statement", "statement"),
    "export": ("export", "export"),
    "price": ("price", "price"),
    "doctor": ("doctor", "doctor"),
    "config": ("config", "config"),
}


class _LazyGroup(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, attribute = COMMANDS[cmd_name]
        command = getattr(importlib.import_module(f"attribution.commands.{module}"), attribute)
        assert isinstance(command, click.Command)
        return command


@click.command(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="mergecost")
def _mergecost() -> None:
    """What every merged change cost in model spend."""


def main() -> None:
    """Entry point. Errors meant for people go to stderr without a traceback."""
    try:
        _mergecost.main(prog_name="mergecost")
    except UserError as error:
        click.echo(f"mergecost: {error}", err=True)
        sys.exit(error.exit_code)
