"""Tables for people: amounts exact and aligned, figures never cut.

In a pipe nothing is coloured, wrapped or left out. A terminal that is too narrow first loses the columns a command
calls spare, and is told so; then names are shortened; a figure is shown whole or not at all.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Literal

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from attribution.money import usd

__all__ = ["NOTHING", "dollars", "known", "percent", "print_table", "short_id"]

NOTHING = "-"
WIDE = 10_000  # columns nobody wraps at
GAP = 3  # between two columns
SHORTEST_NAME = 12
_SHA = re.compile(r"[0-9a-f]{40,64}")


def print_table(
    console: Console,
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    right: Sequence[str] = (),
    total: Sequence[str] | None = None,
    spare: Sequence[str] = (),
    whole: bool = False,
) -> None:
    """Print `rows` under `columns`, those named in `right` flush right, and `total` under a rule. `spare`: columns to
    leave out of a narrow terminal, the first named first. `whole`: texts are wrapped instead of shortened."""
    printer = console if console.is_terminal else Console(file=console.file, width=WIDE)
    widths = {
        name: max(cell_len(cell) for cell in (name, *(row[place] for row in (*rows, *([total] if total else [])))))
        for place, name in enumerate(columns)
    }
    shown = _fitting(widths, right, spare, printer.width)
    taken = _shortened({name: widths[name] for name in shown}, right, printer.width)
    places = [place for place, name in enumerate(columns) if name in shown]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for name in shown:
        justify: Literal["left", "right"] = "right" if name in right else "left"
        table.add_column(
            name, justify=justify, no_wrap=not whole, overflow="fold" if whole else "ellipsis", width=taken[name]
        )
    # Text, because a branch may be called [red]: names are never markup.
    for number, row in enumerate(rows):
        ends = total is not None and number == len(rows) - 1
        table.add_row(*(Text(row[place]) for place in places), end_section=ends)
    if total is not None:
        table.add_row(*(Text(total[place], style="bold") for place in places))
    printer.print(table)
    if len(shown) < len(columns):
        left_out = ", ".join(name for name in columns if name not in shown)
        printer.print(Text(f"Not in this width: {left_out}. Widen the terminal, or use --json.", style="dim"))


def _fitting(widths: dict[str, int], right: Sequence[str], spare: Sequence[str], room: int) -> list[str]:
    """The columns to show in `room`: all, or without as many of `spare` as needed."""
    shown = list(widths)

    def least() -> int:
        whole = sum(widths[name] if name in right else min(widths[name], SHORTEST_NAME) for name in shown)
        return whole + GAP * (len(shown) - 1)

    for name in spare:
        if least() <= room:
            break
        if name in shown:
            shown.remove(name)
    return shown


def _shortened(widths: dict[str, int], right: Sequence[str], room: int) -> dict[str, int]:
    """The widths with the widest names shortened until all fit into `room`, or no name can be shorter."""
    taken = dict(widths)
    names = [name for name in taken if name not in right]
    while sum(taken.values()) + GAP * (len(taken) - 1) > room:
        widest = max(names, key=lambda name: taken[name], default=None)
        if widest is None or taken[widest] <= SHORTEST_NAME:
            break
        taken[widest] -= 1
    return taken


def dollars(amounts: Sequence[int]) -> list[str]:
    """Pico-dollars as `$1,234.50`, exact, with as many decimals as the finest of them needs, two at least."""
    plain = [Decimal(usd(amount)) for amount in amounts]
    decimals = max([2, *(-int(value.as_tuple().exponent) for value in plain)])
    return [f"{'-' if value < 0 else ''}${abs(value):,.{decimals}f}" for value in plain]


def short_id(change_id: str) -> str:
    """A change's id with its SHAs cut to ten digits, as git does for people."""
    return _SHA.sub(lambda sha: sha.group()[:10], change_id)


def known(amount: str, *, calls: int, unpriced: int) -> str:
    """`amount`, unless none of the calls behind it has a price: what is not known is not $0."""
    return "unpriced" if calls and unpriced == calls else amount


def percent(share: Decimal | None) -> str:
    return NOTHING if share is None else f"{share * 100:.1f} %"
