from __future__ import annotations

import contextlib
from datetime import UTC, datetime

import pytest

from attribution.commands.changes import changes
from attribution.errors import UserError
from attribution.ledger.sqlite import SqliteLedger
from tests.factories import make_change, make_facts

AS_OF = ("--as-of", "2026-12-01")


def ids(answer) -> list[str]:
    return [row["id"].rpartition("/")[2] for row in answer["changes"]]


def test_every_change_has_its_verdict_and_attributed_model_cost(run_json) -> None:
    rows = {row["number"]: row for row in run_json(changes, "--json", *AS_OF)["changes"]}
    assert {number: row["state"] for number, row in rows.items()} == {7: "accepted", 8: "rejected", 9: "accepted"}
    assert rows[7]["attributed_model_cost_picodollars"] == 10_009_030_000
    assert rows[7]["attributed_model_cost_usd"] == "0.01000903"
    assert (rows[7]["calls"], rows[7]["unpriced_calls"], rows[7]["units"], rows[7]["lines_changed"]) == (4, 1, 2, 700)
    assert (rows[8]["signal"], rows[8]["days_to_invalidation"]) == ("git_revert", 4.0)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--accepted", *AS_OF), ["shop#7", "shop#9"]),
        (("--rejected", *AS_OF), ["shop#8"]),
        (("--accepted", "--rejected", *AS_OF), ["shop#7", "shop#8", "shop#9"]),
        (("--seasoning", *AS_OF), []),
        (("--seasoning", "--as-of", "2026-10-18"), ["shop#7", "shop#8", "shop#9"]),
        (("--repo", "acme/shop", *AS_OF), ["shop#7", "shop#8", "shop#9"]),
        (("--repo", "Shop.git", *AS_OF), ["shop#7", "shop#8", "shop#9"]),
        (("--repo", "hop", *AS_OF), []),
        (("--since", "2026-10-16", *AS_OF), ["shop#7", "shop#8", "shop#9"]),
        (("--since", "2026-10-16T00:00:01Z", *AS_OF), []),
        (("--until", "2026-10-16", *AS_OF), []),
    ],
)
def test_changes_can_be_filtered(run_json, options, expected) -> None:
    assert ids(run_json(changes, "--json", *options)) == expected


def test_counts_are_those_of_the_changes_shown(run_json) -> None:
    answer = run_json(changes, "--json", *AS_OF)
    assert (answer["count"], answer["units"]) == (3, {"accepted": 3, "rejected": 1})
    assert answer["without_recorded_spend"] == 1
    assert answer["attributed_model_cost_picodollars"] == sum(
        row["attributed_model_cost_picodollars"] for row in answer["changes"]
    )


def test_people_see_a_table_and_honest_counts(run) -> None:
    lines = run(changes, *AS_OF).stdout.splitlines()
    assert " ".join(lines[0].split()) == "change title branch merged lines units verdict model cost calls"
    assert " ".join(lines[2].split()) == "#7 Add refunds feature 2026-10-16 700 2 accepted $0.01000903 4"
    assert lines[4].split()[-2:] == ["-", "0"]
    assert lines[-2:] == [
        "3 changes: 2 accepted (3 units), 1 rejected (1 units)",
        "1 without recorded spend; unpriced calls 1 of 5, not in the dollars",
    ]


def test_ids_are_whole_where_there_are_several_repositories(run, ledger_path) -> None:
    with contextlib.closing(SqliteLedger(ledger_path)) as ledger:
        lab = "github.com/acme/lab"
        ledger.replace_facts(make_facts(make_change(1, repository=lab), repository=lab))
    assert "github.com/acme/lab#1" in run(changes, *AS_OF).stdout


def test_open_changes_stand_first_and_have_no_date(run, run_json, ledger_path) -> None:
    with contextlib.closing(SqliteLedger(ledger_path)) as ledger:
        created = datetime(2026, 10, 1, tzinfo=UTC)
        ledger.replace_facts(
            make_facts(make_change(1, merged_at=None, landing_sha=None, created_at=created), make_change(2))
        )
    assert ids(run_json(changes, "--json", *AS_OF)) == ["shop#1", "shop#2"]
    assert run(changes, *AS_OF).stdout.splitlines()[2].split()[4:] == ["-", "120", "1", "open", "$0.01001203", "5"]


def test_nothing_to_show_says_where_changes_come_from(run) -> None:
    assert "mergecost sync --repo PATH" in run(changes, "--repo", "nobody").stdout


def test_a_window_upside_down_is_refused(run) -> None:
    error = run(changes, "--since", "2026-11-01", "--until", "2026-10-01").exception
    assert isinstance(error, UserError)
    assert error.exit_code == 2
