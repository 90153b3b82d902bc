"""The marks that tell the sample provider what to count."""

from __future__ import annotations

import pytest

from attribution.demo.script import Script, ScriptError, read_script


def test_without_a_mark_the_prompt_counts_a_token_for_four_bytes() -> None:
    assert read_script(b"x" * 400) == Script(input=100)


def test_a_mark_names_what_is_counted() -> None:
    script = read_script(b'{"content": "hi [sample input=7 cache_read=5 cache_write_1h=3 output=2 reasoning=1]"}')
    assert script == Script(input=7, cache_read=5, cache_write_1h=3, output=2, reasoning=1)
    assert (script.prompt, script.completion) == (15, 3)


def test_the_last_mark_counts_because_earlier_turns_hold_theirs_too() -> None:
    assert read_script(b"[sample input=1] [sample input=2]").input == 2


def test_a_failure_is_a_status_and_a_number_of_times() -> None:
    script = read_script(b"[sample fail=529x2 end=length]")
    assert (script.fail_status, script.fail_times, script.end) == (529, 2, "length")


@pytest.mark.parametrize("item", ["speed=9", "input=-1", "input=", "fail=x", "end=never", "input", "fail_status=500"])
def test_what_is_not_understood_is_named(item: str) -> None:
    with pytest.raises(ScriptError, match=item.partition("=")[0]):
        read_script(f"[sample {item}]".encode())
