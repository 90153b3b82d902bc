"""Tables for people: a figure is shown whole or not at all, whatever the width."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from attribution.commands.tables import dollars, known, print_table, short_id

COLUMNS = ("branch", "state", "calls", "dollars")
ROWS = [("feature/a-name-that-is-longer-than-most", "in progress", "1,234", "$1,234.5678901")]


def printed(width: int, *, terminal: bool = True, **options: object) -> str:
    out = io.StringIO()
    console = Console(file=out, width=width, force_terminal=terminal, color_system=None)
    print_table(console, COLUMNS, ROWS, right=("calls", "dollars"), **options)  # type: ignore[arg-type]
    return out.getvalue()


@pytest.mark.parametrize("width", range(40, 120, 7))
def test_dollars_are_never_cut(width):
    assert "$1,234.5678901" in printed(width, spare=("calls", "state"))


def test_a_narrow_terminal_shortens_names_before_it_wraps_anything():
    out = printed(60)
    assert "…" in out
    assert max(map(len, out.splitlines())) <= 60
    assert "1,234 " in out


def test_what_is_left_out_is_said():
    out = printed(42, spare=("calls", "state"))
    assert "Not in this width: state, calls" in " ".join(out.split())


def test_a_pipe_gets_every_column_whole():
    out = printed(20, terminal=False, spare=("calls", "state"))
    assert "feature/a-name-that-is-longer-than-most" in out
    assert "1,234 " in out
    assert "Not in this width" not in out


def test_a_name_like_markup_is_a_name():
    out = io.StringIO()
    print_table(Console(file=out, width=40), ("branch",), [("[red]",)])
    assert "[red]" in out.getvalue()


def test_amounts_are_exact_and_aligned():
    assert dollars([1_500_000_000, 2_000_000_000_000]) == ["$0.0015", "$2.0000"]
    assert dollars([-(10**12)]) == ["-$1.00"]


def test_what_has_no_price_is_no_zero():
    assert known("$0.00", calls=2, unpriced=2) == "unpriced"
    assert known("$0.01", calls=2, unpriced=1) == "$0.01"
    assert known("$0.00", calls=0, unpriced=0) == "$0.00"


def test_shas_are_cut_as_git_cuts_them():
    assert short_id(f"local/{'a' * 40}@{'b' * 40}") == "local/aaaaaaaaaa@bbbbbbbbbb"
    assert short_id("github.com/acme/shop#7") == "github.com/acme/shop#7"
