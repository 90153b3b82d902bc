"""What every export format writes: one row per call attempt and per charge without a call, then the month's totals.

Rows carry exact pico-dollars and sum to the statement. They name no person: `actor` is filled only where
`statement.show_actors` allows a view by actor.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TextIO

from attribution.ledger.base import OtherCharge
from attribution.ledger.rows import COMPONENTS, QUANTITIES, instant
from attribution.model import Allocation, Category, RecordedCall
from attribution.money import usd
from attribution.statement import Statement

__all__ = ["COLUMNS", "CallRow", "Cell", "ChargeRow", "Export", "Exporter", "cells"]

Cell = str | int | None

CALL_COLUMNS = (
    "call_id",
    "attempt",
    "started_at",
    "provider",
    "seller",
    "operation",
    "request_model",
    "response_model",
    "outcome",
    "status",
    "repository",
    "branch",
    "head",
    "session",
    "team",
    "actor",
    "purpose",
    "key_id",
    "billing_basis",
    *QUANTITIES,
    "price_status",
    *(f"{name}_picodollars" for name in COMPONENTS),
    "other_picodollars",
    "list_picodollars",
    "price_book",
    "price_book_revision",
)
COLUMNS = (
    "category",
    "target_kind",
    "target",
    "rule",
    "grade",
    "evidence",
    "total_picodollars",
    "total_usd",
    *CALL_COLUMNS,
    "description",
)
"""Columns of a row. Amounts are null where unpriced; quantities are null where usage was not seen."""


@dataclass(frozen=True, slots=True)
class CallRow:
    recorded: RecordedCall
    allocation: Allocation
    category: Category


@dataclass(frozen=True, slots=True)
class ChargeRow:
    charge: OtherCharge
    category: Category


@dataclass(frozen=True, slots=True)
class Export:
    statement: Statement
    rows: Iterator[CallRow | ChargeRow]  # to be read once
    show_actors: bool = False


Exporter = Callable[[Export, TextIO], None]


def cells(row: CallRow | ChargeRow, *, show_actors: bool) -> dict[str, Cell]:
    """The values of COLUMNS, in their order."""
    values = _charge_cells(row) if isinstance(row, ChargeRow) else _call_cells(row)
    if not show_actors:
        values["actor"] = None
    return {name: values.get(name) for name in COLUMNS}


def _charge_cells(row: ChargeRow) -> dict[str, Cell]:
    charge = row.charge
    return {
        "category": row.category.value,
        "total_picodollars": charge.picodollars,
        "total_usd": usd(charge.picodollars),
        "call_id": charge.call_id,
        "started_at": instant(charge.dated),
        "description": charge.description,
    }


def _call_cells(row: CallRow) -> dict[str, Cell]:
    call, attempt, charge = row.recorded.call, row.recorded.attempt, row.recorded.charge
    stamp, usage = call.stamp, attempt.metered.usage
    components = dict(charge.components)
    return {
        "category": row.category.value,
        "target_kind": row.allocation.target.kind.value,
        "target": row.allocation.target.id,
        "rule": row.allocation.rule.value,
        "grade": row.allocation.grade.value,
        "evidence": row.allocation.evidence,
        "total_picodollars": charge.total,
        "total_usd": None if charge.total is None else usd(charge.total),
        "call_id": call.call_id,
        "attempt": call.attempt,
        "started_at": instant(call.started_at),
        "provider": call.provider,
        "seller": call.seller,
        "operation": call.operation,
        "request_model": call.request_model,
        "response_model": attempt.metered.response_model,
        "outcome": attempt.outcome.value,
        "status": attempt.status,
        "repository": stamp.repository,
        "branch": stamp.branch,
        "head": stamp.head,
        "session": stamp.session,
        "team": stamp.team,
        "actor": stamp.actor,
        "purpose": stamp.purpose,
        "key_id": call.key_id,
        "billing_basis": call.billing_basis.value,
        **{name: getattr(usage, name) if usage else None for name in QUANTITIES},
        "price_status": charge.status.value,
        **{f"{name}_picodollars": components.pop(name, None) for name in COMPONENTS},
        "other_picodollars": sum(components.values()) if components else None,
        "list_picodollars": charge.list_total,
        "price_book": charge.price_book,
        "price_book_revision": charge.price_book_revision,
    }
