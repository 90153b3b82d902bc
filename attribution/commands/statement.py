"""`mergecost statement`: the model cost of a month, line by line, and per accepted unit."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import click

from attribution.books import make_statement, up_to_date
from attribution.branch_state import BranchState
from attribution.commands.common import App, json_option, parse_instant, print_json, with_app
from attribution.commands.tables import NOTHING, dollars, known, percent, print_table, short_id
from attribution.ledger.rows import instant
from attribution.money import plain, usd
from attribution.periods import month_window
from attribution.statement import BranchLine, Statement, StatementLine

__all__ = ["statement", "statement_as_json"]

FIGURES = ("dollars", "share", "calls", "unpriced")
BRANCH_FIGURES = ("dollars", "calls", "unpriced", "last call")
MOST_BRANCHES = 10
MOST_CHANGES = 5
STATES = {
    BranchState.LANDED: "landed without a request",
    BranchState.AFTER_LAST_CHANGE: "after its last change ended",
    BranchState.ABANDONED: "abandoned",
    BranchState.IN_PROGRESS: "in progress",
}


@click.command()
@click.option("--month", required=True, help="Calendar month, YYYY-MM, in the configured time zone.")
@click.option("--as-of", help="Judge changes as of this instant instead of now. The calls stay the month's.")
@json_option
@with_app
def statement(app: App, month: str, as_of: str | None, as_json: bool) -> None:
    """The month's model cost by what became of it; the lines sum to the ledger."""
    time_zone = app.settings.statement.time_zone
    window = month_window(month, time_zone)
    judged_at = parse_instant(as_of, option="--as-of", time_zone=time_zone) if as_of else app.clock.now()
    with app.ledger() as ledger, up_to_date(ledger, window, app.settings, as_of=judged_at):
        answer = make_statement(ledger, app.settings, month=month, window=window, as_of=judged_at)
    if as_json:
        print_json(statement_as_json(answer))
    else:
        _print(app, answer)


def statement_as_json(answer: Statement) -> dict[str, Any]:
    work, cost = answer.work, answer.cost_per_accepted_unit
    return {
        "month": answer.month,
        "time_zone": answer.time_zone,
        "since": instant(answer.window.since) if answer.window.since else None,
        "until": instant(answer.window.until) if answer.window.until else None,
        "as_of": instant(answer.as_of),
        "view": "spend_date",
        "total_picodollars": answer.total_picodollars,
        "total_usd": usd(answer.total_picodollars),
        "calls": answer.calls,
        "unpriced_calls": answer.unpriced,
        "estimated_calls": answer.estimated,
        "lines": [_line_as_json(line) for line in answer.lines],
        "branches": [_branch_as_json(line) for line in answer.branches],
        "merged_changes": work.merged,
        "accepted_changes": work.accepted,
        "accepted_units": work.accepted_units,
        "seasoning_changes": work.seasoning,
        "seasoning_units": work.seasoning_units,
        "rejected_changes": work.rejected,
        "rejected_units": work.rejected_units,
        "survival_rate": None if work.survival_rate is None else plain(round(work.survival_rate, 4)),
        "model_cost_per_accepted_unit_usd": None if cost is None else plain(cost),
        "provisional": answer.provisional,
        "sample_warning": answer.sample_warning,
        "merged_without_recorded_spend": list(work.without_spend),
        "methodology": list(answer.notes),
    }


def _line_as_json(line: StatementLine) -> dict[str, Any]:
    return {
        "category": line.category.value,
        "picodollars": line.picodollars,
        "usd": usd(line.picodollars),
        "calls": line.calls,
        "unpriced_calls": line.unpriced,
        "estimated_calls": line.estimated,
        "share": None if line.share is None else plain(round(line.share, 6)),
        "grades": [{"grade": grade.value, "picodollars": amount, "usd": usd(amount)} for grade, amount in line.grades],
    }


def _branch_as_json(line: BranchLine) -> dict[str, Any]:
    return {
        "repository": line.repository,
        "branch": line.branch,
        "state": line.state.value,
        "picodollars": line.picodollars,
        "usd": usd(line.picodollars),
        "calls": line.calls,
        "unpriced_calls": line.unpriced,
        "last_call_at": instant(line.last_call_at) if line.last_call_at else None,
    }


def _print(app: App, answer: Statement) -> None:
    click.echo(f"Model cost of {answer.month} ({answer.time_zone}) by spend date, verdicts as of {answer.as_of:%F %R}Z")
    money = dollars([*(line.picodollars for line in answer.lines), answer.total_picodollars])
    rows = [
        (
            line.category.value,
            known(amount, calls=line.calls, unpriced=line.unpriced),
            percent(line.share),
            f"{line.calls:,}",
            f"{line.unpriced:,}",
            _grades(line),
        )
        for line, amount in zip(answer.lines, money, strict=False)
        if line.calls or line.picodollars
    ]
    empty = [line.category.value for line in answer.lines if not (line.calls or line.picodollars)]
    unpriced = f"{answer.unpriced:,} of {answer.calls:,}"
    total = ("TOTAL", money[-1], "", f"{answer.calls:,}", unpriced, "")
    print_table(app.console, ("line", *FIGURES, "grades"), rows, right=FIGURES, total=total)
    if empty:
        click.echo(f"Nothing in: {', '.join(empty)}")
    _print_branches(app, answer.branches)
    for text in _below(answer):
        click.echo(text)


def _print_branches(app: App, branches: Sequence[BranchLine]) -> None:
    """The largest branches of the line `branch`; how many more there are, and their dollars."""
    if not branches:
        return
    shown, more = branches[:MOST_BRANCHES], branches[MOST_BRANCHES:]
    *money, rest = dollars([*(line.picodollars for line in shown), sum(line.picodollars for line in more)])
    rows = [
        (
            line.branch,
            STATES[line.state],
            amount,
            f"{line.calls:,}",
            f"{line.unpriced:,}",
            f"{line.last_call_at:%F %R}Z" if line.last_call_at else NOTHING,
            line.repository,
        )
        for line, amount in zip(shown, money, strict=True)
    ]
    click.echo("\nBranches without a change")
    columns = ("branch", "state", *BRANCH_FIGURES, "repository")
    print_table(app.console, columns, rows, right=BRANCH_FIGURES, spare=("repository", "unpriced", "last call"))
    if more:
        click.echo(f"and {len(more):,} more: {rest}")
    click.echo()


def _grades(line: StatementLine) -> str:
    """The line's dollars by grade of evidence, in percent of the line."""
    if not line.picodollars:
        return ""
    return ", ".join(f"{grade.value} {percent(Decimal(amount) / line.picodollars)}" for grade, amount in line.grades)


def _below(answer: Statement) -> list[str]:
    work, cost = answer.work, answer.cost_per_accepted_unit
    per_unit = "none: no accepted unit yet" if cost is None else f"${plain(cost)}"
    survival = "not known yet" if work.survival_rate is None else percent(work.survival_rate)
    merged = (
        f"Merged in the month: {work.merged} changes: {work.accepted} accepted ({work.accepted_units} units), "
        f"{work.seasoning} seasoning ({work.seasoning_units}), {work.rejected} rejected ({work.rejected_units}); "
        f"survival rate {survival}{' so far' if answer.provisional and work.survival_rate is not None else ''}"
    )
    provisional = " (provisional: changes are seasoning)" if answer.provisional else ""
    return [
        merged,
        f"Model cost per accepted unit: {per_unit}{provisional}",
        *([f"Small sample: {answer.sample_warning}"] if answer.sample_warning else []),
        *_without_spend(work.without_spend),
        "",
        "Method",
        *(f"- {note}" for note in answer.notes),
    ]


def _without_spend(changes: Sequence[str]) -> list[str]:
    """Changes merged in the window that no recorded call was for: made by hand, or their calls went another way."""
    if not changes:
        return []
    more = f" and {len(changes) - MOST_CHANGES} more (--json has all)" if len(changes) > MOST_CHANGES else ""
    shown = ", ".join(short_id(change) for change in changes[:MOST_CHANGES])
    return [f"Merged without recorded spend: {len(changes)} changes: {shown}{more}"]
