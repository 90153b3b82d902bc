"""The methodology notes that stand beside every published number, as cost per accepted change (CPAC) asks."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from attribution.ledger.base import PriceBookUse
from attribution.model import Rule
from attribution.settings import AllocationSettings, Settings

__all__ = ["method_notes"]

RULES = {
    Rule.R2: "the change named on the call, known and not ended before it (calls with purpose=review excepted)",
    Rule.R3: "the earliest change whose head branch the call was made on, created at most {created_after_days} days "
    "after it and not ended before it (times within {skew_seconds} s count as equal), unless the call's HEAD is a "
    "known commit of other work",
    Rule.R9: "a branch of its own of which no change fits the call",
    Rule.R10: "a shared branch, without a change",
    Rule.R11: "no branch or no repository known",
    Rule.R12: "keys and teams configured as out of scope",
}

BRANCHES = (
    "Branches without a change: abandoned where neither a call nor the newest commit that the last sync found is less "
    "than {abandoned_days} days old; landed without a request where that commit is on the production branch and was "
    "made after the branch's first call of the window. Of a branch that is gone from the clone only calls and earlier "
    "changes are known. States move no dollar."
)


def method_notes(
    settings: Settings, *, as_of: datetime, rules: Collection[Rule], price_books: Sequence[PriceBookUse]
) -> tuple[str, ...]:
    changes = settings.changes
    window = (
        "Window: calls by their start and changes by their merge, in the calendar months of "
        f"{settings.statement.time_zone}."
    )
    verdicts = (
        f"Verdicts as of {as_of:%Y-%m-%dT%H:%M:%SZ}: accepted after {changes.survival_days} days on the production "
        "branch, counted from each change's own merge; seasoning until then."
    )
    unit = (
        f"Change unit: a change merged to the production branch; one unit per {changes.unit_lines} lines changed or "
        "part of them. A change without counted lines is one unit, which the published CPAC helper would skip. "
        "Reverts are no units."
    )
    undone = (
        "Undone: by a revert that landed within the survival window and names the change, or every commit of its "
        "branch, in a trailer or reference of its messages (`This reverts commit`, `Reverts #N`), failing that in its "
        "title, failing that in its branch's name. Repairs (`Fixes:`), partial reverts, incidents, feature flags and "
        "soft signals (hotfixes, overlapping lines) are not read yet."
    )
    configured = f"; files matching {', '.join(changes.exclude)}" if changes.exclude else ""
    excluded = (
        "Lines not counted: lockfiles; files marked linguist-vendored or linguist-generated in .gitattributes before "
        f"or after the change; the usual vendored folders, unless marked -linguist-vendored{configured}."
    )
    cost = (
        "Model cost: every recorded call, of rejected, unmerged and unattributable work too, at the rates in force at "
        "the call or at the cost the provider stated, and the charges without a call dated in the window. Unpriced "
        "calls are counted beside it and are in no line's dollars; subscription (plan) calls cost nothing more and "
        "stand at 0."
    )
    return (
        window,
        verdicts,
        undone,
        unit,
        excluded,
        cost,
        *_price_book_notes(price_books),
        *_rule_notes(rules, settings.allocation),
        *([BRANCHES.format(**settings.allocation.model_dump())] if Rule.R9 in rules else []),
    )


def _price_book_notes(price_books: Sequence[PriceBookUse]) -> list[str]:
    if not price_books:
        return ["Price book: none was needed."]
    used = (f"{row.price_book} {row.revision} ({row.calls} calls)" for row in price_books)
    return [f"Price book: {', '.join(used)}."]


def _rule_notes(rules: Collection[Rule], limits: AllocationSettings) -> list[str]:
    values = limits.model_dump()
    return [
        f"Attribution {rule.value}: {RULES[rule].format(**values)}." for rule in Rule if rule in rules and rule in RULES
    ]
