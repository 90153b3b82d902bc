"""A ledger of one small company's October, and the command line over it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from attribution.ledger.base import OtherCharge
from attribution.ledger.sqlite import SqliteLedger
from attribution.model import Invalidation
from proxy.call import Outcome, Usage
from tests.factories import NOON, REPOSITORY, UNPRICED, make_call, make_change, make_charge, make_facts

Run = Callable[..., Result]


@pytest.fixture
def ledger_path(tmp_path: Path) -> Path:
    """Change 7 accepted by December, change 8 reverted, and work on a branch, without a repository and unpriced."""
    path = tmp_path / "ledger.db"
    with contextlib.closing(SqliteLedger(path)) as ledger:
        ledger.replace_facts(
            make_facts(
                make_change(7, title="Add refunds", units=2, lines_changed=700),
                make_change(8, title="Rewrite cart", head_ref="cart"),
                make_change(9, title="Nobody paid", head_ref="unpaid"),
                invalidations=(
                    Invalidation(
                        change_id=f"{REPOSITORY}#8",
                        signal="git_revert",
                        invalidated_by="c" * 40,
                        invalidated_at=datetime(2026, 10, 20, tzinfo=UTC),
                        detail="Revert cart",
                    ),
                ),
            )
        )
        cached = Usage(input_tokens=100, cache_read_tokens=300, output_tokens=20)
        ledger.record(
            [
                make_call("refunds-1", usage=cached, charge=make_charge(cache_read=30_000)),
                make_call("refunds-1", attempt=2, started_at=NOON + timedelta(minutes=1)),
                make_call("refunds-2", charge=make_charge(web_search=10**10), stamp={"session": "s-2"}),
                make_call("refunds-3", charge=UNPRICED, outcome=Outcome.ERROR),
                make_call("cart-1", stamp={"branch": "cart", "team": "growth", "actor": "ada"}),
                make_call("spike-1", stamp={"branch": "=spike", "team": "growth"}, response_model=None),
                make_call("chat-1", stamp={"repository": None, "branch": None, "team": None}),
                make_call("november", started_at=datetime(2026, 11, 1, tzinfo=UTC)),
            ]
        )
        ledger.add_other_charge(
            OtherCharge(id="seat", dated=NOON, is_adjustment=False, picodollars=20 * 10**12, description="a seat")
        )
    return path


@pytest.fixture
def run(ledger_path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Run a command with `--ledger` and these arguments, away from the settings of whoever runs the tests."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "no-config"))

    def run_command(command: click.Command, *arguments: str) -> Result:
        return CliRunner().invoke(command, [*arguments, "--ledger", f"sqlite:///{ledger_path}"])

    return run_command


@pytest.fixture
def run_json(run: Run) -> Callable[..., Any]:
    def run_command(command: click.Command, *arguments: str) -> Any:
        result = run(command, *arguments)
        assert result.exit_code == 0, (result.output, result.exception)
        return json.loads(result.stdout)

    return run_command
