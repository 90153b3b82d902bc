"""`python -m attribution.demo`: play the story, then ask the command line what it cost, as a user would."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from attribution.demo.story import AS_OF, MONTH, STORY
from attribution.errors import UserError
from attribution.settings import environment_without, load_settings, steering_variables

__all__ = ["main"]

# What an earlier demo left; nothing else in the directory is touched.
_LEFT = (
    "config.yaml",
    "ledger.db",
    "ledger.db-shm",
    "ledger.db-wal",
    "ledger.db.journal",
    "repository",
    "statement.json",
)


@click.command()
@click.option(
    "--directory", type=click.Path(path_type=Path), default=Path(".demo"), help="Where the demo leaves its files."
)
def main(directory: Path) -> None:
    """A sample provider, the proxy, a git repository, three client libraries; then spend, a change, the statement."""
    foreign = steering_variables()
    if foreign:  # the figures are the same for everybody, and nobody's collector hears of them
        again = [sys.executable, "-m", "attribution.demo", *sys.argv[1:]]
        os.execve(again[0], again, environment_without(foreign))  # noqa: S606 - the same program, no shell wanted
    try:
        _demo(directory)
    except UserError as error:
        click.echo(f"mergecost demo: {error}", err=True)
        sys.exit(error.exit_code)


def _demo(directory: Path) -> None:
    config = _prepare(directory)
    calls = _play(directory, config)
    click.echo(f"{calls} requests by openai, anthropic and google-genai went through the proxy. Files: {directory}/")
    _ask(config, "sync", "--repo", str(directory / "repository"))
    _ask(config, "spend", "--by", "team")
    _ask(config, "change", "42", "--as-of", AS_OF)
    _ask(config, "statement", "--month", MONTH, "--as-of", AS_OF)
    statement = _answer(config, "statement", "--month", MONTH, "--as-of", AS_OF, "--json")
    (directory / "statement.json").write_text(statement, encoding="utf-8")
    lines = sum(line["picodollars"] for line in json.loads(statement)["lines"])
    click.echo(f"\nlines={lines} ledger={_ledger_sum(directory / 'ledger.db')}")


def _prepare(directory: Path) -> Path:
    """An empty place with a configuration of its own: the user's settings have no part in the demo."""
    directory.mkdir(parents=True, exist_ok=True)
    for name in _LEFT:
        place = directory / name
        if place.is_dir():
            shutil.rmtree(place)
        else:
            place.unlink(missing_ok=True)
    config = directory / "config.yaml"
    config.write_text(
        f"# The demo's settings: the defaults, and a ledger of its own.\nledger: sqlite:///{directory}/ledger.db\n"
    )
    return config


def _play(directory: Path, config: Path) -> int:
    click.echo("Loading the client libraries ...")
    from attribution.demo.stage import play  # it takes seconds: say so first

    click.echo("A month of three teams' work, in simulated time ...")
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, transient=True) as progress:
        task = progress.add_task("", total=len(STORY))

        def told(headline: str) -> None:
            progress.update(task, advance=1, description=f"{headline:<64.64}")

        return asyncio.run(play(load_settings(config), directory / "repository", told))


def _command(config: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-c", "from attribution.cli import main; main()", *arguments, "--config", str(config)]


def _ask(config: Path, *arguments: str) -> None:
    """Run a command in front of the reader."""
    click.echo(click.style(f"\n$ mergecost {shlex.join([*arguments, '--config', str(config)])}", bold=True))
    sys.stdout.flush()
    done = subprocess.run(_command(config, *arguments), check=False)
    if done.returncode:
        raise UserError(f"`mergecost {shlex.join(arguments)}` failed", exit_code=done.returncode)


def _answer(config: Path, *arguments: str) -> str:
    return subprocess.run(_command(config, *arguments), check=True, stdout=subprocess.PIPE, text=True).stdout


def _ledger_sum(file: Path) -> int:
    """The ledger's own sum, read without any of our code."""
    with closing(sqlite3.connect(file)) as database:
        (total,) = database.execute("SELECT sum(total_picodollars) FROM calls").fetchone()
    return int(total)


if __name__ == "__main__":
    main()
