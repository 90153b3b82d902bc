"""JSON: one object with `month`, totals, the statement's lines and `rows`, written row by row."""

from __future__ import annotations

import json
from typing import TextIO

from attribution.exports.base import Export, cells
from attribution.money import usd

__all__ = ["write_json"]


def write_json(export: Export, stream: TextIO) -> None:
    """Amounts are integers of pico-dollars; `total_usd` is a decimal string, exact in every language."""
    statement = export.statement
    head = {
        "month": statement.month,
        "time_zone": statement.time_zone,
        "total_picodollars": statement.total_picodollars,
        "total_usd": usd(statement.total_picodollars),
        "lines": [
            {"category": line.category.value, "picodollars": line.picodollars, "usd": usd(line.picodollars)}
            for line in statement.lines
        ],
    }
    stream.write(json.dumps(head, ensure_ascii=False)[:-1] + ', "rows": [')
    separator = "\n"
    for row in export.rows:
        stream.write(separator + json.dumps(cells(row, show_actors=export.show_actors), ensure_ascii=False))
        separator = ",\n"
    stream.write("\n]}\n")
