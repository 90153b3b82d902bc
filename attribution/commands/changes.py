"""`mergecost changes`: the changes known, what became of them and what each cost in model spend."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import click

from attribution.books import known_changes, up_to_date
from attribution.commands.change_json import change_as_json, verdict_as_json
from attribution.commands.common import App, json_option, parse_instant, print_json, with_app
from attribution.commands.tables import NOTHING, dollars, known, print_table, short_id
from attribution.errors import UserError
from attribution.ledger.base import AllocatedSum, Window
from attribution.ledger.rows import instant
from attribution.model import Change, PriceStatus, TargetKind, Verdict, VerdictState
from attribution.money import usd

__all__ = ["changes"]

COLUMNS = ("change", "title", "branch", "merged", "lines", "units", "verdict", "model cost", "calls")


@dataclass(frozen=True, slots=True)
class _Row:
    change: Change
    verdict: Verdict
    picodollars: int
    calls: int
    unpriced: int


@click.command()
@click.option("--accepted", is_flag=True, help="Only changes that survived.")
@click.option("--rejected", is_flag=True, help="Only changes undone in their window.")
@click.option("--seasoning", is_flag=True, help="Only changes still in their window.")
@click.option("--repo", help="Only this repository: host/owner/name, owner/name or name.")
@click.option("--since", help="Only changes merged from this date or time on.")
@click.option("--until", help="Only changes merged before this date or time.")
@click.option("--as-of", help="Judge changes as of this date or time instead of now.")
@json_option
@with_app
def changes(
    app: App,
    *,
    accepted: bool,
    rejected: bool,
    seasoning: bool,
    repo: str | None,
    since: str | None,
    until: str | None,
    as_of: str | None,
    as_json: bool,
) -> None:
    """Changes with their verdicts and attributed model cost, over their whole life; the latest first."""
    time_zone = app.settings.statement.time_zone

    def moment(text: str | None, option: str) -> datetime | None:
        return parse_instant(text, option=option, time_zone=time_zone) if text else None

    asked = {VerdictState.ACCEPTED: accepted, VerdictState.REJECTED: rejected, VerdictState.SEASONING: seasoning}
    states = {state for state, wanted in asked.items() if wanted} or set(VerdictState)
    judged_at = moment(as_of, "--as-of") or app.clock.now()
    merged = Window(moment(since, "--since"), moment(until, "--until"))
    if merged.since and merged.until and merged.since >= merged.until:
        raise UserError(f"--since {since} is not before --until {until}", exit_code=2)
    with app.ledger() as ledger, up_to_date(ledger, Window(), app.settings):
        facts = ledger.facts()
        sums = ledger.allocated_sums(Window())
    known = known_changes(facts, as_of=judged_at, survival_days=app.settings.changes.survival_days)
    wanted = (
        change
        for change in known.changes.values()
        if _is_called(change, repo) and _merged_in(change, merged) and known.verdicts[change.id].state in states
    )
    rows = _rows(wanted, known.verdicts, sums)
    if as_json:
        print_json(_as_json(rows, merged, judged_at))
    else:
        _print(app, rows)


def _is_called(change: Change, repo: str | None) -> bool:
    return repo is None or f"/{change.repository}".endswith(f"/{repo.lower().strip('/').removesuffix('.git')}")


def _merged_in(change: Change, window: Window) -> bool:
    if window == Window():
        return True
    at = change.merged_at
    return at is not None and (not window.since or window.since <= at) and (not window.until or at < window.until)


def _rows(wanted: Iterable[Change], verdicts: Mapping[str, Verdict], sums: Sequence[AllocatedSum]) -> list[_Row]:
    spent: Counter[str] = Counter()
    calls: Counter[str] = Counter()
    unpriced: Counter[str] = Counter()
    for row in sums:
        if row.target.kind is TargetKind.CHANGE:
            spent[row.target.id] += row.picodollars
            calls[row.target.id] += row.calls
            unpriced[row.target.id] += row.calls if row.status is PriceStatus.UNPRICED else 0
    rows = [_Row(c, verdicts[c.id], spent[c.id], calls[c.id], unpriced[c.id]) for c in wanted]
    # Two sorts: the id breaks ties upwards, time runs downwards.
    rows.sort(key=lambda row: row.change.id)
    rows.sort(key=lambda row: row.change.merged_at.timestamp() if row.change.merged_at else float("inf"), reverse=True)
    return rows


def _as_json(rows: Sequence[_Row], merged: Window, as_of: datetime) -> dict[str, Any]:
    return {
        "as_of": instant(as_of),
        "since": instant(merged.since) if merged.since else None,
        "until": instant(merged.until) if merged.until else None,
        "changes": [_row_as_json(row) for row in rows],
        "count": len(rows),
        "units": {state.value: units for state, units in _units(rows).items()},
        "attributed_model_cost_picodollars": sum(row.picodollars for row in rows),
        "without_recorded_spend": sum(not row.calls for row in rows),
    }


def _row_as_json(row: _Row) -> dict[str, Any]:
    return {
        **change_as_json(row.change),
        **verdict_as_json(row.verdict),
        "attributed_model_cost_picodollars": row.picodollars,
        "attributed_model_cost_usd": usd(row.picodollars),
        "calls": row.calls,
        "unpriced_calls": row.unpriced,
    }


def _units(rows: Sequence[_Row]) -> dict[VerdictState, int]:
    units: Counter[VerdictState] = Counter()
    for row in rows:
        units[row.verdict.state] += row.change.units
    return {state: units[state] for state in VerdictState if units[state]}


def _print(app: App, rows: Sequence[_Row]) -> None:
    if not rows:
        click.echo("No such change is known. `mergecost sync --repo PATH` brings the changes of a repository.")
        return
    several = len({row.change.repository for row in rows}) > 1
    costs = dollars([*(row.picodollars for row in rows), sum(row.picodollars for row in rows)])
    lines = [_line(row, cost, several=several) for row, cost in zip(rows, costs, strict=False)]
    total = ("TOTAL", "", "", "", "", "", "", costs[-1], f"{sum(row.calls for row in rows):,}")
    figures = ("lines", "units", "model cost", "calls")
    print_table(app.console, COLUMNS, lines, right=figures, total=total, spare=("branch", "calls", "lines", "merged"))
    counts = Counter(row.verdict.state for row in rows)
    units = _units(rows)
    said = [f"{counts[state]:,} {state.value} ({units[state]:,} units)" for state in VerdictState if counts[state]]
    click.echo(f"{len(rows):,} changes: {', '.join(said)}")
    click.echo(
        f"{sum(not row.calls for row in rows):,} without recorded spend; unpriced calls "
        f"{sum(row.unpriced for row in rows):,} of {sum(row.calls for row in rows):,}, not in the dollars"
    )


def _line(row: _Row, cost: str, *, several: bool) -> tuple[str, ...]:
    change = row.change
    return (
        short_id(change.id if several else change.id.removeprefix(change.repository)),
        change.title,
        change.head_ref or NOTHING,
        change.merged_at.date().isoformat() if change.merged_at else NOTHING,
        f"{change.lines_changed:,}",
        str(change.units),
        row.verdict.state.value,
        known(cost, calls=row.calls, unpriced=row.unpriced) if row.calls else NOTHING,
        f"{row.calls:,}",
    )
