"""`mergecost sync`: read a repository's changes and allocate every recorded call to them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from attribution.books import allocator
from attribution.changes.git import GitChanges
from attribution.commands.common import App, json_option, print_json, with_app
from attribution.ledger.rows import instant
from attribution.sync import SyncReport, synchronise

__all__ = ["sync"]


@click.command()
@click.option(
    "--repo",
    type=click.Path(path_type=Path),
    default=Path(),
    help="A clone, worktree or bare repository; default: here.",
)
@click.option("--branch", help="The production branch, where it is not the default branch of the remote.")
@click.option("--name", help="What the repository is called, owner/name or host/owner/name; default: its push remote.")
@json_option
@with_app
def sync(app: App, repo: Path, branch: str | None, name: str | None, as_json: bool) -> None:
    """Find the changes that landed in a repository and allocate the recorded calls."""
    settings = app.settings.changes
    source = GitChanges(
        path=repo,
        branch=branch,
        name=name,
        exclude=settings.exclude,
        unit_lines=settings.unit_lines,
        shared_branches=settings.shared_branches,
    )
    with app.ledger(make=True) as ledger, _progress(app) as told:
        report = synchronise(ledger, source, allocator(app.settings), now=app.clock.now(), told=told)
    if as_json:
        print_json(_as_json(report))
    else:
        _print(report)


@contextmanager
def _progress(app: App) -> Iterator[Callable[[str], None]]:
    """A line that says what is going on, on a terminal only."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=app.console, transient=True, disable=not app.console.is_terminal) as progress:
        task = progress.add_task("", total=None)
        yield lambda step: progress.update(task, description=step)


def _as_json(report: SyncReport) -> dict[str, Any]:
    return {
        "repository": report.repository,
        "aliases": list(report.aliases),
        "production_branch": report.production_branch,
        "read_at": instant(report.read_at),
        "changes": report.changes,
        "merged": report.merged,
        "reverts": report.reverts,
        "undone": report.undone,
        "calls": report.calls,
        "calls_by_rule": {rule.value: count for rule, count in report.calls_by_rule},
    }


def _print(report: SyncReport) -> None:
    rules = ", ".join(f"{rule.value} {count:,}" for rule, count in report.calls_by_rule)
    click.echo(f"{report.repository}, branch {report.production_branch}")
    click.echo(
        f"{report.changes:,} changes: {report.merged:,} merged, {report.undone:,} of them undone, "
        f"{report.reverts:,} of them reverts"
    )
    click.echo(f"{report.calls:,} calls allocated" + (f": {rules}" if rules else ""))
