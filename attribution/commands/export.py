"""`mergecost export`: the month's calls one by one, in a file whose rows sum to the statement."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import click

from attribution.books import known_changes, make_statement, up_to_date
from attribution.commands.common import App, parse_instant, with_app
from attribution.errors import UserError
from attribution.exports import FORMATS
from attribution.exports.base import CallRow, ChargeRow, Export
from attribution.ledger.base import Ledger, Window
from attribution.model import Category, Verdict
from attribution.money import usd
from attribution.periods import month_window
from attribution.statement import Statement, StatementError, category_of

__all__ = ["export"]


@click.command()
@click.option("--month", required=True, help="Calendar month, YYYY-MM, in the configured time zone.")
@click.option("--format", "format_name", required=True, type=click.Choice(list(FORMATS)), help="File format.")
@click.option("--output", type=click.Path(path_type=Path), help="File to write; standard output where it is left out.")
@click.option("--as-of", help="Judge changes as of this date or time instead of now.")
@with_app
def export(app: App, month: str, format_name: str, output: Path | None, as_of: str | None) -> None:
    """The month's calls, one row an attempt, with their change, rule, grade and components."""
    time_zone = app.settings.statement.time_zone
    window = month_window(month, time_zone)
    judged_at = parse_instant(as_of, option="--as-of", time_zone=time_zone) if as_of else app.clock.now()
    with app.ledger() as ledger, up_to_date(ledger, window, app.settings, as_of=judged_at):
        statement = make_statement(ledger, app.settings, month=month, window=window, as_of=judged_at)
        known = known_changes(ledger.facts(), as_of=judged_at, survival_days=app.settings.changes.survival_days)
        rows = _checked(_rows(ledger, window, dict(known.verdicts)), statement)
        with _stream(output) as stream:
            FORMATS[format_name](Export(statement, rows, app.settings.statement.show_actors), stream)
    total = f"{statement.calls} calls, ${usd(statement.total_picodollars)}, {statement.unpriced} unpriced"
    click.echo(f"{month}: {total}{f' → {output}' if output else ''}", err=True)


def _rows(ledger: Ledger, window: Window, verdicts: dict[str, Verdict]) -> Iterator[CallRow | ChargeRow]:
    for recorded, allocation in ledger.calls(window):
        assert allocation is not None  # within up_to_date every call of the window has one
        yield CallRow(recorded, allocation, category_of(allocation.target, verdicts))
    for charge in ledger.other_charges(window):
        yield ChargeRow(charge, Category.ADJUSTMENT if charge.is_adjustment else Category.NO_CALL)


def _checked(rows: Iterator[CallRow | ChargeRow], statement: Statement) -> Iterator[CallRow | ChargeRow]:
    """The same rows. Raises StatementError at their end where they do not sum to the statement."""
    total = 0
    for row in rows:
        total += row.charge.picodollars if isinstance(row, ChargeRow) else row.recorded.charge.total or 0
        yield row
    if total != statement.total_picodollars:
        raise StatementError(f"the rows sum to {total} picodollars, the statement to {statement.total_picodollars}")


@contextmanager
def _stream(output: Path | None) -> Iterator[TextIO]:
    """Standard output, or `output`, which is there only once it is whole."""
    if output is None:
        yield sys.stdout
        return
    unfinished = output.with_name(output.name + ".part")
    try:
        with unfinished.open("w", encoding="utf-8", newline="") as stream:
            yield stream
        unfinished.replace(output)
    except OSError as error:
        raise UserError(f"cannot write {output}: {error.strerror or error}; name another file with --output") from error
    finally:
        unfinished.unlink(missing_ok=True)
