"""From a ledger's URL to the ledger: one line an engine."""

from __future__ import annotations

from pathlib import Path

from attribution.errors import UserError
from attribution.ledger.base import Ledger
from attribution.ledger.sqlite import SqliteLedger

__all__ = ["journal_directory", "ledger_exists", "open_ledger"]


def open_ledger(url: str) -> Ledger:
    """Open `sqlite:///PATH`, making the file and its tables where they are missing. Raises UserError."""
    return SqliteLedger(_sqlite_path(url))


def ledger_exists(url: str) -> bool:
    """Whether there is something at a ledger's URL. Raises UserError where the URL is not understood."""
    return Path(_sqlite_path(url)).exists()


def journal_directory(url: str) -> Path:
    """Where the journal of a ledger lies: beside it. Raises UserError."""
    return Path(f"{_sqlite_path(url)}.journal")


def _sqlite_path(url: str) -> str:
    scheme, separator, path = url.partition("://")
    if separator and scheme == "sqlite" and path.startswith("/") and len(path) > 1:
        return path[1:]
    raise UserError(
        f"the ledger {url!r} is not understood; write sqlite:///PATH (sqlite:////absolute/path or sqlite:///relative)"
    )
