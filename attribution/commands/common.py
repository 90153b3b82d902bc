"""What every command shares: the `--config` and `--ledger` options, the opened ledger, tables or JSON."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar
from zoneinfo import ZoneInfo

import click
from rich.console import Console

from attribution.errors import UserError
from attribution.ledger.base import Ledger
from attribution.ledger.open import ledger_exists, open_ledger
from attribution.settings import Settings, load_settings
from proxy.clock import Clock, SystemClock

__all__ = ["App", "json_option", "parse_instant", "print_json", "with_app"]

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class App:
    """What a command works with."""

    settings: Settings
    clock: Clock
    console: Console

    @contextmanager
    def ledger(self, *, make: bool = False) -> Iterator[Ledger]:
        """The ledger, opened. A command that only reads makes none: a mistyped path is no month without spend."""
        if not make and not ledger_exists(self.settings.ledger):
            raise UserError(
                f"there is no ledger at {self.settings.ledger} yet: `mergecost serve` makes it with the first call; "
                "if there should be one, check --ledger"
            )
        ledger = open_ledger(self.settings.ledger)
        try:
            yield ledger
        finally:
            ledger.close()


def with_app(command: Callable[Concatenate[App, P], R]) -> Callable[P, R]:
    """Give a click command `--config` and `--ledger`, and an App as its first argument."""

    @click.option("--config", type=click.Path(path_type=Path), help="Configuration file (YAML).")
    @click.option("--ledger", help="Where calls are recorded: sqlite:///PATH.")
    @functools.wraps(command)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        config: Any = kwargs.pop("config")  # filled by click, beside the command's own options
        ledger: Any = kwargs.pop("ledger")
        app = App(settings=load_settings(config, ledger=ledger), clock=SystemClock(), console=Console())
        return command(app, *args, **kwargs)

    return wrapper


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")


def print_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def parse_instant(text: str, *, option: str, time_zone: str = "UTC") -> datetime:
    """An ISO date or time as aware UTC; a bare date is its 00:00, and where none is written the zone is `time_zone`
    (IANA name). Raises UserError."""
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(time_zone))).astimezone(UTC)
    except (ValueError, OverflowError):
        raise UserError(
            f"{option} {text!r} is not a date or time; write 2026-10-01 or 2026-10-01T12:00:00Z", exit_code=2
        ) from None
