"""The story is told in the order of time, and its sessions are what agents' sessions look like."""

from __future__ import annotations

from itertools import pairwise

from attribution.demo.clients import APIS
from attribution.demo.script import read_script
from attribution.demo.story import STORY, TEAMS, Session, turns

SESSIONS = [row for row in STORY if isinstance(row, Session)]


def test_rows_stand_in_the_order_of_time() -> None:
    assert all(before.at < after.at for before, after in pairwise(STORY))


def test_a_session_ends_before_the_next_row_begins() -> None:
    for row, following in pairwise(STORY):
        if isinstance(row, Session):
            assert [turn.at for turn in turns(row)][-1] < following.at


def test_every_kind_of_call_and_every_team_has_a_part() -> None:
    assert {session.api for session in SESSIONS} == APIS.keys()
    assert {session.team for session in SESSIONS} == set(TEAMS)


def test_each_turn_finds_in_the_cache_what_the_one_before_read() -> None:
    for session in SESSIONS:
        scripts = [read_script(turn.prompt.encode()) for turn in turns(session)]
        assert [later.cache_read for later in scripts[1:]] == [earlier.prompt for earlier in scripts[:-1]]
