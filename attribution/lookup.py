"""Which change does a person mean by `7`, `#7`, `owner/name#7`, a whole id or a commit?"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable

from attribution.errors import UserError
from attribution.model import Change

__all__ = ["find_change"]

SHORTEST_SHA = 7  # git's own default abbreviation


def find_change(text: str, changes: Collection[Change]) -> Change:
    """The one change `text` names. Raises UserError where there is none, or several: it lists them."""
    wanted = text.strip().lower()
    for matches in READINGS:
        found = _once(change for change in changes if matches(wanted, change))
        if len(found) == 1:
            return found[0]
        if found:
            listed = "\n".join(f"  {change.id}  {change.title}" for change in found)
            raise UserError(f"{text!r} names {len(found)} changes; write the whole id of one:\n{listed}")
    if not changes:
        raise UserError(f"no change {text!r}: no changes are known yet; run `mergecost sync --repo PATH` first")
    raise UserError(f"no change {text!r} is known; `mergecost changes` lists them, `mergecost sync` brings new ones")


def _once(changes: Iterable[Change]) -> list[Change]:
    return list({change.id: change for change in changes}.values())


def _is_id(wanted: str, change: Change) -> bool:
    return change.id.lower() == wanted


def _ends_id(wanted: str, change: Change) -> bool:
    return bool(re.search(r"[#!@]", wanted)) and change.id.lower().endswith("/" + wanted)


def _is_number(wanted: str, change: Change) -> bool:
    return bool(re.fullmatch(r"[#!]?[0-9]+", wanted)) and str(change.number) == (wanted.lstrip("#!").lstrip("0") or "0")


def _landed_it(wanted: str, change: Change) -> bool:
    return _is_sha(wanted) and (change.landing_sha or "").startswith(wanted)


def _holds_commit(wanted: str, change: Change) -> bool:
    return _is_sha(wanted) and any(sha.startswith(wanted) for sha in change.commits)


def _is_sha(wanted: str) -> bool:
    return bool(re.fullmatch(rf"[0-9a-f]{{{SHORTEST_SHA},64}}", wanted))


# The first reading that fits any change decides: a number before a commit that happens to look like one.
READINGS: tuple[Callable[[str, Change], bool], ...] = (_is_id, _ends_id, _is_number, _landed_it, _holds_commit)
