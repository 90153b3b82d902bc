"""Tables for people: no colour and no wrapping in a pipe, amounts exact and aligned."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from attribution.money import usd

__all__ = ["NOTHING", "dollars", "percent", "print_table"]

NOTHING = "-"
WIDE = 10_000  # columns nobody wraps at


def print_table(
    console: Console,
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    right: Sequence[str] = (),
    total: Sequence[str] | None = None,
) -> None:
    """Print `rows` under `columns`, those named in `right` flush right, and `total` under a rule."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in columns:
        table.add_column(column, justify="right" if column in right else "left", no_wrap=column in right)
    # Text, because a branch may be called [red]: names are never markup.
    for place, row in enumerate(rows):
        table.add_row(*map(Text, row), end_section=total is not None and place == len(rows) - 1)
    if total is not None:
        table.add_row(*(Text(cell, style="bold") for cell in total))
    printer = console if console.is_terminal else Console(file=console.file, width=WIDE)
    printer.print(table)


def dollars(amounts: Sequence[int]) -> list[str]:
    """Pico-dollars as `$1,234.50`, exact, with as many decimals as the finest of them needs, two at least."""
    plain = [Decimal(usd(amount)) for amount in amounts]
    decimals = max([2, *(-int(value.as_tuple().exponent) for value in plain)])
    return [f"{'-' if value < 0 else ''}${abs(value):,.{decimals}f}" for value in plain]


def percent(share: Decimal | None) -> str:
    return NOTHING if share is None else f"{share * 100:.1f} %"
