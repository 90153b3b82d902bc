"""`mergecost spend`: what was spent, by anything a call is known by."""

from __future__ import annotations

from dataclasses import fields
from decimal import Decimal
from typing import Any

import click

from attribution.commands.common import App, json_option, parse_instant, print_json, with_app
from attribution.commands.tables import NOTHING, dollars, known, percent, print_table
from attribution.errors import UserError
from attribution.ledger.base import Dimension, SpendRow, Window
from attribution.money import plain, usd
from proxy.call import Usage

__all__ = ["spend"]

FIGURES = ("calls", "retries", "failed", "tokens in", "tokens out", "cache hits", "unpriced")


@click.command()
@click.option(
    "--by",
    multiple=True,
    type=click.Choice([dimension.value for dimension in Dimension]),
    help="Group by this; repeat it to group by several.",
)
@click.option("--since", help="From this date or time on (a date begins at 00:00 in the configured time zone).")
@click.option("--until", help="Up to, and without, this date or time.")
@json_option
@with_app
def spend(app: App, by: tuple[str, ...], since: str | None, until: str | None, as_json: bool) -> None:
    """Model spend: calls, tokens, dollars and their components."""
    dimensions = list(dict.fromkeys(Dimension(name) for name in by))
    if Dimension.ACTOR in dimensions and not app.settings.statement.show_actors:
        raise UserError(
            "spend by actor is off: cost per accepted change ranks no people. To charge costs back to actors, set "
            "statement.show_actors: true",
            exit_code=2,
        )
    time_zone = app.settings.statement.time_zone
    window = Window(
        parse_instant(since, option="--since", time_zone=time_zone) if since else None,
        parse_instant(until, option="--until", time_zone=time_zone) if until else None,
    )
    if window.since and window.until and window.since >= window.until:
        raise UserError(f"--since {since} is not before --until {until}", exit_code=2)
    with app.ledger() as ledger, ledger.snapshot():
        (total,) = ledger.spend([], window)
        rows = ledger.spend(dimensions, window, time_zone=time_zone) if dimensions else []
    if as_json:
        print_json(_as_json(dimensions, window, time_zone, rows, total))
    else:
        _print(app, dimensions, rows, total)


def _as_json(
    by: list[Dimension], window: Window, time_zone: str, rows: list[SpendRow], total: SpendRow
) -> dict[str, Any]:
    return {
        "since": window.since.isoformat() if window.since else None,
        "until": window.until.isoformat() if window.until else None,
        "time_zone": time_zone,
        "by": [dimension.value for dimension in by],
        "rows": [_row_as_json(row) for row in rows],
        "total": _row_as_json(total),
    }


def _row_as_json(row: SpendRow) -> dict[str, Any]:
    share = _cache_hit_share(row.usage)
    return {
        **{dimension.value: value for dimension, value in row.group},
        "calls": row.calls,
        "retries": row.retries,
        "failed": row.failed,
        "unpriced": row.unpriced,
        "estimated": row.estimated,
        "picodollars": row.picodollars,
        "usd": usd(row.picodollars),
        "list_picodollars": row.list_picodollars,
        "components": [
            {"component": name, "picodollars": amount, "usd": usd(amount)} for name, amount in row.components
        ],
        "usage": {
            **{quantity.name: getattr(row.usage, quantity.name) for quantity in fields(Usage)},
            "other": dict(row.usage.other),
        },
        "prompt_tokens": row.usage.prompt_tokens,
        "completion_tokens": row.usage.completion_tokens,
        "cache_hit_share": None if share is None else plain(share),
    }


def _cache_hit_share(usage: Usage) -> Decimal | None:
    """Cache reads of all that was read, by tokens."""
    if not usage.prompt_tokens:
        return None
    return round(Decimal(usage.cache_read_tokens) / Decimal(usage.prompt_tokens), 4)


def _print(app: App, by: list[Dimension], rows: list[SpendRow], total: SpendRow) -> None:
    components = list(dict.fromkeys(name for row in (total, *rows) for name, _ in row.components))
    amounts = [_amounts(row, components) for row in (*rows, total)]
    columns_of_money = list(zip(*(dollars(column) for column in zip(*amounts, strict=True)), strict=True))
    figures = (*FIGURES, *components, "dollars")
    lines = [
        (
            *(value or NOTHING for _, value in row.group),
            *_figures(row),
            *money[:-1],
            known(money[-1], calls=row.calls, unpriced=row.unpriced),
        )
        for row, money in zip(rows, columns_of_money, strict=False)
    ]
    names = [dimension.value for dimension in by] or [""]
    last = ("TOTAL", *[""] * (len(names) - 1), *_figures(total), *columns_of_money[-1])
    spare = (*components, "retries", "failed", "cache hits", "unpriced", "tokens out", "tokens in")
    print_table(app.console, (*names, *figures), lines, right=figures, total=last, spare=spare)
    if total.unpriced:
        click.echo(f"Not in the dollars: {total.unpriced:,} of {total.calls:,} calls, which have no price")
    if total.list_picodollars:
        click.echo(f"Beside it, at list price, on subscriptions: {dollars([total.list_picodollars])[0]}")


def _amounts(row: SpendRow, components: list[str]) -> list[int]:
    by_name = dict(row.components)
    return [*(by_name.get(name, 0) for name in components), row.picodollars]


def _figures(row: SpendRow) -> tuple[str, ...]:
    return (
        f"{row.calls:,}",
        f"{row.retries:,}",
        f"{row.failed:,}",
        f"{row.usage.prompt_tokens:,}",
        f"{row.usage.completion_tokens:,}",
        percent(_cache_hit_share(row.usage)),
        f"{row.unpriced:,} of {row.calls:,}",
    )
