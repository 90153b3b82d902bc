"""`mergecost price`: one line out for each line in, exact to the pico-dollar."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from decimal import Decimal
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from attribution.commands.price import price
from tests.attribution.pricing.shapes import SHAPES


def run(*lines: str | dict[str, Any]) -> list[dict[str, Any]]:
    text = "".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines)
    result = CliRunner().invoke(price, input=text, catch_exceptions=False)
    assert result.exit_code == 0
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.fixture(scope="module")
def told() -> dict[str, dict[str, Any]]:
    return dict(zip(SHAPES, run(*(shape.line for shape in SHAPES.values())), strict=True))


@pytest.mark.parametrize("name", SHAPES)
def test_a_wire_body_costs_what_its_arithmetic_says(name: str, told: dict[str, dict[str, Any]]) -> None:
    shape, answer = SHAPES[name], told[name]
    assert (answer["status"], answer.get("reason")) == (shape.status, shape.reason)
    assert {name: Decimal(amount) for name, amount in answer["components"].items()} == shape.components
    if shape.status == "unpriced":
        assert (answer["total"], answer["picodollars"]) == (None, None)
    else:
        assert Decimal(answer["total"]) == sum(shape.components.values())
        assert answer["picodollars"] == sum(shape.components.values()) * 10**12


def test_amounts_and_rates_are_plain_decimal_strings(told: dict[str, dict[str, Any]]) -> None:
    plain = re.compile(r"(0|[1-9]\d*)(\.\d*[1-9])?")
    texts = [
        text
        for answer in told.values()
        for text in (*answer["components"].values(), *answer["rates"].values(), answer["total"])
        if text is not None
    ]
    assert [text for text in texts if not plain.fullmatch(text)] == []


def test_rates_are_dollars_a_unit(told: dict[str, dict[str, Any]]) -> None:
    answer = told["anthropic: cache writes by time to live"]
    assert answer["rates"] == {
        "input": "0.000003",
        "cache_read": "0.0000003",
        "cache_write_5m": "0.00000375",
        "cache_write_1h": "0.000006",
        "output": "0.000015",
    }


def test_every_answer_names_the_book_and_its_revision(told: dict[str, dict[str, Any]]) -> None:
    books = {(answer["price_book"]["name"], len(answer["price_book"]["revision"])) for answer in told.values()}
    assert books == {("litellm", 40)}


GOOD = SHAPES["openai: embeddings"].line

BAD_LINES = {
    "not json": "the line is not JSON",
    "": "the line is not JSON",
    "[1]": "the line is not a JSON object",
    "[" * 100_000: "the line is not JSON",
    f'{{"n": {"9" * 5000}}}': "the line is not JSON",
    "{}": "provider must be a text",
    json.dumps({**GOOD, "api": 5}): "api must be a text",
    json.dumps({**GOOD, "usage": [1]}): "usage must be an object",
    json.dumps({**GOOD, "response": "x"}): "response must be an object",
    json.dumps({**GOOD, "timestamp": "soon"}): ("timestamp must be an ISO time such as 2026-10-01T12:00:00Z, or null"),
    json.dumps({**GOOD, "request": {"api_base": "http://[::1"}}): "api_base must be a URL",
    json.dumps({**GOOD, "model": None}): "no model was named",
    json.dumps({**GOOD, "usage": None}): "prompt_tokens is missing",
    json.dumps({**GOOD, "api": "videos"}): "no reader for this operation",
}


@pytest.mark.parametrize("line", BAD_LINES, ids=lambda line: line[:30])
def test_a_bad_line_is_unpriced_with_a_reason_and_the_run_goes_on(line: str) -> None:
    first, bad, last = run(GOOD, line, GOOD)
    assert (bad["status"], bad["reason"], bad["total"]) == ("unpriced", BAD_LINES[line], None)
    assert first == last
    assert first["status"] == "priced"


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
LINES = st.fixed_dictionaries(
    {},
    optional={
        "provider": st.sampled_from(["openai", "xai", "openrouter", "perplexity"]) | ANYTHING,
        "model": st.sampled_from(["gpt-4o", "grok-4.3"]) | ANYTHING,
        "api": st.sampled_from(["chat.completions", "responses"]) | ANYTHING,
        "usage": st.dictionaries(
            st.sampled_from(["prompt_tokens", "completion_tokens", "cost", "cost_in_usd_ticks"]), ANYTHING
        ),
        "response": ANYTHING,
        "request": ANYTHING,
        "timestamp": ANYTHING,
    },
)


@settings(max_examples=15, deadline=None)
@given(st.lists(LINES, min_size=5, max_size=20))
def test_any_json_lines_are_answered_one_for_one(lines: list[dict[str, Any]]) -> None:
    answers = run(*lines)
    assert len(answers) == len(lines)
    assert all((answer["total"] is None) == (answer["status"] == "unpriced") for answer in answers)
    assert all("reason" in answer for answer in answers if answer["status"] == "unpriced")


def test_the_command_needs_no_ledger_and_imports_no_litellm(tmp_path: Any) -> None:
    script = (
        "import sys\n"
        "from attribution.commands.price import price\n"
        "price.main(standalone_mode=False)\n"
        "assert not any(name.partition('.')[0] in ('litellm', 'sqlite3', 'sqlite_utils') for name in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        input=json.dumps(GOOD) + "\n",
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=True,
    )
    assert json.loads(done.stdout)["status"] == "priced"
    assert list(tmp_path.iterdir()) == []
