from __future__ import annotations

import pytest

from attribution.commands.spend import spend
from attribution.errors import UserError

OCTOBER = ("--since", "2026-10-01", "--until", "2026-11-01")


def test_without_a_dimension_there_is_a_total_alone(run_json) -> None:
    answer = run_json(spend, *OCTOBER, "--json")
    assert answer["rows"] == []
    assert answer["total"]["calls"] == 7
    assert answer["total"]["usd"] == "0.01001803"
    assert answer["total"]["cache_hit_share"] == "0.3"


def test_rows_by_team_sum_to_the_total(run_json) -> None:
    answer = run_json(spend, "--by", "team", "--json")
    assert [row["team"] for row in answer["rows"]] == ["payments", "growth", None]
    for figure in ("calls", "retries", "failed", "unpriced", "picodollars"):
        assert sum(row[figure] for row in answer["rows"]) == answer["total"][figure]
    assert answer["total"]["unpriced"] == answer["total"]["failed"] == answer["total"]["retries"] == 1


def test_components_sum_to_the_dollars(run_json) -> None:
    total = run_json(spend, "--json")["total"]
    assert sum(part["picodollars"] for part in total["components"]) == total["picodollars"]
    assert {part["component"] for part in total["components"]} == {"input", "output", "cache_read", "web_search"}


def test_the_table_has_a_total_row_and_no_colour_in_a_pipe(run) -> None:
    result = run(spend, "--by", "team", "--by", "model")
    assert result.exit_code == 0
    *_, total, beside = result.stdout.strip().splitlines()
    assert total.split()[0] == "TOTAL"
    assert total.split()[-1] == "$0.01002103"
    assert "1 of 8" in total
    assert beside == "Not in the dollars: 1 of 8 calls, which have no price"
    assert "\x1b" not in result.stdout


def test_a_row_without_any_price_is_unpriced_and_not_zero(run) -> None:
    rows = run(spend, "--by", "price_status").stdout.splitlines()
    (unpriced,) = [row for row in rows if row.startswith("unpriced")]
    assert unpriced.split()[-1] == "unpriced"


def test_an_empty_window_is_a_table_of_zeros(run) -> None:
    result = run(spend, "--by", "team", "--since", "2030-01-01")
    assert result.exit_code == 0
    assert "0 of 0" in result.stdout


def test_spend_by_actor_is_refused_with_the_reason(run) -> None:
    result = run(spend, "--by", "actor")
    assert isinstance(result.exception, UserError)
    assert "ranks no people" in str(result.exception)
    assert "statement.show_actors: true" in str(result.exception)


def test_spend_by_actor_is_there_where_it_is_switched_on(run_json, tmp_path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("statement: {show_actors: true}\n")
    answer = run_json(spend, "--by", "actor", "--json", "--config", str(config))
    assert {row["actor"] for row in answer["rows"]} == {"ada", None}


def test_an_unknown_dimension_is_a_wrong_command_line(run) -> None:
    result = run(spend, "--by", "mood")
    assert result.exit_code == 2
    assert "'mood' is not one of 'team', 'model'" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--since", "yesterday"), "--since 'yesterday' is not a date or time"),
        (("--since", "2026-10-02", "--until", "2026-10-01"), "--since 2026-10-02 is not before --until 2026-10-01"),
    ],
)
def test_a_window_that_makes_no_sense_is_said(run, arguments, message) -> None:
    result = run(spend, *arguments)
    assert isinstance(result.exception, UserError)
    assert message in str(result.exception)
    assert result.exception.exit_code == 2


def test_a_date_begins_in_the_configured_time_zone(run_json, tmp_path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("statement: {time_zone: Asia/Tokyo}\n")
    answer = run_json(spend, "--until", "2026-11-02", "--by", "day", "--json", "--config", str(config))
    assert answer["until"] == "2026-11-01T15:00:00+00:00"
    assert [row["day"] for row in answer["rows"]] == ["2026-10-15", "2026-11-01"]
