from __future__ import annotations

import csv
import io
import json

import pytest

from attribution.commands.export import export
from attribution.commands.statement import statement
from attribution.errors import UserError
from attribution.exports import FORMATS
from attribution.exports.base import COLUMNS

MONTH = ("--month", "2026-10", "--as-of", "2026-12-01")


def exported(run, name: str) -> list[dict[str, object]]:
    result = run(export, *MONTH, "--format", name)
    assert result.exit_code == 0, result.exception
    if name == "json":
        rows: list[dict[str, object]] = json.loads(result.stdout)["rows"]
    else:
        rows = [
            {key: int(value) if key == "total_picodollars" and value else value for key, value in row.items()}
            for row in csv.DictReader(io.StringIO(result.stdout))
        ]
    assert tuple(rows[0]) == COLUMNS
    return rows


@pytest.mark.parametrize("name", FORMATS)
def test_rows_sum_to_the_statement_line_by_line(run, run_json, name) -> None:
    rows = exported(run, name)
    sums: dict[object, int] = {}
    for row in rows:
        sums[row["category"]] = sums.get(row["category"], 0) + (row["total_picodollars"] or 0)  # type: ignore[operator]
    lines = run_json(statement, *MONTH, "--json")["lines"]
    assert {category: amount for category, amount in sums.items() if amount} == {
        line["category"]: line["picodollars"] for line in lines if line["picodollars"]
    }
    assert len(rows) == 8


@pytest.mark.parametrize("name", FORMATS)
def test_an_attempt_has_its_target_rule_grade_and_components(run, name) -> None:
    first = exported(run, name)[1]
    assert (first["call_id"], first["target"], first["rule"]) == ("chat-1", "no-repo", "R11")
    (search,) = (row for row in exported(run, name) if row["call_id"] == "refunds-2")
    assert (search["target"], search["rule"], search["grade"]) == ("github.com/acme/shop#7", "R3", "B")
    assert int(search["other_picodollars"]) == 10**10  # type: ignore[call-overload]


@pytest.mark.parametrize("name", FORMATS)
def test_no_person_is_named_unless_it_is_switched_on(run, name) -> None:
    assert {row["actor"] for row in exported(run, name)} <= {None, ""}


def test_unpriced_amounts_are_empty_and_not_zero(run) -> None:
    (unpriced,) = (row for row in exported(run, "csv") if row["price_status"] == "unpriced")
    assert (unpriced["total_picodollars"], unpriced["total_usd"]) == ("", "")


def test_a_branch_that_reads_as_a_formula_is_inert_in_csv(run) -> None:
    (spike,) = (row for row in exported(run, "csv") if row["call_id"] == "spike-1")
    assert spike["branch"] == "'=spike"


def test_a_json_export_carries_the_statement_s_lines(run) -> None:
    answer = json.loads(run(export, *MONTH, "--format", "json").stdout)
    assert sum(line["picodollars"] for line in answer["lines"]) == answer["total_picodollars"] == 20_010_018_030_000


def test_output_goes_to_a_file_and_the_total_to_the_person(run, tmp_path) -> None:
    target = tmp_path / "october.csv"
    result = run(export, *MONTH, "--format", "csv", "--output", str(target))
    assert result.stdout == ""
    assert result.stderr == f"2026-10: 7 calls, $20.01001803, 1 unpriced → {target}\n"
    assert len(target.read_text().splitlines()) == 9
    assert [file.name for file in tmp_path.glob("october*")] == ["october.csv"]


def test_a_file_that_cannot_be_written_is_said(run, tmp_path) -> None:
    result = run(export, *MONTH, "--format", "csv", "--output", str(tmp_path / "missing" / "october.csv"))
    assert isinstance(result.exception, UserError)
    assert "cannot write" in str(result.exception)


def test_an_unknown_format_is_a_wrong_command_line(run) -> None:
    assert run(export, *MONTH, "--format", "pdf").exit_code == 2
