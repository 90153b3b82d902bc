"""`make demo`, as a stranger runs it: the figures, the last line, and the same again."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from attribution.settings import environment_without

TOTAL = 5_045_207_500_000  # picodollars


@dataclass(frozen=True)
class Demo:
    place: Path
    first: str  # what it printed
    again: str

    @property
    def statement(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads((self.place / ".demo" / "statement.json").read_text())
        return document

    def ask(self, question: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.place / ".demo" / "ledger.db")) as ledger:
            return ledger.execute(question).fetchall()

    def line(self, category: str) -> int:
        (amount,) = [line["picodollars"] for line in self.statement["lines"] if line["category"] == category]
        return int(amount)


def run(place: Path, **variables: str) -> str:
    command = [sys.executable, "-m", "attribution.demo"]
    environment = environment_without([], **variables)
    return subprocess.run(command, cwd=place, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    place = tmp_path_factory.mktemp("demo")
    (place / ".demo").mkdir()
    (place / ".demo" / "notes.txt").write_text("mine")
    steered = {"MERGECOST_STATEMENT__TIME_ZONE": "Asia/Tokyo", "MERGECOST_LEDGER": "sqlite:////nowhere/ledger.db"}
    return Demo(place, run(place), run(place, **steered))


def test_the_last_line_gives_the_statement_and_the_ledger_and_they_agree(demo: Demo) -> None:
    assert demo.first.splitlines()[-1] == f"lines={TOTAL} ledger={TOTAL}"


def test_running_it_again_prints_the_same_whatever_the_settings_of_the_machine(demo: Demo) -> None:
    assert demo.again == demo.first


def test_the_lines_of_the_statement_sum_to_its_total_and_to_the_ledger(demo: Demo) -> None:
    assert demo.statement["total_picodollars"] == TOTAL
    assert sum(line["picodollars"] for line in demo.statement["lines"]) == TOTAL
    assert demo.ask("SELECT sum(total_picodollars) FROM calls") == [(TOTAL,)]


def test_every_dollar_stands_in_the_line_of_what_became_of_it(demo: Demo) -> None:
    spent = {line["category"]: line["picodollars"] for line in demo.statement["lines"] if line["picodollars"]}
    assert spent == {
        "accepted": 3_507_625_000_000,
        "seasoning": 346_500_000_000,
        "rejected": 521_050_000_000,
        "revert": 3_025_000_000,
        "branch": 652_350_000_000,
        "default": 9_257_500_000,
        "no_repo": 5_400_000_000,
    }


def test_the_spike_that_was_never_merged_costs_what_its_tokens_cost(demo: Demo) -> None:
    # gpt-5.1, 12 turns: 70,000 tokens read, then 2,400 more each turn and all before them from the cache;
    # 1,300 + 35 more each turn written, 2,000 thought. $1.25, $0.125 and $10 per million tokens.
    fresh = 70_000 + 11 * 2_400
    cached = sum(70_000 + turn * 2_400 for turn in range(11))
    written = sum(1_300 + turn * 35 for turn in range(12)) + 12 * 2_000
    assert demo.line("branch") == fresh * 1_250_000 + cached * 125_000 + written * 10_000_000


def test_retried_calls_are_rows_of_their_own_and_cost_nothing(demo: Demo) -> None:
    failed = demo.ask("SELECT status, total_picodollars FROM calls WHERE status >= 400 ORDER BY started_at")
    assert failed == [(529, 0), (429, 0)]


def test_a_model_without_a_price_is_unpriced_and_not_zero(demo: Demo) -> None:
    rows = demo.ask("SELECT price_status, total_picodollars FROM calls WHERE request_model = 'acme-reranker-preview'")
    assert rows == [("unpriced", None)]


def test_three_teams_three_libraries_and_ten_kinds_of_call_are_in_the_ledger(demo: Demo) -> None:
    assert demo.ask("SELECT DISTINCT team FROM calls ORDER BY team") == [("payments",), ("platform",), ("search",)]
    assert demo.ask("SELECT DISTINCT provider FROM calls ORDER BY provider") == [
        ("anthropic",),
        ("gcp.gemini",),
        ("openai",),
    ]
    assert demo.ask("SELECT count(DISTINCT operation || stream) FROM calls") == [(10,)]


def test_other_files_in_its_directory_are_left_alone(demo: Demo) -> None:
    assert (demo.place / ".demo" / "notes.txt").read_text() == "mine"


def test_the_readme_shows_what_the_demo_prints(demo: Demo) -> None:
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    shown = readme.partition("<!-- demo: begin -->\n```\n")[2].partition("\n```")[0].splitlines()
    printed = [line.rstrip() for line in demo.first.splitlines()]
    start = printed.index(shown[0])
    assert printed[start : start + len(shown)] == shown
