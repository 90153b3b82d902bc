from __future__ import annotations

import pytest

from attribution.errors import UserError
from attribution.lookup import find_change
from tests.factories import make_change

SEVEN = make_change(7, commits=("abc1234" + "0" * 33,), landing_sha="fff0000" + "0" * 33)
EIGHT = make_change(8, commits=("fff0000" + "0" * 33,))
TILL = make_change(9, repository="github.com/acme/till")
KNOWN = (SEVEN, EIGHT, TILL)


@pytest.mark.parametrize(
    "text",
    ["7", "#7", "!7", "007", "github.com/acme/shop#7", "acme/shop#7", "Acme/Shop#7", "shop#7", "ABC1234", "abc1234000"],
)
def test_a_change_is_found_by(text: str) -> None:
    assert find_change(text, KNOWN) == SEVEN


def test_the_change_a_commit_landed_beats_one_that_merely_holds_it() -> None:
    assert find_change("fff0000", KNOWN) == SEVEN


def test_a_number_beats_a_commit_that_looks_like_one() -> None:
    numbered = make_change(1234567)
    hashed = make_change(5, commits=("1234567" + "0" * 33,))
    assert find_change("1234567", (hashed, numbered)) == numbered
    assert find_change("1234567", (hashed,)) == hashed


def test_a_number_of_several_repositories_lists_them() -> None:
    twin = make_change(7, repository="github.com/acme/till", title="Twin")
    with pytest.raises(
        UserError, match=r"(?s)'7' names 2 changes.*github\.com/acme/shop#7.*github\.com/acme/till#7  Twin"
    ):
        find_change("7", (SEVEN, twin))


@pytest.mark.parametrize("text", ["77", "abc12", "hop#7", "#", "", "acme/shop", "feature"])
def test_what_names_no_change_is_said(text: str) -> None:
    with pytest.raises(UserError, match=r"no change .* is known; `mergecost changes` lists them"):
        find_change(text, KNOWN)


def test_before_the_first_sync_the_mend_is_a_sync() -> None:
    with pytest.raises(UserError, match=r"run `mergecost sync --repo PATH` first"):
        find_change("7", ())
