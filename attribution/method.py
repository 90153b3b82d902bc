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
    Rule.R3: "the change whose head branch the call was made on, created at most {created_after_days} days after it "
    "and not ended before it (times within {skew_seconds} s count as equal)",
    Rule.R9: "a branch that was no change's when the call was made",
    Rule.R10: "a shared branch, without a change",
    Rule.R11: "no branch or no repository known",
    Rule.R12: "keys and teams configured as out of scope",
}


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
    excluded = ", ".join(changes.exclude) if changes.exclude else "nothing else"
    cost = (
        "Model cost: every recorded call, of rejected, unmerged and unattributable work too, at the rates in force at "
        "the call. Unpriced calls are counted beside it and are in no line's dollars; subscription (plan) calls cost "
        "nothing more and stand at 0."
    )
    return (
        window,
        verdicts,
        unit,
        f"Lines not counted: vendored and generated files, lockfiles, and by configuration {excluded}.",
        cost,
        *_price_book_notes(price_books),
        *_rule_notes(rules, settings.allocation),
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
