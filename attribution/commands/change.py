"""`mergecost change`: what one change cost in model spend, the calls behind it and whether it was accepted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from attribution.books import known_changes, up_to_date
from attribution.change_view import ChangeView, Split, change_view
from attribution.commands.change_json import change_as_json, verdict_as_json
from attribution.commands.common import App, json_option, parse_instant, print_json, with_app
from attribution.commands.tables import NOTHING, dollars, print_table
from attribution.ledger.base import Window
from attribution.ledger.rows import instant
from attribution.lookup import find_change
from attribution.model import Allocation, RecordedCall, Target, TargetKind
from attribution.money import usd

__all__ = ["change"]

CALLS_SHOWN = 20


@click.command()
@click.argument("change_name", metavar="CHANGE")
@click.option("--as-of", help="Judge the change as of this date or time instead of now.")
@json_option
@with_app
def change(app: App, change_name: str, as_of: str | None, as_json: bool) -> None:
    """Attributed model cost of one change.

    CHANGE is a number (7), owner/name#7, a whole id, or a commit of the change.
    """
    time_zone = app.settings.statement.time_zone
    judged_at = parse_instant(as_of, option="--as-of", time_zone=time_zone) if as_of else app.clock.now()
    with app.ledger() as ledger, up_to_date(ledger, Window(), app.settings):
        known = known_changes(ledger.facts(), as_of=judged_at, survival_days=app.settings.changes.survival_days)
        found = find_change(change_name, tuple(known.changes.values()))
        calls = list(ledger.calls(Window(), target=Target(TargetKind.CHANGE, found.id)))
    view = change_view(
        found,
        known.verdicts[found.id],
        known.invalidations[found.id],
        [(recorded, allocation) for recorded, allocation in calls if allocation is not None],
        time_zone=time_zone,
    )
    if as_json:
        print_json(_as_json(view))
    else:
        _print(app, view)


def _as_json(view: ChangeView) -> dict[str, Any]:
    change, verdict = view.change, view.verdict
    return {
        **change_as_json(change),
        "verdict": {
            **verdict_as_json(verdict),
            "evidence": [
                {
                    "signal": row.signal,
                    "invalidated_by": row.invalidated_by,
                    "invalidated_at": instant(row.invalidated_at),
                    "detail": row.detail,
                }
                for row in view.evidence
            ],
        },
        "attributed_model_cost_picodollars": view.picodollars,
        "attributed_model_cost_usd": usd(view.picodollars),
        "calls": view.calls,
        "unpriced_calls": view.unpriced,
        **{f"by_{split.name}": [_part_as_json(split, part) for part in split.parts] for split in view.splits},
        "call_list": [_call_as_json(recorded, allocation) for recorded, allocation in view.call_list],
    }


def _part_as_json(split: Split, part: tuple[tuple[str | None, ...], int, int]) -> dict[str, Any]:
    names, picodollars, calls = part
    return {
        **dict(zip(split.columns, names, strict=True)),
        "picodollars": picodollars,
        "usd": usd(picodollars),
        "calls": calls,
    }


def _call_as_json(recorded: RecordedCall, allocation: Allocation) -> dict[str, Any]:
    call, charge = recorded.call, recorded.charge
    return {
        "call_id": call.call_id,
        "attempt": call.attempt,
        "started_at": instant(call.started_at),
        "operation": call.operation,
        "model": recorded.attempt.metered.response_model or call.request_model,
        "session": call.stamp.session,
        "branch": call.stamp.branch,
        "head": call.stamp.head,
        "outcome": recorded.attempt.outcome.value,
        "price_status": charge.status.value,
        "picodollars": charge.total,
        "usd": None if charge.total is None else usd(charge.total),
        "components": [{"component": name, "picodollars": amount} for name, amount in charge.components],
        "rule": allocation.rule.value,
        "grade": allocation.grade.value,
        "evidence": allocation.evidence,
    }


def _print(app: App, view: ChangeView) -> None:
    click.echo(f"{view.change.id}  {view.change.title}")
    click.echo(_verdict_line(view))
    for row in view.evidence:
        click.echo(f"  {row.signal} by {row.invalidated_by[:12]} at {row.invalidated_at:%F %R}Z {row.detail}".rstrip())
    click.echo(
        f"Attributed model cost {dollars([view.picodollars])[0]} in {view.calls:,} calls, "
        f"{view.unpriced:,} of them unpriced"
    )
    for split in view.splits:
        if any(name for names, _, _ in split.parts for name in names):
            _print_split(app, split, view)
    _print_calls(app, view.call_list)


def _verdict_line(view: ChangeView) -> str:
    change, verdict = view.change, view.verdict
    merged = f", merged {change.merged_at:%F %R}Z" if change.merged_at else ""
    undone = f", undone after {verdict.days_to_invalidation:.1f} days" if verdict.days_to_invalidation else ""
    units = f"{change.units} unit{'' if change.units == 1 else 's'}"
    return f"{verdict.state.value}{merged}{undone}; {change.lines_changed:,} lines changed, {units}"


def _print_split(app: App, split: Split, view: ChangeView) -> None:
    money = dollars([*(picodollars for _, picodollars, _ in split.parts), view.picodollars])
    rows = [
        (*(name or NOTHING for name in names), amount, f"{calls:,}")
        for (names, _, calls), amount in zip(split.parts, money, strict=False)
    ]
    click.echo()
    print_table(app.console, (*split.columns, "dollars", "calls"), rows, right=("dollars", "calls"))


def _print_calls(app: App, calls: Sequence[tuple[RecordedCall, Allocation]]) -> None:
    shown = calls[-CALLS_SHOWN:]
    money = iter(dollars([recorded.charge.total for recorded, _ in shown if recorded.charge.total is not None]))
    rows = [
        (
            f"{recorded.call.started_at:%F %T}Z",
            recorded.call.call_id,
            recorded.attempt.metered.response_model or recorded.call.request_model or NOTHING,
            recorded.attempt.outcome.value,
            f"{allocation.rule.value} {allocation.grade.value}",
            allocation.evidence,
            "unpriced" if recorded.charge.total is None else next(money),
        )
        for recorded, allocation in shown
    ]
    if not rows:
        return
    columns = ("started", "call", "model", "outcome", "rule", "evidence", "dollars")
    click.echo()
    spare = ("call", "outcome", "evidence", "model")
    print_table(app.console, columns, rows, right=("started", "rule", "dollars"), spare=spare)
    if len(calls) > len(shown):
        click.echo(f"The last {len(shown)} of {len(calls):,} calls; --json has all.")
