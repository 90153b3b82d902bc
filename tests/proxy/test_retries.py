"""Whether and when another try is made."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from multidict import CIMultiDict

from proxy.retries import MAX_WAIT_SECONDS, may_retry, retry_delay

NOW = datetime(2026, 10, 15, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "said", "expected"),
    [
        (200, "", False),
        (400, "", False),
        (401, "", False),
        (402, "", False),
        (404, "", False),
        (408, "", False),
        (429, "", True),
        (500, "", True),
        (503, "", True),
        (529, "", True),
        (429, "false", False),
        (529, " False ", False),
        (409, "true", True),
        (429, "maybe", True),
        (400, "maybe", False),
    ],
)
def test_an_answer_invites_another_try(status: int, said: str, expected: bool) -> None:
    assert may_retry(status, CIMultiDict({"X-Should-Retry": said})) is expected


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"retry-after": " 0 "}, 0.0),
        ({"Retry-After": "1.5"}, 1.5),
        ({"Retry-After": "60"}, 60.0),
        ({"Retry-After": "61"}, None),
        ({"Retry-After": "9" * 5000}, None),
        ({"retry-after-ms": "50", "Retry-After": "7"}, 0.05),
        ({"retry-after-ms": "12.5"}, 0.0125),
        ({"retry-after-ms": "9" * 5000}, None),
        ({"retry-after-ms": "soon", "Retry-After": "7"}, 7.0),
        ({"Retry-After": "Thu, 15 Oct 2026 12:00:30 GMT"}, 30.0),
        ({"Retry-After": "Thu, 15 Oct 2026 11:00:00 GMT"}, 0.0),
        ({"Retry-After": "Thu, 15 Oct 2026 12:05:00 GMT"}, None),
    ],
)
def test_the_wait_a_provider_asks_for_is_honoured_as_far_as_it_is_bearable(
    headers: dict[str, str], expected: float | None
) -> None:
    assert retry_delay(1, CIMultiDict(headers), now=NOW, jitter=0.5) == expected


@pytest.mark.parametrize("said", ["", "soon", "-5", "٣", "Thu, 15 Oct 2026 12:00:30 -0000", "Thu, 99 Oct 2026"])
def test_a_wait_that_cannot_be_read_leaves_the_backoff(said: str) -> None:
    assert retry_delay(1, CIMultiDict({"Retry-After": said}), now=NOW, jitter=0.0) == 0.25


@pytest.mark.parametrize(
    ("attempt", "least", "most"), [(1, 0.25, 0.5), (2, 0.5, 1), (3, 1, 2), (5, 4, 8), (6, 4, 8), (11, 4, 8)]
)
def test_the_backoff_doubles_up_to_eight_seconds_and_is_jittered_over_its_upper_half(
    attempt: int, least: float, most: float
) -> None:
    assert retry_delay(attempt, {}, now=NOW, jitter=0.0) == least
    assert retry_delay(attempt, {}, now=NOW, jitter=1.0) == most


@given(st.text(max_size=40), st.text(max_size=10))
@example("Mon, 01 Jan 2024 00:00:00 +99999999999999999999", "")
@example("Mon, 01 Jan 9999 23:59:59 -2359", "")
def test_arbitrary_headers_give_a_bearable_wait_or_none(after: str, milliseconds: str) -> None:
    wait = retry_delay(3, {"Retry-After": after, "retry-after-ms": milliseconds}, now=NOW, jitter=0.5)
    assert wait is None or 0 <= wait <= MAX_WAIT_SECONDS


@pytest.mark.parametrize("status", [200, 204, 302])
def test_an_answer_that_is_no_error_is_never_asked_for_again(status: int) -> None:
    assert not may_retry(status, {"x-should-retry": "true"})
