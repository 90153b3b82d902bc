from __future__ import annotations

import contextlib
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from attribution.commands.statement import statement
from attribution.commands.sync import sync
from attribution.errors import UserError
from attribution.ledger.sqlite import SqliteLedger
from tests.factories import NOON, REPOSITORY, UNPRICED, make_call
from tests.gitrepo import GitRepo

MONTH = ("--month", "2026-10", "--json")
AFTER_SURVIVAL = (*MONTH, "--as-of", "2026-12-01")
MERGECOST = (sys.executable, "-c", "from attribution.cli import main; main()")


def by_category(answer):
    return {line["category"]: line["picodollars"] for line in answer["lines"]}


def test_every_category_is_a_line_and_the_lines_sum_to_the_ledger(run_json, ledger_path) -> None:
    answer = run_json(statement, *AFTER_SURVIVAL)
    with contextlib.closing(sqlite3.connect(ledger_path)) as connection:
        (calls,) = connection.execute(
            "SELECT sum(total_picodollars) FROM calls WHERE started_at < '2026-11'"
        ).fetchone()
    assert answer["total_picodollars"] == sum(by_category(answer).values()) == calls + 20 * 10**12
    assert list(by_category(answer)) == [
        "accepted",
        "seasoning",
        "rejected",
        "revert",
        "merged_elsewhere",
        "open",
        "closed",
        "branch",
        "default",
        "detached",
        "no_repo",
        "no_call",
        "out_of_scope",
        "adjustment",
    ]
    assert all(Decimal(line["usd"]) * 10**12 == line["picodollars"] for line in answer["lines"])


def test_calls_recorded_after_the_last_sync_are_in_their_line(run_json, ledger_path) -> None:
    before = by_category(run_json(statement, *AFTER_SURVIVAL))
    assert before["accepted"] == 10_009_030_000
    assert before["rejected"] == before["branch"] == before["no_repo"] == 3_000_000
    with contextlib.closing(SqliteLedger(ledger_path)) as ledger:
        ledger.record([make_call("late")])
    assert by_category(run_json(statement, *AFTER_SURVIVAL))["accepted"] == before["accepted"] + 3_000_000


def test_as_of_moves_verdicts_and_never_calls(run_json) -> None:
    earlier = run_json(statement, *MONTH, "--as-of", "2026-10-17")
    later = run_json(statement, *AFTER_SURVIVAL)
    assert earlier["total_picodollars"] == later["total_picodollars"]
    assert (earlier["accepted_units"], earlier["seasoning_units"], earlier["provisional"]) == (0, 4, True)
    assert (later["accepted_units"], later["rejected_units"], later["provisional"]) == (3, 1, False)
    assert earlier["model_cost_per_accepted_unit_usd"] is None
    assert later["model_cost_per_accepted_unit_usd"] == "6.67000601"


def test_merged_changes_without_recorded_spend_stand_apart(run_json) -> None:
    assert run_json(statement, *AFTER_SURVIVAL)["merged_without_recorded_spend"] == ["github.com/acme/shop#9"]


def test_the_method_names_windows_rules_and_price_book(run_json) -> None:
    method = " ".join(run_json(statement, *AFTER_SURVIVAL)["methodology"])
    for said in ("months of UTC", "2026-12-01T00:00:00Z", "30 days", "litellm 0a1b2c3 (6 calls)", "R3:", "120 s"):
        assert said in method


def test_people_read_a_table_whose_total_is_exact(run) -> None:
    result = run(statement, "--month", "2026-10", "--as-of", "2026-12-01")
    assert result.exit_code == 0
    (total,) = (line for line in result.stdout.splitlines() if line.startswith("TOTAL"))
    assert "$20.01001803" in total
    assert "1 of 7" in total
    assert "Model cost per accepted unit: $6.67000601" in result.stdout
    assert "3 accepted units in this window: fewer than 25 are noise" in result.stdout


def branches(answer):
    return {line["branch"]: line["state"] for line in answer["branches"]}


def test_a_branch_without_a_change_is_listed_with_its_part_of_the_line(run_json) -> None:
    answer = run_json(statement, *AFTER_SURVIVAL)
    assert answer["branches"] == [
        {
            "repository": "github.com/acme/shop",
            "branch": "=spike",
            "state": "abandoned",
            "picodollars": 3_000_000,
            "usd": "0.000003",
            "calls": 1,
            "unpriced_calls": 0,
            "last_call_at": "2026-10-15T12:00:00.000000Z",
        }
    ]
    assert by_category(answer)["branch"] == 3_000_000


def test_as_of_decides_what_a_branch_is_and_moves_no_dollar(run_json) -> None:
    for as_of, state, last_call_at in (
        ("2026-10-15T11:00Z", "in_progress", None),
        ("2026-10-29T11:59Z", "in_progress", "2026-10-15T12:00:00.000000Z"),
        ("2026-10-29T12:00Z", "abandoned", "2026-10-15T12:00:00.000000Z"),
    ):
        answer = run_json(statement, *MONTH, "--as-of", as_of)
        (line,) = answer["branches"]
        assert (line["state"], line["last_call_at"]) == (state, last_call_at)
        assert by_category(answer)["branch"] == line["picodollars"] == 3_000_000


def test_the_days_until_a_branch_is_abandoned_are_a_setting_and_in_the_method(run_json, tmp_path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("allocation: {abandoned_days: 90}\n")
    answer = run_json(statement, *AFTER_SURVIVAL, "--config", str(config))
    assert branches(answer) == {"=spike": "in_progress"}
    assert any("less than 90 days old" in note for note in answer["methodology"])


def test_a_call_after_the_month_and_after_the_last_sync_keeps_a_branch_alive(run_json, ledger_path) -> None:
    with contextlib.closing(SqliteLedger(ledger_path)) as ledger:
        ledger.record([make_call("later", started_at=datetime(2026, 11, 25, tzinfo=UTC), stamp={"branch": "=spike"})])
    answer = run_json(statement, *AFTER_SURVIVAL)
    assert branches(answer) == {"=spike": "in_progress"}
    assert (answer["branches"][0]["calls"], by_category(answer)["branch"]) == (1, 3_000_000)


def test_work_goes_on_after_the_last_change_of_a_branch(run_json) -> None:
    answer = run_json(statement, "--month", "2026-11", "--json", "--as-of", "2026-12-01")
    assert branches(answer) == {"feature": "after_last_change"}


def test_commits_and_landings_are_those_of_the_last_sync(run_json, ledger_path, tmp_path) -> None:
    names = ("pushed", "committed", "parked")
    with contextlib.closing(SqliteLedger(ledger_path)) as ledger:
        ledger.record([make_call(name, stamp={"branch": name}) for name in names])
    repo = GitRepo(tmp_path / "shop")
    repo.commit("Start")
    repo.now = NOON
    repo.branch("parked")
    repo.branch("pushed")
    repo.commit("Work on it")
    repo.checkout("main")
    repo.git("merge", "--quiet", "--ff-only", "pushed")
    repo.branch("committed", at="parked")
    repo.pass_days(20)
    repo.commit("By hand")
    run_json(sync, "--repo", str(repo.path), "--json")
    answer = run_json(statement, *MONTH, "--as-of", "2026-11-05")
    assert {name: branches(answer)[name] for name in names} == {
        "pushed": "landed",
        "committed": "in_progress",
        "parked": "abandoned",
    }


def test_people_read_what_became_of_branches_under_the_lines(run) -> None:
    printed = run(statement, "--month", "2026-10", "--as-of", "2026-12-01").stdout
    table = printed[printed.index("Branches without a change") : printed.index("Merged in the month")].splitlines()
    assert table[1].split() == ["branch", "state", "dollars", "calls", "unpriced", "last", "call", "repository"]
    assert " ".join(table[3].split()) == "=spike abandoned $0.000003 1 0 2026-10-15 12:00Z github.com/acme/shop"
    assert "Branches without a change" not in run(statement, "--month", "2020-02").stdout.partition("Method")[0]


def test_only_the_ten_largest_branches_are_shown_and_the_rest_in_one_sum(run, run_json, ledger_path) -> None:
    with contextlib.closing(SqliteLedger(ledger_path)) as ledger:
        ledger.record(
            [
                make_call(
                    f"topic-{branch}-{call}",
                    started_at=NOON + timedelta(minutes=call),
                    stamp={"repository": REPOSITORY, "branch": f"topic-{branch:02}"},
                    charge=UNPRICED if branch == 12 else None,
                )
                for branch in range(1, 13)
                for call in range(branch)
            ]
        )
    answer = run_json(statement, *AFTER_SURVIVAL)
    assert sum(line["picodollars"] for line in answer["branches"]) == by_category(answer)["branch"]
    assert [line["branch"] for line in answer["branches"][:2]] == ["topic-11", "topic-10"]
    assert (answer["branches"][-1]["branch"], answer["branches"][-1]["unpriced_calls"]) == ("topic-12", 12)
    printed = run(statement, "--month", "2026-10", "--as-of", "2026-12-01").stdout
    assert sum(line.startswith("topic-") for line in printed.splitlines()) == 10
    assert "\nand 3 more: $0.000006\n" in printed


def test_a_month_belongs_to_the_configured_time_zone(run_json, tmp_path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("statement: {time_zone: America/New_York}\n")
    answer = run_json(statement, *AFTER_SURVIVAL, "--config", str(config))
    assert answer["until"] == "2026-11-01T04:00:00.000000Z"
    assert answer["calls"] == 8


def test_a_month_without_calls_is_a_statement_of_zeros(run_json) -> None:
    answer = run_json(statement, "--month", "2020-02", "--json")
    assert answer["total_picodollars"] == 0
    assert answer["lines"][0]["share"] is None


@pytest.mark.parametrize("month", ["2026-13", "October", ""])
def test_what_is_no_month_is_said(run, month) -> None:
    result = run(statement, "--month", month)
    assert isinstance(result.exception, UserError)
    assert "is not a month; write --month 2026-10" in str(result.exception)


def test_a_ledger_that_cannot_be_used_ends_in_a_message_and_not_a_traceback(tmp_path) -> None:
    broken = tmp_path / "ledger.db"
    broken.write_text("no database " * 100)
    done = subprocess.run(
        [*MERGECOST, "statement", "--month", "2026-10", "--ledger", f"sqlite:///{broken}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith(f"mergecost: the ledger {broken} is no SQLite database")
    assert "Traceback" not in done.stderr
