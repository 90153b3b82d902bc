from __future__ import annotations

import contextlib

import pytest

from attribution.commands.change import change
from attribution.errors import UserError
from attribution.ledger.sqlite import SqliteLedger
from tests.factories import make_call, make_change, make_facts


def test_a_change_shows_its_spend_split_every_way_to_the_same_dollars(run_json) -> None:
    answer = run_json(change, "7", "--json", "--as-of", "2026-12-01")
    spent = answer["attributed_model_cost_picodollars"]
    assert spent == 10_009_030_000
    for split in ("component", "model", "session", "rule", "purpose", "day"):
        assert sum(part["picodollars"] for part in answer[f"by_{split}"]) == spent
    assert [part["session"] for part in answer["by_session"]] == ["s-2", "s-1"]
    assert {part["rule"] for part in answer["by_rule"]} == {"R3"}
    assert (answer["calls"], answer["unpriced_calls"]) == (4, 1)
    assert [call["call_id"] for call in answer["call_list"]] == ["refunds-1", "refunds-2", "refunds-3", "refunds-1"]


def test_an_accepted_change_has_its_verdict(run_json) -> None:
    verdict = run_json(change, "acme/shop#7", "--json", "--as-of", "2026-12-01")["verdict"]
    assert (verdict["state"], verdict["accepted"], verdict["evidence"]) == ("accepted", True, [])


def test_a_rejected_change_has_its_evidence_once_it_is_known(run_json) -> None:
    verdict = run_json(change, "8", "--json", "--as-of", "2026-12-01")["verdict"]
    assert (verdict["state"], verdict["signal"], verdict["days_to_invalidation"]) == ("rejected", "git_revert", 4.0)
    assert verdict["evidence"][0]["detail"] == "Revert cart"
    before = run_json(change, "8", "--json", "--as-of", "2026-10-18")["verdict"]
    assert (before["state"], before["evidence"]) == ("seasoning", [])


def test_people_read_attributed_model_cost_and_never_a_cpac_of_one_change(run) -> None:
    result = run(change, f"{7:040x}"[:40], "--as-of", "2026-12-01")
    assert result.exit_code == 0
    assert "github.com/acme/shop#7  Add refunds" in result.stdout
    assert "Attributed model cost $0.01000903 in 4 calls, 1 of them unpriced" in result.stdout
    assert "CPAC" not in result.stdout


def test_a_change_nothing_was_spent_on_is_shown_too(run) -> None:
    result = run(change, "9")
    assert result.exit_code == 0
    assert "Attributed model cost $0.00 in 0 calls" in result.stdout


def test_a_title_that_looks_like_markup_is_shown_as_it_is(run, ledger_path) -> None:
    with contextlib.closing(SqliteLedger(ledger_path)) as ledger:
        ledger.record([make_call("odd", stamp={"session": "[red]s[/red]"})])
    assert "[red]s[/red]" in run(change, "7").stdout


def test_an_ambiguous_number_lists_the_candidates(run, ledger_path) -> None:
    with contextlib.closing(SqliteLedger(ledger_path)) as ledger:
        ledger.replace_facts(
            make_facts(make_change(7, repository="github.com/acme/till"), repository="github.com/acme/till")
        )
    result = run(change, "7")
    assert isinstance(result.exception, UserError)
    assert "github.com/acme/till#7" in str(result.exception)
    assert "github.com/acme/shop#7" in str(result.exception)


@pytest.mark.parametrize("name", ["99", "deadbeef"])
def test_an_unknown_change_is_said(run, name) -> None:
    result = run(change, name)
    assert isinstance(result.exception, UserError)
    assert f"no change '{name}' is known" in str(result.exception)
