"""CSV: a header and one line per row, for spreadsheets and loaders."""

from __future__ import annotations

import csv
from typing import TextIO

from attribution.exports.base import COLUMNS, Cell, Export, cells

__all__ = ["write_csv"]

# A spreadsheet runs text that starts so as a formula, and branch names and headers are anybody's words.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def write_csv(export: Export, stream: TextIO) -> None:
    """Unknown cells are empty; text that a spreadsheet would run as a formula gets a leading apostrophe."""
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in export.rows:
        writer.writerow(map(_inert, cells(row, show_actors=export.show_actors).values()))


def _inert(cell: Cell) -> Cell:
    return "'" + cell if isinstance(cell, str) and cell.startswith(FORMULA_STARTS) and not _is_number(cell) else cell


def _is_number(text: str) -> bool:
    return text.removeprefix("-").replace(".", "", 1).isdecimal()
