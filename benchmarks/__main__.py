"""`python -m benchmarks`: provider, proxy and load as processes of their own; direct and through the proxy in turns.

Rounds are interleaved and medians taken, so that what else the machine does falls on both alike. A round of the proxy
ends when the ledger holds its calls: their recording is in the CPU time, and a call that is lost ends the benchmark.
CPU time is that of all threads of a process, from /proc (Linux); elsewhere it is left out.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import signal
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from benchmarks.payloads import EVENTS, PATH
from benchmarks.provider import PACE_SECONDS

DIRECTORY = Path(".bench")
LEDGER = DIRECTORY / "ledger.db"


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """CPU in microseconds a request; None where it is not known or there is no such process."""

    requests_per_second: float
    p50_ms: float
    p99_ms: float
    client_cpu_us: float
    provider_cpu_us: float | None
    proxy_cpu_us: float | None


@click.command()
@click.option("--rounds", default=5, show_default=True, help="Rounds of each kind; the medians are printed.")
@click.option("--requests", default=2000, show_default=True, help="Requests a round; a fifth of it where streamed.")
@click.option("--connections", default=16, show_default=True, help="Connections kept alive at once.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
def main(rounds: int, requests: int, connections: int, as_json: bool) -> None:
    """Requests per second and CPU per request, direct and through the proxy."""
    shutil.rmtree(DIRECTORY, ignore_errors=True)
    DIRECTORY.mkdir()
    measured: dict[tuple[str, str], list[Round]] = {}
    with _provider() as (provider, provider_url), _proxy(provider_url) as (proxy, proxy_url):
        targets = {"direct": (provider_url, None), "proxy": (f"{proxy_url}/openai", proxy)}
        for number in range(rounds + 1):
            for call, count in (("plain", requests), ("stream", max(connections, requests // 5))):
                for target, (url, through) in targets.items():
                    result = _round(
                        f"{url}{PATH}", call, count=count, connections=connections, provider=provider, proxy=through
                    )
                    if number:  # the first is for warming up
                        measured.setdefault((call, target), []).append(result)
            if not as_json:
                click.echo(f"round {number} of {rounds}", err=True)
    medians = {key: _medians(results) for key, results in measured.items()}
    if as_json:
        click.echo(json.dumps(_as_json(medians, rounds, requests, connections), indent=2))
    else:
        _print(medians, rounds, connections)


def _round(url: str, call: str, *, count: int, connections: int, provider: int, proxy: int | None) -> Round:
    rows = _rows() if proxy else 0
    before = _cpu(provider), _cpu(proxy)
    command = [sys.executable, "-m", "benchmarks.load", url, call, str(count), str(connections)]
    told = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    if proxy:
        _wait_for_rows(rows + count)
    after = _cpu(provider), _cpu(proxy)
    spent = [None if a is None or b is None else (b - a) / count * 1e6 for a, b in zip(before, after, strict=True)]
    return Round(**told, provider_cpu_us=spent[0], proxy_cpu_us=spent[1])


@contextmanager
def _process(command: list[str]) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=30)


@contextmanager
def _provider() -> Iterator[tuple[int, str]]:
    with _process([sys.executable, "-m", "benchmarks.provider"]) as process:
        assert process.stdout is not None
        yield process.pid, f"http://127.0.0.1:{int(process.stdout.readline())}"


@contextmanager
def _proxy(provider_url: str) -> Iterator[tuple[int, str]]:
    config = DIRECTORY / "config.yaml"
    config.write_text(f"ledger: sqlite:///{LEDGER}\nproviders: {{openai: {{base_url: '{provider_url}/v1'}}}}\n")
    command = [sys.executable, "-c", "from attribution.cli import main; main()", "serve"]
    with _process([*command, "--config", str(config), "--port", "0"]) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        url = next((word for word in line.split() if word.startswith("http://")), None)
        if url is None:
            raise click.ClickException(f"mergecost serve did not say where it listens: {line!r}")
        yield process.pid, url.rstrip("/.,")


def _rows() -> int:
    with closing(sqlite3.connect(LEDGER)) as database:
        (count,) = database.execute("SELECT count(*) FROM calls").fetchone()
    return int(count)


def _wait_for_rows(expected: int) -> None:
    deadline = time.monotonic() + 60
    while (rows := _rows()) < expected:
        if time.monotonic() > deadline:
            raise click.ClickException(f"the ledger holds {rows} of {expected} calls after a minute")
        time.sleep(0.05)


def _cpu(pid: int | None) -> float | None:
    """Seconds on a processor of all threads of a process; None where there is no /proc."""
    threads = list(Path(f"/proc/{pid}/task").glob("*/schedstat"))
    if pid is None or not threads:
        return None
    return sum(int(thread.read_text().split()[0]) for thread in threads) / 1e9


def _medians(results: list[Round]) -> Round:
    def median(name: str) -> Any:
        values = [value for result in results if (value := getattr(result, name)) is not None]
        return statistics.median(values) if values else None

    return Round(**{field.name: median(field.name) for field in fields(Round)})


def _as_json(medians: dict[tuple[str, str], Round], rounds: int, requests: int, connections: int) -> dict[str, object]:
    return {
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "rounds": rounds,
        "requests": requests,
        "connections": connections,
        "results": [{"call": call, "target": target, **asdict(row)} for (call, target), row in medians.items()],
    }


def _print(medians: dict[tuple[str, str], Round], rounds: int, connections: int) -> None:
    table = Table(title=f"Medians of {rounds} rounds, {connections} connections, {os.cpu_count()} cores shared by all")
    for name in (
        "call",
        "by way of",
        "requests/s",
        "p50 ms",
        "p99 ms",
        "proxy CPU µs",
        "provider CPU µs",
        "client CPU µs",
    ):
        table.add_column(name, justify="left" if name in ("call", "by way of") else "right")
    for (call, target), row in medians.items():
        cpu = (row.proxy_cpu_us, row.provider_cpu_us, row.client_cpu_us)
        figures = (f"{row.requests_per_second:,.0f}", f"{row.p50_ms:.2f}", f"{row.p99_ms:.2f}")
        table.add_row(call, target, *figures, *("-" if value is None else f"{value:,.0f}" for value in cpu))
    Console(width=110).print(table)
    click.echo(
        f"CPU is per request, recording included. A stream has {EVENTS} events, {PACE_SECONDS * 1e3:.0f} ms apart."
    )


if __name__ == "__main__":
    main()
